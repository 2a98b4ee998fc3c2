"""Charts as shapes: what a page draws as SVG, without a script."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segment_insider_emulator.capture.records import VERDICTS
from segment_insider_emulator.types import JSONObject

WIDTH = 720  # units of the drawing
_LABELS = 260  # room for the names beside bars
_ROW = 26
_HEIGHT = 200  # of a chart of days
_MOST_DAYS = 62  # more are drawn by month


@dataclass(frozen=True, slots=True)
class Bar:
    """A named figure; the units are those of the drawing."""

    label: str
    count: int
    y: int
    width: float


@dataclass(frozen=True, slots=True)
class Segment:
    """One verdict of one day."""

    verdict: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One day, or month where there are many days."""

    label: str
    x: float
    width: float
    segments: tuple[Segment, ...]


def bars(rows: Iterable[tuple[str, int]], most: int = 12) -> list[Bar]:
    """Bars of the *most* largest of *rows*, which come in order."""
    shown = list(rows)[:most]
    largest = max((count for _, count in shown), default=1)
    room = WIDTH - _LABELS - 90
    return [
        Bar(label, count, at * _ROW, max(1.0, room * count / largest))
        for at, (label, count) in enumerate(shown)
    ]


def columns(days: Sequence[JSONObject]) -> list[Column]:
    """Days side by side, each with its verdicts on top of one another."""
    long = len({row["day"] for row in days}) > _MOST_DAYS
    counts: dict[str, dict[str, int]] = {}
    for row in days:
        of_day = counts.setdefault(row["day"][:7] if long else row["day"], {})
        of_day[row["verdict"]] = of_day.get(row["verdict"], 0) + row["count"]
    largest = max((sum(each.values()) for each in counts.values()), default=1)
    step = WIDTH / max(len(counts), 1)
    return [
        Column(day, at * step, min(step * 0.8, 60.0), tuple(_stack(of_day, largest)))
        for at, (day, of_day) in enumerate(sorted(counts.items()))
    ]


def _stack(counts: dict[str, int], largest: int) -> Iterable[Segment]:
    y = float(_HEIGHT)
    for verdict in VERDICTS:
        if count := counts.get(verdict, 0):
            height = _HEIGHT * count / largest
            y -= height
            yield Segment(verdict, count, y, height)
