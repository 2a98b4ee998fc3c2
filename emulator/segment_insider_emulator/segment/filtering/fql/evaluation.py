"""What a filter's statement says about an event.

Segment's published evaluator decides: nothing that an event holds is an error. A value of a type
that an operator does not take makes the comparison false, and a filter that is false lets the
event pass. Where the documentation says otherwise it wins: what is missing is null there.
Source: `@segment/tsub` 2.0.1, `matchers.ts`; Segment, "Destination Filter Query Language".
"""

from typing import assert_never

from segment_insider_emulator.segment.filtering.fql.functions import FUNCTION_IMPLEMENTATIONS
from segment_insider_emulator.segment.filtering.fql.kinds import (
    ORDER_OPERATORS,
    is_number,
    is_strictly_equal,
    to_double,
)
from segment_insider_emulator.segment.filtering.fql.syntax import (
    FqlCall,
    FqlList,
    FqlLiteral,
    FqlNegation,
    FqlNode,
    FqlOperation,
    FqlPath,
)
from segment_insider_emulator.types import JSON, JSONObject

MAX_INDEX_DIGITS = 10


def matches_event(statement: FqlNode, event: JSONObject) -> bool:
    """Check whether *event* is one that *statement* speaks of; a text or a number is not enough."""
    return evaluate(statement, event) is True


def evaluate(node: FqlNode, event: JSONObject) -> JSON:
    """Return what *node* stands for in *event*."""
    match node:
        case FqlLiteral():
            return node.value
        case FqlPath():
            return value_at_path(node.keys, event)
        case FqlList():
            return [evaluate(item, event) for item in node.items]
        case FqlNegation():
            return not _is_truthy(node.operand, event)
        case FqlCall():
            return FUNCTION_IMPLEMENTATIONS[node.name](
                *(evaluate(argument, event) for argument in node.arguments)
            )
        case FqlOperation():
            return _evaluate_operation(node, event)
    assert_never(node)


def value_at_path(path: tuple[str, ...], event: JSONObject) -> JSON:
    """Return the value at *path*; None when there is none. A number names one item of a list."""
    at: JSON = event
    for key in path:
        if isinstance(at, dict):
            at = at.get(key)
        elif isinstance(at, list) and is_list_index(key, at):
            at = at[int(key)]
        else:
            return None
    return at


def is_list_index(key: str, items: list[JSON]) -> bool:
    """Check whether *key* names one of *items*: 0, 1, 2 …, without leading zeros."""
    if not (key.isascii() and key.isdigit()) or len(key) > MAX_INDEX_DIGITS:
        return False
    return str(int(key)) == key and int(key) < len(items)


def _evaluate_operation(node: FqlOperation, event: JSONObject) -> bool:
    if node.operator == "and":
        return _is_truthy(node.left, event) and _is_truthy(node.right, event)
    if node.operator == "or":
        return _is_truthy(node.left, event) or _is_truthy(node.right, event)
    left, right = evaluate(node.left, event), evaluate(node.right, event)
    if node.operator == "in":
        return _is_in(left, right)
    if node.operator in ("=", "!="):
        return is_strictly_equal(left, right) is (node.operator == "=")
    if not is_number(left) or not is_number(right):
        return False
    return ORDER_OPERATORS[node.operator](to_double(left), to_double(right))


def _is_truthy(node: FqlNode, event: JSONObject) -> bool:
    """Whether *node* counts as true: a field only as `true`, a function as JavaScript counts."""
    result = evaluate(node, event)
    if isinstance(node, FqlCall):
        return bool(result) and result == result  # NaN, a length of what has none, does not count
    return result is True


def _is_in(left: JSON, right: JSON) -> bool:
    """Whether a text, number, bool or null is in a list; lists and objects never are."""
    if isinstance(left, list | dict) or not isinstance(right, list):
        return False
    return any(is_strictly_equal(left, item) for item in right)
