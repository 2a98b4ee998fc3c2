"""Going through very many rows, the newest first, for as long as somebody waits for a page."""

import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from segment_insider_emulator.clock import Stopwatch

PATIENCE: Final = 0.2  # seconds
FIRST: Final = 2_000  # ids of the first stretch
FASTER: Final = 4  # times as many ids has a stretch at most as the one before


class Stretch(NamedTuple):
    """Ids from *low* to *high*, both included."""

    low: int
    high: int


def stretches(
    ids: Stretch,
    *,
    rising: bool = False,
    patience: float = PATIENCE,
    stopwatch: Stopwatch = time.monotonic,
) -> Iterator[Stretch]:
    """*ids* in parts, from the highest down or, *rising*, from the lowest up.

    A part is as long as can be looked at in what is left of *patience*, going by the one before;
    when nothing is left there are no more.
    """
    low, high = ids
    length, begun = FIRST, stopwatch()
    while low <= high:
        before = stopwatch()
        if rising:
            part = Stretch(low, min(high, low + length - 1))
            low = part.high + 1
        else:
            part = Stretch(max(low, high - length + 1), high)
            high = part.low - 1
        yield part
        now = stopwatch()
        left = patience - (now - begun)
        if left <= 0:
            return
        likely = int(length * left / (now - before)) if now > before else length * FASTER
        length = max(1, min(length * FASTER, likely))
