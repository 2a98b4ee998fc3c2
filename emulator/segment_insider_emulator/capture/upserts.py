"""Upserts that carry several deliveries or are tried again, and what each attempt changes."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine, bindparam, delete, insert, select
from sqlalchemy import update as change

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.records import DeliveryRecord, UpsertRecord, Verdict
from segment_insider_emulator.capture.rows import (
    delivery_from_row,
    delivery_to_row,
    upsert_from_row,
    upsert_to_row,
)
from segment_insider_emulator.capture.tables import deliveries, messages, upserts

SELECT_NEXT_DUE_UPSERT = (
    select(upserts)
    .where(upserts.c.due_at <= bindparam("until"))
    .order_by(upserts.c.due_at, upserts.c.id)
    .limit(1)
)
SELECT_PENDING_UPSERT_IDS = (
    select(upserts.c.id).where(upserts.c.due_at.is_not(None)).order_by(upserts.c.due_at)
)
SELECT_EARLIEST_DUE_AT = (
    select(upserts.c.due_at)
    .where(upserts.c.due_at.is_not(None))
    .order_by(upserts.c.due_at)
    .limit(1)
)
SELECT_UPSERT = select(upserts).where(upserts.c.id == bindparam("id"))
SELECT_DELIVERIES_OF_UPSERT = (
    select(deliveries).where(deliveries.c.upsert == bindparam("upsert")).order_by(deliveries.c.id)
)
SELECT_DELIVERIES_OF_MESSAGES = (
    select(deliveries)
    .where(deliveries.c.message_id.in_(bindparam("message_ids", expanding=True)))
    .order_by(deliveries.c.id)
)
DELETE_UPSERT = delete(upserts).where(upserts.c.id == bindparam("id"))
UPDATE_DELIVERY = change(deliveries).where(deliveries.c.id == bindparam("which"))
UPDATE_MESSAGE_VERDICT = (
    change(messages)
    .where(messages.c.message_id == bindparam("which"), messages.c.verdict != "rejected")
    .values(verdict=bindparam("now"), reason=bindparam("why"))
)
MAX_IDS_PER_QUERY = 1000  # ids asked for at once; a database bounds the values of one statement


class UpsertStore:
    """Reads what is unsettled and writes what an attempt made of it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_next_due(self, due_by: str) -> UpsertRecord | None:
        """The one that has been due the longest at *until*, an ISO 8601 time in UTC."""
        return self._fetch_one(SELECT_NEXT_DUE_UPSERT, {"until": due_by})

    def get(self, upsert_id: str) -> UpsertRecord | None:
        """One upsert, settled or not."""
        return self._fetch_one(SELECT_UPSERT, {"id": upsert_id})

    def list_pending_ids(self) -> list[str]:
        """Ids of those that will be tried again, the earliest due first."""
        with transaction(self._engine) as connection:
            return list(connection.scalars(SELECT_PENDING_UPSERT_IDS))

    def find_earliest_due_at(self) -> str | None:
        """When the next one is due, ISO 8601; None when none is."""
        with transaction(self._engine) as connection:
            return connection.scalar(SELECT_EARLIEST_DUE_AT)

    def list_deliveries(self, upsert_id: str) -> list[DeliveryRecord]:
        """The deliveries that the upsert *id* carries."""
        with transaction(self._engine) as connection:
            return [
                delivery_from_row(row)
                for row in connection.execute(SELECT_DELIVERIES_OF_UPSERT, {"upsert": upsert_id})
            ]

    def list_deliveries_of_messages(self, message_ids: Iterable[str]) -> list[DeliveryRecord]:
        """Every delivery of any of these messages."""
        asked = list(message_ids)
        with transaction(self._engine) as connection:
            return [
                delivery_from_row(row)
                for start in range(0, len(asked), MAX_IDS_PER_QUERY)
                for row in connection.execute(
                    SELECT_DELIVERIES_OF_MESSAGES,
                    {"message_ids": asked[start : start + MAX_IDS_PER_QUERY]},
                )
            ]

    def save_attempt(
        self,
        upsert: UpsertRecord,
        changed_deliveries: Sequence[DeliveryRecord],
        message_verdicts: Iterable[tuple[str, Verdict, str | None]],
    ) -> None:
        """Keep an attempt, all of it or nothing.

        Args:
            made: The deliveries that *upsert* carries, as they are now.
            verdicts: Message id, verdict and reason of each message concerned.
        """
        rows = [{"which": each.id, **delivery_to_row(each)} for each in changed_deliveries]
        told = [{"which": id, "now": verdict, "why": why} for id, verdict, why in message_verdicts]
        with transaction(self._engine) as connection:
            if rows:
                connection.execute(UPDATE_DELIVERY, rows)
            if told:
                connection.execute(UPDATE_MESSAGE_VERDICT, told)
            connection.execute(DELETE_UPSERT, {"id": upsert.id})
            # A settled request of its own is told by its delivery, which after a reset is gone.
            if rows and (upsert.batched or upsert.due_at):
                connection.execute(insert(upserts), [upsert_to_row(upsert)])

    def _fetch_one(self, statement: Any, values: dict[str, str]) -> UpsertRecord | None:
        with transaction(self._engine) as connection:
            row = connection.execute(statement, values).first()
            return upsert_from_row(row) if row else None
