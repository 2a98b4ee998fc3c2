"""Parser of FQL, the language of Segment's destination filters, to a syntax tree."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from segment_insider_emulator.types import JSON

TokenKind: TypeAlias = Literal["number", "string", "operator", "mark", "path", "end"]

MAX_STATEMENT_BYTES = 5 * 1024  # Segment's limit for an FQL statement

_KEY_PATTERN = r"(?:[A-Za-z0-9_-]|\\.)+"
_TOKEN_PATTERN = re.compile(
    rf"""(?P<space>\s+)
    | (?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_\\.-]))
    | (?P<string>"[^"]*"|'[^']*')
    | (?P<operator>!=|>=|<=|[=<>!])
    | (?P<mark>[()\[\],])
    | (?P<path>{_KEY_PATTERN}(?:\.{_KEY_PATTERN})*)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class FqlToken:
    """One token of an FQL statement, as written; *position* counts characters from 1."""

    kind: TokenKind
    text: str
    position: int


class FqlSyntaxError(ValueError):
    """Error: an FQL statement cannot be parsed; the text says what is wrong and where."""


def tokenize_fql(statement: str) -> Iterator[FqlToken]:
    """Split an FQL statement into tokens, the last one of kind "end". Raises: FqlSyntaxError."""
    size = len(statement.encode("utf-8", "surrogatepass"))
    if size > MAX_STATEMENT_BYTES:
        raise FqlSyntaxError(
            f"the statement has {size:,} bytes, Segment takes {MAX_STATEMENT_BYTES:,}"
        )
    at = 0
    while at < len(statement):
        match = _TOKEN_PATTERN.match(statement, at)
        if match is None:
            raise FqlSyntaxError(_describe_unreadable_text(statement, at))
        if match.lastgroup != "space":
            yield FqlToken(cast(TokenKind, match.lastgroup), match.group(), at + 1)
        at = match.end()
    yield FqlToken("end", "", len(statement) + 1)


def parse_field_path(path: str) -> tuple[str, ...]:
    r"""Split an FQL field path into keys: `properties.product\ 1` has "properties", "product 1"."""
    keys = re.findall(_KEY_PATTERN, path, flags=re.DOTALL)
    return tuple(re.sub(r"\\(.)", r"\1", key, flags=re.DOTALL) for key in keys)


def unquote_literal(literal: str) -> str:
    r"""Return the text of a quoted FQL literal; `\` stays, because match() reads it.

    Source: `@segment/fql-ts` 1.10.1, `lexer.ts`.
    """
    return literal[1:-1]


def _describe_unreadable_text(statement: str, index: int) -> str:
    char = statement[index]
    if char in "\"'":
        return f"the text that begins at character {index + 1} has no closing {char}"
    if char == "\\":
        return "the statement ends in an escape"
    return f"{char!r} at character {index + 1} means nothing; in a path, write \\ before it"


MAX_STATEMENT_DEPTH = 50  # not documented; a statement of 5 KB could nest deeper than the stack

COMPARISON_OPERATORS = ("=", "!=", ">", ">=", "<", "<=", "in")
# Name -> number of arguments.
FUNCTION_ARGUMENT_COUNTS = {
    "contains": 2,
    "match": 2,
    "semver": 3,
    **dict.fromkeys(("length", "lowercase", "uppercase", "snakecase", "kebabcase", "titlecase"), 1),
    **dict.fromkeys(("typeof", "bool", "string", "number"), 1),
}
# The statement `all` matches every event.
CONSTANTS: dict[str, JSON] = {"true": True, "false": False, "null": None, "all": True}
RESERVED_WORDS = {*CONSTANTS, "and", "or", "in"}


@dataclass(frozen=True, slots=True)
class FqlLiteral:
    """FQL syntax node: a literal value."""

    value: JSON


