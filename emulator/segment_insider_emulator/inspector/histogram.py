"""Histogram of the message list: messages counted by stage and by time, and its layout."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.storage.records import Verdict

MIN_BARS, MAX_BARS = 24, 60
# Duration of a bar, and the length of the time prefix that its messages share.
BAR_UNITS = (
    (timedelta(seconds=1), 19),
    (timedelta(seconds=10), 18),
    (timedelta(minutes=1), 16),
    (timedelta(minutes=10), 15),
    (timedelta(hours=1), 13),
    (timedelta(days=1), 10),
)
HISTOGRAM_WIDTH, HISTOGRAM_HEIGHT = 600, 44  # of the drawing
_TIME_SUFFIX = "0000-01-01T00:00:00Z"  # completes a time prefix to a time
_DAY_FORMAT, _TIME_FORMAT = "%-d %b %Y", "%H:%M:%S"

VerdictCounts = Mapping[tuple[str, Verdict], int]


class MessageStage(NamedTuple):
    """A stage of processing at which messages can end, with its verdicts."""

    title: str
    verdicts: tuple[Verdict, ...]


RECEIVED_STAGE = MessageStage("Received", ())
MESSAGE_STAGES = (
    RECEIVED_STAGE,
    MessageStage("Rejected by Segment", ("rejected",)),
    MessageStage("Filtered", ("filtered", "disabled")),
    MessageStage("Not subscribed", ("not_subscribed",)),
    MessageStage("Delivered", ("accepted", "warning")),
    MessageStage("Dropped by Insider One", ("dropped",)),
    MessageStage("Failed", ("failed",)),
    MessageStage("Retrying", ("retrying",)),
)
# From the bottom of a bar to its top.
VERDICT_STACKING_ORDER: tuple[Verdict, ...] = (
    "accepted", "warning", "dropped", "failed", "retrying", "rejected", "filtered",
    "not_subscribed", "disabled",
)  # fmt: skip


class BarSegment(NamedTuple):
    """One rectangle within a histogram bar: the messages of one verdict."""

    verdict: Verdict
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class HistogramBar:
    """One bar of the message histogram, with its start, end and number of messages by verdict.

    *until* is exclusive; both times are ISO 8601, UTC.

    Args:
        end_labels: What to call its beginning and its end: a time of day, with its day where the
            bars are of several, or the first and the last day of a bar that has whole ones.
    """

    since: str
    until: str
    end_labels: tuple[str, str]
    total: int
    x: float
    width: float
    segments: tuple[BarSegment, ...]


class BarUnit(NamedTuple):
    """The duration of a histogram bar, and how long a prefix of the time its messages share."""

    length: timedelta
    time_prefix_length: int

    def get_bar_number(self, at: str) -> int:
        """Return the number of the histogram bar that contains a time, counted from 1970."""
        return int(datetime.fromisoformat(at).timestamp() // self.length.total_seconds())

    def get_bar_start(self, bar_number: int) -> datetime:
        """Return the start time of a histogram bar."""
        return datetime.fromtimestamp(bar_number * self.length.total_seconds(), UTC)


def choose_bar_unit(since: str, until: str) -> BarUnit:
    """Choose the shortest duration of a histogram bar that gives at most MAX_BARS bars."""
    for candidate in (BarUnit(*unit) for unit in BAR_UNITS):
        if candidate.get_bar_number(until) - candidate.get_bar_number(since) < MAX_BARS:
            return candidate
    day = BarUnit(*BAR_UNITS[-1])
    days = day.get_bar_number(until) - day.get_bar_number(since)
    # One extra bar, because the range rarely starts at the start of a bar.
    return BarUnit(timedelta(days=days // (MAX_BARS - 1) + 1), day.time_prefix_length)


def count_messages_by_stage(counts: VerdictCounts) -> list[tuple[MessageStage, int]]:
    """Return each processing stage with the number of messages that ended there."""
    sums: Counter[str] = Counter()
    for (_, verdict), count in counts.items():
        sums[verdict] += count
    return [
        (stage, sum(sums[verdict] for verdict in stage.verdicts or sums))
        for stage in MESSAGE_STAGES
    ]


def build_histogram_bars(
    counts: VerdictCounts, since: str, until: str, bar_unit: BarUnit
) -> list[HistogramBar]:
    """Build a histogram bar for each interval, including empty ones; pad short ranges before."""
    first, last = bar_unit.get_bar_number(since), bar_unit.get_bar_number(until)
    if first > last:
        return []
    places = range(min(first, last - MIN_BARS + 1), last + 1)
    sums: dict[int, Counter[Verdict]] = {place: Counter() for place in places}
    for (time, verdict), count in counts.items():
        place = bar_unit.get_bar_number(time + _TIME_SUFFIX[len(time) :])
        if place in sums:  # else a message arrived after the range was read
            sums[place][verdict] += count
    highest = max(counter.total() for counter in sums.values()) or 1
    width = HISTOGRAM_WIDTH / len(places)
    return [
        HistogramBar(
            format_iso_utc(bar_unit.get_bar_start(place)),
            format_iso_utc(bar_unit.get_bar_start(place + 1)),
            ends,
            sums[place].total(),
            round(at * width, 2),
            round(width, 2),
            tuple(_build_bar_segments(sums[place], at * width, width, HISTOGRAM_HEIGHT / highest)),
        )
        for at, (place, ends) in enumerate(
            zip(places, _iter_bar_end_labels(bar_unit, places), strict=True)
        )
    ]


def _iter_bar_end_labels(bar_unit: BarUnit, bar_numbers: range) -> Iterator[tuple[str, str]]:
    edges = [bar_unit.get_bar_start(place) for place in (*bar_numbers, bar_numbers.stop)]
    days = {edge.date() for edge in edges}
    for first, end in pairwise(edges):
        if bar_unit.length >= timedelta(days=1):
            yield f"{first:{_DAY_FORMAT}}", f"{end - timedelta(days=1):{_DAY_FORMAT}}"
        else:
            form = _TIME_FORMAT if len(days) == 1 else f"{_DAY_FORMAT} {_TIME_FORMAT}"
            yield f"{first:{form}}", f"{end:{form}}"


def _build_bar_segments(
    verdict_counts: Counter[Verdict], x: float, width: float, scale: float
) -> Iterator[BarSegment]:
    bottom = float(HISTOGRAM_HEIGHT)
    for verdict in (verdict for verdict in VERDICT_STACKING_ORDER if verdict in verdict_counts):
        height = max(verdict_counts[verdict] * scale, 1)
        bottom -= height
        yield BarSegment(
            verdict, round(x + 0.5, 2), round(bottom, 2), round(width - 1, 2), round(height, 2)
        )
