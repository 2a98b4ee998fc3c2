"""How often an address may be called, on the emulator's clock.

Assumed: the limits are published, the shape of the minute is not; here it is the clock's own.
"""

from collections.abc import Callable
from datetime import datetime
from math import ceil, floor

from segment_insider_emulator.held import Hold, alone
from segment_insider_emulator.insider.replies import too_many
from segment_insider_emulator.types import JSONObject

MINUTE = 60  # seconds


class Rates:
    """What is used up of each budget in the current minute.

    Args:
        limit: Name of a budget -> units a minute; None is no limit.
    """

    def __init__(self, limit: Callable[[str], int | None], hold: Hold = alone) -> None:
        self._limit = limit
        self._minute = 0
        self._used: dict[str, float] = {}
        self._held = hold("rates", self, looked_at=False)

    def take(self, budget: str, now: datetime, units: float = 1) -> float:
        """Use up *units* of *budget*. Returns: what is used now, these included.

        Raises: Refusal, when that many are not left.
        """
        seconds = now.timestamp()
        minute = floor(seconds / MINUTE)
        limit = self._limit(budget)
        with self._held.changing():
            if minute > self._minute:  # a slower thread may bring an older time
                self._minute, self._used = minute, {}
            used = self._used.get(budget, 0) + units
            if limit is None or used <= limit:
                self._used[budget] = used
                return used
        raise too_many(ceil((minute + 1) * MINUTE - seconds))

    def reset(self) -> None:
        """Forget what was used."""
        with self._held.changing():
            self._minute, self._used = 0, {}

    def state(self) -> JSONObject:
        """For other processes: {"minute": its number, "used": units of each budget in it}."""
        return {"minute": self._minute, "used": self._used}

    def restore(self, state: JSONObject) -> None:
        """Count on from what `state` gave."""
        self._minute, self._used = state["minute"], state["used"]
