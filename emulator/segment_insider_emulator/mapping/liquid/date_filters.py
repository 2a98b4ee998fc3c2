"""Dates written by a format such as `%Y-%m-%d`, with the flags and widths of Ruby's strftime.

Source: liquidjs 10.30, `util/strftime.ts`; names and notations are those of American English.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from segment_insider_emulator.mapping.date_parser import parse_date_ms
from segment_insider_emulator.mapping.javascript import MISSING, get_member, is_number, to_js_string
from segment_insider_emulator.mapping.liquid import UnlocatedLiquidError
from segment_insider_emulator.mapping.liquid.runtime import (
    LiquidContext,
    LiquidFilter,
    format_output,
    is_nil,
    to_number,
    to_plain_value,
    to_string,
)
from segment_insider_emulator.mapping.zoned_time import ZonedTime, clip_epoch_ms
from segment_insider_emulator.types import JSON

_FORMAT_CODE: Final = re.compile("%([-_0^#:]+)?([0-9]+)?([EO])?([^\n\r\u2028\u2029])")
_MONTH_NAMES: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAY_NAMES: Final = (
    *("Sunday", "Monday", "Tuesday", "Wednesday"),
    *("Thursday", "Friday", "Saturday"),
)
_DEFAULT_WIDTHS: Final = {
    **dict.fromkeys("CdeHIklmMSUWy", 2),
    **dict.fromkeys("jL", 3),
    "Y": 4,
}
_SPACE_PADDED_CODES: Final = "aAbBceklpP"


def format_time(context: LiquidContext, zoned_time: ZonedTime, pattern: str) -> str:
    """Write *moment* as *pattern* says; codes that nobody knows stay as they are."""
    return _FORMAT_CODE.sub(lambda code: _format_code(context, zoned_time, code), pattern)


def _format_code(context: LiquidContext, zoned_time: ZonedTime, code_match: re.Match[str]) -> str:
    flags, width, _, letter = (
        code_match.group(1) or "",
        int(code_match.group(2) or 0),
        *code_match.group(3, 4),
    )
    if letter == "N":
        text = _format_fraction(context, zoned_time, width or 9)
    elif letter == "z" or (letter == "Z" and not zoned_time.zone_name):
        text = _format_offset(zoned_time.offset_minutes, ":" if ":" in flags else "")
    elif letter in _CODE_FORMATTERS:
        text = str(_CODE_FORMATTERS[letter](zoned_time))
    else:
        return code_match.group()
    width = 0 if "-" in flags else width or _DEFAULT_WIDTHS.get(letter, 0)
    context.count_memory(width - len(text))
    return _pad_text(_apply_case_flags(text, flags), width, _choose_padding(flags, letter))


def _apply_case_flags(text: str, flags: str) -> str:
    if "^" in flags:
        return text.upper()
    if "#" in flags:
        return text.upper() if re.search("[a-z]", text) else text.lower()
    return text


def _choose_padding(flags: str, letter: str) -> str:
    if "_" in flags:
        return " "
    return " " if letter in _SPACE_PADDED_CODES and "0" not in flags else "0"


def _pad_text(text: str, width: int, padding: str) -> str:
    if padding == "0" and text.startswith("-"):
        return "-" + text[1:].rjust(width - 1, padding)
    return text.rjust(width, padding)


def _format_fraction(context: LiquidContext, zoned_time: ZonedTime, width: int) -> str:
    digits = f"{zoned_time.millisecond:03}"[:width]
    context.count_memory(width - len(digits))
    return digits.ljust(width, "0")


def _format_offset(minutes: float, separator: str) -> str:
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes > 0 else "+"
    return f"{sign}{to_js_string(hours).rjust(2, '0')}{separator}{to_js_string(rest).rjust(2, '0')}"


def get_ordinal_suffix(day: int) -> str:
    """The ending of *day* as an ordinal number, e.g. "st"."""
    if day in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _compute_week_number(zoned_time: ZonedTime, first_weekday: int) -> int:
    """The week of the year; days before the first *first_weekday* belong to week 0."""
    return (zoned_time.day_of_year + 6 - (zoned_time.weekday - first_weekday) % 7) // 7


def _get_hour_of_12(zoned_time: ZonedTime) -> int:
    return zoned_time.hour % 12 or 12


def _get_am_or_pm(zoned_time: ZonedTime) -> str:
    return "AM" if zoned_time.hour < 12 else "PM"


def _format_us_time(zoned_time: ZonedTime) -> str:
    return f"{_get_hour_of_12(zoned_time)}:{zoned_time.minute:02}:{zoned_time.second:02} {_get_am_or_pm(zoned_time)}"


def _format_us_date(zoned_time: ZonedTime) -> str:
    return f"{zoned_time.month}/{zoned_time.day}/{zoned_time.year}"


_CODE_FORMATTERS: Final[dict[str, Callable[[ZonedTime], str | int]]] = {
    "a": lambda moment: _WEEKDAY_NAMES[moment.weekday][:3],
    "A": lambda moment: _WEEKDAY_NAMES[moment.weekday],
    "b": lambda moment: _MONTH_NAMES[moment.month - 1][:3],
    "B": lambda moment: _MONTH_NAMES[moment.month - 1],
    "c": lambda moment: f"{_format_us_date(moment)}, {_format_us_time(moment)}",
    "C": lambda moment: moment.year // 100,
    "d": lambda moment: moment.day,
    "e": lambda moment: moment.day,
    "h": lambda moment: _MONTH_NAMES[moment.month - 1][:3],
    "H": lambda moment: moment.hour,
    "I": _get_hour_of_12,
    "j": lambda moment: moment.day_of_year,
    "k": lambda moment: moment.hour,
    "l": _get_hour_of_12,
    "L": lambda moment: moment.millisecond,
    "m": lambda moment: moment.month,
    "M": lambda moment: moment.minute,
    "p": _get_am_or_pm,
    "P": lambda moment: _get_am_or_pm(moment).lower(),
    "q": lambda moment: get_ordinal_suffix(moment.day),
    "s": lambda moment: int(moment.epoch_ms // 1000),
    "S": lambda moment: moment.second,
    "u": lambda moment: moment.weekday or 7,
    "U": lambda moment: _compute_week_number(moment, 0),
    "w": lambda moment: moment.weekday,
    "W": lambda moment: _compute_week_number(moment, 1),
    "x": _format_us_date,
    "X": _format_us_time,
    "y": lambda moment: moment.year % 100,
    "Y": lambda moment: moment.year,
    "Z": lambda moment: moment.zone_name,
    "t": lambda _: "\t",
    "n": lambda _: "\n",
    "%": lambda _: "%",
}

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
