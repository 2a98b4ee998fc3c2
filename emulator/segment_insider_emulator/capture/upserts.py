"""Upserts that carry several deliveries or are tried again, and what each attempt changes."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine, bindparam, delete, insert, select
from sqlalchemy import update as change

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.records import Delivery, Upsert, Verdict
from segment_insider_emulator.capture.rows import delivery, delivery_row, upsert, upsert_row
from segment_insider_emulator.capture.tables import deliveries, messages, upserts

NEXT = (
    select(upserts)
    .where(upserts.c.due_at <= bindparam("until"))
    .order_by(upserts.c.due_at, upserts.c.id)
    .limit(1)
)
UNSETTLED = select(upserts.c.id).where(upserts.c.due_at.is_not(None)).order_by(upserts.c.due_at)
EARLIEST = (
    select(upserts.c.due_at)
    .where(upserts.c.due_at.is_not(None))
    .order_by(upserts.c.due_at)
    .limit(1)
)
ONE = select(upserts).where(upserts.c.id == bindparam("id"))
CARRIED = (
    select(deliveries).where(deliveries.c.upsert == bindparam("upsert")).order_by(deliveries.c.id)
)
OF_MESSAGES = (
    select(deliveries)
    .where(deliveries.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(deliveries.c.id)
)
FORGET = delete(upserts).where(upserts.c.id == bindparam("id"))
SETTLE_DELIVERY = change(deliveries).where(deliveries.c.id == bindparam("which"))
SETTLE_MESSAGE = (
    change(messages)
    .where(messages.c.message_id == bindparam("which"), messages.c.verdict != "rejected")
    .values(verdict=bindparam("now"), reason=bindparam("why"))
)
LOOKUP = 1000  # ids asked for at once; a database bounds the values of one statement


class Upserts:
    """Reads what is unsettled and writes what an attempt made of it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def next(self, until: str) -> Upsert | None:
        """The one that has been due the longest at *until*, an ISO 8601 time in UTC."""
        return self._one(NEXT, {"until": until})

    def get(self, id: str) -> Upsert | None:
        """One upsert, settled or not."""
        return self._one(ONE, {"id": id})

    def unsettled(self) -> list[str]:
        """Ids of those that will be tried again, the earliest due first."""
        with transaction(self._engine) as connection:
            return list(connection.scalars(UNSETTLED))

    def earliest(self) -> str | None:
        """When the next one is due, ISO 8601; None when none is."""
        with transaction(self._engine) as connection:
            return connection.scalar(EARLIEST)

    def carried(self, id: str) -> list[Delivery]:
        """The deliveries that the upsert *id* carries."""
        with transaction(self._engine) as connection:
            return [delivery(row) for row in connection.execute(CARRIED, {"upsert": id})]

    def of_messages(self, message_ids: Iterable[str]) -> list[Delivery]:
        """Every delivery of any of these messages."""
        asked = list(message_ids)
        with transaction(self._engine) as connection:
            return [
                delivery(row)
                for start in range(0, len(asked), LOOKUP)
                for row in connection.execute(
                    OF_MESSAGES, {"message_ids": asked[start : start + LOOKUP]}
                )
            ]

    def settle(
        self,
        upsert: Upsert,
        made: Sequence[Delivery],
        verdicts: Iterable[tuple[str, Verdict, str | None]],
    ) -> None:
        """Keep an attempt, all of it or nothing.

        Args:
            made: The deliveries that *upsert* carries, as they are now.
            verdicts: Message id, verdict and reason of each message concerned.
        """
        rows = [{"which": each.id, **delivery_row(each)} for each in made]
        told = [{"which": id, "now": verdict, "why": why} for id, verdict, why in verdicts]
        with transaction(self._engine) as connection:
            if rows:
                connection.execute(SETTLE_DELIVERY, rows)
            if told:
                connection.execute(SETTLE_MESSAGE, told)
            connection.execute(FORGET, {"id": upsert.id})
            # A settled request of its own is told by its delivery, which after a reset is gone.
            if rows and (upsert.batched or upsert.due_at):
                connection.execute(insert(upserts), [upsert_row(upsert)])

    def _one(self, statement: Any, values: dict[str, str]) -> Upsert | None:
        with transaction(self._engine) as connection:
            row = connection.execute(statement, values).first()
            return upsert(row) if row else None
