"""Lengths of time as people write them: "45 minutes", "1 day 2 hours", "PT45M"."""

import re
from datetime import timedelta

from segment_insider_emulator.errors import EmulatorError

_SECONDS = {"week": 604_800, "day": 86_400, "hour": 3600, "minute": 60, "second": 1}
_UNITS = {
    **{name: name for name in _SECONDS},
    **{f"{name}s": name for name in _SECONDS},
    **{"w": "week", "d": "day", "h": "hour", "min": "minute", "mins": "minute", "m": "minute"},
    **{"sec": "second", "secs": "second", "s": "second"},
}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)", re.ASCII)
_WORDS = re.compile(rf"{_PART.pattern}(?:(?:\s*,\s*|\s+and\s+|\s+){_PART.pattern})*", re.ASCII)
# Years and months have no fixed length, so they have no place here.
_ISO = re.compile(
    r"p(?=\d|t\d)(?:(\d{1,9})w)?(?:(\d{1,9})d)?"
    r"(?:t(?=\d)(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9}(?:\.\d{1,6})?)s)?)?",
    re.ASCII,
)
LONGEST = timedelta(days=36_525)  # a century, so that sums stay within the calendar
REMEDY = "Give a length of time, such as 45 minutes, 1 day 2 hours or PT45M."


def duration(text: str, where: str) -> timedelta:
    """Read a length of time.

    Args:
        text: Numbers with units, or an ISO 8601 duration of weeks, days, hours, minutes, seconds.
        where: Its place, for messages.
    Raises: EmulatorError, when *text* is none, or not from a millisecond to LONGEST.
    """
    folded = text.strip().lower()
    seconds = 0.0
    if found := _ISO.fullmatch(folded):
        units = zip(_SECONDS.values(), found.groups(), strict=True)
        seconds = sum(float(number) * size for size, number in units if number)
    elif _WORDS.fullmatch(folded):
        seconds = sum(float(number) * _size(unit, text, where) for number, unit in _parts(folded))
    if seconds > LONGEST.total_seconds():
        raise EmulatorError(f"{text[:40]!r} is too long", where, "Stay below a hundred years.")
    length = timedelta(seconds=seconds)
    if length < timedelta(milliseconds=1):
        raise EmulatorError(f"{text[:40]!r} is not a duration", where, REMEDY)
    return length


def words(length: timedelta) -> str:
    """A positive *length* for people, e.g. "1 day 2 hours"; exact to the millisecond."""
    rest = length // timedelta(milliseconds=1)
    told = []
    for name, seconds in _SECONDS.items():
        if name == "week":  # nobody says "1 week 1 day" of a wait of eight days
            continue
        count, rest = divmod(rest, seconds * 1000)
        if name == "second" and rest:
            told.append(f"{count + rest / 1000:g} seconds")
        elif count:
            told.append(f"{count} {name}" + ("s" if count > 1 else ""))
    return " ".join(told)


def _parts(folded: str) -> list[tuple[str, str]]:
    return [(each[1], each[2]) for each in _PART.finditer(folded)]


def _size(unit: str, text: str, where: str) -> int:
    if unit not in _UNITS:
        raise EmulatorError(f"{text[:40]!r} is not a duration", where, REMEDY)
    return _SECONDS[_UNITS[unit]]
