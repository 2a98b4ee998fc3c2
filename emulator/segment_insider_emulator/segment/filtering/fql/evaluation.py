"""What a filter's statement says about an event.

Segment's published evaluator decides: nothing that an event holds is an error. A value of a type
that an operator does not take makes the comparison false, and a filter that is false lets the
event pass. Where the documentation says otherwise it wins: what is missing is null there.
Source: `@segment/tsub` 2.0.1, `matchers.ts`; Segment, "Destination Filter Query Language".
"""

from typing import assert_never

from segment_insider_emulator.segment.filtering.fql.functions import FUNCTIONS
from segment_insider_emulator.segment.filtering.fql.kinds import ORDER, as_double, is_number, same
from segment_insider_emulator.segment.filtering.fql.syntax import (
    Call,
    ListOf,
    Literal,
    Node,
    Not,
    Operation,
    Path,
)
from segment_insider_emulator.types import JSON, JSONObject

MAX_INDEX_DIGITS = 10


def holds(statement: Node, event: JSONObject) -> bool:
    """Check whether *event* is one that *statement* speaks of; a text or a number is not enough."""
    return value(statement, event) is True


def value(node: Node, event: JSONObject) -> JSON:
    """Return what *node* stands for in *event*."""
    match node:
        case Literal():
            return node.value
        case Path():
            return found(node.keys, event)
        case ListOf():
            return [value(item, event) for item in node.items]
        case Not():
            return not _is_true(node.operand, event)
        case Call():
            return FUNCTIONS[node.name](*(value(argument, event) for argument in node.arguments))
        case Operation():
            return _operation(node, event)
    assert_never(node)


def found(path: tuple[str, ...], event: JSONObject) -> JSON:
    """Return the value at *path*; None when there is none. A number names one item of a list."""
    at: JSON = event
    for key in path:
        if isinstance(at, dict):
            at = at.get(key)
        elif isinstance(at, list) and is_index(key, at):
            at = at[int(key)]
        else:
            return None
    return at


def is_index(key: str, items: list[JSON]) -> bool:
    """Check whether *key* names one of *items*: 0, 1, 2 …, without leading zeros."""
    if not (key.isascii() and key.isdigit()) or len(key) > MAX_INDEX_DIGITS:
        return False
    return str(int(key)) == key and int(key) < len(items)


def _operation(node: Operation, event: JSONObject) -> bool:
    if node.operator == "and":
        return _is_true(node.left, event) and _is_true(node.right, event)
    if node.operator == "or":
        return _is_true(node.left, event) or _is_true(node.right, event)
    left, right = value(node.left, event), value(node.right, event)
    if node.operator == "in":
        return _is_in(left, right)
    if node.operator in ("=", "!="):
        return same(left, right) is (node.operator == "=")
    if not is_number(left) or not is_number(right):
        return False
    return ORDER[node.operator](as_double(left), as_double(right))


def _is_true(node: Node, event: JSONObject) -> bool:
    """Whether *node* counts as true: a field only as `true`, a function as JavaScript counts."""
    result = value(node, event)
    if isinstance(node, Call):
        return bool(result) and result == result  # NaN, a length of what has none, does not count
    return result is True


def _is_in(left: JSON, right: JSON) -> bool:
    """Whether a text, number, bool or null is in a list; lists and objects never are."""
    if isinstance(left, list | dict) or not isinstance(right, list):
        return False
    return any(same(left, item) for item in right)
