"""Letting go of the oldest messages, a few at a time, so that whoever writes is never held up."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeAlias

from sqlalchemy import (
    Connection,
    Engine,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
)

from segment_insider_emulator.clock import Clock, format_iso_utc
from segment_insider_emulator.storage.database import (
    DatabaseClosed,
    DatabaseUnavailable,
    transaction,
)
from segment_insider_emulator.storage.database_size import count_used_bytes
from segment_insider_emulator.storage.message_search import SECOND_PREFIX_LENGTH, message_counts
from segment_insider_emulator.storage.postgres import (
    PoolUsage,
    acquire_writer_lock,
    close_unused_connections,
)
from segment_insider_emulator.storage.schema import (
    deliveries,
    forgotten_message_ids,
    messages,
    upserts,
)

OldestMessageRows: TypeAlias = Sequence[Any]  # of OLDEST

MAX_MESSAGES_PER_STEP = 200  # messages of one transaction: some milliseconds
# Segment drops what has the messageId of a message that is younger, and so do we.
DUPLICATE_WINDOW = timedelta(hours=24)

_HAS_RETRYING_DELIVERY = exists().where(
    deliveries.c.message_id == messages.c.message_id, deliveries.c.verdict == "retrying"
)
SELECT_OLDEST_MESSAGES = (
    select(messages.c.id, messages.c.message_id, messages.c.verdict, messages.c.received_at)
    .where(messages.c.verdict != "retrying", ~_HAS_RETRYING_DELIVERY)
    .order_by(messages.c.id)
    .limit(MAX_MESSAGES_PER_STEP)
)
COUNT_MESSAGES = select(func.sum(message_counts.c.number))
_DELIVERY_OF_MESSAGES = deliveries.c.message_id.in_(bindparam("message_ids", expanding=True))
SELECT_UPSERT_IDS = (
    select(deliveries.c.upsert)
    .where(_DELIVERY_OF_MESSAGES, deliveries.c.upsert.is_not(None))
    .distinct()
)
SELECT_EXISTING_IDS = select(messages.c.id).where(
    messages.c.id.in_(bindparam("ids", expanding=True))
)
DELETE_DELIVERIES = delete(deliveries).where(_DELIVERY_OF_MESSAGES)
DELETE_MESSAGES = delete(messages).where(messages.c.id.in_(bindparam("ids", expanding=True)))
DELETE_FINISHED_UPSERTS = delete(upserts).where(
    and_(
        upserts.c.id.in_(bindparam("ids", expanding=True)),
        upserts.c.due_at.is_(None),
        ~exists().where(deliveries.c.upsert == upserts.c.id),
    )
)
DELETE_EMPTY_COUNTS = delete(message_counts).where(
    message_counts.c.second <= bindparam("second"), message_counts.c.number == 0
)
DELETE_OLD_FORGOTTEN_IDS = delete(forgotten_message_ids).where(
    forgotten_message_ids.c.received_at < bindparam("before")
)


@dataclass(frozen=True, slots=True)
class RetentionLimits:
    """What is kept at most; None is without limit.

    Args:
        days: Age of a message by the emulator's clock.
        messages: How many.
        bytes: Of the whole database, what is free in its files not counted.
    """

    days: int | None = None
    messages: int | None = None
    bytes: int | None = None

    def __bool__(self) -> bool:
        return (self.days, self.messages, self.bytes) != (None, None, None)


class MessageRetention:
    """Forgets messages of one database with all that they led to, the oldest first.

    What waits to be delivered, or to be tried again, stays until it is settled; profiles stay.
    """

    def __init__(self, engine: Engine, limits: RetentionLimits, clock: Clock) -> None:
        self._engine = engine
        self._limits = limits
        self._clock = clock

    def delete_excess(self) -> int:
        """Forget at most STEP messages beyond the limits; how many these were."""
        with transaction(self._engine) as connection:
            oldest = connection.execute(SELECT_OLDEST_MESSAGES).all()
            doomed = oldest[: self._count_excess(connection, oldest)]
        # In a transaction of its own, which has the lock of writers no longer than it deletes.
        with transaction(self._engine) as connection:
            acquire_writer_lock(connection)
            ids = {"ids": [row.id for row in doomed]}
            # Another process may have forgotten some of them meanwhile.
            there = set(connection.scalars(SELECT_EXISTING_IDS, ids))
            if there:
                self._delete_messages(connection, [row for row in doomed if row.id in there])
            connection.execute(DELETE_OLD_FORGOTTEN_IDS, {"before": self._duplicate_window_start()})
        return len(there)

    def _count_excess(self, connection: Connection, oldest: OldestMessageRows) -> int:
        """How many of *oldest* are beyond the limits."""
        limits, excess = self._limits, [0]
        if limits.days is not None:
            before = format_iso_utc(self._clock() - timedelta(days=limits.days))
            excess.append(sum(1 for _ in takewhile(lambda row: row.received_at < before, oldest)))
        if limits.messages is not None:
            excess.append(int(connection.scalar(COUNT_MESSAGES) or 0) - limits.messages)
        if limits.bytes is not None and count_used_bytes(connection) > limits.bytes:
            excess.append(len(oldest))
        return max(excess)

    def _delete_messages(self, connection: Connection, rows: OldestMessageRows) -> None:
        # A duplicate has the id of a message that may stay, and led to nothing itself.
        led = [row for row in rows if row.verdict != "rejected"]
        theirs = {"message_ids": [row.message_id for row in led]}
        carriers = list(connection.scalars(SELECT_UPSERT_IDS, theirs))
        connection.execute(DELETE_DELIVERIES, theirs)
        connection.execute(DELETE_FINISHED_UPSERTS, {"ids": carriers})
        connection.execute(DELETE_MESSAGES, {"ids": [row.id for row in rows]})
        connection.execute(
            DELETE_EMPTY_COUNTS, {"second": rows[-1].received_at[:SECOND_PREFIX_LENGTH]}
        )
        since = self._duplicate_window_start()
        remembered = [
            {"message_id": row.message_id, "received_at": row.received_at}
            for row in led
            if row.received_at >= since
        ]
        if remembered:
            connection.execute(insert(forgotten_message_ids), remembered)

    def _duplicate_window_start(self) -> str:
        return format_iso_utc(self._clock() - DUPLICATE_WINDOW)


log = logging.getLogger(__name__)

STEP_PAUSE_S = 0.02  # seconds between two steps, in which others write
LIMIT_CHECK_INTERVAL_S = 10.0  # seconds until the limits are looked at again
UNUSED_CHECK_INTERVAL_S = 600.0  # seconds, likewise, where nobody uses what is limited


class RetentionSchedule:
    """Steps of a retention, as long as there is something to forget.

    Args:
        use: Of its database. While nobody else uses that, no connection stays open for this alone.
    """

    def __init__(self, retention: MessageRetention, pool_usage: PoolUsage) -> None:
        self._retention = retention
        self._pool_usage = pool_usage
        self._last_checkin_count = pool_usage.checkin_count
        self._checked_at = 0.0
        self._is_within_limits = False  # whether nothing was left to forget

    def run_step_if_due(self, now: float) -> float:
        """Take one at *now*, in seconds, if there may be something to forget; seconds until the
        next.

        Raises: Gone.
        """
        unused = (
            self._pool_usage.checkin_count == self._last_checkin_count
        )  # by others, since the last step
        if unused and self._is_within_limits and now - self._checked_at < UNUSED_CHECK_INTERVAL_S:
            return LIMIT_CHECK_INTERVAL_S
        self._checked_at = now
        try:
            count = self._retention.delete_excess()
        except DatabaseClosed:
            raise
        except DatabaseUnavailable as fault:
            self._is_within_limits = False
            log.warning("forgot nothing reason=%s", fault.what)
            return LIMIT_CHECK_INTERVAL_S
        self._last_checkin_count, self._is_within_limits = self._pool_usage.checkin_count, not count
        if count:
            log.info("forgot messages=%d", count)
            return STEP_PAUSE_S
        if unused:
            close_unused_connections(self._pool_usage.engine)
        return LIMIT_CHECK_INTERVAL_S


class RetentionWorker:
    """Takes steps on a thread of its own."""

    def __init__(self, schedule: RetentionSchedule) -> None:
        self._schedule = schedule
        self._stop_requested = Event()
        self._thread = Thread(target=self._run, name="pruning", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish the step that is under way."""
        self._stop_requested.set()
        self._thread.join()

    def _run(self) -> None:
        pause = STEP_PAUSE_S
        with suppress(DatabaseClosed):
            while not self._stop_requested.wait(pause):
                pause = self._schedule.run_step_if_due(monotonic())
