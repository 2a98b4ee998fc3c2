"""Triggers: which events a subscription takes, in the FQL subset of Segment's subscriptions.

Source: behaviour recorded from Segment's published trigger parser and evaluator.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

from segment_insider_emulator.mapping.fql import LexerError, Token, tokens
from segment_insider_emulator.mapping.javascript import (
    MISSING,
    is_number,
    json_text,
    member,
    number_of,
    text_of,
)
from segment_insider_emulator.types import JSON, JSONObject

Literal: TypeAlias = str | float | bool | None
Predicate: TypeAlias = Callable[[JSONObject], bool]

_UNREADABLE = "Cannot read properties of undefined (reading 'type')"
_TOP_LEVEL = ("type", "event", "name", "userId")
_NESTED = ("properties", "traits", "context")


class TriggerError(ValueError):
    """The trigger is malformed and matches nothing; the message is Segment's."""


class BrokenGroupError(TypeError):
    """An empty pair of parentheses was reached while the trigger was evaluated."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison.

    Args:
        root: "type", "event", "name", "userId", "properties", "traits" or "context".
        path: Keys below the root, empty for the four top-level fields.
        operator: As evaluated, e.g. "=", "number_equals", "not_contains", "exists".
        value: The literal compared with; None where the operator takes none.
    """

    root: str
    path: tuple[str, ...]
    operator: str
    value: Literal = None

    def __str__(self) -> str:
        field = ".".join((self.root, *self.path))
        if self.operator in _UNARY:
            return f"{field} {self.operator}"
        return f"{field} {self.operator} {json_text(self.value)}"

    def found(self, event: JSONObject) -> JSON:
        """What the event has in the place that is compared; MISSING for nothing."""
        return reduce(member, self.path, event.get(self.root, MISSING))

    def holds(self, event: JSONObject) -> bool:
        return _test(self.operator, self.value)(self.found(event))


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions and groups joined by one "and" or "or"; None stands for empty parentheses."""

    operator: str
    children: tuple["Condition | Group | None", ...]


Node: TypeAlias = Condition | Group | None


def parse(trigger: str) -> Group:
    """Read a trigger. Raises: TriggerError, with the text that Segment reports."""
    try:
        found = tokens(trigger)
    except LexerError:
        # The published parser goes on with no tokens at all and trips over the empty result.
        raise TriggerError(_UNREADABLE) from None
    node = _Parser(found).group()
    if node is None:
        raise TriggerError(_UNREADABLE)
    return node if isinstance(node, Group) else Group("and", (node,))


def compile_trigger(trigger: str) -> Predicate:
    """Turn a trigger into a predicate over events. Raises: TriggerError."""
    return _predicate(parse(trigger))


def decided_by_name(node: Node) -> bool:
    """Whether nothing but an event's type and name is looked at."""
    if isinstance(node, Group):
        return all(map(decided_by_name, node.children))
    return node is not None and node.root in ("type", "event")


def event_names(trigger: JSON) -> list[str]:
    """Return the event names that *trigger* compares with; none when it is malformed."""
    try:
        pending: list[Node] = [parse(trigger)] if isinstance(trigger, str) else []
    except TriggerError:
        return []
    names = []
    while pending:
        node = pending.pop(0)
        if isinstance(node, Group):
            pending += node.children
        elif node and node.root == "event" and node.operator in ("=", "!="):
            names.append(text_of(node.value))
    return names


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found[::-1]
        self._nodes: list[Node] = []

    def group(self) -> Node:
        # Whatever the grouping meant, the last word that joins governs the whole level.
        joined_by = "and"
        while self._tokens and (token := self._tokens.pop()).kind != "eos":
            if token.kind == "conditional":
                joined_by = token.value
            elif token.kind == "(":
                self._nodes.append(_Parser(self._until_parenthesis()).group())
            elif token.kind == "ident":
                self._condition(token)
            elif token == _NOT and _is_function(self._tokens[-1]):
                self._function(self._tokens.pop().value, negated=True)
        if len(self._nodes) > 1:
            return Group(joined_by, tuple(self._nodes))
        return self._nodes[0] if self._nodes else None

    def _until_parenthesis(self) -> list[Token]:
        inner: list[Token] = []
        while (token := self._shift(_UNREADABLE)).kind != ")":
            inner.append(token)
        return [*inner, Token("eos", "eos")]

    def _condition(self, token: Token) -> None:
        root = token.value.split(".")[0]
        if root in _TOP_LEVEL or root in _NESTED:
            comparison = self._shift("Operator token is missing").value
            literal = self._shift("Value token is missing")
            path = _path_below(root, token.value)
            self._nodes.append(Condition(root, path, *_comparison(root, comparison, literal)))
        elif _is_function(token):
            self._function(token.value, negated=False)

    def _function(self, name: str, *, negated: bool) -> None:
        del self._tokens[-1:]  # the opening parenthesis
        field = self._shift(f"{name}() is missing a 1st argument").value
        del self._tokens[-1:]  # the comma
        argument = self._shift(f"{name}() is missing a 2nd argument")
        del self._tokens[-1:]  # the closing parenthesis
        text = text_of(_literal(argument))
        if name == "contains":
            meaning = "contains"
        elif argument.value.endswith('*"'):
            meaning, text = "starts_with", text[:-1]
        else:
            meaning, text = "ends_with", text[1:]
        root = next((root for root in _NESTED if field.startswith(root)), field)
        if root in _NESTED or root in ("event", "name", "userId"):
            meaning = f"not_{meaning}" if negated else meaning
            self._nodes.append(Condition(root, _path_below(root, field), meaning, text))

    def _shift(self, complaint: str) -> Token:
        if not self._tokens:
            raise TriggerError(complaint)
        return self._tokens.pop()


