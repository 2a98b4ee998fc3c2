"""Charts as shapes: what a page draws as SVG, without a script."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segment_insider_emulator.capture.records import VERDICTS
from segment_insider_emulator.types import JSONObject

CHART_WIDTH = 720  # units of the drawing
_LABEL_WIDTH = 260  # room for the names beside bars
_BAR_ROW_HEIGHT = 26
_DAY_CHART_HEIGHT = 200  # of a chart of days
_MAX_DAY_COLUMNS = 62  # more are drawn by month


@dataclass(frozen=True, slots=True)
class ChartBar:
    """A named figure; the units are those of the drawing."""

    label: str
    count: int
    y: int
    width: float


@dataclass(frozen=True, slots=True)
class ChartColumnPart:
    """One verdict of one day."""

    verdict: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class ChartColumn:
    """One day, or month where there are many days."""

    label: str
    x: float
    width: float
    segments: tuple[ChartColumnPart, ...]


def build_bars(rows: Iterable[tuple[str, int]], max_bars: int = 12) -> list[ChartBar]:
    """Bars of the *most* largest of *rows*, which come in order."""
    shown_rows = list(rows)[:max_bars]
    largest = max((count for _, count in shown_rows), default=1)
    room = CHART_WIDTH - _LABEL_WIDTH - 90
    return [
        ChartBar(label, count, at * _BAR_ROW_HEIGHT, max(1.0, room * count / largest))
        for at, (label, count) in enumerate(shown_rows)
    ]


def build_day_columns(days: Sequence[JSONObject]) -> list[ChartColumn]:
    """Days side by side, each with its verdicts on top of one another."""
    long = len({row["day"] for row in days}) > _MAX_DAY_COLUMNS
    counts: dict[str, dict[str, int]] = {}
    for row in days:
        of_day = counts.setdefault(row["day"][:7] if long else row["day"], {})
        of_day[row["verdict"]] = of_day.get(row["verdict"], 0) + row["count"]
    largest = max((sum(each.values()) for each in counts.values()), default=1)
    step = CHART_WIDTH / max(len(counts), 1)
    return [
        ChartColumn(day, at * step, min(step * 0.8, 60.0), tuple(_stack_verdicts(of_day, largest)))
        for at, (day, of_day) in enumerate(sorted(counts.items()))
    ]


def _stack_verdicts(counts: dict[str, int], largest: int) -> Iterable[ChartColumnPart]:
    y = float(_DAY_CHART_HEIGHT)
    for verdict in VERDICTS:
        if count := counts.get(verdict, 0):
            height = _DAY_CHART_HEIGHT * count / largest
            y -= height
            yield ChartColumnPart(verdict, count, y, height)
