"""Conditions that can only fail, or only hold: a statement's faults that no event is needed for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import assert_never

from segment_insider_emulator.segment.filtering.fql import glob
from segment_insider_emulator.segment.filtering.fql.functions import (
    VERSION_OPERATORS,
    parse_version,
)
from segment_insider_emulator.segment.filtering.fql.kinds import ORDER, kind, same
from segment_insider_emulator.segment.filtering.fql.syntax import (
    Call,
    ListOf,
    Literal,
    Node,
    Not,
    Operation,
    Path,
)
from segment_insider_emulator.types import JSON

EVENT_TYPES = ("track", "identify", "page", "screen", "group", "alias")
TYPE_WORDS = ("string", "number", "list", "bool", "null", "object")
_CASES = ("lowercase", "uppercase", "snakecase", "kebabcase", "titlecase")
# What each function gives, as typeof() calls it.
RESULTS = {
    **{name: {"bool"} for name in ("contains", "match", "semver", "bool")},
    **{name: {"string", "null"} for name in _CASES},
    "typeof": {"string"},
    "string": {"string"},
    "length": {"number"},
    "number": {"number", "null"},
}
NAMES = {"string": "text", "bool": "true or false"}
_ESCAPED = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class ConstantCondition:
    """A part of a statement that every event answers alike.

    Args:
        part: The part, as text.
        holds: What it always is.
        reason: Why, a main clause without its full stop.
    """

    part: str
    holds: bool
    reason: str

    def __str__(self) -> str:
        return f"`{self.part}` {'always' if self.holds else 'never'} holds: {self.reason}"


def constant_conditions(statement: Node) -> Iterator[ConstantCondition]:
    """Yield the parts of *statement* that can only fail, or only hold; the outermost first.

    A statement that is a plain `true`, `false` or `all` is meant.
    """
    yield from _value(statement)
    for node in _parts(statement):
        yield from _constant(node)


def _parts(node: Node) -> Iterator[Node]:
    yield node
    for child in _children(node):
        yield from _parts(child)


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Not():
            return (node.operand,)
        case Operation():
            return (node.left, node.right)
        case Call():
            return node.arguments
        case ListOf():
            return node.items
    return ()


def _constant(node: Node) -> Iterator[ConstantCondition]:
    if isinstance(node, Not):
        yield from _operand(node.operand)
    elif isinstance(node, Operation) and node.operator in ("and", "or"):
        yield from _operand(node.left)
        yield from _operand(node.right)
        if node.operator == "and" and (reason := _contradiction(node)):
            yield ConstantCondition(text_of(node), False, reason)
    elif isinstance(node, Operation):
        if reason := _mismatch(node):
            yield ConstantCondition(text_of(node), node.operator == "!=", reason)
    elif isinstance(node, Call) and (reason := _useless_call(node)):
        yield ConstantCondition(text_of(node), False, reason)


def _operand(node: Node) -> Iterator[ConstantCondition]:
    """A value where true or false is wanted; a function's counts unless it is empty or zero."""
    if not isinstance(node, Call):
        yield from _value(node)


def _value(node: Node) -> Iterator[ConstantCondition]:
    types = _types(node)
    if types and "bool" not in types:
        yield ConstantCondition(text_of(node), False, f"it is {_named(types)}, not a condition")


def _mismatch(node: Operation) -> str | None:
    """Why the two sides of a comparison never meet."""
    if node.operator in ORDER:
        for side in (node.left, node.right):
            types = _types(side)
            if types and "number" not in types:
                return f"{node.operator} compares numbers, {text_of(side)} is {_named(types)}"
        return None
    if node.operator == "in":
        return _never_in(node.left, node.right)
    return _never_equal(node.left, node.right) or _never_equal(node.right, node.left)


def _never_in(item: Node, holder: Node) -> str | None:
    types = _types(holder)
    if types and "list" not in types:
        return f"in needs a list, {text_of(holder)} is {_named(types)}"
    if not isinstance(holder, ListOf):
        return None
    reasons = [_never_equal(item, listed) for listed in holder.items]
    if None in reasons:
        return None
    return reasons[0] if reasons else "the list is empty"


