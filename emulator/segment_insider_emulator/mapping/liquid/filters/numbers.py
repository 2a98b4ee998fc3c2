"""Arithmetic, in JavaScript's doubles: division has fractions, and by zero gives Infinity.

Source: liquidjs 10.30, `filters/math.ts`.
"""

import math
from typing import Final

from segment_insider_emulator.mapping.javascript import number_of, text_of
from segment_insider_emulator.mapping.liquid.filters.signature import Filter, arithmetic
from segment_insider_emulator.mapping.liquid.scope import Scope
from segment_insider_emulator.mapping.liquid.values import number, number_or_zero
from segment_insider_emulator.types import JSON

_LARGEST_EXACT: Final = 2**53 - 1


def _whole(value: float, towards: float) -> float:
    """The whole number next to *value* towards *towards*, an infinity."""
    if not math.isfinite(value):
        return value
    return float(math.floor(value) if towards < 0 else math.ceil(value))


@arithmetic
def _absolute(value: float, *_rest: float) -> float:
    return abs(value)


@arithmetic
def _at_least(*values: float) -> float:
    return max(values)


@arithmetic
def _at_most(*values: float) -> float:
    return min(values)


@arithmetic
def _ceil(value: float, *_rest: float) -> float:
    return _whole(value, math.inf)


@arithmetic
def _floor(value: float, *_rest: float) -> float:
    return _whole(value, -math.inf)


@arithmetic
def _plus(value: float, other: float = math.nan, *_rest: float) -> float:
    return value + other


@arithmetic
def _minus(value: float, other: float = math.nan, *_rest: float) -> float:
    return value - other


@arithmetic
def _times(value: float, other: float = math.nan, *_rest: float) -> float:
    return value * other


@arithmetic
def _divided_by(value: float, divisor: float = math.nan, whole: float = 0, *_rest: float) -> float:
    quotient = _quotient(value, divisor)
    return _whole(quotient, -math.inf) if whole else quotient


def _quotient(value: float, divisor: float) -> float:
    if divisor:
        return value / divisor
    if not value or math.isnan(value):
        return math.nan
    return math.copysign(math.inf, value) * math.copysign(1, divisor)


@arithmetic
def _modulo(value: float, divisor: float = math.nan, *_rest: float) -> float:
    return _remainder(_remainder(value, divisor) + divisor, divisor)


def _remainder(value: float, divisor: float) -> float:
    if not divisor or not math.isfinite(value):
        return math.nan
    return math.fmod(value, divisor)


def _round(_scope: Scope, value: JSON, digits: JSON = 0, *_rest: JSON) -> float:
    figure, places = number_or_zero(value), number_or_zero(digits)
    scaled = _shifted(abs(figure), places)
    if not scaled <= _LARGEST_EXACT:
        return figure
    rounded = _shifted(math.floor(scaled + 0.5), -places)
    return -rounded if figure < 0 else rounded


def _shifted(value: float, places: float) -> float:
    """*value* times ten to the power of *places*, without the noise of a multiplication."""
    mantissa, _, power = text_of(value).partition("e")
    return number_of(f"{mantissa}e{text_of(number_of(power or '0') + places)}")


def _to_integer(_scope: Scope, value: JSON, *_rest: JSON) -> float:
    return number(value)


FILTERS: Final[dict[str, Filter]] = {
    "abs": _absolute,
    "at_least": _at_least,
    "at_most": _at_most,
    "ceil": _ceil,
    "divided_by": _divided_by,
    "floor": _floor,
    "minus": _minus,
    "modulo": _modulo,
    "plus": _plus,
    "round": _round,
    "times": _times,
    "to_integer": _to_integer,
}
