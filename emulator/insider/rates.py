"""How often an address may be called, on the emulator's clock.

Assumed: the limits are published, the shape of the minute is not; here it is the clock's own.
"""

from collections.abc import Callable
from datetime import datetime
from math import ceil, floor
from threading import Lock

from emulator.insider.replies import too_many

MINUTE = 60  # seconds


class Rates:
    """What is used up of each budget in the current minute.

    Args:
        limit: Name of a budget -> units a minute; None is no limit.
    """

    def __init__(self, limit: Callable[[str], int | None]) -> None:
        self._limit, self._lock = limit, Lock()
        self._minute = 0
        self._used: dict[str, float] = {}

    def take(self, budget: str, now: datetime, units: float = 1) -> float:
        """Use up *units* of *budget*. Returns: what is used now, these included.

        Raises: Refusal, when that many are not left.
        """
        seconds = now.timestamp()
        minute = floor(seconds / MINUTE)
        limit = self._limit(budget)
        with self._lock:
            if minute > self._minute:  # a slower thread may bring an older time
                self._minute, self._used = minute, {}
            used = self._used.get(budget, 0) + units
            if limit is not None and used > limit:
                raise too_many(ceil((minute + 1) * MINUTE - seconds))
            self._used[budget] = used
        return used

    def reset(self) -> None:
        """Forget what was used."""
        with self._lock:
            self._minute, self._used = 0, {}
