"""Dates written by a format such as `%Y-%m-%d`, with the flags and widths of Ruby's strftime.

Source: liquidjs 10.30, `util/strftime.ts`; names and notations are those of American English.
"""

import re
from collections.abc import Callable
from typing import Final

from segment_insider_emulator.mapping.dates.moments import Moment
from segment_insider_emulator.mapping.javascript import text_of
from segment_insider_emulator.mapping.liquid.scope import Scope

_CODE: Final = re.compile("%([-_0^#:]+)?([0-9]+)?([EO])?([^\n\r\u2028\u2029])")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS: Final = (
    *("Sunday", "Monday", "Tuesday", "Wednesday"),
    *("Thursday", "Friday", "Saturday"),
)
_WIDTHS: Final = {
    **dict.fromkeys("CdeHIklmMSUWy", 2),
    **dict.fromkeys("jL", 3),
    "Y": 4,
}
_PADDED_WITH_SPACES: Final = "aAbBceklpP"


def strftime(scope: Scope, moment: Moment, pattern: str) -> str:
    """Write *moment* as *pattern* says; codes that nobody knows stay as they are."""
    return _CODE.sub(lambda code: _written(scope, moment, code), pattern)


def _written(scope: Scope, moment: Moment, code: re.Match[str]) -> str:
    flags, width, _, letter = code.group(1) or "", int(code.group(2) or 0), *code.group(3, 4)
    if letter == "N":
        text = _fraction(scope, moment, width or 9)
    elif letter == "z" or (letter == "Z" and not moment.zone):
        text = _offset(moment.offset, ":" if ":" in flags else "")
    elif letter in _CODES:
        text = str(_CODES[letter](moment))
    else:
        return code.group()
    width = 0 if "-" in flags else width or _WIDTHS.get(letter, 0)
    scope.use(width - len(text))
    return _padded(_cased(text, flags), width, _padding(flags, letter))


def _cased(text: str, flags: str) -> str:
    if "^" in flags:
        return text.upper()
    if "#" in flags:
        return text.upper() if re.search("[a-z]", text) else text.lower()
    return text


def _padding(flags: str, letter: str) -> str:
    if "_" in flags:
        return " "
    return " " if letter in _PADDED_WITH_SPACES and "0" not in flags else "0"


def _padded(text: str, width: int, padding: str) -> str:
    if padding == "0" and text.startswith("-"):
        return "-" + text[1:].rjust(width - 1, padding)
    return text.rjust(width, padding)


def _fraction(scope: Scope, moment: Moment, width: int) -> str:
    digits = f"{moment.millisecond:03}"[:width]
    scope.use(width - len(digits))
    return digits.ljust(width, "0")


def _offset(minutes: float, colon: str) -> str:
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes > 0 else "+"
    return f"{sign}{text_of(hours).rjust(2, '0')}{colon}{text_of(rest).rjust(2, '0')}"


def ordinal(day: int) -> str:
    """The ending of *day* as an ordinal number, e.g. "st"."""
    if day in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _week(moment: Moment, first_weekday: int) -> int:
    """The week of the year; days before the first *first_weekday* belong to week 0."""
    return (moment.day_of_year + 6 - (moment.weekday - first_weekday) % 7) // 7


def _hour12(moment: Moment) -> int:
    return moment.hour % 12 or 12


def _half(moment: Moment) -> str:
    return "AM" if moment.hour < 12 else "PM"


def _time(moment: Moment) -> str:
    return f"{_hour12(moment)}:{moment.minute:02}:{moment.second:02} {_half(moment)}"


def _date(moment: Moment) -> str:
    return f"{moment.month}/{moment.day}/{moment.year}"


_CODES: Final[dict[str, Callable[[Moment], str | int]]] = {
    "a": lambda moment: _WEEKDAYS[moment.weekday][:3],
    "A": lambda moment: _WEEKDAYS[moment.weekday],
    "b": lambda moment: _MONTHS[moment.month - 1][:3],
    "B": lambda moment: _MONTHS[moment.month - 1],
    "c": lambda moment: f"{_date(moment)}, {_time(moment)}",
    "C": lambda moment: moment.year // 100,
    "d": lambda moment: moment.day,
    "e": lambda moment: moment.day,
    "h": lambda moment: _MONTHS[moment.month - 1][:3],
    "H": lambda moment: moment.hour,
    "I": _hour12,
    "j": lambda moment: moment.day_of_year,
    "k": lambda moment: moment.hour,
    "l": _hour12,
    "L": lambda moment: moment.millisecond,
    "m": lambda moment: moment.month,
    "M": lambda moment: moment.minute,
    "p": _half,
    "P": lambda moment: _half(moment).lower(),
    "q": lambda moment: ordinal(moment.day),
    "s": lambda moment: int(moment.instant // 1000),
    "S": lambda moment: moment.second,
    "u": lambda moment: moment.weekday or 7,
    "U": lambda moment: _week(moment, 0),
    "w": lambda moment: moment.weekday,
    "W": lambda moment: _week(moment, 1),
    "x": _date,
    "X": _time,
    "y": lambda moment: moment.year % 100,
    "Y": lambda moment: moment.year,
    "Z": lambda moment: moment.zone,
    "t": lambda _: "\t",
    "n": lambda _: "\n",
    "%": lambda _: "%",
}
