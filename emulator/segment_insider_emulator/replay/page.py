"""The report as one page for people, which fetches nothing."""

from importlib.resources import files
from pathlib import Path

import jinja2
import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.charts import CHART_WIDTH, build_bars, build_day_columns
from segment_insider_emulator.replay.report import list_losses, list_warnings
from segment_insider_emulator.replay.text import event_label, order_value_text, reason_text
from segment_insider_emulator.types import JSON, JSONObject

# What each verdict says to somebody who never saw the integration.
VERDICT_TEXTS = {
    "accepted": "taken by Insider One",
    "warning": "taken by Insider One, with something to look at",
    "dropped": "refused by Insider One, although Segment shows it as delivered",
    "failed": "Segment could not make or deliver a request",
    "rejected": "refused by Segment on arrival",
    "filtered": "held back by a filter or a tracking plan",
    "not_subscribed": "no mapping sends it",
    "disabled": "the destination is turned off",
}
_MAX_HTML_ROWS = 200  # of a table; all of them are in the JSON report


def write_html(report_json: JSONObject, path: Path) -> None:
    """Write the page. Raises: EmulatorError, when the file cannot be written."""
    try:
        path.write_text(render_html(report_json), encoding="utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise EmulatorError(what, str(path), "Name a file that can be.") from None


def render_html(report_json: JSONObject) -> str:
    """The page as HTML."""
    template = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "json": _indented_json,
        "called": event_label,
        "reason": reason_text,
        "worth": order_value_text,
    }
    lost = list_losses(report_json)
    return environment.from_string(template).render(
        report=report_json,
        lost=lost,
        remarks=list_warnings(report_json),
        words=VERDICT_TEXTS,
        width=CHART_WIDTH,
        most=_MAX_HTML_ROWS,
        days=build_day_columns(report_json["days"]),
        received=build_bars((row["eventName"], row["count"]) for row in report_json["received"]),
        costs=build_bars((f"{event_label(row)}: {row['what']}", row["count"]) for row in lost),
    )


def _indented_json(value: JSON) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
