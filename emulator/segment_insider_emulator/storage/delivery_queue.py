"""Messages that were acknowledged before they were delivered, oldest first."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Engine, bindparam, delete, func, insert, select, update
from sqlalchemy import update as change

from segment_insider_emulator.storage.database import advisory_locks, transaction
from segment_insider_emulator.storage.records import DeliveryRecord, UpsertRecord, Verdict
from segment_insider_emulator.storage.row_mapping import (
    delivery_from_row,
    delivery_to_row,
    upsert_from_row,
    upsert_to_row,
)
from segment_insider_emulator.storage.schema import deliveries, messages, queued_messages, upserts
from segment_insider_emulator.types import JSONObject

SELECT_OLDEST_QUEUED = (
    select(queued_messages).order_by(queued_messages.c.id).limit(bindparam("most"))
)
COUNT_QUEUED = select(func.count()).select_from(queued_messages)
MARK_DELIVERY_BEGUN = (
    update(queued_messages)
    .where(queued_messages.c.id == bindparam("place"))
    .values(begun=func.coalesce(queued_messages.c.begun, 0) + 1)
)
DELIVERY_LOCK_NAMES = ("deliveries",)  # claimed by whoever makes them


class QueuedMessage(NamedTuple):
    """A message that waits at a place, and how many processes have begun to deliver it."""

    queue_id: int
    message: JSONObject
    begin_count: int


class MessageQueue:
    """What `Store.record` put aside; `Store.conclude` takes it away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list_oldest(self, limit: int) -> list[QueuedMessage]:
        """The *most* messages that have waited longest."""
        with transaction(self._engine) as connection:
            rows = connection.execute(SELECT_OLDEST_QUEUED, {"most": limit})
            return [
                QueuedMessage(row.id, orjson.loads(row.message), row.begun or 0) for row in rows
            ]

    def mark_begun(self, queue_ids: Collection[int]) -> None:
        """Note that this process begins to deliver the messages at *places*."""
        if queue_ids:
            with transaction(self._engine) as connection:
                connection.execute(MARK_DELIVERY_BEGUN, [{"place": place} for place in queue_ids])

    @contextmanager
    def lock_deliveries(self) -> Iterator[None]:
        """Keep other processes from what waits."""
        with advisory_locks(self._engine, DELIVERY_LOCK_NAMES):
            yield

    def count_queued(self) -> int:
        """How many wait."""
        with transaction(self._engine) as connection:
            return connection.scalar(COUNT_QUEUED) or 0


def messages_to_queue_rows(messages: Sequence[JSONObject]) -> list[dict[str, Any]]:
    """The rows of messages that are put aside; the database gives their places."""
    return [{"message": orjson.dumps(each).decode()} for each in messages]


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
