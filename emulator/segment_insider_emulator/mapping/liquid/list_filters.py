"""Filters for lists; a value that is no list counts as a list of one, nil as an empty one.

Source: liquidjs 10.30, `filters/array.ts`.
"""

import math
from typing import Final

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    count_utf16_units,
    is_number,
    is_truthy,
)
from segment_insider_emulator.mapping.liquid import split_surrogates
from segment_insider_emulator.mapping.liquid.expressions import parse_leading_path
from segment_insider_emulator.mapping.liquid.runtime import (
    LiquidContext,
    LiquidFilter,
    add_values,
    count_loop_characters,
    format_output,
    get_element,
    get_own_property,
    get_property,
    is_equal,
    is_liquid_truthy,
    is_nil,
    replace_missing,
    to_number,
    to_plain_value,
    to_string,
)
from segment_insider_emulator.mapping.liquid.tokenizer import TemplateScanner
from segment_insider_emulator.types import JSON


def _to_list(value: JSON) -> list[JSON]:
    value = to_plain_value(value)
    if is_nil(value):
        return []
    return value if isinstance(value, list) else [value]


def _to_counted_list(context: LiquidContext, value: JSON) -> list[JSON]:
    values = _to_list(value)
    context.count_memory(len(values))
    return values


def _join_filter(
    context: LiquidContext, value: JSON, separator: JSON = MISSING, *_extra_arguments: JSON
) -> str:
    separator = to_plain_value(separator)
    between = " " if is_nil(separator) else format_output(separator)
    texts = ["" if is_nil(each) else to_string(each) for each in _to_list(value)]
    context.count_memory(sum(map(len, texts)) + len(between) * max(len(texts) - 1, 0))
    return between.join(texts)


def _first_filter(_context: LiquidContext, value: JSON, *_extra_arguments: JSON) -> JSON:
    return _get_end_element(to_plain_value(value), 0)


def _last_filter(_context: LiquidContext, value: JSON, *_extra_arguments: JSON) -> JSON:
    return _get_end_element(to_plain_value(value), -1)


def _get_end_element(value: JSON, index: int) -> JSON:
    if isinstance(value, str) and value:
        value = list(split_surrogates(value))
    if isinstance(value, list):
        return get_element(value, index)
    length = get_own_property(value, "length")
    if value == "" or not is_number(length):
        return ""
    # Anything with a length passes for a list.
    return get_own_property(value, to_string(index if index == 0 else length - 1))


def _size_filter(_context: LiquidContext, value: JSON, *_extra_arguments: JSON) -> JSON:
    if isinstance(value, str | list):
        return count_utf16_units(value) if isinstance(value, str) else len(value)
    length = get_own_property(value, "length")
    return length if is_truthy(length) else 0


def _sum_filter(
    _context: LiquidContext, value: JSON, path: JSON = MISSING, *_extra_arguments: JSON
) -> float:
    total: float = 0
    for each in _to_list(value):
        amount = to_number(_get_at_path(each, path) if is_truthy(path) else each)
        total += 0 if math.isnan(amount) else amount
    return total


def _get_at_path(value: JSON, path: JSON) -> JSON:
    for key in format_output(path).split("."):
        value = get_property(value, key)
    return value


def _compact_filter(context: LiquidContext, value: JSON, *_extra_arguments: JSON) -> list[JSON]:
    return [each for each in _to_counted_list(context, value) if not is_nil(to_plain_value(each))]


def _push_filter(
    context: LiquidContext, value: JSON, added: JSON = MISSING, *_extra_arguments: JSON
) -> list[JSON]:
    return [*_to_counted_list(context, value), added]


def _unshift_filter(
    context: LiquidContext, value: JSON, added: JSON = MISSING, *_extra_arguments: JSON
) -> list[JSON]:
    return [added, *_to_counted_list(context, value)]


def _pop_filter(context: LiquidContext, value: JSON, *_extra_arguments: JSON) -> list[JSON]:
    return _to_counted_list(context, value)[:-1]


def _shift_filter(context: LiquidContext, value: JSON, *_extra_arguments: JSON) -> list[JSON]:
    return _to_counted_list(context, value)[1:]


def _slice_filter(
    context: LiquidContext,
    value: JSON,
    begin: JSON = MISSING,
    length: JSON = MISSING,
    *_extra_arguments: JSON,
) -> JSON:
    value, length = to_plain_value(value), replace_missing(length, 1)
    if is_nil(value):
        return []
    whole = value if isinstance(value, list) else format_output(value)
    if to_number(begin) < 0:
        begin = add_values(len(whole), begin)
    if to_number(begin) < 0 or to_number(length) < 0:
        return whole[:0]
    context.count_memory(to_number(length))
    if isinstance(whole, list):
        return whole[
            _to_list_index(to_number(begin)) : _to_list_index(to_number(add_values(begin, length)))
        ]
    start = count_loop_characters(to_number(begin), whole)
    return whole[start : start + count_loop_characters(to_number(length), whole)]


def _to_list_index(position: float) -> int:
    """*position* as a list takes it: fractions are cut off."""
    return 0 if math.isnan(position) else int(min(position, 2.0**53))


def _where_filter(
    context: LiquidContext,
    value: JSON,
    path: JSON = MISSING,
    expected: JSON = MISSING,
    *_extra_arguments: JSON,
) -> list[JSON]:
    source = split_surrogates(format_output(path))
    member = parse_leading_path(TemplateScanner(source, 0, len(source)))

    def matches(each: JSON) -> bool:
        found = member(LiquidContext(context.template, each))
        return is_liquid_truthy(found) if expected is MISSING else is_equal(found, expected)

    return [each for each in _to_counted_list(context, value) if matches(each)]


def _sample_filter(
    context: LiquidContext, value: JSON, count: JSON = MISSING, *_extra_arguments: JSON
) -> JSON:
    """The first elements: chance would make a result that no test can expect."""
    value = to_plain_value(value)
    if is_nil(value):
        return []
    values = value if isinstance(value, list) else list(format_output(value))
    context.count_memory(len(values))
    if is_equal(replace_missing(count, 1), 1):
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
