"""A trigger as people read it."""

from collections.abc import Iterator
from itertools import groupby

from segment_insider_emulator.mapping.javascript import json_text
from segment_insider_emulator.mapping.triggers import Condition, Group, TriggerError, parse
from segment_insider_emulator.types import JSON

# "a != 1 and a != 2" and "a = 1 or a = 2": what joins them, their operator, and words for all.
_SERIES = {"and": ("!=", "is none of"), "or": ("=", "is one of")}
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
    parts = list(_parts(group))
    told = f" {group.operator} ".join(parts)
    return told if outermost or len(parts) < 2 else f"({told})"


def _parts(group: Group) -> Iterator[str]:
    """The children in words; comparisons of one field that follow each other are told as one."""
    operator, words = _SERIES.get(group.operator, ("", ""))
    for field, series in groupby(group.children, lambda child: _in_series(child, operator)):
        children = list(series)
        if field and len(children) > 1:
            values = [json_text(each.value) for each in children if isinstance(each, Condition)]
            yield f"{field} {words} {', '.join(values)}"
        else:
            yield from map(_node, children)


def _in_series(node: Condition | Group | None, operator: str) -> str:
    """The field of a comparison by *operator*; "" for anything else."""
    if not isinstance(node, Condition) or node.operator != operator:
        return ""
    return ".".join((node.root, *node.path))


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
