"""What a filter's statement says about an event.

Documented are the operators, the functions, their types and what functions make of null. Nobody
documents what a comparison makes of null; here nothing is greater or less than null, `in` finds
nothing in it, and it counts as false. Any other value of a type that an operator does not take is
an error, and Segment drops an event that a filter fails on. (assumed)
"""

import operator
from collections.abc import Callable
from typing import assert_never

from emulator.segment.filtering.fql.functions import FUNCTIONS
from emulator.segment.filtering.fql.kinds import EvaluationError, kind, same
from emulator.segment.filtering.fql.syntax import Call, ListOf, Literal, Node, Not, Operation, Path
from emulator.types import JSON, JSONObject

ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def holds(statement: Node, event: JSONObject) -> bool:
    """Whether *event* is one that *statement* speaks of. Raises: EvaluationError."""
    return _truth(value(statement, event), "the statement")


def value(node: Node, event: JSONObject) -> JSON:
    """What *node* stands for in *event*. Raises: EvaluationError."""
    match node:
        case Literal():
            return node.value
        case Path():
            return found(node.keys, event)
        case ListOf():
            return [value(each, event) for each in node.items]
        case Not():
            return not _truth(value(node.operand, event), "what ! negates")
        case Call():
            return FUNCTIONS[node.name](*(value(each, event) for each in node.arguments))
        case Operation():
            return _operation(node, event)
    assert_never(node)


def found(path: tuple[str, ...], event: JSONObject) -> JSON:
    """The value at *path*; None when there is none. A list has no keys."""
    at: JSON = event
    for key in path:
        at = at.get(key) if isinstance(at, dict) else None
    return at


def _operation(node: Operation, event: JSONObject) -> bool:
    left = value(node.left, event)
    if node.operator in ("and", "or"):
        decided = _truth(left, f"the left side of {node.operator}")
        if decided is (node.operator == "or"):
            return decided
        return _truth(value(node.right, event), f"the right side of {node.operator}")
    right = value(node.right, event)
    if node.operator == "in":
        return _contained(left, right)
    if node.operator in ("=", "!="):
        return same(left, right) is (node.operator == "=")
    return _ordered(node.operator, left, right)


def _contained(left: JSON, right: JSON) -> bool:
    if right is None:
        return False
    if not isinstance(right, list):
        raise EvaluationError(f"the right side of in is {kind(right)}, not a list")
    return any(same(left, each) for each in right)


def _ordered(name: str, left: JSON, right: JSON) -> bool:
    for side in (left, right):
        if kind(side) not in ("number", "null"):
            raise EvaluationError(f"{name} compares numbers, and one side is {kind(side)}")
    return left is not None and right is not None and ORDER[name](left, right)


def _truth(found: JSON, what: str) -> bool:
    if not isinstance(found, bool | None):
        raise EvaluationError(f"{what} is {kind(found)}, not true or false")
    return found is True
