"""Checks of a destination filter's FQL: conditions that are always true or always false."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import assert_never

from segment_insider_emulator.filtering.fql_evaluator import (
    ORDER_OPERATORS,
    VERSION_OPERATORS,
    InvalidGlobPattern,
    get_type_name,
    is_strictly_equal,
    parse_version,
    validate_glob_pattern,
)
from segment_insider_emulator.filtering.fql_parser import (
    FqlCall,
    FqlList,
    FqlLiteral,
    FqlNegation,
    FqlNode,
    FqlOperation,
    FqlPath,
)
from segment_insider_emulator.types import JSON

EVENT_TYPES = ("track", "identify", "page", "screen", "group", "alias")
TYPE_NAMES = ("string", "number", "list", "bool", "null", "object")
_CASE_FUNCTIONS = ("lowercase", "uppercase", "snakecase", "kebabcase", "titlecase")
# What each function gives, as typeof() calls it.
FUNCTION_RESULT_TYPES = {
    **{name: {"bool"} for name in ("contains", "match", "semver", "bool")},
    **{name: {"string", "null"} for name in _CASE_FUNCTIONS},
    "typeof": {"string"},
    "string": {"string"},
    "length": {"number"},
    "number": {"number", "null"},
}
TYPE_LABELS = {"string": "text", "bool": "true or false"}
_CHARACTER_TO_ESCAPE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class ConstantCondition:
    """An FQL condition with the same result for every event.

    Args:
        part: The part, as text.
        holds: What it always is.
        reason: Why, a main clause without its full stop.
    """

    condition: str
    always_holds: bool
    reason: str

    def __str__(self) -> str:
        return (
            f"`{self.condition}` {'always' if self.always_holds else 'never'} holds: {self.reason}"
        )


def find_constant_conditions(statement: FqlNode) -> Iterator[ConstantCondition]:
    """Yield the conditions of an FQL statement that are always true or false; outermost first.

    A statement that is a plain `true`, `false` or `all` is meant.
    """
    yield from _find_non_boolean_condition(statement)
    for node in _iterate_nodes(statement):
        yield from _find_constants_at_node(node)


def _iterate_nodes(node: FqlNode) -> Iterator[FqlNode]:
    yield node
    for child in _list_child_nodes(node):
        yield from _iterate_nodes(child)


def _list_child_nodes(node: FqlNode) -> tuple[FqlNode, ...]:
    match node:
        case FqlNegation():
            return (node.operand,)
        case FqlOperation():
            return (node.left, node.right)
        case FqlCall():
            return node.arguments
        case FqlList():
            return node.items
    return ()


def _find_constants_at_node(node: FqlNode) -> Iterator[ConstantCondition]:
    if isinstance(node, FqlNegation):
        yield from _find_constant_operand(node.operand)
    elif isinstance(node, FqlOperation) and node.operator in ("and", "or"):
        yield from _find_constant_operand(node.left)
        yield from _find_constant_operand(node.right)
        if node.operator == "and" and (reason := _explain_contradicting_conditions(node)):
            yield ConstantCondition(format_fql_node(node), False, reason)
    elif isinstance(node, FqlOperation):
        if reason := _explain_impossible_comparison(node):
            yield ConstantCondition(format_fql_node(node), node.operator == "!=", reason)
    elif isinstance(node, FqlCall) and (reason := _explain_always_false_call(node)):
        yield ConstantCondition(format_fql_node(node), False, reason)


def _find_constant_operand(node: FqlNode) -> Iterator[ConstantCondition]:
    """Yield an FQL operand that can never be true because it is no condition."""
    if not isinstance(node, FqlCall):
        yield from _find_non_boolean_condition(node)


def _find_non_boolean_condition(node: FqlNode) -> Iterator[ConstantCondition]:
    types = _find_possible_types(node)
    if types and "bool" not in types:
        yield ConstantCondition(
            format_fql_node(node), False, f"it is {_describe_types(types)}, not a condition"
        )


def _explain_impossible_comparison(node: FqlOperation) -> str | None:
    """Return why the two sides of an FQL comparison can never be equal or ordered, else None."""
    if node.operator in ORDER_OPERATORS:
        for side in (node.left, node.right):
            types = _find_possible_types(side)
            if types and "number" not in types:
                return (
                    f"{node.operator} compares numbers, {format_fql_node(side)} is "
                    f"{_describe_types(types)}"
                )
        return None
    if node.operator == "in":
        return _explain_never_in_list(node.left, node.right)
    return _explain_never_equal(node.left, node.right) or _explain_never_equal(
        node.right, node.left
    )


def _explain_never_in_list(item: FqlNode, container: FqlNode) -> str | None:
    types = _find_possible_types(container)
    if types and "list" not in types:
        return f"in needs a list, {format_fql_node(container)} is {_describe_types(types)}"
    if not isinstance(container, FqlList):
        return None
    reasons = [_explain_never_equal(item, listed) for listed in container.items]
    if None in reasons:
        return None
    return reasons[0] if reasons else "the list is empty"


def _explain_never_equal(left: FqlNode, right: FqlNode) -> str | None:
    ours, theirs = _find_possible_types(left), _find_possible_types(right)
    if ours and theirs and not ours & theirs:
        return (
            f"{format_fql_node(left)} is {_describe_types(ours)}, "
            f"{format_fql_node(right)} is {_describe_types(theirs)}"
        )
    if not isinstance(right, FqlLiteral) or not isinstance(right.value, str):
        return None
    if left == FqlPath(("type",)) and right.value not in EVENT_TYPES:
        return f"the type of an event is {_join_with_or(EVENT_TYPES)}"
    if not isinstance(left, FqlCall):
        return None
    if left.name == "typeof" and right.value not in TYPE_NAMES:
        return f"typeof() says {_join_with_or(TYPE_NAMES)}"
    change = {"lowercase": str.lower, "uppercase": str.upper}.get(left.name)
    if change and change(right.value) != right.value:
        return f"{left.name}() gives no such letters"
    return None


def _explain_always_false_call(call: FqlCall) -> str | None:
    if call.name not in ("contains", "match", "semver"):
        return None
    for argument in call.arguments:
        types = _find_possible_types(argument)
        if types and "string" not in types:
            return (
                f"{call.name}() takes text, {format_fql_node(argument)} is {_describe_types(types)}"
            )
    known = [
        argument.value if isinstance(argument, FqlLiteral) else None for argument in call.arguments
    ]
    if call.name == "match" and isinstance(known[1], str):
        try:
            validate_glob_pattern(known[1])
        except InvalidGlobPattern as error:
            return f"the pattern is malformed, {error}"
    return _explain_invalid_semver_call(*known) if call.name == "semver" else None


def _explain_invalid_semver_call(version: JSON, comparison: JSON, other: JSON) -> str | None:
    if comparison is not None and comparison not in VERSION_OPERATORS:
        return f"semver() compares by {_join_with_or(tuple(VERSION_OPERATORS))}"
    for text in (version, other):
        if text is not None and parse_version(text) is None:
            return f"{text!r} is no version such as 2.1.0"
    return None


def _explain_contradicting_conditions(node: FqlOperation) -> str | None:
    """Return why no event can match all parts of the FQL `a and b and …`, else None."""
    required = [
        field_values
        for part in _list_conjuncts(node)
        if (field_values := _get_tested_field_and_values(part))
    ]
    for (path, values), (other, others) in pairwise(
        sorted(required, key=lambda field_values: field_values[0].keys)
    ):
        if path == other and not any(
            is_strictly_equal(value, item) for value in values for item in others
        ):
            return f"{format_fql_node(path)} cannot be both"
    return None


def _list_conjuncts(node: FqlNode) -> Iterator[FqlNode]:
    if isinstance(node, FqlOperation) and node.operator == "and":
        yield from _list_conjuncts(node.left)
        yield from _list_conjuncts(node.right)
    else:
        yield node


def _get_tested_field_and_values(node: FqlNode) -> tuple[FqlPath, list[JSON]] | None:
    """Return the event field that an FQL comparison tests, and the values that make it true."""
    if not isinstance(node, FqlOperation) or not isinstance(node.left, FqlPath):
        return None
    items = node.right.items if isinstance(node.right, FqlList) else (node.right,)
    if node.operator not in ("=", "in") or isinstance(node.right, FqlList) is (
        node.operator == "="
    ):
        return None
    values = [item.value for item in items if isinstance(item, FqlLiteral)]
    return (node.left, values) if values and len(values) == len(items) else None


def _find_possible_types(node: FqlNode) -> set[str] | None:
    """Return the types that an FQL node's value can have; None for a field: any type."""
    match node:
        case FqlPath():
            return None
        case FqlLiteral():
            return {get_type_name(node.value)}
        case FqlList():
            return {"list"}
        case FqlCall():
            return FUNCTION_RESULT_TYPES[node.name]
        case FqlNegation() | FqlOperation():
            return {"bool"}
    assert_never(node)


