"""Storage of messages queued for delivery, and of batched or retried requests (upserts)."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Engine, bindparam, delete, func, insert, select, update

from segment_insider_emulator.storage.database import hold_advisory_locks, transaction
from segment_insider_emulator.storage.query_execution import CompiledStatement
from segment_insider_emulator.storage.records import (
    DeliveryRecord,
    UpsertRecord,
    Verdict,
    delivery_from_row,
    delivery_to_row,
    upsert_from_row,
    upsert_to_row,
)
from segment_insider_emulator.storage.schema import deliveries, messages, queued_messages, upserts
from segment_insider_emulator.types import JSONObject

SELECT_OLDEST_QUEUED = (
    select(queued_messages).order_by(queued_messages.c.id).limit(bindparam("limit"))
)
COUNT_QUEUED = CompiledStatement(  # each new sandbox runs it
    select(func.count().label("count")).select_from(queued_messages)
)
MARK_DELIVERY_BEGUN = (
    update(queued_messages)
    .where(queued_messages.c.id == bindparam("queue_id"))
    .values(begun=func.coalesce(queued_messages.c.begun, 0) + 1)
)
DELIVERY_LOCK_NAMES = ("deliveries",)

SELECT_NEXT_DUE_UPSERT = (
    select(upserts)
    .where(upserts.c.due_at <= bindparam("due_by"))
    .order_by(upserts.c.due_at, upserts.c.id)
    .limit(1)
)
SELECT_PENDING_UPSERT_IDS = (
    select(upserts.c.id).where(upserts.c.due_at.is_not(None)).order_by(upserts.c.due_at)
)
COUNT_PENDING_UPSERTS = (
    select(func.count()).select_from(upserts).where(upserts.c.due_at.is_not(None))
)
SELECT_EARLIEST_DUE_AT = CompiledStatement(  # each new sandbox runs it
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
UPDATE_DELIVERY = update(deliveries).where(deliveries.c.id == bindparam("delivery_id"))
UPDATE_MESSAGE_VERDICT = (
    update(messages)
    .where(messages.c.message_id == bindparam("of_message"), messages.c.verdict != "rejected")
    .values(verdict=bindparam("new_verdict"), reason=bindparam("new_reason"))
)
MAX_IDS_PER_QUERY = 1000  # a database limits the parameters of one statement


class QueuedMessage(NamedTuple):
    """A message queued for delivery, and how many processes have begun to deliver it."""

    queue_id: int
    message: JSONObject
    begin_count: int


class MessageQueue:
    """Database queue of messages that were acknowledged but not yet delivered, oldest first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list_oldest_messages(self, limit: int) -> list[QueuedMessage]:
        """Return the *limit* messages that were queued first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(SELECT_OLDEST_QUEUED, {"limit": limit})
            return [QueuedMessage(row.id, row.message, row.begun or 0) for row in rows]

    def mark_delivery_begun(self, queue_ids: Collection[int]) -> None:
        """Record that this process begins to deliver the queued messages with these *queue_ids*."""
        if queue_ids:
            rows = [{"queue_id": queue_id} for queue_id in queue_ids]
            with transaction(self._engine) as connection:
                connection.execute(MARK_DELIVERY_BEGUN, rows)

    @contextmanager
    def lock_queue_delivery(self) -> Iterator[None]:
        """Keep other processes from delivering queued messages while a with block runs."""
        with hold_advisory_locks(self._engine, DELIVERY_LOCK_NAMES):
            yield

    def count_queued_messages(self) -> int:
        """Count the messages that wait for delivery."""
        with transaction(self._engine) as connection:
            count: int = COUNT_QUEUED.fetch_all(connection, {})[0].count
        return count

    def find_oldest_time(self) -> str | None:
        """Return when the message that waits longest was received, ISO 8601; None if none waits."""
        oldest = self.list_oldest_messages(1)
        return oldest[0].message["received_at"] if oldest else None


class UpsertStore:
    """Stores upserts: requests that carry several deliveries, or that will be retried.

    Args:
        count_verdict: Called with each verdict that a message gets by a retry.
    """

    def __init__(self, engine: Engine, count_verdict: Callable[[str], None] | None = None) -> None:
        self._engine, self._count_verdict = engine, count_verdict

    def find_next_due_upsert(self, due_by: str) -> UpsertRecord | None:
        """Return the upsert to retry first, due at *due_by* (ISO 8601) or earlier, else None."""
        return self._fetch_upsert(SELECT_NEXT_DUE_UPSERT, {"due_by": due_by})

    def get_upsert(self, upsert_id: str) -> UpsertRecord | None:
        """Return one upsert, waiting for a retry or finished; None if there is none."""
        return self._fetch_upsert(SELECT_UPSERT, {"id": upsert_id})

    def list_pending_upsert_ids(self) -> list[str]:
        """Return the ids of upserts that will be retried, the earliest due first."""
        with transaction(self._engine) as connection:
            return list(connection.scalars(SELECT_PENDING_UPSERT_IDS))

    def count_pending_upserts(self) -> int:
        """Count the upserts that will be retried."""
        with transaction(self._engine) as connection:
            return connection.scalar(COUNT_PENDING_UPSERTS) or 0

    def find_next_retry_time(self) -> str | None:
        """Return when the next retry of an upsert is due, ISO 8601; None if none is."""
        with transaction(self._engine) as connection:
            rows = SELECT_EARLIEST_DUE_AT.fetch_all(connection, {})
        return rows[0].due_at if rows else None

    def list_deliveries_of_upsert(self, upsert_id: str) -> list[DeliveryRecord]:
        """Return the deliveries of one upsert."""
        with transaction(self._engine) as connection:
            rows = connection.execute(SELECT_DELIVERIES_OF_UPSERT, {"upsert": upsert_id})
            return [delivery_from_row(row) for row in rows]

    def list_deliveries_of_messages(self, message_ids: Iterable[str]) -> list[DeliveryRecord]:
        """Return all deliveries of the messages with these *message_ids*."""
        with transaction(self._engine) as connection:
            return [
                delivery_from_row(row)
                for part in split_ids_into_chunks(list(message_ids))
                for row in connection.execute(SELECT_DELIVERIES_OF_MESSAGES, {"message_ids": part})
            ]

    def save_attempt_result(
        self,
        upsert: UpsertRecord,
        changed_deliveries: Sequence[DeliveryRecord],
        message_verdicts: Iterable[tuple[str, Verdict, str | None]],
    ) -> None:
        """Save how an attempt to send *upsert* ended, with its deliveries, in one transaction.

        Args:
            changed_deliveries: The deliveries of *upsert* after the attempt.
            message_verdicts: Message id, verdict and reason of each affected message.
        """
        rows = [
            {"delivery_id": delivery.id, **delivery_to_row(delivery)}
            for delivery in changed_deliveries
        ]
        verdict_rows = [
            {"of_message": message_id, "new_verdict": verdict, "new_reason": reason}
            for message_id, verdict, reason in message_verdicts
        ]
        with transaction(self._engine) as connection:
            if rows:
                connection.execute(UPDATE_DELIVERY, rows)
            if verdict_rows:
                connection.execute(UPDATE_MESSAGE_VERDICT, verdict_rows)
            connection.execute(DELETE_UPSERT, {"id": upsert.id})
            # The delivery itself shows a finished request that is its own; after a reset, there is
            # no delivery.
            if rows and (upsert.batched or upsert.due_at):
                connection.execute(insert(upserts), [upsert_to_row(upsert)])
        if self._count_verdict:
            for verdict_row in verdict_rows:
                self._count_verdict(str(verdict_row["new_verdict"]))

    def delete_upsert(self, upsert_id: str) -> None:
        """Delete one upsert, if it exists."""
        with transaction(self._engine) as connection:
            connection.execute(DELETE_UPSERT, {"id": upsert_id})

    def _fetch_upsert(self, statement: Any, values: dict[str, str]) -> UpsertRecord | None:
        with transaction(self._engine) as connection:
            row = connection.execute(statement, values).first()
            return upsert_from_row(row) if row else None


def split_ids_into_chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    """Split a list of ids into chunks, each small enough for one SQL statement."""
    return [ids[at : at + MAX_IDS_PER_QUERY] for at in range(0, len(ids), MAX_IDS_PER_QUERY)]
