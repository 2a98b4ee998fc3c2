"""Letting go of the oldest messages, a few at a time, so that whoever writes is never held up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
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

from segment_insider_emulator.capture.counting import SECOND_PREFIX_LENGTH, message_counts
from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.postgres import acquire_writer_lock
from segment_insider_emulator.capture.sizes import count_used_bytes
from segment_insider_emulator.capture.tables import (
    deliveries,
    forgotten_message_ids,
    messages,
    upserts,
)
from segment_insider_emulator.clock import Clock, format_iso_utc

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
