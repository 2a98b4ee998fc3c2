"""Retention: deletes the oldest messages beyond the limits, in small steps on its own thread."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine, and_, bindparam, delete, exists, func, insert, select

from segment_insider_emulator.clock import Clock, format_iso_utc
from segment_insider_emulator.storage.change_feed import PoolReturnCounter
from segment_insider_emulator.storage.database import (
    DatabaseClosed,
    DatabaseUnavailable,
    transaction,
)
from segment_insider_emulator.storage.database_size import measure_used_bytes
from segment_insider_emulator.storage.message_search import SECOND_PREFIX_LENGTH
from segment_insider_emulator.storage.postgres import acquire_writer_lock, close_unused_connections
from segment_insider_emulator.storage.schema import (
    deliveries,
    forgotten_message_ids,
    message_counts,
    messages,
    profile_history,
    upserts,
)

log = logging.getLogger(__name__)

STEP_PAUSE_S = 0.02  # between two steps, so that others can write
LIMIT_CHECK_INTERVAL_S = 10.0
UNUSED_CHECK_INTERVAL_S = 600.0  # the same while nothing else uses the database
MAX_MESSAGES_PER_STEP = 200  # in one transaction: some milliseconds
MAX_HISTORY_PER_STEP = 4 * MAX_MESSAGES_PER_STEP
# Segment drops duplicates of a message for at least this time, and so do we.
DUPLICATE_WINDOW = timedelta(hours=24)

OldestMessageRows: TypeAlias = Sequence[Any]  # of SELECT_OLDEST_MESSAGES

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
SELECT_OLDEST_HISTORY = (
    select(profile_history.c.id, profile_history.c.at)
    .order_by(profile_history.c.id)
    .limit(MAX_HISTORY_PER_STEP)
)
DELETE_OLDEST_HISTORY = delete(profile_history).where(profile_history.c.id <= bindparam("id"))
DELETE_EMPTY_COUNTS = delete(message_counts).where(
    message_counts.c.second <= bindparam("second"), message_counts.c.number == 0
)
DELETE_OLD_FORGOTTEN_IDS = delete(forgotten_message_ids).where(
    forgotten_message_ids.c.received_at < bindparam("before")
)


@dataclass(frozen=True, slots=True)
class RetentionLimits:
    """Limits of retention: how much data to store; None is unlimited.

    Args:
        days: Maximum age of messages, by the emulator's clock.
        messages: Maximum number.
        bytes: Maximum size of the whole database, without free space in its files.
    """

    days: int | None = None
    messages: int | None = None
    bytes: int | None = None

    def __bool__(self) -> bool:
        return (self.days, self.messages, self.bytes) != (None, None, None)


class MessageRetention:
    """Deletes the oldest messages of one database, with their deliveries, beyond the limits.

    Messages with pending deliveries or retries stay; profiles stay, and lose their history until
    the last deleted message.
    """

    def __init__(self, engine: Engine, limits: RetentionLimits, clock: Clock) -> None:
        self._engine = engine
        self._limits = limits
        self._clock = clock

    def delete_excess_messages(self) -> int:
        """Delete the oldest messages beyond the limits, a few at a time; return how many."""
        with transaction(self._engine) as connection:
            oldest = connection.execute(SELECT_OLDEST_MESSAGES).all()
            excess = oldest[: self._count_excess_messages(connection, oldest)]
        # A transaction of its own, so that the writer lock is taken only while deleting.
        with transaction(self._engine) as connection:
            acquire_writer_lock(connection)
            # Another process may have deleted some of them.
            ids = {"ids": [row.id for row in excess]}
            existing_ids = set(connection.scalars(SELECT_EXISTING_IDS, ids))
            if existing_ids:
                rows = [row for row in excess if row.id in existing_ids]
                self._delete_messages(connection, rows)
            values = {"before": self._compute_duplicate_window_start()}
            connection.execute(DELETE_OLD_FORGOTTEN_IDS, values)
        return len(existing_ids)

    def _count_excess_messages(self, connection: Connection, oldest: OldestMessageRows) -> int:
        """Count how many of the *oldest* messages are beyond the retention limits."""
        limits, excess = self._limits, [0]
        if limits.days is not None:
            before = format_iso_utc(self._clock() - timedelta(days=limits.days))
            excess.append(sum(1 for _ in takewhile(lambda row: row.received_at < before, oldest)))
        if limits.messages is not None:
            excess.append(int(connection.scalar(COUNT_MESSAGES) or 0) - limits.messages)
        if limits.bytes is not None and measure_used_bytes(connection) > limits.bytes:
            excess.append(len(oldest))
        return max(excess)

    def _delete_messages(self, connection: Connection, rows: OldestMessageRows) -> None:
        # A rejected duplicate has the messageId of a message that may stay, and no deliveries.
        delivered = [row for row in rows if row.verdict != "rejected"]
        message_ids = {"message_ids": [row.message_id for row in delivered]}
        upsert_ids = list(connection.scalars(SELECT_UPSERT_IDS, message_ids))
        connection.execute(DELETE_DELIVERIES, message_ids)
        connection.execute(DELETE_FINISHED_UPSERTS, {"ids": upsert_ids})
        connection.execute(DELETE_MESSAGES, {"ids": [row.id for row in rows]})
        last_second = rows[-1].received_at[:SECOND_PREFIX_LENGTH]
        connection.execute(DELETE_EMPTY_COUNTS, {"second": last_second})
        _delete_history_until(connection, rows[-1].received_at)
        window_start = self._compute_duplicate_window_start()
        forgotten_rows = [
            {"message_id": row.message_id, "received_at": row.received_at}
            for row in delivered
            if row.received_at >= window_start
        ]
        if forgotten_rows:
            connection.execute(insert(forgotten_message_ids), forgotten_rows)

    def _compute_duplicate_window_start(self) -> str:
        return format_iso_utc(self._clock() - DUPLICATE_WINDOW)


def _delete_history_until(connection: Connection, at: str) -> None:
    """Delete what is known of changes of profiles until a time; the profiles stay."""
    oldest = connection.execute(SELECT_OLDEST_HISTORY).all()
    if expired := [row.id for row in takewhile(lambda row: row.at <= at, oldest)]:
        connection.execute(DELETE_OLDEST_HISTORY, {"id": expired[-1]})


class RetentionSchedule:
    """Decides when a retention step is due, and runs it.

    Args:
        pool_usage: Of the database; while it is unused, retention keeps no connection open.
    """

    def __init__(self, retention: MessageRetention, pool_usage: PoolReturnCounter) -> None:
        self._retention = retention
        self._pool_usage = pool_usage
        self._last_checkin_count = pool_usage.checkin_count
        self._checked_at = 0.0
        self._is_within_limits = False

    def run_step_if_due(self, now: float) -> float:
        """Run one retention step if it is due; return the seconds until the next check.

        Args:
            now: Seconds of a monotonic clock.
        Raises: DatabaseClosed.
        """
        # By others, since the last step.
        is_unused = self._pool_usage.checkin_count == self._last_checkin_count
        if (
            is_unused
            and self._is_within_limits
            and now - self._checked_at < UNUSED_CHECK_INTERVAL_S
        ):
            return LIMIT_CHECK_INTERVAL_S
        self._checked_at = now
        try:
            count = self._retention.delete_excess_messages()
        except DatabaseClosed:
            raise
        except DatabaseUnavailable as error:
            self._is_within_limits = False
            log.warning("retention failed reason=%s", error.what)
            return LIMIT_CHECK_INTERVAL_S
        self._last_checkin_count, self._is_within_limits = self._pool_usage.checkin_count, not count
        if count:
            log.info("retention deleted messages=%d", count)
            return STEP_PAUSE_S
        if is_unused:
            close_unused_connections(self._pool_usage.engine)
        return LIMIT_CHECK_INTERVAL_S


class RetentionWorker:
    """Thread that deletes the oldest messages beyond the limits, step by step."""

    def __init__(self, schedule: RetentionSchedule) -> None:
        self._schedule = schedule
        self._stop_requested = Event()
        self._thread = Thread(target=self._run_steps_until_closed, name="retention", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the retention thread after the deletion that is under way."""
        self._stop_requested.set()
        self._thread.join()

    def _run_steps_until_closed(self) -> None:
        pause = STEP_PAUSE_S
        with suppress(DatabaseClosed):
            while not self._stop_requested.wait(pause):
                pause = self._schedule.run_step_if_due(monotonic())
