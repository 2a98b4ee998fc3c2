"""Coercion of mapped values to the types of fields, with JavaScript's idea of numbers."""

import math
import re
from collections.abc import Callable

from segment_insider_emulator.mapping.dates.texts import date_of
from segment_insider_emulator.mapping.javascript import WHITE_SPACE, is_number, number_of, text_of
from segment_insider_emulator.types import JSON


class Misfit(ValueError):
    """The value cannot be coerced; a list of one value is told as that value."""

    def __init__(self, value: JSON) -> None:
        super().__init__()
        self.value = value


def _single(value: JSON) -> JSON:
    """A list of one value stands for that value."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _to_string(value: JSON) -> JSON:
    value = _single(value)
    if isinstance(value, str | bool | int | float):
        return text_of(value)
    if value is None:
        return ""
    raise Misfit(value)


def _to_number(value: JSON) -> JSON:
    value = _single(value)
    if isinstance(value, bool) or value is None:
        return int(value or 0)
    number = number_of(value) if isinstance(value, str) and value else value
    if not is_number(number) or math.isnan(number):
        raise Misfit(value)
    return number


def _to_integer(value: JSON) -> JSON:
    number = _to_number(value)
    # Infinity has no remainder in JavaScript, so its text passes and is sent as null.
    if math.isfinite(number) and number % 1:
        raise Misfit(_single(value))
    return number


def _to_boolean(value: JSON) -> JSON:
    value = _single(value)
    if value is None or value == "false" or value == 0:
        return False
    if value == "true" or value == 1:
        return True
    raise Misfit(value)


def _to_datetime(value: JSON) -> JSON:
    if isinstance(value, str) or is_number(value):
        return value
    value = _single(value)
    if value is None or isinstance(value, bool) or is_number(value):
        return "" if value is None else text_of(value)
    # Text in a list is taken only when it can be a number.
    if isinstance(value, str) and value and not math.isnan(number_of(value)):
        return number_of(value)
    raise Misfit(value)


COERCIONS: dict[str, Callable[[JSON], JSON]] = {
    "string": _to_string,
    "number": _to_number,
    "integer": _to_integer,
    "boolean": _to_boolean,
    "datetime": _to_datetime,
}
# Python types whose values each type takes as they are.
FAST: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "datetime": frozenset({int, float}),
}

_USUAL_DATE = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z",
    re.ASCII,
)
# The date library in front of JavaScript's own reads this, unless it ends in Z.
_LENIENT_DATE = re.compile(
    r"[0-9]{4}[-/]?(?:[0-9]{1,2})?[-/]?[0-9]{0,2}"
    rf"(?:[Tt{WHITE_SPACE}])*(?:[0-9]{{1,2}})?:?(?:[0-9]{{1,2}})?:?(?:[0-9]{{1,2}})?[.:]?[0-9]*"
)
_LATEST_SECOND = 8.64e12


def is_date_like(text: str) -> bool:
    """Whether Segment takes *text* for a date: seconds since 1970, or what JavaScript can read."""
    if _USUAL_DATE.fullmatch(text):
        return True
    number = number_of(text)
    if text_of(number) == text:
        return abs(number) <= _LATEST_SECOND
    if text[-1:] not in ("Z", "z") and _LENIENT_DATE.fullmatch(text):
        return True
    return not math.isnan(date_of(text))
