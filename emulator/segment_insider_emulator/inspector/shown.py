"""Filters of the templates: how times, values and names look on a page."""

from datetime import datetime

import orjson
from flask import Blueprint, url_for

from segment_insider_emulator.delivery.verdict import DROPPED_REASON
from segment_insider_emulator.inspector.assets import STATIC_VERSION

MAX_CELL_CHARS = 200  # characters of a value in a table


def clock(at: str) -> str:
    """ISO 8601 as the time of day, e.g. "10:00:00.123"."""
    return datetime.fromisoformat(at).strftime("%H:%M:%S.%f")[:-3]


def moment(at: str, now: datetime) -> str:
    """ISO 8601 as the time of day, and as "23 Nov 10:00:00" where that is not the day of *now*."""
    time = datetime.fromisoformat(at)
    if time.date() == now.date():
        return clock(at)
    return f"{time:%-d %b %H:%M:%S}" if time.year == now.year else f"{time:%-d %b %Y %H:%M}"


def day(at: str) -> str:
    """ISO 8601 as the day, e.g. "23 Nov 2026"."""
    return f"{datetime.fromisoformat(at):%-d %b %Y}"


def compact(value: object) -> str:
    """*value* as JSON in one line."""
    return orjson.dumps(value, default=str).decode()


def pretty(value: object) -> str:
    """*value* as indented JSON."""
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()


def indented(text: str) -> str:
    """A JSON *text* with indentation; any other text as it is."""
    try:
        return pretty(orjson.loads(text))
    except orjson.JSONDecodeError:
        return text


def cut(text: str, most: int = MAX_CELL_CHARS) -> str:
    """*text*, or its beginning where it is longer than *most* characters."""
    return text if len(text) <= most else f"{text[:most]}…"


def why(reason: str) -> str:
    """*reason* where the verdict stands beside it, and need not be said twice."""
    return reason.removeprefix(f"{DROPPED_REASON}: ")


def asset(name: str) -> str:
    """The address of a script or style."""
    return url_for("inspector.serve_static_file", version=STATIC_VERSION, name=name)


def register_template_filters(bp: Blueprint) -> None:
    """Give the templates of *bp* these filters and `asset`."""
    for each in (clock, moment, day, compact, pretty, indented, cut, why):
        bp.add_app_template_filter(each)
    bp.add_app_template_global(asset)
