"""The parser and compiler of triggers: conditions that select the events of a subscription.

The language is the FQL subset of Segment's subscriptions.
Source: behaviour recorded from Segment's published trigger parser and evaluator.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import TypeAlias

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    get_member,
    is_number,
    to_js_number,
    to_js_string,
    to_json_text,
)
from segment_insider_emulator.mapping.trigger_lexer import (
    TriggerLexerError,
    TriggerToken,
    tokenize_trigger,
)
from segment_insider_emulator.types import JSON, JSONObject

TriggerLiteral: TypeAlias = str | float | bool | None
EventPredicate: TypeAlias = Callable[[JSONObject], bool]

_UNREADABLE_MESSAGE = "Cannot read properties of undefined (reading 'type')"
_TOP_LEVEL_FIELDS = ("type", "event", "name", "userId")
_NESTED_ROOTS = ("properties", "traits", "context")


class TriggerError(ValueError):
    """The trigger is malformed and matches nothing; the message is Segment's."""


class EmptyGroupError(TypeError):
    """Evaluation of a trigger reached an empty pair of parentheses."""


@dataclass(frozen=True, slots=True)
class TriggerCondition:
    """One comparison of an event field with a literal.

    Args:
        root: "type", "event", "name", "userId", "properties", "traits" or "context".
        path: Keys below the root, empty for the four top-level fields.
        operator: As evaluated, e.g. "=", "number_equals", "not_contains", "exists".
        value: The literal compared with; None where the operator takes none.
    """

    root: str
    path: tuple[str, ...]
    operator: str
    value: TriggerLiteral = None

    def __str__(self) -> str:
        field = ".".join((self.root, *self.path))
        if self.operator in _UNARY_TESTS:
            return f"{field} {self.operator}"
        return f"{field} {self.operator} {to_json_text(self.value)}"

    def read_event_value(self, event: JSONObject) -> JSON:
        """Return the value of *event* that the condition compares; MISSING when there is none."""
        return reduce(get_member, self.path, event.get(self.root, MISSING))

    def is_met(self, event: JSONObject) -> bool:
        """Return whether *event* meets the trigger condition."""
        return _build_value_predicate(self.operator, self.value)(self.read_event_value(event))


@dataclass(frozen=True, slots=True)
class TriggerGroup:
    """Conditions and groups joined by one "and" or "or"; None means empty parentheses."""

    operator: str
    children: tuple["TriggerCondition | TriggerGroup | None", ...]


TriggerNode: TypeAlias = TriggerCondition | TriggerGroup | None


@lru_cache(256)  # those of some workspaces
def parse_trigger(trigger: str) -> TriggerGroup:
    """Parse a trigger. Raises: TriggerError, with the text that Segment reports."""
    try:
        tokens = tokenize_trigger(trigger)
    except TriggerLexerError:
        # The published parser continues without tokens and fails on the empty result.
        raise TriggerError(_UNREADABLE_MESSAGE) from None
    node = _TriggerParser(tokens).parse_condition_group()
    if node is None:
        raise TriggerError(_UNREADABLE_MESSAGE)
    return node if isinstance(node, TriggerGroup) else TriggerGroup("and", (node,))


def compile_trigger(trigger: str) -> EventPredicate:
    """Compile a trigger to a predicate of events. Raises: TriggerError."""
    return _compile_trigger_node(parse_trigger(trigger))


def is_decided_by_type_and_name(node: TriggerNode) -> bool:
    """Return whether the trigger depends only on an event's type and name."""
    if isinstance(node, TriggerGroup):
        return all(map(is_decided_by_type_and_name, node.children))
    return node is not None and node.root in ("type", "event")


def iterate_conditions(node: TriggerNode) -> Iterator[TriggerCondition]:
    """Yield every condition of a trigger, in order."""
    if isinstance(node, TriggerCondition):
        yield node
    elif isinstance(node, TriggerGroup):
        for child in node.children:
            yield from iterate_conditions(child)


