"""The types of filter FQL, which compare strictly: true is not 1, and "1" is not 1."""

import math
import operator
from collections.abc import Callable
from typing import Any, TypeGuard

from segment_insider_emulator.types import JSON

ORDER_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

_TYPE_NAMES = {
    type(None): "null",
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",  # no word is documented for it (assumed)
}


def type_name(value: JSON) -> str:
    """The word that typeof() gives *value*."""
    return _TYPE_NAMES[type(value)]


def is_number(value: JSON) -> TypeGuard[float]:
    """Check whether *value* is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def to_double(number: float) -> float:
    """Round *number* as JSON numbers are read at Segment: to 64 bits."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def is_strictly_equal(left: JSON, right: JSON) -> bool:
    """Check whether two values have one type and are equal; objects have one order of keys."""
    if type_name(left) != type_name(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(is_strictly_equal, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(
            is_strictly_equal(left[key], right[key]) for key in left
        )
    if is_number(left):
        return to_double(left) == to_double(right)
    return bool(left == right)
