"""Connections that nobody uses, given back to a PostgreSQL server, which has only so many."""

from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, QueuePool, event

from segment_insider_emulator.clock import Stopwatch

IDLE = 60.0  # seconds in which nobody has used a database
LOOK = 15.0  # seconds between two looks for such ones


class Use:
    """Counts how often a connection of *engine* came back to its pool."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.count = 0
        event.listen(engine, "checkin", self._returned)

    def _returned(self, _connection: object, _record: object) -> None:
        self.count += 1


class Idle:
    """Gives back the connections of databases that were not used for IDLE, whenever somebody
    makes it look. Those that come back later open new ones."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._lock = Lock()
        self._looked_at = stopwatch()
        # The count that was seen last, and since when it is the same.
        self._seen: WeakKeyDictionary[Use, tuple[int, float]] = WeakKeyDictionary()

    def watch(self, use: Use) -> None:
        """Look after the database of *use* as well."""
        with self._lock:
            self._seen[use] = (use.count, self._stopwatch())

    def look(self) -> None:
        """Give back what is idle, unless the last look is less than LOOK ago."""
        for engine in self._idle(self._stopwatch()):
            give_back(engine)  # outside the lock: each request asks for that

    def _idle(self, now: float) -> list[Engine]:
        with self._lock:
            if now - self._looked_at < LOOK:
                return []
            self._looked_at = now
            idle = []
            for use, (count, since) in list(self._seen.items()):
                if count != use.count:
                    self._seen[use] = (use.count, now)
                elif now - since >= IDLE:
                    idle.append(use.engine)
        return idle


def give_back(engine: Engine) -> None:
    """Close the connections of *engine* to a PostgreSQL server, unless somebody has one of them.

    Who takes one in this very moment keeps it; it is closed when it came back and is collected.
    """
    pool = engine.pool
    if engine.dialect.name != "postgresql" or not isinstance(pool, QueuePool):
        return
    if pool.checkedin() and not pool.checkedout():
        engine.dispose()
