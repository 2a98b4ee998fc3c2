"""How often an address may be called, on the emulator's clock.

Assumed: the limits are published, the shape of the minute is not; here it is the clock's own.
"""

from collections.abc import Callable
from datetime import datetime
from math import ceil, floor

from segment_insider_emulator.held import StateGuardFactory, process_local
from segment_insider_emulator.insider.replies import reject_too_many_requests
from segment_insider_emulator.types import JSONObject

RATE_WINDOW_S = 60  # seconds


class RateLimiter:
    """What is used up of each budget in the current minute.

    Args:
        limit: Name of a budget -> units a minute; None is no limit.
    """

    def __init__(
        self,
        get_limit: Callable[[str], int | None],
        guard_factory: StateGuardFactory = process_local,
    ) -> None:
        self._get_limit = get_limit
        self._current_minute = 0
        self._used_units: dict[str, float] = {}
        self._state_guard = guard_factory("rates", self, refresh_on_read=False)

    def consume(self, budget: str, now: datetime, units: float = 1) -> float:
        """Use up *units* of *budget*. Returns: what is used now, these included.

        Raises: Refusal, when that many are not left.
        """
        now_s = now.timestamp()
        minute = floor(now_s / RATE_WINDOW_S)
        limit = self._get_limit(budget)
        with self._state_guard.updating():
            if minute > self._current_minute:  # a slower thread may bring an older time
                self._current_minute, self._used_units = minute, {}
            used_units = self._used_units.get(budget, 0) + units
            if limit is None or used_units <= limit:
                self._used_units[budget] = used_units
                return used_units
        raise reject_too_many_requests(ceil((minute + 1) * RATE_WINDOW_S - now_s))

    def reset(self) -> None:
        """Forget what was used."""
        with self._state_guard.updating():
            self._current_minute, self._used_units = 0, {}

    def state(self) -> JSONObject:
        """For other processes: {"minute": its number, "used": units of each budget in it}."""
        return {"minute": self._current_minute, "used": self._used_units}

    def restore(self, state: JSONObject) -> None:
        """Count on from what `state` gave."""
        self._current_minute, self._used_units = state["minute"], state["used"]