@dataclass(frozen=True, slots=True)
class FqlPath:
    """FQL syntax node: a field of the event, by its keys."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FqlList:
    """FQL syntax node: a list with items that are evaluated."""

    items: tuple["FqlNode", ...]


@dataclass(frozen=True, slots=True)
class FqlNegation:
    """FQL syntax node: a negation."""

    operand: "FqlNode"


@dataclass(frozen=True, slots=True)
class FqlOperation:
    """FQL syntax node: two operands joined by "and", "or" or a comparison operator."""

    operator: str
    left: "FqlNode"
    right: "FqlNode"


@dataclass(frozen=True, slots=True)
class FqlCall:
    """FQL syntax node: a call of one of FUNCTION_ARGUMENT_COUNTS with its arguments."""

    name: str
    arguments: tuple["FqlNode", ...]


FqlNode: TypeAlias = FqlLiteral | FqlPath | FqlList | FqlNegation | FqlOperation | FqlCall


def parse_fql_statement(statement: str) -> FqlNode:
    """Parse the FQL statement of a destination filter. Raises: FqlSyntaxError."""
    reader = _StatementParser(tokenize_fql(statement))
    node = reader.parse_expression()
    reader.expect_token("", "the end, `and` or `or`")
    return node


class _StatementParser:
    def __init__(self, tokens: Iterable[FqlToken]) -> None:
        self._tokens = [*tokens][::-1]
        self._depth = 0

    def parse_expression(self) -> FqlNode:
        return self._parse_and_or("or")

    def expect_token(self, expected: str, description: str | None = None) -> None:
        token = self._tokens[-1]
        if not self._accept_token(expected):
            raise _build_unexpected_token_error(token, description or f"`{expected}`")

    def _parse_and_or(self, operator: str) -> FqlNode:
        node = self._parse_comparison() if operator == "and" else self._parse_and_or("and")
        while self._accept_token(operator):
            right = self._parse_comparison() if operator == "and" else self._parse_and_or("and")
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
        node = self._parse_negation_group_or_list() or self._parse_literal_path_or_call()
        self._depth -= 1
        return node

    def _parse_negation_group_or_list(self) -> FqlNode | None:
        if self._accept_token("!"):
            return FqlNegation(self._parse_operand())
        if self._accept_token("("):
            node = self.parse_expression()
            self.expect_token(")")
            return node
        if self._accept_token("["):
            return FqlList(self._parse_expressions_until("]"))
        return None

    def _parse_literal_path_or_call(self) -> FqlNode:
        token = self._tokens.pop()
        if token.kind == "string":
            return FqlLiteral(unquote_literal(token.text))
        if token.kind == "number":
            return FqlLiteral(float(token.text))
        if token.text in CONSTANTS:
            return FqlLiteral(CONSTANTS[token.text])
        if token.kind != "path" or token.text in RESERVED_WORDS:
            raise _build_unexpected_token_error(token, "a field or a value")
        if self._accept_token("("):
            return self._parse_call(token)
        return FqlPath(parse_field_path(token.text))

    def _parse_call(self, name: FqlToken) -> FqlNode:
        if name.text not in FUNCTION_ARGUMENT_COUNTS:
            known = ", ".join(FUNCTION_ARGUMENT_COUNTS)
            raise FqlSyntaxError(
                f"unknown function {name.text} at character {name.position}; known: {known}"
            )
        arguments = self._parse_expressions_until(")")
        expected = FUNCTION_ARGUMENT_COUNTS[name.text]
        if len(arguments) != expected:
            plural = "" if expected == 1 else "s"
            raise FqlSyntaxError(
                f"{name.text}() takes {expected} argument{plural}, not {len(arguments)}"
            )
        return FqlCall(name.text, arguments)

    def _parse_expressions_until(self, closing: str) -> tuple[FqlNode, ...]:
        items: list[FqlNode] = []
        while not self._accept_token(closing):
            if items:
                self.expect_token(",", f"`,` or `{closing}`")
            items.append(self.parse_expression())
        return tuple(items)

    def _accept_token(self, expected: str) -> bool:
        token = self._tokens[-1]
        if token.kind == "string" or token.text != expected:
            return False
        if token.kind != "end":
            self._tokens.pop()
        return True


def _build_unexpected_token_error(token: FqlToken, expected: str) -> FqlSyntaxError:
    if not token.text:
        return FqlSyntaxError(f"it ends where {expected} is wanted")
    return FqlSyntaxError(
        f"{token.text} at character {token.position} stands where {expected} is wanted"
    )
