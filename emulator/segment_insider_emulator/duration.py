"""Lengths of time as people write them: "45 minutes", "1 day 2 hours", "PT45M"."""

import re
from datetime import timedelta

from segment_insider_emulator.errors import EmulatorError

_UNIT_SECONDS = {"week": 604_800, "day": 86_400, "hour": 3600, "minute": 60, "second": 1}
_UNIT_NAMES = {
    **{name: name for name in _UNIT_SECONDS},
    **{f"{name}s": name for name in _UNIT_SECONDS},
    **{"w": "week", "d": "day", "h": "hour", "min": "minute", "mins": "minute", "m": "minute"},
    **{"sec": "second", "secs": "second", "s": "second"},
}
_NUMBER_WITH_UNIT = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)", re.ASCII)
_DURATION_IN_WORDS = re.compile(
    rf"{_NUMBER_WITH_UNIT.pattern}(?:(?:\s*,\s*|\s+and\s+|\s+){_NUMBER_WITH_UNIT.pattern})*",
    re.ASCII,
)
# Years and months have no fixed length, so they have no place here.
_ISO_DURATION = re.compile(
    r"p(?=\d|t\d)(?:(\d{1,9})w)?(?:(\d{1,9})d)?"
    r"(?:t(?=\d)(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9}(?:\.\d{1,6})?)s)?)?",
    re.ASCII,
)
MAX_DURATION = timedelta(days=36_525)  # a century, so that sums stay within the calendar
DURATION_REMEDY = "Give a length of time, such as 45 minutes, 1 day 2 hours or PT45M."


def parse_duration(text: str, where: str) -> timedelta:
    """Read a length of time.

    Args:
        text: Numbers with units, or an ISO 8601 duration of weeks, days, hours, minutes, seconds.
        where: Its place, for messages.
    Raises: EmulatorError, when *text* is none, or not from a millisecond to LONGEST.
    """
    folded = text.strip().lower()
    seconds = 0.0
    if found := _ISO_DURATION.fullmatch(folded):
        units = zip(_UNIT_SECONDS.values(), found.groups(), strict=True)
        seconds = sum(float(number) * size for size, number in units if number)
    elif _DURATION_IN_WORDS.fullmatch(folded):
        seconds = sum(
            float(number) * _unit_seconds(unit, text, where)
            for number, unit in _number_unit_pairs(folded)
        )
    if seconds > MAX_DURATION.total_seconds():
        raise EmulatorError(f"{text[:40]!r} is too long", where, "Stay below a hundred years.")
    length = timedelta(seconds=seconds)
    if length < timedelta(milliseconds=1):
        raise EmulatorError(f"{text[:40]!r} is not a duration", where, DURATION_REMEDY)
    return length


def format_duration(duration: timedelta) -> str:
    """A positive *length* for people, e.g. "1 day 2 hours"; exact to the millisecond."""
    rest = duration // timedelta(milliseconds=1)
    told = []
    for name, seconds in _UNIT_SECONDS.items():
        if name == "week":  # nobody says "1 week 1 day" of a wait of eight days
            continue
        count, rest = divmod(rest, seconds * 1000)
        if name == "second" and rest:
            told.append(f"{count + rest / 1000:g} seconds")
        elif count:
            told.append(f"{count} {name}" + ("s" if count > 1 else ""))
    return " ".join(told)


def _number_unit_pairs(lowercase_text: str) -> list[tuple[str, str]]:
    return [(each[1], each[2]) for each in _NUMBER_WITH_UNIT.finditer(lowercase_text)]


def _unit_seconds(unit: str, text: str, where: str) -> int:
    if unit not in _UNIT_NAMES:
        raise EmulatorError(f"{text[:40]!r} is not a duration", where, DURATION_REMEDY)
    return _UNIT_SECONDS[_UNIT_NAMES[unit]]
