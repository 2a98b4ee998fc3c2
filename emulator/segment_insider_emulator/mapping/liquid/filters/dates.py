"""Filters that write dates; a value that is no date stays as it is.

Source: liquidjs 10.30, `filters/date.ts`, `util/liquid-date.ts`.
"""

import math
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from segment_insider_emulator.mapping.dates.moments import Moment, clipped
from segment_insider_emulator.mapping.dates.texts import date_of
from segment_insider_emulator.mapping.javascript import MISSING, is_number, member
from segment_insider_emulator.mapping.liquid.errors import Fault
from segment_insider_emulator.mapping.liquid.filters.signature import Filter
from segment_insider_emulator.mapping.liquid.scope import Scope
from segment_insider_emulator.mapping.liquid.strftime import ordinal, strftime
from segment_insider_emulator.mapping.liquid.values import is_nil, number, plain, string, stringify
from segment_insider_emulator.types import JSON

_DEFAULT_FORMAT: Final = "%A, %B %-e, %Y at %-l:%M %P %z"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _date(
    scope: Scope, value: JSON, pattern: JSON = MISSING, zone: JSON = MISSING, *_rest: JSON
) -> JSON:
    moment = _moment(scope, value, zone)
    if moment is None:
        return value
    pattern = plain(pattern)
    text = _DEFAULT_FORMAT if is_nil(pattern) else stringify(pattern)
    scope.use(len(text))
    return strftime(scope, moment, text)


def _moment(scope: Scope, value: JSON, zone: JSON = MISSING) -> Moment | None:
    instant = _instant(scope, plain(value))
    if math.isnan(instant):
        return None
    if is_nil(zone):
        return Moment(instant, 0, "UTC")
    if isinstance(zone, str):
        return Moment(instant, _zone_offset(zone, instant), zone)
    offset = number(zone)
    return None if math.isnan(clipped(instant - offset * 60_000)) else Moment(instant, offset, "")


def _instant(scope: Scope, value: JSON) -> float:
    """Milliseconds since 1970; numbers, and texts of digits, are seconds."""
    if is_nil(value):
        return math.nan
    if value in ("now", "today"):
        return _arrival(scope.event)
    if is_number(value):
        return clipped(value * 1_000)
    if isinstance(value, bool):
        return float(value)
    text = string(value)
    if isinstance(value, str) and text.isascii() and text.isdigit():
        return clipped(number(text) * 1_000)
    return date_of(text)


def _arrival(event: JSON) -> float:
    """The present of an event: when Segment received it. A clock would make two runs differ."""
    times = (member(event, key) for key in ("receivedAt", "timestamp"))
    return next((date_of(time) for time in times if isinstance(time, str)), math.nan)


def _zone_offset(name: str, instant: float) -> float:
    """Minutes to add to the clock of the time zone *name* to get UTC."""
    zone = _zones().get(name.lower())
    if zone is None:
        raise Fault(f"Invalid time zone specified: {name}")
    # Python's zones end with its years; whole days further out change nothing but the season.
    moment = _EPOCH + timedelta(milliseconds=max(-62e12, min(instant, 250e12)))
    offset = moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    return -offset / timedelta(minutes=1)


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def _date_to_xmlschema(scope: Scope, value: JSON, *_rest: JSON) -> JSON:
    return _date(scope, value, "%Y-%m-%dT%H:%M:%S%:z")


def _date_to_rfc822(scope: Scope, value: JSON, *_rest: JSON) -> JSON:
    return _date(scope, value, "%a, %d %b %Y %H:%M:%S %z")


def _date_to_string(
    scope: Scope, value: JSON, kind: JSON = MISSING, style: JSON = MISSING, *_rest: JSON
) -> JSON:
    return _in_words(scope, value, "%b", kind, style)


def _date_to_long_string(
    scope: Scope, value: JSON, kind: JSON = MISSING, style: JSON = MISSING, *_rest: JSON
) -> JSON:
    return _in_words(scope, value, "%B", kind, style)


def _in_words(scope: Scope, value: JSON, month: str, kind: JSON, style: JSON) -> JSON:
    moment = _moment(scope, value)
    if moment is None:
        return value
    if kind != "ordinal":
        return strftime(scope, moment, f"%d {month} %Y")
    day = f"{moment.day}{ordinal(moment.day)}"
    words = f"{month} {day}, %Y" if style == "US" else f"{day} {month} %Y"
    return strftime(scope, moment, words)


FILTERS: Final[dict[str, Filter]] = {
    "date": _date,
    "date_to_long_string": _date_to_long_string,
    "date_to_rfc822": _date_to_rfc822,
    "date_to_string": _date_to_string,
    "date_to_xmlschema": _date_to_xmlschema,
}
