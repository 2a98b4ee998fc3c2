"""A trigger as people read it."""

from emulator.mapping.javascript import json_text
from emulator.mapping.triggers import Condition, Group, TriggerError, parse
from emulator.types import JSON

_OPERATORS = {
    "=": "is",
    "!=": "is not",
    "number_equals": "is",
    "number_not_equals": "is not",
    "exists": "is there",
    "not_exists": "is not there",
    "is_true": "is true",
    "is_false": "is false",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "not_starts_with": "does not start with",
    "ends_with": "ends with",
    "not_ends_with": "does not end with",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
}


def trigger_words(trigger: JSON) -> str:
    """*trigger* in words, e.g. type is "track" and event is "Order Completed"."""
    if not isinstance(trigger, str) or not trigger:
        return "no trigger: it takes no event"
    try:
        return _group(parse(trigger), outermost=True)
    except TriggerError as error:
        return f"malformed, so it takes no event ({error})"


def _group(group: Group, *, outermost: bool = False) -> str:
    told = f" {group.operator} ".join(_node(child) for child in group.children)
    return told if outermost or len(group.children) < 2 else f"({told})"


def _node(node: Condition | Group | None) -> str:
    if node is None:
        return "empty parentheses, which fail every event that reaches them"
    return _condition(node) if isinstance(node, Condition) else _group(node)


def _condition(condition: Condition) -> str:
    field = ".".join((condition.root, *condition.path))
    told = _OPERATORS.get(condition.operator)
    if told is None:
        return f"{field} {condition.operator} (no operator: it never holds)"
    unary = condition.operator in ("exists", "not_exists", "is_true", "is_false")
    return f"{field} {told}" if unary else f"{field} {told} {json_text(condition.value)}"
