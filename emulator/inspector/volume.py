"""How many messages there are, by stage and over time, as a page draws it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from emulator.capture.records import Verdict
from emulator.clock import iso

MOST_BARS = 60
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
    """A stretch of time. *until* is not included; both are ISO 8601, UTC."""

    since: str
    until: str
    total: int
    x: float
    width: float
    parts: tuple[Part, ...]


class Unit(NamedTuple):
    """How time is cut: the length of a bar and of the prefix that its messages share."""

    length: timedelta
    prefix: int


def unit(since: str, until: str) -> Unit:
    """The finest cut of this time that makes no more than MOST_BARS."""
    whole = datetime.fromisoformat(until) - datetime.fromisoformat(since)
    for length, prefix in UNITS:
        if whole / length < MOST_BARS:
            return Unit(length, prefix)
    return Unit(*UNITS[-1])


def stages(counts: Counts) -> list[tuple[Stage, int]]:
    """Each stage with the number of its messages."""
    sums: Counter[str] = Counter()
    for (_, verdict), count in counts.items():
        sums[verdict] += count
    return [(stage, sum(sums[each] for each in stage.verdicts or sums)) for stage in STAGES]


def bars(counts: Counts, since: str, until: str, cut: Unit) -> list[Bar]:
    """A bar for each stretch of time, empty ones too, the last MOST_BARS of them."""
    times = list(_stretches(since, until, cut))[-MOST_BARS:]
    sums = {time: _of(counts, iso(time)[: cut.prefix]) for time in times}
    highest = max((sum(each.values()) for each in sums.values()), default=0) or 1
    width = WIDTH / max(len(times), 24)
    return [
        Bar(
            iso(time),
            iso(time + cut.length),
            sum(sums[time].values()),
            round(at * width, 2),
            round(width, 2),
            tuple(_parts(sums[time], at * width, width, HEIGHT / highest)),
        )
        for at, time in enumerate(times)
    ]


def _stretches(since: str, until: str, cut: Unit) -> Iterator[datetime]:
    first, last = (datetime.fromisoformat(each).timestamp() for each in (since, until))
    seconds = cut.length.total_seconds()
    at = max(first // seconds, last // seconds - MOST_BARS)
    while at <= last // seconds:
        yield datetime.fromtimestamp(at * seconds, UTC)
        at += 1


def _of(counts: Counts, time: str) -> dict[Verdict, int]:
    return {each: counts[time, each] for each in STACK if (time, each) in counts}


def _parts(sums: Mapping[Verdict, int], x: float, width: float, scale: float) -> Iterator[Part]:
    bottom = float(HEIGHT)
    for verdict, count in sums.items():
        height = max(count * scale, 1)
        bottom -= height
        yield Part(
            verdict, round(x + 0.5, 2), round(bottom, 2), round(width - 1, 2), round(height, 2)
        )