def list_event_names(trigger: JSON) -> list[str]:
    """Return the event names that *trigger* compares with; an empty list when it is malformed."""
    try:
        pending: list[TriggerNode] = [parse_trigger(trigger)] if isinstance(trigger, str) else []
    except TriggerError:
        return []
    names = []
    while pending:
        node = pending.pop(0)
        if isinstance(node, TriggerGroup):
            pending += node.children
        elif node and node.root == "event" and node.operator in ("=", "!="):
            names.append(to_js_string(node.value))
    return names


class _TriggerParser:
    def __init__(self, tokens: list[TriggerToken]) -> None:
        self._tokens = tokens[::-1]
        self._nodes: list[TriggerNode] = []

    def parse_condition_group(self) -> TriggerNode:
        # The last "and" or "or" of a level is applied to the whole level.
        operator = "and"
        while self._tokens and (token := self._tokens.pop()).kind != "eos":
            if token.kind == "conditional":
                operator = token.value
            elif token.kind == "(":
                self._nodes.append(
                    _TriggerParser(self._take_tokens_until_parenthesis()).parse_condition_group()
                )
            elif token.kind == "ident":
                self._parse_condition(token)
            elif token == _NOT_TOKEN and _is_function_token(self._tokens[-1]):
                self._parse_function_call(self._tokens.pop().value, is_negated=True)
        if len(self._nodes) > 1:
            return TriggerGroup(operator, tuple(self._nodes))
        return self._nodes[0] if self._nodes else None

    def _take_tokens_until_parenthesis(self) -> list[TriggerToken]:
        inner: list[TriggerToken] = []
        while (token := self._take_token(_UNREADABLE_MESSAGE)).kind != ")":
            inner.append(token)
        return [*inner, TriggerToken("eos", "eos")]

    def _parse_condition(self, token: TriggerToken) -> None:
        root = token.value.split(".")[0]
        if root in _TOP_LEVEL_FIELDS or root in _NESTED_ROOTS:
            comparison = self._take_token("Operator token is missing").value
            literal = self._take_token("Value token is missing")
            path = _split_field_path(root, token.value)
            self._nodes.append(
                TriggerCondition(root, path, *_choose_operator_and_value(root, comparison, literal))
            )
        elif _is_function_token(token):
            self._parse_function_call(token.value, is_negated=False)

    def _parse_function_call(self, function_name: str, *, is_negated: bool) -> None:
        del self._tokens[-1:]  # the opening parenthesis
        field = self._take_token(f"{function_name}() is missing a 1st argument").value
        del self._tokens[-1:]  # the comma
        argument = self._take_token(f"{function_name}() is missing a 2nd argument")
        del self._tokens[-1:]  # the closing parenthesis
        text = to_js_string(_parse_literal(argument))
        if function_name == "contains":
            operator = "contains"
        elif argument.value.endswith('*"'):
            operator, text = "starts_with", text[:-1]
        else:
            operator, text = "ends_with", text[1:]
        root = next((root for root in _NESTED_ROOTS if field.startswith(root)), field)
        if root in _NESTED_ROOTS or root in ("event", "name", "userId"):
            operator = f"not_{operator}" if is_negated else operator
            self._nodes.append(
                TriggerCondition(root, _split_field_path(root, field), operator, text)
            )

    def _take_token(self, error_message: str) -> TriggerToken:
        if not self._tokens:
            raise TriggerError(error_message)
        return self._tokens.pop()


def _is_function_token(token: TriggerToken) -> bool:
    return token.kind == "ident" and token.value in ("contains", "match")


def _split_field_path(root: str, field: str) -> tuple[str, ...]:
    if root in _TOP_LEVEL_FIELDS:
        return ()
    return tuple(key for key in re.split(r"[\[.\]]", field.removeprefix(f"{root}.")) if key)


def _parse_literal(token: TriggerToken) -> TriggerLiteral:
    if token.kind == "string":
        return token.value.removeprefix('"').removesuffix('"')
    if token.kind == "number":
        return to_js_number(token.value)
    if token.kind == "ident" and token.value in ("true", "false"):
        return token.value == "true"
    return token.value


