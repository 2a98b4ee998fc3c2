"""Whether something was kept since one last looked: told once, where connections come back."""

from threading import Condition
from time import monotonic
from typing import Any

from sqlalchemy import Engine, event, func, select

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.listening import PostgresListener
from segment_insider_emulator.capture.prepared import HAS_WRITTEN_KEY
from segment_insider_emulator.capture.tables import messages

POLL_INTERVAL_S = 1.0  # seconds between two looks for what another process kept
SELECT_NEWEST_MESSAGE_ID = select(func.max(messages.c.id))


class ChangeCounter:
    """Counts the commits of one engine that wrote something.

    A connection goes back to its pool when its transaction is over: whoever is woken then finds
    everything in the database.

    Args:
        listener: Tells what other processes wrote, where the database can; else one looks.
    """

    def __init__(self, engine: Engine, listener: PostgresListener | None = None) -> None:
        self._engine = engine
        self._listener = listener if engine.dialect.name == "postgresql" else None
        self._is_subscribed = False
        self._condition = Condition()
        self._count = 0
        self._newest_message_id: int | None = None
        self._polled_at = 0.0
        event.listen(engine, "after_cursor_execute", _mark_written)
        event.listen(engine, "checkin", self._on_checkin)

    @property
    def count(self) -> int:
        """How many changes there were."""
        return self._count

    def wait_for_change(self, last_count: int, timeout_s: float) -> int:
        """The count, as soon as it is not *told* or after *seconds*."""
        if self._listener is None:
            self._poll()
        elif not self._is_subscribed:
            self._listener.subscribe(self._engine, self)
            self._is_subscribed = True
        with self._condition:
            self._condition.wait_for(lambda: self._count != last_count, timeout_s)
            return self._count

    def notify(self) -> None:
        """Something was kept, by whomever."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def close(self) -> None:
        """Nobody waits any more."""
        if self._listener:
            self._listener.unsubscribe(self)

    def _on_checkin(self, _connection: object, record: Any) -> None:
        if record.info.pop(HAS_WRITTEN_KEY, False):
            self.notify()

    def _poll(self) -> None:
        """See, once in a while for all who wait, whether another process kept something."""
        with self._condition:
            if monotonic() - self._polled_at < POLL_INTERVAL_S:
                return
            self._polled_at = monotonic()
        with transaction(self._engine) as connection:
            newest = connection.scalar(SELECT_NEWEST_MESSAGE_ID)
        if newest != self._newest_message_id:
            self._newest_message_id = newest
            self.notify()


def _mark_written(
    connection: Any, _cursor: object, _statement: object, _values: object, context: Any, _many: bool
) -> None:
    if context.isinsert or context.isupdate or context.isdelete:
        connection.info[HAS_WRITTEN_KEY] = True
