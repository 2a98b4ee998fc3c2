"""The replay report as a file: one HTML page with SVG charts, or one Parquet table."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import jinja2
import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.report import (
    format_event_label,
    format_order_value,
    format_reason,
    list_loss_reasons,
    list_warnings,
)
from segment_insider_emulator.storage.records import VERDICTS
from segment_insider_emulator.types import JSON, JSONObject

CHART_WIDTH = 720  # units of the drawing
MAX_BARS = 12
MAX_CURRENCY_CHARTS = 5
_DAY_CHART_HEIGHT = 200  # of a chart of days
_MAX_DAY_COLUMNS = 62  # more are drawn by month
# Verdict -> its meaning for readers who do not know the integration.
VERDICT_TEXTS = {
    "accepted": "accepted by Insider One",
    "warning": "accepted by Insider One, with a warning",
    "dropped": "refused by Insider One, although Segment shows it as delivered",
    "failed": "Segment could not make or deliver a request",
    "rejected": "refused by Segment on arrival",
    "filtered": "stopped by a filter or a tracking plan",
    "not_subscribed": "no mapping sends it",
    "disabled": "the destination is turned off",
}
_MAX_HTML_ROWS = 200  # of a table; all of them are in the JSON report


@dataclass(frozen=True, slots=True)
class ChartBar:
    """A labelled bar of a report chart; its width is in per cent of the longest bar."""

    label: str
    number: str
    width: float


@dataclass(frozen=True, slots=True)
class BarChart:
    """A chart of bars with a title, as the HTML report shows it."""

    title: str
    bars: list[ChartBar]


@dataclass(frozen=True, slots=True)
class ChartColumnPart:
    """The part of a report's chart column for one verdict."""

    verdict: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class ChartColumn:
    """A column of a report chart for one day, or for one month of long archives."""

    label: str
    x: float
    width: float
    segments: tuple[ChartColumnPart, ...]


def build_bar_chart(
    title: str, rows: Iterable[tuple[str, float]], number_format: str = "{:,}"
) -> BarChart:
    """Build a chart with the bars of the first MAX_BARS sorted *rows* of label and number."""
    shown_rows = list(rows)[:MAX_BARS]
    largest = max((number for _, number in shown_rows), default=0) or 1
    bars = [
        ChartBar(label, number_format.format(number), max(0.5, 100 * number / largest))
        for label, number in shown_rows
    ]
    return BarChart(title, bars)


def build_loss_charts(lost: Sequence[JSONObject]) -> list[BarChart]:
    """Build the charts of lost events: by the value of their orders, then by count without value.

    Amounts of two currencies cannot be added or compared: each has its own chart.
    """
    currencies = list(dict.fromkeys(currency for row in lost for currency in row["value"]))
    charts = [
        build_bar_chart(
            f"Lost orders in {currency}",
            sorted(
                (
                    (_format_loss_label(row), row["value"][currency])
                    for row in lost
                    if currency in row["value"]
                ),
                key=lambda bar: -bar[1],
            ),
            "{:,.2f}",
        )
        for currency in currencies[:MAX_CURRENCY_CHARTS]
    ]
    worthless = [(_format_loss_label(row), row["count"]) for row in lost if not row["value"]]
    title = "Lost events without orders" if charts else "Lost events"
    return [*charts, build_bar_chart(title, worthless)] if worthless else charts


def _format_loss_label(row: JSONObject) -> str:
    return f"{format_event_label(row)}: {row['what']}"


def build_day_columns(days: Sequence[JSONObject]) -> list[ChartColumn]:
    """Build one chart column per day, with the event verdicts stacked."""
    long = len({row["day"] for row in days}) > _MAX_DAY_COLUMNS
    counts: dict[str, dict[str, int]] = {}
    for row in days:
        of_day = counts.setdefault(row["day"][:7] if long else row["day"], {})
        of_day[row["verdict"]] = of_day.get(row["verdict"], 0) + row["count"]
    largest = max((sum(verdict_counts.values()) for verdict_counts in counts.values()), default=1)
    step = CHART_WIDTH / max(len(counts), 1)
    return [
        ChartColumn(
            day, at * step, min(step * 0.8, 60.0), tuple(_stack_column_parts(of_day, largest))
        )
        for at, (day, of_day) in enumerate(sorted(counts.items()))
    ]


