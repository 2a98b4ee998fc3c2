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

from segment_insider_emulator.capture.counting import SECOND, message_counts
from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.postgres import take_turn
from segment_insider_emulator.capture.sizes import used_bytes
from segment_insider_emulator.capture.tables import deliveries, forgotten, messages, upserts
from segment_insider_emulator.clock import Clock, iso

Rows: TypeAlias = Sequence[Any]  # of OLDEST

STEP = 200  # messages of one transaction: some milliseconds
# Segment drops what has the messageId of a message that is younger, and so do we.
REMEMBERED = timedelta(hours=24)

_AWAITED = exists().where(
    deliveries.c.message_id == messages.c.message_id, deliveries.c.verdict == "retrying"
)
OLDEST = (
    select(messages.c.id, messages.c.message_id, messages.c.verdict, messages.c.received_at)
    .where(messages.c.verdict != "retrying", ~_AWAITED)
    .order_by(messages.c.id)
    .limit(STEP)
)
COUNT = select(func.sum(message_counts.c.number))
_THEIRS = deliveries.c.message_id.in_(bindparam("message_ids", expanding=True))
CARRIERS = select(deliveries.c.upsert).where(_THEIRS, deliveries.c.upsert.is_not(None)).distinct()
THERE = select(messages.c.id).where(messages.c.id.in_(bindparam("ids", expanding=True)))
FORGET_DELIVERIES = delete(deliveries).where(_THEIRS)
FORGET_MESSAGES = delete(messages).where(messages.c.id.in_(bindparam("ids", expanding=True)))
FORGET_UPSERTS = delete(upserts).where(
    and_(
        upserts.c.id.in_(bindparam("ids", expanding=True)),
        upserts.c.due_at.is_(None),
        ~exists().where(deliveries.c.upsert == upserts.c.id),
    )
)
COUNTED_NONE = delete(message_counts).where(
    message_counts.c.second <= bindparam("second"), message_counts.c.number == 0
)
OUTDATED = delete(forgotten).where(forgotten.c.received_at < bindparam("before"))


@dataclass(frozen=True, slots=True)
class Limits:
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


class Retention:
    """Forgets messages of one database with all that they led to, the oldest first.

    What waits to be delivered, or to be tried again, stays until it is settled; profiles stay.
    """

    def __init__(self, engine: Engine, limits: Limits, clock: Clock) -> None:
        self._engine = engine
        self._limits = limits
        self._clock = clock

    def step(self) -> int:
        """Forget at most STEP messages beyond the limits; how many these were."""
        with transaction(self._engine) as connection:
            oldest = connection.execute(OLDEST).all()
            doomed = oldest[: self._excess(connection, oldest)]
        # In a transaction of its own, which has the lock of writers no longer than it deletes.
        with transaction(self._engine) as connection:
            take_turn(connection)
            ids = {"ids": [row.id for row in doomed]}
            # Another process may have forgotten some of them meanwhile.
            there = set(connection.scalars(THERE, ids))
            if there:
                self._forget(connection, [row for row in doomed if row.id in there])
            connection.execute(OUTDATED, {"before": self._young_since()})
        return len(there)

    def _excess(self, connection: Connection, oldest: Rows) -> int:
        """How many of *oldest* are beyond the limits."""
        limits, excess = self._limits, [0]
        if limits.days is not None:
            before = iso(self._clock() - timedelta(days=limits.days))
            excess.append(sum(1 for _ in takewhile(lambda row: row.received_at < before, oldest)))
        if limits.messages is not None:
            excess.append(int(connection.scalar(COUNT) or 0) - limits.messages)
        if limits.bytes is not None and used_bytes(connection) > limits.bytes:
            excess.append(len(oldest))
        return max(excess)

    def _forget(self, connection: Connection, doomed: Rows) -> None:
        # A duplicate has the id of a message that may stay, and led to nothing itself.
        led = [row for row in doomed if row.verdict != "rejected"]
        theirs = {"message_ids": [row.message_id for row in led]}
        carriers = list(connection.scalars(CARRIERS, theirs))
        connection.execute(FORGET_DELIVERIES, theirs)
        connection.execute(FORGET_UPSERTS, {"ids": carriers})
        connection.execute(FORGET_MESSAGES, {"ids": [row.id for row in doomed]})
        connection.execute(COUNTED_NONE, {"second": doomed[-1].received_at[:SECOND]})
        since = self._young_since()
        remembered = [
            {"message_id": row.message_id, "received_at": row.received_at}
            for row in led
            if row.received_at >= since
        ]
        if remembered:
            connection.execute(insert(forgotten), remembered)

    def _young_since(self) -> str:
        return iso(self._clock() - REMEMBERED)
