"""The whole of what is kept at a glance: its latest part, how much there is, and where."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import URL, Engine, bindparam, func, select

from segment_insider_emulator.capture.database import metadata, transaction
from segment_insider_emulator.capture.records import Captured, Delivery
from segment_insider_emulator.capture.rows import captured, delivery
from segment_insider_emulator.capture.sizes import used_bytes
from segment_insider_emulator.capture.tables import deliveries, messages

LATEST = select(messages).order_by(messages.c.id.desc()).limit(bindparam("most"))
LED_TO = (
    select(deliveries)
    .where(deliveries.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(deliveries.c.id)
)
IDS = (
    select(messages.c.message_id, messages.c.id)
    .where(messages.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(messages.c.id.desc())
)
PLACE = ("host", "port", "options")  # what of an address' options says where; others may be secret
LOOKUP = 1000  # ids asked for at once; a database bounds the values of one statement


@dataclass(frozen=True, slots=True)
class Storage:
    """What one sandbox has: the kind of its database, its address without a password, bytes in use,
    and rows of each table."""

    kind: str
    address: str
    bytes: int
    rows: dict[str, int]


class Overview:
    """Looks at one database. Raises StorageFault when it cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest(self, most: int) -> tuple[list[Captured], list[Delivery]]:
        """The last *most* messages, newest first, and what they led to."""
        with transaction(self._engine) as connection:
            found = [captured(row) for row in connection.execute(LATEST, {"most": most})]
            made = [
                delivery(row)
                for ids in _parts([each.message_id for each in found])
                for row in connection.execute(LED_TO, {"message_ids": ids})
            ]
        return found, made

    def captured(self, message_ids: Sequence[str]) -> dict[str, int]:
        """messageId -> id of the first message that has it, for those that are kept."""
        with transaction(self._engine) as connection:
            return {
                row.message_id: row.id
                for ids in _parts(message_ids)
                for row in connection.execute(IDS, {"message_ids": ids})
            }

    def storage(self) -> Storage:
        """How much is kept where."""
        engine = self._engine
        with transaction(engine) as connection:
            rows = {
                table.name: connection.scalar(select(func.count()).select_from(table)) or 0
                for table in metadata.sorted_tables
            }
            used = used_bytes(connection)
        return Storage(engine.dialect.name, _address(engine.url), used, rows)


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + LOOKUP] for at in range(0, len(ids), LOOKUP)]


def _address(url: URL) -> str:
    told = {name: value for name, value in url.query.items() if name in PLACE}
    return url.set(query=told).render_as_string()
