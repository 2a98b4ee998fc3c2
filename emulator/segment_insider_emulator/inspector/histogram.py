"""Histogram of the message list: messages counted by stage and by time, and its layout."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.storage.records import Verdict

MIN_BARS, MAX_BARS = 24, 60
MAX_FILLED_BARS = 12  # more show a shape already; with fewer, shorter bars are tried
MAX_EMPTY_BARS = 6  # in a row, where a longer time is cut out
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
    MessageStage("Accepted", ("accepted",)),
    MessageStage("Warning", ("warning",)),
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
        is_gap: Whether it is a longer time without messages, which is cut out.
    """

    since: str
    until: str
    end_labels: tuple[str, str]
    total: int
    x: float
    width: float
    segments: tuple[BarSegment, ...]
    is_gap: bool = False


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


def choose_finer_bar_unit(counts: VerdictCounts, bar_unit: BarUnit) -> BarUnit | None:
    """Choose the next shorter duration of a histogram bar if few bars have messages."""
    finer = [unit for unit in map(BarUnit._make, BAR_UNITS) if unit.length < bar_unit.length]
    filled = {_get_bar_number(bar_unit, time) for time, _ in counts}
    return finer[-1] if finer and len(filled) <= MAX_FILLED_BARS else None


def fits_in_bars(counts: VerdictCounts, bar_unit: BarUnit) -> bool:
    """Return whether at most MAX_BARS histogram bars show *counts* without its long gaps."""
    filled = sorted({_get_bar_number(bar_unit, time) for time, _ in counts})
    return not filled or len(_list_bar_ranges(filled, cuts_gaps=True)) <= MAX_BARS


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
    """Build a histogram bar for each interval, including empty ones; pad short ranges before.

    If that is more than MAX_BARS, as after the clock was moved, long times without messages are
    one bar each.
    """
    first, last = bar_unit.get_bar_number(since), bar_unit.get_bar_number(until)
    if first > last:
        return []
    sums: defaultdict[int, Counter[Verdict]] = defaultdict(Counter)
    for (time, verdict), count in counts.items():
        place = _get_bar_number(bar_unit, time)
        if first <= place <= last:  # else a message arrived after the range was read
            sums[place][verdict] += count
    places = _list_bar_ranges(sorted({first, *sums, last}), last - first >= MAX_BARS)
    highest = max((counter.total() for counter in sums.values()), default=0) or 1
    width = HISTOGRAM_WIDTH / len(places)
    return [
        HistogramBar(
            format_iso_utc(bar_unit.get_bar_start(place.start)),
            format_iso_utc(bar_unit.get_bar_start(place.stop)),
            ends,
            sums[place.start].total(),
            round(at * width, 2),
            round(width, 2),
            tuple(
                _build_bar_segments(
                    sums[place.start], at * width, width, HISTOGRAM_HEIGHT / highest
                )
            ),
            len(place) > 1,
        )
        for at, (place, ends) in enumerate(
            zip(places, _iter_bar_end_labels(bar_unit, places), strict=True)
        )
    ]


def _get_bar_number(bar_unit: BarUnit, time_prefix: str) -> int:
    return bar_unit.get_bar_number(time_prefix + _TIME_SUFFIX[len(time_prefix) :])


def _list_bar_ranges(filled: list[int], cuts_gaps: bool) -> list[range]:
    """List the numbers that each bar covers: one, or those of a gap that is cut out."""
    ranges = [range(filled[0], filled[0] + 1)]
    for before, after in pairwise(filled):
        if cuts_gaps and after - before > MAX_EMPTY_BARS:
            ranges.append(range(before + 1, after))
        else:
            ranges += [range(place, place + 1) for place in range(before + 1, after)]
        ranges.append(range(after, after + 1))
    missing = max(0, MIN_BARS - len(ranges))
    start = filled[0] - missing
    return [*(range(place, place + 1) for place in range(start, filled[0])), *ranges]


def _iter_bar_end_labels(bar_unit: BarUnit, ranges: list[range]) -> Iterator[tuple[str, str]]:
    edges = [
        bar_unit.get_bar_start(place) for place in (*(r.start for r in ranges), ranges[-1].stop)
    ]
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
