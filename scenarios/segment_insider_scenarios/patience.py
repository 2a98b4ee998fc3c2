"""Waiting for an emulator that cannot be used just now, as while its database is away."""

import time
from collections.abc import Callable
from typing import Final

from requests import Response

MAX_RETRY_WAIT_S: Final = 10  # seconds that one request is waited for, in all


class RetryBudget:
    """How long one request may still wait."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep, self._remaining_s = sleep, MAX_RETRY_WAIT_S

    def wait_if_retryable(self, response: Response) -> bool:
        """Whether to send the request of *answer* again: it was refused, and has waited since."""
        asked = response.headers.get("Retry-After", "")
        if (
            response.status_code != 503
            or not asked.isdecimal()
            or int(asked[:9]) > self._remaining_s
        ):
            return False
        self._remaining_s -= int(asked)
        self._sleep(int(asked))
        return True
