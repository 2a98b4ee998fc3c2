"""Connections that nobody uses, given back to a PostgreSQL server, which has only so many."""

from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, QueuePool, event

from segment_insider_emulator.clock import Stopwatch

IDLE_TIMEOUT_S = 60.0  # seconds in which nobody has used a database
IDLE_CHECK_INTERVAL_S = 15.0  # seconds between two looks for such ones


class PoolUsage:
    """Counts how often a connection of *engine* came back to its pool."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.checkin_count = 0
        event.listen(engine, "checkin", self._on_checkin)

    def _on_checkin(self, _connection: object, _record: object) -> None:
        self.checkin_count += 1


class IdleConnectionReaper:
    """Gives back the connections of databases that were not used for IDLE, whenever somebody
    makes it look. Those that come back later open new ones."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._lock = Lock()
        self._checked_at = stopwatch()
        # The count that was seen last, and since when it is the same.
        self._last_counts: WeakKeyDictionary[PoolUsage, tuple[int, float]] = WeakKeyDictionary()

    def watch_pool(self, pool_usage: PoolUsage) -> None:
        """Look after the database of *use* as well."""
        with self._lock:
            self._last_counts[pool_usage] = (pool_usage.checkin_count, self._stopwatch())

    def close_idle(self) -> None:
        """Give back what is idle, unless the last look is less than LOOK ago."""
        for engine in self._find_idle_engines(self._stopwatch()):
            close_unused_connections(engine)  # outside the lock: each request asks for that

    def _find_idle_engines(self, now: float) -> list[Engine]:
        with self._lock:
            if now - self._checked_at < IDLE_CHECK_INTERVAL_S:
                return []
            self._checked_at = now
            idle = []
            for use, (count, since) in list(self._last_counts.items()):
                if count != use.checkin_count:
                    self._last_counts[use] = (use.checkin_count, now)
                elif now - since >= IDLE_TIMEOUT_S:
                    idle.append(use.engine)
        return idle


def close_unused_connections(engine: Engine) -> None:
    """Close the connections of *engine* to a PostgreSQL server, unless somebody has one of them.

    Who takes one in this very moment keeps it; it is closed when it came back and is collected.
    """
    pool = engine.pool
    if engine.dialect.name != "postgresql" or not isinstance(pool, QueuePool):
        return
    if pool.checkedin() and not pool.checkedout():
        engine.dispose()