def _choose_operator_and_value(
    root: str, comparison: str, literal: TriggerToken
) -> tuple[str, TriggerLiteral]:
    """Return the operator to evaluate and its value; *root* decides which words are special."""
    spelled = (comparison, literal.value)
    if root not in ("type", "event") and spelled in _PRESENCE_OPERATORS:
        return _PRESENCE_OPERATORS[spelled], None
    if root not in ("type", "event", "name") and spelled in _BOOLEAN_OPERATORS:
        return _BOOLEAN_OPERATORS[spelled], None
    value = _parse_literal(literal)
    if root in _TOP_LEVEL_FIELDS:
        return comparison, to_js_string(value)
    if literal.kind == "number" and comparison in _NUMBER_OPERATORS:
        return _NUMBER_OPERATORS[comparison], value
    return comparison, value


def _compile_trigger_node(node: TriggerNode) -> EventPredicate:
    if node is None:
        return _raise_empty_group_error
    if isinstance(node, TriggerCondition):
        return _compile_condition(node)
    children = [_compile_trigger_node(child) for child in node.children]
    if node.operator == "and" and len(children) == 2:
        # Nearly every trigger compares a type and a name.
        first, second = children
        return lambda event: first(event) and second(event)
    if node.operator == "and":
        return lambda event: all(child(event) for child in children)
    return lambda event: any(child(event) for child in children)


def _raise_empty_group_error(event: JSONObject) -> bool:
    raise EmptyGroupError(_UNREADABLE_MESSAGE)


def _compile_condition(condition: TriggerCondition) -> EventPredicate:
    test = _build_value_predicate(condition.operator, condition.value)
    root, path = condition.root, condition.path
    if root in _TOP_LEVEL_FIELDS:
        return lambda event: test(event.get(root, MISSING))
    return lambda event: test(reduce(get_member, path, event.get(root, MISSING)))


def _build_value_predicate(operator_name: str, value: TriggerLiteral) -> Callable[[JSON], bool]:
    """Return a predicate of one event value; an unknown operator is never true."""
    if operator_name in _UNARY_TESTS:
        return _UNARY_TESTS[operator_name]
    if operator_name in _NUMBER_COMPARISONS:
        order, number = _NUMBER_COMPARISONS[operator_name], _to_comparison_number(value)
        return lambda actual: is_number(actual) and order(actual, number)
    text = to_js_string(value)
    if operator_name in _TEXT_TESTS:
        test_text, is_expected = _TEXT_TESTS[operator_name]
        return lambda actual: isinstance(actual, str) and test_text(actual, text) is is_expected
    if operator_name == "=":
        return lambda actual: bool(actual == text)
    if operator_name == "!=":
        return lambda actual: bool(actual != text)
    return lambda actual: False


def _to_comparison_number(value: TriggerLiteral) -> float:
    if isinstance(value, str):
        return to_js_number(value)
    return float(value or 0)


_NOT_TOKEN = TriggerToken("operator", "!")
_PRESENCE_OPERATORS = {("!=", "null"): "exists", ("=", "null"): "not_exists"}
_BOOLEAN_OPERATORS = {("=", "true"): "is_true", ("=", "false"): "is_false"}
_NUMBER_OPERATORS = {"=": "number_equals", "!=": "number_not_equals"}
_UNARY_TESTS: dict[str, Callable[[JSON], bool]] = {
    "exists": lambda actual: actual is not None and actual is not MISSING,
    "not_exists": lambda actual: actual is None or actual is MISSING,
    "is_true": lambda actual: actual is True,
    "is_false": lambda actual: actual is False,
}
_NUMBER_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "number_equals": operator.eq,
    "number_not_equals": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TEXT_TESTS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "contains": (str.__contains__, True),
    "not_contains": (str.__contains__, False),
    "starts_with": (str.startswith, True),
    "not_starts_with": (str.startswith, False),
    "ends_with": (str.endswith, True),
    "not_ends_with": (str.endswith, False),
}
