"""Evaluator of FQL statements for an event: types, functions, globs and operators.

Segment's published evaluator decides: no value of an event is an error. A comparison with a value
of a type that the operator does not accept is false, and a false filter lets the event pass. If the
documentation says otherwise, the documentation decides: a missing value is null.
Globs match in time bounded by the lengths of text and pattern; no function fails on any value.
Source: `@segment/tsub` 2.0.1, `matchers.ts`; Segment, "Destination Filter Query Language". What the
functions that the evaluator lacks make of other types follows lowercase: null. (assumed)
"""

import json
import math
import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias, TypeGuard, assert_never

from segment_insider_emulator.filtering.fql_parser import (
    FqlCall,
    FqlList,
    FqlLiteral,
    FqlNegation,
    FqlNode,
    FqlOperation,
    FqlPath,
)
from segment_insider_emulator.types import JSON, JSONObject

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


def get_type_name(value: JSON) -> str:
    """Return the type of a JSON value as FQL's typeof() names it."""
    return _TYPE_NAMES[type(value)]


def is_number(value: JSON) -> TypeGuard[float]:
    """Return whether a JSON value is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def round_to_double(number: float) -> float:
    """Round *number* to a 64-bit float, as Segment reads JSON numbers."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def is_strictly_equal(left: JSON, right: JSON) -> bool:
    """Return whether two JSON values have the same type and value, and keys in the same order."""
    if get_type_name(left) != get_type_name(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(is_strictly_equal, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(
            is_strictly_equal(left[key], right[key]) for key in left
        )
    if is_number(left):
        return round_to_double(left) == round_to_double(right)
    return bool(left == right)


# Glob patterns. Source: Segment, Public API, "Destination Filter Query Language", match();
# `@segment/tsub` 2.0.1, `matchers.ts`, for lists in brackets and malformed patterns.
_PATTERN_PART = re.compile(
    r"(?P<stars>\*+)|(?P<any>\?)|(?P<list>\[\^?)|\\(?P<escaped>.)|(?P<plain>[^\\])", re.S
)
_LIST_CHARACTER = r"(?:\\(.)|([^\\\]-]))"
_LIST_RANGE = re.compile(f"{_LIST_CHARACTER}(?:-{_LIST_CHARACTER})?", re.DOTALL)


class InvalidGlobPattern(ValueError):
    """Error: a glob pattern of FQL is malformed and matches nothing; the text says why."""


def matches_glob(text: str, pattern: str) -> bool:
    """Return whether the whole of *text* matches an FQL glob; a malformed one matches nothing."""
    compiled = _compile_glob(pattern)
    return compiled is not None and compiled.fullmatch(text) is not None


def validate_glob_pattern(pattern: str) -> None:
    """Check a glob pattern of FQL. Raises: InvalidGlobPattern, if it is malformed.

    Raises: GlobError.
    """
    _convert_glob_to_regex(pattern)


@lru_cache(256)
def _compile_glob(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(_convert_glob_to_regex(pattern), re.DOTALL)
    except InvalidGlobPattern:
        return None


def _convert_glob_to_regex(pattern: str) -> str:
    chunks = [""]  # regular expressions of the parts between stars
    at = 0
    while at < len(pattern):
        part = _PATTERN_PART.match(pattern, at)
        if part is None:
            raise InvalidGlobPattern("it ends in a \\ that escapes nothing")
        at = part.end()
        if part["stars"]:
            chunks.append("")
        elif part["list"]:
            characters, at = _parse_character_list(pattern, at)
            negated = part["list"] == "[^"
            chunks[-1] += _build_regex_character_class(characters, negated)
        else:
            chunks[-1] += "." if part["any"] else re.escape(part["escaped"] or part["plain"])
    first, *others = chunks
    # The part between two stars matches at its first place and is never tried elsewhere:
    # otherwise a pattern of many stars takes for ever to fail.
    middle = "".join(f"(?>.*?{chunk})" for chunk in others[:-1])
    rest = f"{middle}.*{others[-1]}" if others else ""
    return first + rest


def _parse_character_list(pattern: str, start: int) -> tuple[str, int]:
    """Parse a glob's [...] to the inside of a regex character class; also return its end.

    Raises: GlobError.
    """
    ranges = []
    begin = start
    while not (pattern.startswith("]", start) and start > begin):
        match = _LIST_RANGE.match(pattern, start)
        if match is None:
            raise InvalidGlobPattern(_build_character_list_error(pattern, start))
        start = match.end()
        low = match[1] or match[2]
        high = match[3] or match[4] or low
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    return "".join(ranges), start + 1


def _build_regex_character_class(ranges: str, negated: bool) -> str:
    if not ranges:  # every range ends before it begins
        return "." if negated else "(?!)"
    return f"[{'^' if negated else ''}{ranges}]"


def _build_character_list_error(pattern: str, index: int) -> str:
    if index >= len(pattern) or pattern[index] == "\\":
        return "it has a [ without its ]"
    return (
        f"in [ ], {pattern[index]} is where a character should be; write \\{pattern[index]} for it"
    )


FqlFunction: TypeAlias = Callable[..., JSON]

VERSION_OPERATORS = {"=": operator.eq, "!=": operator.ne, **ORDER_OPERATORS}
# What JavaScript's parseInt reads of one part of a version: the digits that it begins with.
_LEADING_INTEGER = re.compile(r"[\s\ufeff]*([+-]?[0-9]+)")


def evaluate_contains_function(text: JSON, part: JSON) -> bool:
    return isinstance(text, str) and isinstance(part, str) and part in text


def evaluate_match_function(text: JSON, pattern: JSON) -> bool:
    return isinstance(text, str) and isinstance(pattern, str) and matches_glob(text, pattern)


def evaluate_length_function(value: JSON) -> float:
    """Evaluate FQL's length(): the number of items of a list, or of bytes of a text.

    Of null it is 0, of any other value NaN, which nothing equals.
    """
    if value is None:
        return 0
    if isinstance(value, list):
        return len(value)
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    return math.nan


def compare_versions(version: JSON, comparison: JSON, other: JSON) -> bool:
    """Evaluate FQL's semver(): compare versions such as "1.10"; "1.2.3-beta" counts as "1.2.3"."""
    if not isinstance(comparison, str) or comparison not in VERSION_OPERATORS:
        return False
    left, right = parse_version(version), parse_version(other)
    return bool(left and right and VERSION_OPERATORS[comparison](left, right))


def parse_version(version: JSON) -> tuple[float, ...] | None:
    """Return the major, minor and patch number of a version text; None if it is no version."""
    if not isinstance(version, str):
        return None
    matches = [_LEADING_INTEGER.match(part) for part in version.split(".")]
    numbers = [float(match[1]) for match in matches if match]
    if len(numbers) < len(matches) or len(matches) > 3:
        return None
    return tuple([*numbers, 0.0, 0.0][:3])


def convert_to_boolean(value: JSON) -> bool:
    """Convert an FQL value to a boolean: null, zero, "false", empty ones are false. (assumed)"""
    return value != "false" and bool(value)


def convert_to_text(value: JSON) -> str:
    """Convert an FQL value to text: null becomes an empty text, others JSON. (assumed)"""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def convert_to_number(value: JSON) -> float | None:
    """Convert an FQL number or numeric text to a number; null for other values. (assumed)"""
    if not is_number(value) and not isinstance(value, str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _create_text_change_function(change: Callable[[str], str]) -> FqlFunction:
    return lambda value: change(value) if isinstance(value, str) else None


FUNCTION_IMPLEMENTATIONS: dict[str, FqlFunction] = {
    "contains": evaluate_contains_function,
    "match": evaluate_match_function,
    "semver": compare_versions,
    "length": evaluate_length_function,
    "lowercase": _create_text_change_function(str.lower),
    "uppercase": _create_text_change_function(str.upper),
    "snakecase": _create_text_change_function(lambda text: text.replace(" ", "_")),
    "kebabcase": _create_text_change_function(lambda text: text.replace(" ", "-")),
    "titlecase": _create_text_change_function(
        lambda text: " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
    ),
    "typeof": get_type_name,
    "bool": convert_to_boolean,
    "string": convert_to_text,
    "number": convert_to_number,
}

MAX_INDEX_DIGITS = 10


def matches_event(statement: FqlNode, event: JSONObject) -> bool:
    """Return whether an FQL statement is true for *event*; a text or a number is not true."""
    return evaluate_fql_node(statement, event) is True


def evaluate_fql_node(node: FqlNode, event: JSONObject) -> JSON:
    """Return the value of a node of an FQL syntax tree for *event*."""
    match node:
        case FqlLiteral():
            return node.value
        case FqlPath():
            return get_value_at_path(node.keys, event)
        case FqlList():
            return [evaluate_fql_node(item, event) for item in node.items]
        case FqlNegation():
            return not _is_node_truthy(node.operand, event)
        case FqlCall():
            return FUNCTION_IMPLEMENTATIONS[node.name](
                *(evaluate_fql_node(argument, event) for argument in node.arguments)
            )
        case FqlOperation():
            return _evaluate_operation(node, event)
    assert_never(node)


def get_value_at_path(path: tuple[str, ...], event: JSONObject) -> JSON:
    """Return the value at *path* in *event*; None if missing. A number selects a list item."""
    current: JSON = event
    for key in path:
        if isinstance(current, dict):
            current = current.get(key)
        elif isinstance(current, list) and is_list_index(key, current):
            current = current[int(key)]
        else:
            return None
    return current


def is_list_index(key: str, items: list[JSON]) -> bool:
    """Return whether an FQL path's *key* is an index of the list *items*: 0, 1, 2 …."""
    if not (key.isascii() and key.isdigit()) or len(key) > MAX_INDEX_DIGITS:
        return False
    return str(int(key)) == key and int(key) < len(items)


def _evaluate_operation(node: FqlOperation, event: JSONObject) -> bool:
    if node.operator == "and":
        return _is_node_truthy(node.left, event) and _is_node_truthy(node.right, event)
    if node.operator == "or":
        return _is_node_truthy(node.left, event) or _is_node_truthy(node.right, event)
    left, right = evaluate_fql_node(node.left, event), evaluate_fql_node(node.right, event)
    if node.operator == "in":
        return _is_in_list(left, right)
    if node.operator in ("=", "!="):
        return is_strictly_equal(left, right) is (node.operator == "=")
    if not is_number(left) or not is_number(right):
        return False
    return ORDER_OPERATORS[node.operator](round_to_double(left), round_to_double(right))


def _is_node_truthy(node: FqlNode, event: JSONObject) -> bool:
    """Return whether an FQL node counts as true: a field only if `true`, a call as in JS."""
    result = evaluate_fql_node(node, event)
    if isinstance(node, FqlCall):
        return bool(result) and result == result  # NaN, a length of what has none, does not count
    return result is True


def _is_in_list(left: JSON, right: JSON) -> bool:
    """Evaluate FQL's `in`: whether a scalar is in a list; lists and objects never are."""
    if isinstance(left, list | dict) or not isinstance(right, list):
        return False
    return any(is_strictly_equal(left, item) for item in right)
