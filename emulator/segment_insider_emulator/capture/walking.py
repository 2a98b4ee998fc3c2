"""Going through very many rows, the newest first, for as long as somebody waits for a page."""

import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from segment_insider_emulator.clock import Stopwatch

DEFAULT_TIME_BUDGET_S: Final = 0.2  # seconds
FIRST_CHUNK_SIZE: Final = 2_000  # ids of the first stretch
MAX_CHUNK_GROWTH: Final = 4  # times as many ids has a stretch at most as the one before


class IdRange(NamedTuple):
    """Ids from *low* to *high*, both included."""

    low: int
    high: int


def split_into_chunks(
    id_range: IdRange,
    *,
    ascending: bool = False,
    time_budget_s: float = DEFAULT_TIME_BUDGET_S,
    stopwatch: Stopwatch = time.monotonic,
) -> Iterator[IdRange]:
    """*ids* in parts, from the highest down or, *rising*, from the lowest up.

    A part is as long as can be looked at in what is left of *patience*, going by the one before;
    when nothing is left there are no more.
    """
    low, high = id_range
    length, begun = FIRST_CHUNK_SIZE, stopwatch()
    while low <= high:
        before = stopwatch()
        if ascending:
            part = IdRange(low, min(high, low + length - 1))
            low = part.high + 1
        else:
            part = IdRange(max(low, high - length + 1), high)
            high = part.low - 1
        yield part
        now = stopwatch()
        left = time_budget_s - (now - begun)
        if left <= 0:
            return
        likely = int(length * left / (now - before)) if now > before else length * MAX_CHUNK_GROWTH
        length = max(1, min(length * MAX_CHUNK_GROWTH, likely))
