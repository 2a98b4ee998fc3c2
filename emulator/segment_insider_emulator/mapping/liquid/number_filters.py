"""Arithmetic, in JavaScript's doubles: division has fractions, and by zero gives Infinity.

Source: liquidjs 10.30, `filters/math.ts`.
"""

import math
from typing import Final

from segment_insider_emulator.mapping.javascript import to_js_number, to_js_string
from segment_insider_emulator.mapping.liquid.runtime import (
    LiquidContext,
    LiquidFilter,
    number_filter,
    to_number,
    to_number_or_zero,
)
from segment_insider_emulator.types import JSON

_MAX_SAFE_INTEGER: Final = 2**53 - 1


def _round_towards(value: float, towards: float) -> float:
    """The whole number next to *value* towards *towards*, an infinity."""
    if not math.isfinite(value):
        return value
    return float(math.floor(value) if towards < 0 else math.ceil(value))


@number_filter
def _absolute_filter(value: float, *_extra_arguments: float) -> float:
    return abs(value)


@number_filter
def _at_least_filter(*values: float) -> float:
    return max(values)


@number_filter
def _at_most_filter(*values: float) -> float:
    return min(values)


@number_filter
def _ceil_filter(value: float, *_extra_arguments: float) -> float:
    return _round_towards(value, math.inf)


@number_filter
def _floor_filter(value: float, *_extra_arguments: float) -> float:
    return _round_towards(value, -math.inf)


@number_filter
def _plus_filter(value: float, other: float = math.nan, *_extra_arguments: float) -> float:
    return value + other


@number_filter
def _minus_filter(value: float, other: float = math.nan, *_extra_arguments: float) -> float:
    return value - other


@number_filter
def _times_filter(value: float, other: float = math.nan, *_extra_arguments: float) -> float:
    return value * other


@number_filter
def _divided_by_filter(
    value: float, divisor: float = math.nan, whole: float = 0, *_extra_arguments: float
) -> float:
    quotient = _divide(value, divisor)
    return _round_towards(quotient, -math.inf) if whole else quotient


def _divide(value: float, divisor: float) -> float:
    if divisor:
        return value / divisor
    if not value or math.isnan(value):
        return math.nan
    return math.copysign(math.inf, value) * math.copysign(1, divisor)


@number_filter
def _modulo_filter(value: float, divisor: float = math.nan, *_extra_arguments: float) -> float:
    return _compute_remainder(_compute_remainder(value, divisor) + divisor, divisor)


def _compute_remainder(value: float, divisor: float) -> float:
    if not divisor or not math.isfinite(value):
        return math.nan
    return math.fmod(value, divisor)


def _round_filter(
    _context: LiquidContext, value: JSON, digits: JSON = 0, *_extra_arguments: JSON
) -> float:
    figure, places = to_number_or_zero(value), to_number_or_zero(digits)
    scaled = _shift_decimal_point(abs(figure), places)
    if not scaled <= _MAX_SAFE_INTEGER:
        return figure
    rounded = _shift_decimal_point(math.floor(scaled + 0.5), -places)
    return -rounded if figure < 0 else rounded


def _shift_decimal_point(value: float, places: float) -> float:
    """*value* times ten to the power of *places*, without the noise of a multiplication."""
    mantissa, _, power = to_js_string(value).partition("e")
    return to_js_number(f"{mantissa}e{to_js_string(to_js_number(power or '0') + places)}")


def _to_integer_filter(_context: LiquidContext, value: JSON, *_extra_arguments: JSON) -> float:
    return to_number(value)


NUMBER_FILTERS: Final[dict[str, LiquidFilter]] = {
    "abs": _absolute_filter,
    "at_least": _at_least_filter,
    "at_most": _at_most_filter,
    "ceil": _ceil_filter,
    "divided_by": _divided_by_filter,
    "floor": _floor_filter,
    "minus": _minus_filter,
    "modulo": _modulo_filter,
    "plus": _plus_filter,
    "round": _round_filter,
    "times": _times_filter,
    "to_integer": _to_integer_filter,
}
