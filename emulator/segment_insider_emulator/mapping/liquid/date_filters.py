"""Liquid filters that format dates, with the flags and widths of Ruby's strftime.

A value that is not a date is returned unchanged. Names and notations are American English.
Source: liquidjs 10.30, `filters/date.ts`, `util/liquid-date.ts`, `util/strftime.ts`; ECMAScript,
"Time-related constants and abstract operations".
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from segment_insider_emulator.mapping.date_parser import (
    MS_PER_DAY,
    clip_epoch_ms,
    count_days_since_epoch,
    parse_date_ms,
)
from segment_insider_emulator.mapping.javascript import MISSING, get_member, is_number, to_js_string
from segment_insider_emulator.mapping.liquid import UnlocatedLiquidError
from segment_insider_emulator.mapping.liquid.runtime import (
    LiquidContext,
    LiquidFilter,
    format_output,
    is_nil,
    replace_liquid_keyword,
    to_number,
    to_string,
)
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
_DEFAULT_FORMAT: Final = "%A, %B %-e, %Y at %-l:%M %P %z"
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ZonedTime:
    """A point in time with the time zone in which its calendar fields are read.

    Python's own dates end with the year 9999; JavaScript's do not.

    Args:
        epoch_ms: Milliseconds since 1970 in UTC.
        offset_minutes: Minutes to add to local time to get UTC, negative in the east.
        zone_name: The name of the time zone; empty when only the offset is known.
    """

    epoch_ms: float
    offset_minutes: float
    zone_name: str

    @cached_property
    def local_ms(self) -> int:
        """Milliseconds since 1970 on the clock of the time zone."""
        return int(self.epoch_ms - self.offset_minutes * 60_000)

    @cached_property
    def _year_month_day(self) -> tuple[int, int, int]:
        days = self.local_ms // MS_PER_DAY + 719_468
        era, day_of_era = divmod(days, 146_097)
        year = (
            day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
        ) // 365
        # The year begins in March, so that the leap day is its last.
        day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
        month = (5 * day_of_year + 2) // 153
        day = day_of_year - (153 * month + 2) // 5 + 1
        return era * 400 + year + (month >= 10), (month + 2) % 12 + 1, day

    @property
    def year(self) -> int:
        """Calendar year of the zoned time."""
        return self._year_month_day[0]

    @property
    def month(self) -> int:
        """Month of the zoned time, 1 to 12."""
        return self._year_month_day[1]

    @property
    def day(self) -> int:
        """Day of the month of the zoned time."""
        return self._year_month_day[2]

    @property
    def day_of_year(self) -> int:
        """Day of the year of the zoned time, 1 to 366."""
        return self.local_ms // MS_PER_DAY - count_days_since_epoch(self.year, 1, 1) + 1

    @property
    def weekday(self) -> int:
        """Day of the week of the zoned time, 0 to 6, Sunday first."""
        return (self.local_ms // MS_PER_DAY + 4) % 7

    @property
    def hour(self) -> int:
        """Hour of the zoned time, 0 to 23."""
        return self.local_ms // 3_600_000 % 24

    @property
    def minute(self) -> int:
        """Minute of the zoned time, 0 to 59."""
        return self.local_ms // 60_000 % 60

    @property
    def second(self) -> int:
        """Second of the zoned time, 0 to 59."""
        return self.local_ms // 1_000 % 60

    @property
    def millisecond(self) -> int:
        """Millisecond of the zoned time, 0 to 999."""
        return self.local_ms % 1_000


def format_time(context: LiquidContext, zoned_time: ZonedTime, pattern: str) -> str:
    """Format *zoned_time* by *pattern*, e.g. `%Y-%m-%d`; unknown codes stay unchanged."""
    return _FORMAT_CODE.sub(
        lambda match: _format_strftime_code(context, zoned_time, match), pattern
    )


def _format_strftime_code(
    context: LiquidContext, zoned_time: ZonedTime, code_match: re.Match[str]
) -> str:
    flags, width = code_match.group(1) or "", int(code_match.group(2) or 0)
    letter = code_match.group(4)
    if letter == "N":
        text = _format_second_fraction(context, zoned_time, width or 9)
    elif letter == "z" or (letter == "Z" and not zoned_time.zone_name):
        text = _format_zone_offset(zoned_time.offset_minutes, ":" if ":" in flags else "")
    elif letter in _CODE_FORMATTERS:
        text = str(_CODE_FORMATTERS[letter](zoned_time))
    else:
        return code_match.group()
    width = 0 if "-" in flags else width or _DEFAULT_WIDTHS.get(letter, 0)
    context.count_memory(width - len(text))
    return _pad_text(
        _apply_case_flags(text, flags), width, _choose_padding_character(flags, letter)
    )


def _apply_case_flags(text: str, flags: str) -> str:
    if "^" in flags:
        return text.upper()
    if "#" in flags:
        return text.upper() if re.search("[a-z]", text) else text.lower()
    return text


def _choose_padding_character(flags: str, letter: str) -> str:
    if "_" in flags:
        return " "
    return " " if letter in _SPACE_PADDED_CODES and "0" not in flags else "0"


def _pad_text(text: str, width: int, padding: str) -> str:
    if padding == "0" and text.startswith("-"):
        return "-" + text[1:].rjust(width - 1, padding)
    return text.rjust(width, padding)


def _format_second_fraction(context: LiquidContext, zoned_time: ZonedTime, width: int) -> str:
    digits = f"{zoned_time.millisecond:03}"[:width]
    context.count_memory(width - len(digits))
    return digits.ljust(width, "0")


def _format_zone_offset(minutes: float, separator: str) -> str:
    sign = "-" if minutes > 0 else "+"
    hours, minutes_left = (
        to_js_string(number).rjust(2, "0") for number in divmod(abs(minutes), 60)
    )
    return f"{sign}{hours}{separator}{minutes_left}"


def get_ordinal_suffix(day: int) -> str:
    """Return the ending of *day* as an ordinal number, e.g. "st"."""
    if day in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _compute_week_number(zoned_time: ZonedTime, first_weekday: int) -> int:
    """Return the week of the year; days before the first *first_weekday* are in week 0."""
    return (zoned_time.day_of_year + 6 - (zoned_time.weekday - first_weekday) % 7) // 7


def _get_twelve_hour_clock_hour(zoned_time: ZonedTime) -> int:
    return zoned_time.hour % 12 or 12


def _get_am_or_pm(zoned_time: ZonedTime) -> str:
    return "AM" if zoned_time.hour < 12 else "PM"


def _format_us_time(zoned_time: ZonedTime) -> str:
    hour, half = _get_twelve_hour_clock_hour(zoned_time), _get_am_or_pm(zoned_time)
    return f"{hour}:{zoned_time.minute:02}:{zoned_time.second:02} {half}"


def _format_us_date(zoned_time: ZonedTime) -> str:
    return f"{zoned_time.month}/{zoned_time.day}/{zoned_time.year}"


_CODE_FORMATTERS: Final[dict[str, Callable[[ZonedTime], str | int]]] = {
    "a": lambda time: _WEEKDAY_NAMES[time.weekday][:3],
    "A": lambda time: _WEEKDAY_NAMES[time.weekday],
    "b": lambda time: _MONTH_NAMES[time.month - 1][:3],
    "B": lambda time: _MONTH_NAMES[time.month - 1],
    "c": lambda time: f"{_format_us_date(time)}, {_format_us_time(time)}",
    "C": lambda time: time.year // 100,
    "d": lambda time: time.day,
    "e": lambda time: time.day,
    "h": lambda time: _MONTH_NAMES[time.month - 1][:3],
    "H": lambda time: time.hour,
    "I": _get_twelve_hour_clock_hour,
    "j": lambda time: time.day_of_year,
    "k": lambda time: time.hour,
    "l": _get_twelve_hour_clock_hour,
    "L": lambda time: time.millisecond,
    "m": lambda time: time.month,
    "M": lambda time: time.minute,
    "p": _get_am_or_pm,
    "P": lambda time: _get_am_or_pm(time).lower(),
    "q": lambda time: get_ordinal_suffix(time.day),
    "s": lambda time: int(time.epoch_ms // 1000),
    "S": lambda time: time.second,
    "u": lambda time: time.weekday or 7,
    "U": lambda time: _compute_week_number(time, 0),
    "w": lambda time: time.weekday,
    "W": lambda time: _compute_week_number(time, 1),
    "x": _format_us_date,
    "X": _format_us_time,
    "y": lambda time: time.year % 100,
    "Y": lambda time: time.year,
    "Z": lambda time: time.zone_name,
    "t": lambda _: "\t",
    "n": lambda _: "\n",
    "%": lambda _: "%",
}


def _date_filter(
    context: LiquidContext,
    value: JSON,
    pattern: JSON = MISSING,
    zone: JSON = MISSING,
    *_ignored: JSON,
) -> JSON:
    time = _parse_zoned_time(context, value, zone)
    if time is None:
        return value
    pattern = replace_liquid_keyword(pattern)
    text = _DEFAULT_FORMAT if is_nil(pattern) else format_output(pattern)
    context.count_memory(len(text))
    return format_time(context, time, text)


def _parse_zoned_time(
    context: LiquidContext, value: JSON, zone: JSON = MISSING
) -> ZonedTime | None:
    epoch_ms = _parse_epoch_ms(context, replace_liquid_keyword(value))
    if math.isnan(epoch_ms):
        return None
    if is_nil(zone):
        return ZonedTime(epoch_ms, 0, "UTC")
    if isinstance(zone, str):
        return ZonedTime(epoch_ms, _get_zone_offset_minutes(zone, epoch_ms), zone)
    offset = to_number(zone)
    if math.isnan(clip_epoch_ms(epoch_ms - offset * 60_000)):
        return None
    return ZonedTime(epoch_ms, offset, "")


def _parse_epoch_ms(context: LiquidContext, value: JSON) -> float:
    """Convert a Liquid value to epoch milliseconds; numbers and texts of digits are seconds."""
    if is_nil(value):
        return math.nan
    if value in ("now", "today"):
        return _get_received_at_ms(context.event)
    if is_number(value):
        return clip_epoch_ms(value * 1_000)
    if isinstance(value, bool):
        return float(value)
    text = to_string(value)
    if isinstance(value, str) and text.isascii() and text.isdigit():
        return clip_epoch_ms(to_number(text) * 1_000)
    return parse_date_ms(text)


def _get_received_at_ms(event: JSON) -> float:
    """Return when Segment received the event, in milliseconds: the value of "now" in Liquid.

    The current time would make the results of two runs differ.
    """
    texts = (get_member(event, key) for key in ("receivedAt", "timestamp"))
    return next((parse_date_ms(text) for text in texts if isinstance(text, str)), math.nan)


def _get_zone_offset_minutes(name: str, epoch_ms: float) -> float:
    """Return the minutes to add to local time in the time zone *name* to get UTC."""
    zone = _list_zone_names().get(name.lower())
    if zone is None:
        raise UnlocatedLiquidError(f"Invalid time zone specified: {name}")
    # Python has no later years. Beyond them an offset may only be that of the other season.
    nearest = _EPOCH_START + timedelta(milliseconds=max(-62e12, min(epoch_ms, 250e12)))
    offset = nearest.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    return -offset / timedelta(minutes=1)


@cache
def _list_zone_names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def _date_to_xmlschema_filter(context: LiquidContext, value: JSON, *_ignored: JSON) -> JSON:
    return _date_filter(context, value, "%Y-%m-%dT%H:%M:%S%:z")


def _date_to_rfc822_filter(context: LiquidContext, value: JSON, *_ignored: JSON) -> JSON:
    return _date_filter(context, value, "%a, %d %b %Y %H:%M:%S %z")


def _date_to_string_filter(
    context: LiquidContext,
    value: JSON,
    kind: JSON = MISSING,
    style: JSON = MISSING,
    *_ignored: JSON,
) -> JSON:
    return _format_date_in_words(context, value, "%b", kind, style)


def _date_to_long_string_filter(
    context: LiquidContext,
    value: JSON,
    kind: JSON = MISSING,
    style: JSON = MISSING,
    *_ignored: JSON,
) -> JSON:
    return _format_date_in_words(context, value, "%B", kind, style)


def _format_date_in_words(
    context: LiquidContext, value: JSON, month: str, kind: JSON, style: JSON
) -> JSON:
    time = _parse_zoned_time(context, value)
    if time is None:
        return value
    if kind != "ordinal":
        return format_time(context, time, f"%d {month} %Y")
    day = f"{time.day}{get_ordinal_suffix(time.day)}"
    words = f"{month} {day}, %Y" if style == "US" else f"{day} {month} %Y"
    return format_time(context, time, words)


DATE_FILTERS: Final[dict[str, LiquidFilter]] = {
    "date": _date_filter,
    "date_to_long_string": _date_to_long_string_filter,
    "date_to_rfc822": _date_to_rfc822_filter,
    "date_to_string": _date_to_string_filter,
    "date_to_xmlschema": _date_to_xmlschema_filter,
}
