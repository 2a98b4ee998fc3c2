"""The report as one page for people, which fetches nothing."""

from importlib.resources import files
from pathlib import Path

import jinja2
import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.charts import WIDTH, bars, columns
from segment_insider_emulator.replay.report import losses, remarks
from segment_insider_emulator.replay.text import called, reason, worth
from segment_insider_emulator.types import JSON, JSONObject

# What each verdict says to somebody who never saw the integration.
WORDS = {
    "accepted": "taken by Insider One",
    "warning": "taken by Insider One, with something to look at",
    "dropped": "refused by Insider One, although Segment shows it as delivered",
    "failed": "Segment could not make or deliver a request",
    "rejected": "refused by Segment on arrival",
    "filtered": "held back by a filter or a tracking plan",
    "not_subscribed": "no mapping sends it",
    "disabled": "the destination is turned off",
}
_ROWS = 200  # of a table; all of them are in the JSON report


def write_page(document: JSONObject, path: Path) -> None:
    """Write the page. Raises: EmulatorError, when the file cannot be written."""
    try:
        path.write_text(page(document), encoding="utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise EmulatorError(what, str(path), "Name a file that can be.") from None


def page(document: JSONObject) -> str:
    """The page as HTML."""
    template = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"json": _json, "called": called, "reason": reason, "worth": worth}
    lost = losses(document)
    return environment.from_string(template).render(
        report=document,
        lost=lost,
        remarks=remarks(document),
        words=WORDS,
        width=WIDTH,
        most=_ROWS,
        days=columns(document["days"]),
        received=bars((row["eventName"], row["count"]) for row in document["received"]),
        costs=bars((f"{called(row)}: {row['what']}", row["count"]) for row in lost),
    )


def _json(value: JSON) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
