"""Whether something was kept since one last looked: told once, where connections come back."""

from threading import Condition
from time import monotonic
from typing import Any

from sqlalchemy import Engine, event, func, select

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.listening import Listener
from segment_insider_emulator.capture.prepared import WROTE
from segment_insider_emulator.capture.tables import messages

LOOK = 1.0  # seconds between two looks for what another process kept
NEWEST = select(func.max(messages.c.id))


class News:
    """Counts the commits of one engine that wrote something.

    A connection goes back to its pool when its transaction is over: whoever is woken then finds
    everything in the database.

    Args:
        listener: Tells what other processes wrote, where the database can; else one looks.
    """

    def __init__(self, engine: Engine, listener: Listener | None = None) -> None:
        self._engine = engine
        self._listener = listener if engine.dialect.name == "postgresql" else None
        self._listens = False
        self._changed = Condition()
        self._count = 0
        self._newest: int | None = None
        self._looked_at = 0.0
        event.listen(engine, "after_cursor_execute", _mark)
        event.listen(engine, "checkin", self._returned)

    @property
    def count(self) -> int:
        """How many changes there were."""
        return self._count

    def wait(self, told: int, seconds: float) -> int:
        """The count, as soon as it is not *told* or after *seconds*."""
        if self._listener is None:
            self._look()
        elif not self._listens:
            self._listener.listen(self._engine, self)
            self._listens = True
        with self._changed:
            self._changed.wait_for(lambda: self._count != told, seconds)
            return self._count

    def tell(self) -> None:
        """Something was kept, by whomever."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody waits any more."""
        if self._listener:
            self._listener.forget(self)

    def _returned(self, _connection: object, record: Any) -> None:
        if record.info.pop(WROTE, False):
            self.tell()

    def _look(self) -> None:
        """See, once in a while for all who wait, whether another process kept something."""
        with self._changed:
            if monotonic() - self._looked_at < LOOK:
                return
            self._looked_at = monotonic()
        with transaction(self._engine) as connection:
            newest = connection.scalar(NEWEST)
        if newest != self._newest:
            self._newest = newest
            self.tell()


def _mark(
    connection: Any, _cursor: object, _statement: object, _values: object, context: Any, _many: bool
) -> None:
    if context.isinsert or context.isupdate or context.isdelete:
        connection.info[WROTE] = True