def _is_function(token: Token) -> bool:
    return token.kind == "ident" and token.value in ("contains", "match")


def _path_below(root: str, field: str) -> tuple[str, ...]:
    if root in _TOP_LEVEL:
        return ()
    return tuple(key for key in re.split(r"[\[.\]]", field.removeprefix(f"{root}.")) if key)


def _literal(token: Token) -> Literal:
    if token.kind == "string":
        return token.value.removeprefix('"').removesuffix('"')
    if token.kind == "number":
        return number_of(token.value)
    if token.kind == "ident" and token.value in ("true", "false"):
        return token.value == "true"
    return token.value


def _comparison(root: str, comparison: str, literal: Token) -> tuple[str, Literal]:
    """The operator that is evaluated and its value; which words are special depends on *root*."""
    spelled = (comparison, literal.value)
    if root not in ("type", "event") and spelled in _PRESENCE:
        return _PRESENCE[spelled], None
    if root not in ("type", "event", "name") and spelled in _TRUTH:
        return _TRUTH[spelled], None
    value = _literal(literal)
    if root in _TOP_LEVEL:
        return comparison, text_of(value)
    if literal.kind == "number" and comparison in _NUMERIC:
        return _NUMERIC[comparison], value
    return comparison, value


def _predicate(node: Node) -> Predicate:
    if node is None:
        return _broken
    if isinstance(node, Condition):
        return _condition(node)
    children = [_predicate(child) for child in node.children]
    if node.operator == "and" and len(children) == 2:
        # Nearly every trigger is a type and a name.
        first, second = children
        return lambda event: first(event) and second(event)
    if node.operator == "and":
        return lambda event: all(child(event) for child in children)
    return lambda event: any(child(event) for child in children)


def _broken(event: JSONObject) -> bool:
    raise BrokenGroupError(_UNREADABLE)


def _condition(condition: Condition) -> Predicate:
    test = _test(condition.operator, condition.value)
    root, path = condition.root, condition.path
    if root in _TOP_LEVEL:
        return lambda event: test(event.get(root, MISSING))
    return lambda event: test(reduce(member, path, event.get(root, MISSING)))


def _test(name: str, value: Literal) -> Callable[[JSON], bool]:
    """A test of one value from the event; an operator nobody knows never holds."""
    if name in _UNARY:
        return _UNARY[name]
    if name in _ORDER:
        order, number = _ORDER[name], _number(value)
        return lambda actual: is_number(actual) and order(actual, number)
    text = text_of(value)
    if name in _TEXT:
        of_text, wanted = _TEXT[name]
        return lambda actual: isinstance(actual, str) and of_text(actual, text) is wanted
    if name == "=":
        return lambda actual: bool(actual == text)
    if name == "!=":
        return lambda actual: bool(actual != text)
    return lambda actual: False


def _number(value: Literal) -> float:
    if isinstance(value, str):
        return number_of(value)
    return float(value or 0)


_NOT = Token("operator", "!")
_PRESENCE = {("!=", "null"): "exists", ("=", "null"): "not_exists"}
_TRUTH = {("=", "true"): "is_true", ("=", "false"): "is_false"}
_NUMERIC = {"=": "number_equals", "!=": "number_not_equals"}
_UNARY: dict[str, Callable[[JSON], bool]] = {
    "exists": lambda actual: actual is not None and actual is not MISSING,
    "not_exists": lambda actual: actual is None or actual is MISSING,
    "is_true": lambda actual: actual is True,
    "is_false": lambda actual: actual is False,
}
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "number_equals": operator.eq,
    "number_not_equals": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TEXT: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "contains": (str.__contains__, True),
    "not_contains": (str.__contains__, False),
    "starts_with": (str.startswith, True),
    "not_starts_with": (str.startswith, False),
    "ends_with": (str.endswith, True),
    "not_ends_with": (str.endswith, False),
}
