"""Filters that write dates; a value that is no date stays as it is.

Source: liquidjs 10.30, `filters/date.ts`, `util/liquid-date.ts`.
"""

import math
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from segment_insider_emulator.mapping.dates.moments import ZonedTime, clip_epoch_ms
from segment_insider_emulator.mapping.dates.texts import parse_date_ms
from segment_insider_emulator.mapping.javascript import MISSING, get_member, is_number
from segment_insider_emulator.mapping.liquid.errors import UnlocatedLiquidError
from segment_insider_emulator.mapping.liquid.filters.signature import LiquidFilter
from segment_insider_emulator.mapping.liquid.scope import LiquidContext
from segment_insider_emulator.mapping.liquid.strftime import format_time, get_ordinal_suffix
from segment_insider_emulator.mapping.liquid.values import (
    format_output,
    is_nil,
    to_number,
    to_plain_value,
    to_string,
)
from segment_insider_emulator.types import JSON

_DEFAULT_FORMAT: Final = "%A, %B %-e, %Y at %-l:%M %P %z"
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _date_filter(
    context: LiquidContext,
    value: JSON,
    pattern: JSON = MISSING,
    zone: JSON = MISSING,
    *_extra_arguments: JSON,
) -> JSON:
    moment = _parse_zoned_time(context, value, zone)
    if moment is None:
        return value
    pattern = to_plain_value(pattern)
    text = _DEFAULT_FORMAT if is_nil(pattern) else format_output(pattern)
    context.count_memory(len(text))
    return format_time(context, moment, text)


def _parse_zoned_time(
    context: LiquidContext, value: JSON, zone: JSON = MISSING
) -> ZonedTime | None:
    instant = _parse_epoch_ms(context, to_plain_value(value))
    if math.isnan(instant):
        return None
    if is_nil(zone):
        return ZonedTime(instant, 0, "UTC")
    if isinstance(zone, str):
        return ZonedTime(instant, _get_zone_offset_minutes(zone, instant), zone)
    offset = to_number(zone)
    return (
        None
        if math.isnan(clip_epoch_ms(instant - offset * 60_000))
        else ZonedTime(instant, offset, "")
    )


def _parse_epoch_ms(context: LiquidContext, value: JSON) -> float:
    """Milliseconds since 1970; numbers, and texts of digits, are seconds."""
    if is_nil(value):
        return math.nan
    if value in ("now", "today"):
        return _get_arrival_ms(context.event)
    if is_number(value):
        return clip_epoch_ms(value * 1_000)
    if isinstance(value, bool):
        return float(value)
    text = to_string(value)
    if isinstance(value, str) and text.isascii() and text.isdigit():
        return clip_epoch_ms(to_number(text) * 1_000)
    return parse_date_ms(text)


def _get_arrival_ms(event: JSON) -> float:
    """The present of an event: when Segment received it. A clock would make two runs differ."""
    times = (get_member(event, key) for key in ("receivedAt", "timestamp"))
    return next((parse_date_ms(time) for time in times if isinstance(time, str)), math.nan)


def _get_zone_offset_minutes(name: str, instant: float) -> float:
    """Minutes to add to the clock of the time zone *name* to get UTC."""
    zone = _list_zone_names().get(name.lower())
    if zone is None:
        raise UnlocatedLiquidError(f"Invalid time zone specified: {name}")
    # Python's zones end with its years; whole days further out change nothing but the season.
    moment = _EPOCH_START + timedelta(milliseconds=max(-62e12, min(instant, 250e12)))
    offset = moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    return -offset / timedelta(minutes=1)


@cache
def _list_zone_names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def _date_to_xmlschema_filter(context: LiquidContext, value: JSON, *_extra_arguments: JSON) -> JSON:
    return _date_filter(context, value, "%Y-%m-%dT%H:%M:%S%:z")


def _date_to_rfc822_filter(context: LiquidContext, value: JSON, *_extra_arguments: JSON) -> JSON:
    return _date_filter(context, value, "%a, %d %b %Y %H:%M:%S %z")


def _date_to_string_filter(
    context: LiquidContext,
    value: JSON,
    kind: JSON = MISSING,
    style: JSON = MISSING,
    *_extra_arguments: JSON,
) -> JSON:
    return _format_in_words(context, value, "%b", kind, style)


def _date_to_long_string_filter(
    context: LiquidContext,
    value: JSON,
    kind: JSON = MISSING,
    style: JSON = MISSING,
    *_extra_arguments: JSON,
) -> JSON:
    return _format_in_words(context, value, "%B", kind, style)


def _format_in_words(
    context: LiquidContext, value: JSON, month: str, kind: JSON, style: JSON
) -> JSON:
    moment = _parse_zoned_time(context, value)
    if moment is None:
        return value
    if kind != "ordinal":
        return format_time(context, moment, f"%d {month} %Y")
    day = f"{moment.day}{get_ordinal_suffix(moment.day)}"
    words = f"{month} {day}, %Y" if style == "US" else f"{day} {month} %Y"
    return format_time(context, moment, words)


DATE_FILTERS: Final[dict[str, LiquidFilter]] = {
    "date": _date_filter,
    "date_to_long_string": _date_to_long_string_filter,
    "date_to_rfc822": _date_to_rfc822_filter,
    "date_to_string": _date_to_string_filter,
    "date_to_xmlschema": _date_to_xmlschema_filter,
}