def _describe_types(types: set[str]) -> str:
    return " or ".join(TYPE_LABELS.get(word, word) for word in sorted(types, reverse=True))


def _join_with_or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def format_fql_node(node: FqlNode) -> str:
    """Format a node of an FQL syntax tree as FQL text."""
    match node:
        case FqlPath():
            return ".".join(_CHARACTER_TO_ESCAPE.sub(r"\\\g<0>", key) for key in node.keys)
        case FqlLiteral():
            return _format_literal(node.value)
        case FqlList():
            return f"[{', '.join(map(format_fql_node, node.items))}]"
        case FqlCall():
            return f"{node.name}({', '.join(map(format_fql_node, node.arguments))})"
        case FqlNegation():
            return f"!({format_fql_node(node.operand)})"
        case FqlOperation():
            return f" {node.operator} ".join(
                _format_operand(side, node) for side in (node.left, node.right)
            )
    assert_never(node)


def _format_operand(node: FqlNode, parent: FqlOperation) -> str:
    junctions = ("and", "or")
    grouped = isinstance(node, FqlOperation) and (
        node.operator in junctions or parent.operator not in junctions
    )
    return f"({format_fql_node(node)})" if grouped else format_fql_node(node)


def _format_literal(value: JSON) -> str:
    if isinstance(value, str):
        return f"'{value}'" if "'" not in value else f'"{value}"'
    if isinstance(value, float):
        return format(Decimal(f"{value:.15g}"), "f")
    return {True: "true", False: "false"}.get(value, "null")
