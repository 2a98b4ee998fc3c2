"""The grammar of filter FQL: a statement as a tree.

Source: Segment, Public API, "Destination Filter Query Language".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from segment_insider_emulator.segment.filtering.fql.lexer import (
    FqlSyntaxError,
    FqlToken,
    parse_path,
    tokenize,
    unquote,
)
from segment_insider_emulator.types import JSON

MAX_STATEMENT_DEPTH = 50  # nobody documents one; a statement of 5 KB could nest deeper than a stack

COMPARISON_OPERATORS = ("=", "!=", ">", ">=", "<", "<=", "in")
# Name -> how many arguments it takes.
FUNCTION_ARGUMENT_COUNTS = {
    "contains": 2,
    "match": 2,
    "semver": 3,
    **dict.fromkeys(("length", "lowercase", "uppercase", "snakecase", "kebabcase", "titlecase"), 1),
    **dict.fromkeys(("typeof", "bool", "string", "number"), 1),
}
# `all` is the statement that takes every event.
CONSTANTS: dict[str, JSON] = {"true": True, "false": False, "null": None, "all": True}
RESERVED_WORDS = {*CONSTANTS, "and", "or", "in"}


@dataclass(frozen=True, slots=True)
class FqlLiteral:
    """A value that stands in the statement."""

    value: JSON


@dataclass(frozen=True, slots=True)
class FqlPath:
    """A field of the event by its keys."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FqlList:
    """A list whose items are worked out."""

    items: tuple["FqlNode", ...]


@dataclass(frozen=True, slots=True)
class FqlNegation:
    """A negation."""

    operand: "FqlNode"


@dataclass(frozen=True, slots=True)
class FqlOperation:
    """Two operands joined by "and", "or" or one of COMPARISONS."""

    operator: str
    left: "FqlNode"
    right: "FqlNode"


@dataclass(frozen=True, slots=True)
class FqlCall:
    """One of FUNCTIONS with its arguments."""

    name: str
    arguments: tuple["FqlNode", ...]


FqlNode: TypeAlias = FqlLiteral | FqlPath | FqlList | FqlNegation | FqlOperation | FqlCall


def parse_statement(statement: str) -> FqlNode:
    """Read a filter's statement. Raises: FqlError."""
    reader = _StatementParser(tokenize(statement))
    node = reader.parse_expression()
    reader.expect_token("", "the end, `and` or `or`")
    return node


class _StatementParser:
    def __init__(self, tokens: Iterable[FqlToken]) -> None:
        self._tokens = [*tokens][::-1]
        self._depth = 0

    def parse_expression(self) -> FqlNode:
        return self._parse_junction("or")

    def expect_token(self, expected: str, description: str | None = None) -> None:
        token = self._tokens[-1]
        if not self._accept_token(expected):
            raise _unexpected_token_error(token, description or f"`{expected}`")

    def _parse_junction(self, operator: str) -> FqlNode:
        node = self._parse_comparison() if operator == "and" else self._parse_junction("and")
        while self._accept_token(operator):
            right = self._parse_comparison() if operator == "and" else self._parse_junction("and")
            node = FqlOperation(operator, node, right)
        return node

    def _parse_comparison(self) -> FqlNode:
        left = self._parse_operand()
        for operator in COMPARISON_OPERATORS:
            if self._accept_token(operator):
                return FqlOperation(operator, left, self._parse_operand())
        return left

    def _parse_operand(self) -> FqlNode:
        self._depth += 1
        if self._depth > MAX_STATEMENT_DEPTH:
            raise FqlSyntaxError(f"the statement nests deeper than {MAX_STATEMENT_DEPTH} levels")
        node = self._parse_nested() or self._parse_literal_path_or_call()
        self._depth -= 1
        return node

    def _parse_nested(self) -> FqlNode | None:
        if self._accept_token("!"):
            return FqlNegation(self._parse_operand())
        if self._accept_token("("):
            node = self.parse_expression()
            self.expect_token(")")
            return node
        if self._accept_token("["):
            return FqlList(self._parse_items_until("]"))
        return None

    def _parse_literal_path_or_call(self) -> FqlNode:
        token = self._tokens.pop()
        if token.kind == "string":
            return FqlLiteral(unquote(token.text))
        if token.kind == "number":
            return FqlLiteral(float(token.text))
        if token.text in CONSTANTS:
            return FqlLiteral(CONSTANTS[token.text])
        if token.kind != "path" or token.text in RESERVED_WORDS:
            raise _unexpected_token_error(token, "a field or a value")
        return (
            self._parse_call(token) if self._accept_token("(") else FqlPath(parse_path(token.text))
        )

    def _parse_call(self, name: FqlToken) -> FqlNode:
        if name.text not in FUNCTION_ARGUMENT_COUNTS:
            known = ", ".join(FUNCTION_ARGUMENT_COUNTS)
            raise FqlSyntaxError(
                f"unknown function {name.text} at character {name.position}; known: {known}"
            )
        arguments = self._parse_items_until(")")
        wanted = FUNCTION_ARGUMENT_COUNTS[name.text]
        if len(arguments) != wanted:
            plural = "" if wanted == 1 else "s"
            raise FqlSyntaxError(
                f"{name.text}() takes {wanted} argument{plural}, not {len(arguments)}"
            )
        return FqlCall(name.text, arguments)

    def _parse_items_until(self, closing: str) -> tuple[FqlNode, ...]:
        found: list[FqlNode] = []
        while not self._accept_token(closing):
            if found:
                self.expect_token(",", f"`,` or `{closing}`")
            found.append(self.parse_expression())
        return tuple(found)

    def _accept_token(self, expected: str) -> bool:
        token = self._tokens[-1]
        if token.kind == "string" or token.text != expected:
            return False
        if token.kind != "end":
            self._tokens.pop()
        return True


def _unexpected_token_error(token: FqlToken, expected: str) -> FqlSyntaxError:
    if not token.text:
        return FqlSyntaxError(f"it ends where {expected} is wanted")
    return FqlSyntaxError(
        f"{token.text} at character {token.position} stands where {expected} is wanted"
    )
