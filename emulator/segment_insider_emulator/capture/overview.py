"""The whole of what is kept at a glance: its latest part, how much there is, and where."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import URL, Engine, bindparam, func, select

from segment_insider_emulator.capture.database import metadata, transaction
from segment_insider_emulator.capture.records import DeliveryRecord, MessageRecord
from segment_insider_emulator.capture.rows import delivery_from_row, message_from_row
from segment_insider_emulator.capture.sizes import count_used_bytes
from segment_insider_emulator.capture.tables import deliveries, messages

SELECT_LATEST_MESSAGES = select(messages).order_by(messages.c.id.desc()).limit(bindparam("most"))
SELECT_DELIVERIES_OF_MESSAGES = (
    select(deliveries)
    .where(deliveries.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(deliveries.c.id)
)
SELECT_IDS_BY_MESSAGE_ID = (
    select(messages.c.message_id, messages.c.id)
    .where(messages.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(messages.c.id.desc())
)
PUBLIC_URL_OPTIONS = (
    "host",
    "port",
    "options",
)  # what of an address' options says where; others may be secret
MAX_IDS_PER_QUERY = 1000  # ids asked for at once; a database bounds the values of one statement


@dataclass(frozen=True, slots=True)
class StorageReport:
    """What one sandbox has: the kind of its database, its address without a password, bytes in use,
    and rows of each table."""

    kind: str
    address: str
    bytes: int
    rows: dict[str, int]


class RecentActivity:
    """Looks at one database. Raises StorageFault when it cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load_latest(self, limit: int) -> tuple[list[MessageRecord], list[DeliveryRecord]]:
        """The last *most* messages, newest first, and what they led to."""
        with transaction(self._engine) as connection:
            found = [
                message_from_row(row)
                for row in connection.execute(SELECT_LATEST_MESSAGES, {"most": limit})
            ]
            made = [
                delivery_from_row(row)
                for ids in _split_ids([each.message_id for each in found])
                for row in connection.execute(SELECT_DELIVERIES_OF_MESSAGES, {"message_ids": ids})
            ]
        return found, made

    def find_first_ids(self, message_ids: Sequence[str]) -> dict[str, int]:
        """messageId -> id of the first message that has it, for those that are kept."""
        with transaction(self._engine) as connection:
            return {
                row.message_id: row.id
                for ids in _split_ids(message_ids)
                for row in connection.execute(SELECT_IDS_BY_MESSAGE_ID, {"message_ids": ids})
            }

    def report_storage(self) -> StorageReport:
        """How much is kept where."""
        engine = self._engine
        with transaction(engine) as connection:
            rows = {
                table.name: connection.scalar(select(func.count()).select_from(table)) or 0
                for table in metadata.sorted_tables
            }
            used = count_used_bytes(connection)
        return StorageReport(engine.dialect.name, _redact_address(engine.url), used, rows)


def _split_ids(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + MAX_IDS_PER_QUERY] for at in range(0, len(ids), MAX_IDS_PER_QUERY)]


def _redact_address(url: URL) -> str:
    told = {name: value for name, value in url.query.items() if name in PUBLIC_URL_OPTIONS}
    return url.set(query=told).render_as_string()
