"""Waiting for an emulator that cannot be used just now, as while its database is away."""

import time
from collections.abc import Callable
from typing import Final

from requests import Response

LONGEST: Final = 10  # seconds that one request is waited for, in all


class Patience:
    """How long one request may still wait."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep, self._left = sleep, LONGEST

    def waited(self, answer: Response) -> bool:
        """Whether to send the request of *answer* again: it was refused, and has waited since."""
        asked = answer.headers.get("Retry-After", "")
        if answer.status_code != 503 or not asked.isdecimal() or int(asked[:9]) > self._left:
            return False
        self._left -= int(asked)
        self._sleep(int(asked))
        return True