def _never_equal(left: Node, right: Node) -> str | None:
    ours, theirs = _types(left), _types(right)
    if ours and theirs and not ours & theirs:
        return f"{text_of(left)} is {_named(ours)}, {text_of(right)} is {_named(theirs)}"
    if not isinstance(right, Literal) or not isinstance(right.value, str):
        return None
    if left == Path(("type",)) and right.value not in EVENT_TYPES:
        return f"the type of an event is {_either(EVENT_TYPES)}"
    if not isinstance(left, Call):
        return None
    if left.name == "typeof" and right.value not in TYPE_WORDS:
        return f"typeof() says {_either(TYPE_WORDS)}"
    change = {"lowercase": str.lower, "uppercase": str.upper}.get(left.name)
    if change and change(right.value) != right.value:
        return f"{left.name}() gives no such letters"
    return None


def _useless_call(call: Call) -> str | None:
    if call.name not in ("contains", "match", "semver"):
        return None
    for argument in call.arguments:
        types = _types(argument)
        if types and "string" not in types:
            return f"{call.name}() takes text, {text_of(argument)} is {_named(types)}"
    known = [
        argument.value if isinstance(argument, Literal) else None for argument in call.arguments
    ]
    if call.name == "match" and isinstance(known[1], str):
        try:
            glob.check(known[1])
        except glob.GlobError as error:
            return f"the pattern is malformed, {error}"
    return _useless_version_test(*known) if call.name == "semver" else None


def _useless_version_test(version: JSON, comparison: JSON, other: JSON) -> str | None:
    if comparison is not None and comparison not in VERSION_OPERATORS:
        return f"semver() compares by {_either(tuple(VERSION_OPERATORS))}"
    for text in (version, other):
        if text is not None and parse_version(text) is None:
            return f"{text!r} is no version such as 2.1.0"
    return None


def _contradiction(node: Operation) -> str | None:
    """Why no event fits all of `a and b and …`: a field cannot be two values at once."""
    wanted = [found for part in _conjuncts(node) if (found := _wanted(part))]
    for (path, values), (other, others) in pairwise(sorted(wanted, key=lambda want: want[0].keys)):
        if path == other and not any(same(value, item) for value in values for item in others):
            return f"{text_of(path)} cannot be both"
    return None


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, Operation) and node.operator == "and":
        yield from _conjuncts(node.left)
        yield from _conjuncts(node.right)
    else:
        yield node


def _wanted(node: Node) -> tuple[Path, list[JSON]] | None:
    """The field that a comparison names, and the values that make it hold."""
    if not isinstance(node, Operation) or not isinstance(node.left, Path):
        return None
    items = node.right.items if isinstance(node.right, ListOf) else (node.right,)
    if node.operator not in ("=", "in") or isinstance(node.right, ListOf) is (node.operator == "="):
        return None
    values = [item.value for item in items if isinstance(item, Literal)]
    return (node.left, values) if values and len(values) == len(items) else None


def _types(node: Node) -> set[str] | None:
    """What typeof() may call *node*; None for a field, which may be anything."""
    match node:
        case Path():
            return None
        case Literal():
            return {kind(node.value)}
        case ListOf():
            return {"list"}
        case Call():
            return RESULTS[node.name]
        case Not() | Operation():
            return {"bool"}
    assert_never(node)


def _named(types: set[str]) -> str:
    return " or ".join(NAMES.get(word, word) for word in sorted(types, reverse=True))


def _either(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def text_of(node: Node) -> str:
    """Return *node* as filter FQL."""
    match node:
        case Path():
            return ".".join(_ESCAPED.sub(r"\\\g<0>", key) for key in node.keys)
        case Literal():
            return _literal_text(node.value)
        case ListOf():
            return f"[{', '.join(map(text_of, node.items))}]"
        case Call():
            return f"{node.name}({', '.join(map(text_of, node.arguments))})"
        case Not():
            return f"!({text_of(node.operand)})"
        case Operation():
            return f" {node.operator} ".join(_side(side, node) for side in (node.left, node.right))
    assert_never(node)


def _side(node: Node, parent: Operation) -> str:
    junctions = ("and", "or")
    grouped = isinstance(node, Operation) and (
        node.operator in junctions or parent.operator not in junctions
    )
    return f"({text_of(node)})" if grouped else text_of(node)


def _literal_text(value: JSON) -> str:
    if isinstance(value, str):
        return f"'{value}'" if "'" not in value else f'"{value}"'
    if isinstance(value, float):
        return format(Decimal(f"{value:.15g}"), "f")
    return {True: "true", False: "false"}.get(value, "null")