def _stack_column_parts(counts: dict[str, int], largest: int) -> Iterable[ChartColumnPart]:
    y = float(_DAY_CHART_HEIGHT)
    for verdict in VERDICTS:
        if count := counts.get(verdict, 0):
            height = _DAY_CHART_HEIGHT * count / largest
            y -= height
            yield ChartColumnPart(verdict, count, y, height)


def write_html_report(report_json: JSONObject, path: Path) -> None:
    """Write the HTML page of a replay report.

    Raises: EmulatorError, when the file cannot be written.

    Raises: EmulatorError, when the file cannot be written.
    """
    try:
        path.write_text(render_html_report(report_json), encoding="utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise EmulatorError(what, str(path), "Choose another file.") from None


def render_html_report(report_json: JSONObject) -> str:
    """Return the replay report as HTML."""
    template = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "json": _format_indented_json,
        "called": format_event_label,
        "reason": format_reason,
        "worth": format_order_value,
    }
    lost = list_loss_reasons(report_json)
    return environment.from_string(template).render(
        report=report_json,
        lost=lost,
        remarks=list_warnings(report_json),
        words=VERDICT_TEXTS,
        width=CHART_WIDTH,
        most=_MAX_HTML_ROWS,
        days=build_day_columns(report_json["days"]),
        received=build_bar_chart(
            "Events stored by Insider One",
            ((row["eventName"], row["count"]) for row in report_json["received"]),
        ),
        losses=build_loss_charts(lost),
    )


def _format_indented_json(value: JSON) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


_TEXT_COLUMNS = (
    "section", "day", "type", "event", "subscription", "actionSlug", "verdict", "where", "what",
    "remedy", "eventName", "field", "change", "before", "after", "kind", "value", "sample",
)  # fmt: skip
_REPORT_SECTIONS = ("verdicts", "events", "received", "deliveries", "reasons", "days", "unread")


def require_pyarrow() -> None:
    """Raise an EmulatorError if pyarrow, which writes Parquet, is not installed."""
    if find_spec("pyarrow") is None:
        remedy = "Install the extra: pip install 'segment-insider-emulator[archive]'."
        raise EmulatorError("writing Parquet needs pyarrow", "--parquet", remedy)


def write_parquet_report(report_json: JSONObject, path: Path) -> None:
    """Write all tables of a replay report into one Parquet file; `section` names the table.

    Raises: EmulatorError, when the file cannot be written.
    """
    import pyarrow  # type: ignore[import-untyped]  # the package ships no types
    from pyarrow import parquet

    columns = {name: pyarrow.string() for name in _TEXT_COLUMNS}
    schema = pyarrow.schema(columns | {"lost": pyarrow.bool_(), "count": pyarrow.int64()})
    table = pyarrow.Table.from_pylist(list(_iter_parquet_rows(report_json)), schema=schema)
    try:
        parquet.write_table(table, path)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise EmulatorError(what, str(path), "Choose another file.") from None


def _iter_parquet_rows(report_json: JSONObject) -> Iterator[JSONObject]:
    for section in _REPORT_SECTIONS:
        yield from (_build_parquet_row(section, row) for row in report_json[section])
    for section in ("changes", "turned"):
        comparison_rows = (report_json["comparison"] or {}).get(section, ())
        yield from (_build_parquet_row(section, row) for row in comparison_rows)


def _build_parquet_row(section: str, row: JSONObject) -> JSONObject:
    samples = row.get("samples")
    value = ", ".join(
        f"{amount:.2f} {currency}" for currency, amount in row.get("value", {}).items()
    )
    return {
        **row,
        "section": section,
        "value": value or None,
        "sample": samples[0]["at"] if samples else None,
    }
