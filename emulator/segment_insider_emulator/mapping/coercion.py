"""Coercion of mapped values to the types of fields, with JavaScript's idea of numbers."""

import math
import re
from collections.abc import Callable

from segment_insider_emulator.mapping.dates.texts import parse_date_ms
from segment_insider_emulator.mapping.javascript import (
    WHITE_SPACE,
    is_number,
    to_js_number,
    to_js_string,
)
from segment_insider_emulator.types import JSON


class CoercionError(ValueError):
    """The value cannot be coerced; a list of one value is told as that value."""

    def __init__(self, value: JSON) -> None:
        super().__init__()
        self.value = value


def _unwrap_single_item(value: JSON) -> JSON:
    """A list of one value stands for that value."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _coerce_to_string(value: JSON) -> JSON:
    value = _unwrap_single_item(value)
    if isinstance(value, str | bool | int | float):
        return to_js_string(value)
    if value is None:
        return ""
    raise CoercionError(value)


def _coerce_to_number(value: JSON) -> JSON:
    value = _unwrap_single_item(value)
    if isinstance(value, bool) or value is None:
        return int(value or 0)
    number = to_js_number(value) if isinstance(value, str) and value else value
    if not is_number(number) or math.isnan(number):
        raise CoercionError(value)
    return number


def _coerce_to_integer(value: JSON) -> JSON:
    number = _coerce_to_number(value)
    # Infinity has no remainder in JavaScript, so its text passes and is sent as null.
    if math.isfinite(number) and number % 1:
        raise CoercionError(_unwrap_single_item(value))
    return number


def _coerce_to_boolean(value: JSON) -> JSON:
    value = _unwrap_single_item(value)
    if value is None or value == "false" or value == 0:
        return False
    if value == "true" or value == 1:
        return True
    raise CoercionError(value)


def _coerce_to_datetime(value: JSON) -> JSON:
    if isinstance(value, str) or is_number(value):
        return value
    value = _unwrap_single_item(value)
    if value is None or isinstance(value, bool) or is_number(value):
        return "" if value is None else to_js_string(value)
    # Text in a list is taken only when it can be a number.
    if isinstance(value, str) and value and not math.isnan(to_js_number(value)):
        return to_js_number(value)
    raise CoercionError(value)


COERCIONS_BY_TYPE: dict[str, Callable[[JSON], JSON]] = {
    "string": _coerce_to_string,
    "number": _coerce_to_number,
    "integer": _coerce_to_integer,
    "boolean": _coerce_to_boolean,
    "datetime": _coerce_to_datetime,
}
# Python types whose values each type takes as they are.
TYPES_ACCEPTED_UNCHANGED: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "datetime": frozenset({int, float}),
}

_COMMON_DATE_PATTERN = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z",
    re.ASCII,
)
# The date library in front of JavaScript's own reads this, unless it ends in Z.
_LENIENT_DATE_PATTERN = re.compile(
    r"[0-9]{4}[-/]?(?:[0-9]{1,2})?[-/]?[0-9]{0,2}"
    rf"(?:[Tt{WHITE_SPACE}])*(?:[0-9]{{1,2}})?:?(?:[0-9]{{1,2}})?:?(?:[0-9]{{1,2}})?[.:]?[0-9]*"
)
_MAX_EPOCH_SECONDS = 8.64e12


def is_date_like(text: str) -> bool:
    """Whether Segment takes *text* for a date: seconds since 1970, or what JavaScript can read."""
    if _COMMON_DATE_PATTERN.fullmatch(text):
        return True
    number = to_js_number(text)
    if to_js_string(number) == text:
        return abs(number) <= _MAX_EPOCH_SECONDS
    if text[-1:] not in ("Z", "z") and _LENIENT_DATE_PATTERN.fullmatch(text):
        return True
    return not math.isnan(parse_date_ms(text))
