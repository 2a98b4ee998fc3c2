"""Messages that were acknowledged before they were delivered, oldest first."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Engine, bindparam, func, select, update

from segment_insider_emulator.capture.database import advisory_locks, transaction
from segment_insider_emulator.capture.tables import queued_messages
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
