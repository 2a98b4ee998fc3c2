"""A trigger as people read it."""

from collections.abc import Iterator
from itertools import groupby

from segment_insider_emulator.mapping.javascript import to_json_text
from segment_insider_emulator.mapping.triggers import (
    TriggerCondition,
    TriggerError,
    TriggerGroup,
    parse_trigger,
)
from segment_insider_emulator.types import JSON

# "a != 1 and a != 2" and "a = 1 or a = 2": what joins them, their operator, and words for all.
_SERIES_PHRASES = {"and": ("!=", "is none of"), "or": ("=", "is one of")}
_OPERATOR_PHRASES = {
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


def describe_trigger(trigger: JSON) -> str:
    """*trigger* in words, e.g. type is "track" and event is "Order Completed"."""
    if not isinstance(trigger, str) or not trigger:
        return "no trigger: it takes no event"
    try:
        return _describe_group(parse_trigger(trigger), outermost=True)
    except TriggerError as error:
        return f"malformed, so it takes no event ({error})"


def _describe_group(group: TriggerGroup, *, outermost: bool = False) -> str:
    parts = list(_describe_children(group))
    joined = f" {group.operator} ".join(parts)
    return joined if outermost or len(parts) < 2 else f"({joined})"


def _describe_children(group: TriggerGroup) -> Iterator[str]:
    """The children in words; comparisons of one field that follow each other are told as one."""
    operator, words = _SERIES_PHRASES.get(group.operator, ("", ""))
    for field, series in groupby(group.children, lambda child: _series_field(child, operator)):
        children = list(series)
        if field and len(children) > 1:
            values = [
                to_json_text(each.value) for each in children if isinstance(each, TriggerCondition)
            ]
            yield f"{field} {words} {', '.join(values)}"
        else:
            yield from map(_describe_node, children)


def _series_field(node: TriggerCondition | TriggerGroup | None, operator: str) -> str:
    """The field of a comparison by *operator*; "" for anything else."""
    if not isinstance(node, TriggerCondition) or node.operator != operator:
        return ""
    return ".".join((node.root, *node.path))


def _describe_node(node: TriggerCondition | TriggerGroup | None) -> str:
    if node is None:
        return "empty parentheses, which fail every event that reaches them"
    return (
        _describe_condition(node) if isinstance(node, TriggerCondition) else _describe_group(node)
    )


def _describe_condition(condition: TriggerCondition) -> str:
    field = ".".join((condition.root, *condition.path))
    phrase = _OPERATOR_PHRASES.get(condition.operator)
    if phrase is None:
        return f"{field} {condition.operator} (no operator: it never holds)"
    unary = condition.operator in ("exists", "not_exists", "is_true", "is_false")
    return f"{field} {phrase}" if unary else f"{field} {phrase} {to_json_text(condition.value)}"
