"""How many messages there are, by stage and over time, as a page draws it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.clock import iso

LEAST_BARS, MOST_BARS = 24, 60
# Length of a bar, and how many characters of the time its messages have in common.
UNITS = (
    (timedelta(seconds=1), 19),
    (timedelta(seconds=10), 18),
    (timedelta(minutes=1), 16),
    (timedelta(minutes=10), 15),
    (timedelta(hours=1), 13),
    (timedelta(days=1), 10),
)
WIDTH, HEIGHT = 600, 44  # of the drawing
_REST = "0000-01-01T00:00:00Z"  # what makes the beginning of a time a time
_DAY, _TIME = "%-d %b %Y", "%H:%M:%S"

Counts = Mapping[tuple[str, Verdict], int]


class Stage(NamedTuple):
    """A step of the road at which messages end up, with the verdicts that say so."""

    title: str
    verdicts: tuple[Verdict, ...]


RECEIVED = Stage("Received", ())
STAGES = (
    RECEIVED,
    Stage("Rejected by Segment", ("rejected",)),
    Stage("Filtered", ("filtered", "disabled")),
    Stage("Not subscribed", ("not_subscribed",)),
    Stage("Delivered", ("accepted", "warning")),
    Stage("Dropped by Insider One", ("dropped",)),
    Stage("Failed", ("failed",)),
    Stage("Retrying", ("retrying",)),
)
# From the bottom of a bar to its top.
STACK: tuple[Verdict, ...] = (
    "accepted", "warning", "dropped", "failed", "retrying", "rejected", "filtered",
    "not_subscribed", "disabled",
)  # fmt: skip


class Part(NamedTuple):
    """The messages of one verdict within a bar, as a rectangle of the drawing."""

    verdict: Verdict
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time. *until* is not included; both are ISO 8601, UTC.

    Args:
        ends: What to call its beginning and its end: a time of day, with its day where the bars
            are of several, or the first and the last day of a bar that has whole ones.
    """

    since: str
    until: str
    ends: tuple[str, str]
    total: int
    x: float
    width: float
    parts: tuple[Part, ...]


class Unit(NamedTuple):
    """How time is cut: the length of a bar and of the prefix that its messages share."""

    length: timedelta
    prefix: int

    def place(self, at: str) -> int:
        """The number of the stretch that *at* is in, counted from 1970 on."""
        return int(datetime.fromisoformat(at).timestamp() // self.length.total_seconds())

    def start(self, place: int) -> datetime:
        """When the stretch of that number begins."""
        return datetime.fromtimestamp(place * self.length.total_seconds(), UTC)


def unit(since: str, until: str) -> Unit:
    """The finest cut of this time that makes no more than MOST_BARS."""
    for each in (Unit(*each) for each in UNITS):
        if each.place(until) - each.place(since) < MOST_BARS:
            return each
    day = Unit(*UNITS[-1])
    days = day.place(until) - day.place(since)
    # One bar more than the time has lengths, as it rarely begins with one.
    return Unit(timedelta(days=days // (MOST_BARS - 1) + 1), day.prefix)


def stages(counts: Counts) -> list[tuple[Stage, int]]:
    """Each stage with the number of its messages."""
    sums: Counter[str] = Counter()
    for (_, verdict), count in counts.items():
        sums[verdict] += count
    return [(stage, sum(sums[each] for each in stage.verdicts or sums)) for stage in STAGES]


def bars(counts: Counts, since: str, until: str, cut: Unit) -> list[Bar]:
    """A bar for each stretch of time, empty ones too; a short time has some before it."""
    first, last = cut.place(since), cut.place(until)
    if first > last:
        return []
    places = range(min(first, last - LEAST_BARS + 1), last + 1)
    sums: dict[int, Counter[Verdict]] = {place: Counter() for place in places}
    for (time, verdict), count in counts.items():
        place = cut.place(time + _REST[len(time) :])
        if place in sums:  # another has come since the time was looked up
            sums[place][verdict] += count
    highest = max(each.total() for each in sums.values()) or 1
    width = WIDTH / len(places)
    return [
        Bar(
            iso(cut.start(place)),
            iso(cut.start(place + 1)),
            ends,
            sums[place].total(),
            round(at * width, 2),
            round(width, 2),
            tuple(_parts(sums[place], at * width, width, HEIGHT / highest)),
        )
        for at, (place, ends) in enumerate(zip(places, _ends(cut, places), strict=True))
    ]


def _ends(cut: Unit, places: range) -> Iterator[tuple[str, str]]:
    edges = [cut.start(place) for place in (*places, places.stop)]
    days = {each.date() for each in edges}
    for first, end in pairwise(edges):
        if cut.length >= timedelta(days=1):
            yield f"{first:{_DAY}}", f"{end - timedelta(days=1):{_DAY}}"
        else:
            form = _TIME if len(days) == 1 else f"{_DAY} {_TIME}"
            yield f"{first:{form}}", f"{end:{form}}"


def _parts(sums: Counter[Verdict], x: float, width: float, scale: float) -> Iterator[Part]:
    bottom = float(HEIGHT)
    for verdict in (each for each in STACK if each in sums):
        height = max(sums[verdict] * scale, 1)
        bottom -= height
        yield Part(
            verdict, round(x + 0.5, 2), round(bottom, 2), round(width - 1, 2), round(height, 2)
        )
