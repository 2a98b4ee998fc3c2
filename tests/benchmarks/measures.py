"""Measures with peers and goals, as a table and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

COLUMNS = ("what", "ours", "unit", "peer", "peer's", "ratio", "goal", "met")
NUMBER_COLUMNS = {"ours", "peer's", "ratio"}


@dataclass(frozen=True, slots=True)
class Goal:
    """Bound that a figure or its ratio to the peer's figure must meet.

    Args:
        of: The figure itself, or its ratio to the peer's.
    """

    bound: Literal["at least", "at most"]
    value: float
    of: Literal["figure", "ratio"] = "figure"

    def __str__(self) -> str:
        sign = "≥" if self.bound == "at least" else "≤"
        return f"{sign} {format_number(self.value)}{' x' if self.of == 'ratio' else ''}"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of ours, with the figure of a peer from the same run.

    Args:
        peer: Name of the peer that `theirs` belongs to.
    """

    what: str
    ours: float
    unit: str
    peer: str = ""
    theirs: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Our figure divided by the peer's; None without a peer."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def is_goal_met(self) -> bool | None:
        """Whether the goal is met; None without a goal or without a figure for it."""
        if self.goal is None:
            return None
        figure = self.ours if self.goal.of == "figure" else self.ratio
        if figure is None:
            return None
        at_least = self.goal.bound == "at least"
        return figure >= self.goal.value if at_least else figure <= self.goal.value


def format_table(measures: Iterable[Measure]) -> str:
    """Return a table with one line per measure."""
    lines = [COLUMNS, *map(_format_cells, measures)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_format_line(cells, widths) for cells in lines)


def build_json_report(measures: Iterable[Measure], environment: dict[str, Any]) -> dict[str, Any]:
    """Return the measures as JSON, with the *environment* they were taken in."""
    measure_documents = [
        {**asdict(measure), "ratio": measure.ratio, "met": measure.is_goal_met}
        for measure in measures
    ]
    return {**environment, "measures": measure_documents}


def format_number(value: float | None) -> str:
    """Format with three significant digits, and large numbers in full."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _format_cells(measure: Measure) -> tuple[str, ...]:
    return (
        measure.what,
        format_number(measure.ours),
        measure.unit,
        measure.peer,
        format_number(measure.theirs),
        format_number(measure.ratio),
        str(measure.goal or ""),
        {True: "yes", False: "no", None: ""}[measure.is_goal_met],
    )


def _format_line(cells: Sequence[str], widths: Sequence[int]) -> str:
    columns = zip(COLUMNS, cells, widths, strict=True)
    return "  ".join(
        cell.rjust(width) if name in NUMBER_COLUMNS else cell.ljust(width)
        for name, cell, width in columns
    ).rstrip()
