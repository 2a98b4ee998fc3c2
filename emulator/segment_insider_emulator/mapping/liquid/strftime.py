"""Dates written by a format such as `%Y-%m-%d`, with the flags and widths of Ruby's strftime.

Source: liquidjs 10.30, `util/strftime.ts`; names and notations are those of American English.
"""

import re
from collections.abc import Callable
from typing import Final

from segment_insider_emulator.mapping.dates.moments import ZonedTime
from segment_insider_emulator.mapping.javascript import to_js_string
from segment_insider_emulator.mapping.liquid.scope import LiquidContext

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
