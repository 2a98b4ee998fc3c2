"""Filters for lists; a value that is no list counts as a list of one, nil as an empty one.

Source: liquidjs 10.30, `filters/array.ts`.
"""

import math
from typing import Final

from segment_insider_emulator.mapping.javascript import MISSING, is_number, is_truthy, units
from segment_insider_emulator.mapping.liquid.errors import single_units
from segment_insider_emulator.mapping.liquid.expressions import leading_path
from segment_insider_emulator.mapping.liquid.filters.signature import Filter
from segment_insider_emulator.mapping.liquid.scanner import Scanner
from segment_insider_emulator.mapping.liquid.scope import Scope
from segment_insider_emulator.mapping.liquid.values import (
    element,
    equal,
    given,
    holds,
    is_nil,
    number,
    own,
    plain,
    plus,
    read,
    string,
    stringify,
    walked,
)
from segment_insider_emulator.types import JSON


def _list(value: JSON) -> list[JSON]:
    value = plain(value)
    if is_nil(value):
        return []
    return value if isinstance(value, list) else [value]


def _counted(scope: Scope, value: JSON) -> list[JSON]:
    values = _list(value)
    scope.use(len(values))
    return values


def _join(scope: Scope, value: JSON, separator: JSON = MISSING, *_rest: JSON) -> str:
    separator = plain(separator)
    between = " " if is_nil(separator) else stringify(separator)
    texts = ["" if is_nil(each) else string(each) for each in _list(value)]
    scope.use(sum(map(len, texts)) + len(between) * max(len(texts) - 1, 0))
    return between.join(texts)


def _first(_scope: Scope, value: JSON, *_rest: JSON) -> JSON:
    return _end(plain(value), 0)


def _last(_scope: Scope, value: JSON, *_rest: JSON) -> JSON:
    return _end(plain(value), -1)


def _end(value: JSON, index: int) -> JSON:
    if isinstance(value, str) and value:
        value = list(single_units(value))
    if isinstance(value, list):
        return element(value, index)
    length = own(value, "length")
    if value == "" or not is_number(length):
        return ""
    # Anything with a length passes for a list.
    return own(value, string(index if index == 0 else length - 1))


def _size(_scope: Scope, value: JSON, *_rest: JSON) -> JSON:
    if isinstance(value, str | list):
        return units(value) if isinstance(value, str) else len(value)
    length = own(value, "length")
    return length if is_truthy(length) else 0


def _sum(_scope: Scope, value: JSON, path: JSON = MISSING, *_rest: JSON) -> float:
    total: float = 0
    for each in _list(value):
        amount = number(_at_path(each, path) if is_truthy(path) else each)
        total += 0 if math.isnan(amount) else amount
    return total


def _at_path(value: JSON, path: JSON) -> JSON:
    for key in stringify(path).split("."):
        value = read(value, key)
    return value


def _compact(scope: Scope, value: JSON, *_rest: JSON) -> list[JSON]:
    return [each for each in _counted(scope, value) if not is_nil(plain(each))]


def _push(scope: Scope, value: JSON, added: JSON = MISSING, *_rest: JSON) -> list[JSON]:
    return [*_counted(scope, value), added]


def _unshift(scope: Scope, value: JSON, added: JSON = MISSING, *_rest: JSON) -> list[JSON]:
    return [added, *_counted(scope, value)]


def _pop(scope: Scope, value: JSON, *_rest: JSON) -> list[JSON]:
    return _counted(scope, value)[:-1]


def _shift(scope: Scope, value: JSON, *_rest: JSON) -> list[JSON]:
    return _counted(scope, value)[1:]


def _slice(
    scope: Scope, value: JSON, begin: JSON = MISSING, length: JSON = MISSING, *_rest: JSON
) -> JSON:
    value, length = plain(value), given(length, 1)
    if is_nil(value):
        return []
    whole = value if isinstance(value, list) else stringify(value)
    if number(begin) < 0:
        begin = plus(len(whole), begin)
    if number(begin) < 0 or number(length) < 0:
        return whole[:0]
    scope.use(number(length))
    if isinstance(whole, list):
        return whole[_index(number(begin)) : _index(number(plus(begin, length)))]
    start = walked(number(begin), whole)
    return whole[start : start + walked(number(length), whole)]


def _index(position: float) -> int:
    """*position* as a list takes it: fractions are cut off."""
    return 0 if math.isnan(position) else int(min(position, 2.0**53))


def _where(
    scope: Scope, value: JSON, path: JSON = MISSING, expected: JSON = MISSING, *_rest: JSON
) -> list[JSON]:
    source = single_units(stringify(path))
    member = leading_path(Scanner(source, 0, len(source)))

    def matches(each: JSON) -> bool:
        found = member(Scope(scope.template, each))
        return holds(found) if expected is MISSING else equal(found, expected)

    return [each for each in _counted(scope, value) if matches(each)]


def _sample(scope: Scope, value: JSON, count: JSON = MISSING, *_rest: JSON) -> JSON:
    """The first elements: chance would make a result that no test can expect."""
    value = plain(value)
    if is_nil(value):
        return []
    values = value if isinstance(value, list) else list(stringify(value))
    scope.use(len(values))
    if equal(given(count, 1), 1):
        return values[0] if values else MISSING
    return values[: _index(number(count))]


FILTERS: Final[dict[str, Filter]] = {
    "compact": _compact,
    "first": _first,
    "join": _join,
    "last": _last,
    "pop": _pop,
    "push": _push,
    "sample": _sample,
    "shift": _shift,
    "size": _size,
    "slice": _slice,
    "sum": _sum,
    "unshift": _unshift,
    "where": _where,
}
