"""The grammar of filter FQL: a statement as a tree.

Source: Segment, Public API, "Destination Filter Query Language".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from segment_insider_emulator.segment.filtering.fql.lexer import FqlError, Token, keys, text, tokens
from segment_insider_emulator.types import JSON

MAXIMUM_DEPTH = 50  # nobody documents one; a statement of 5 KB could nest deeper than a stack

COMPARISONS = ("=", "!=", ">", ">=", "<", "<=", "in")
# Name -> how many arguments it takes.
FUNCTIONS = {
    "contains": 2,
    "match": 2,
    "semver": 3,
    **dict.fromkeys(("length", "lowercase", "uppercase", "snakecase", "kebabcase", "titlecase"), 1),
    **dict.fromkeys(("typeof", "bool", "string", "number"), 1),
}
# `all` is the statement that takes every event.
CONSTANTS: dict[str, JSON] = {"true": True, "false": False, "null": None, "all": True}
RESERVED = {*CONSTANTS, "and", "or", "in"}


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the statement."""

    value: JSON


@dataclass(frozen=True, slots=True)
class Path:
    """A field of the event by its keys."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose items are worked out."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A negation."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Operation:
    """Two operands joined by "and", "or" or one of COMPARISONS."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """One of FUNCTIONS with its arguments."""

    name: str
    arguments: tuple["Node", ...]


Node: TypeAlias = Literal | Path | ListOf | Not | Operation | Call


def parse(statement: str) -> Node:
    """Read a filter's statement. Raises: FqlError."""
    reader = _Reader(tokens(statement))
    node = reader.alternatives()
    reader.expect("", "the end, `and` or `or`")
    return node


class _Reader:
    def __init__(self, found: Iterable[Token]) -> None:
        self._tokens = [*found][::-1]
        self._depth = 0

    def alternatives(self) -> Node:
        return self._joined("or")

    def expect(self, wanted: str, described: str | None = None) -> None:
        token = self._tokens[-1]
        if not self._accept(wanted):
            raise _unexpected(token, described or f"`{wanted}`")

    def _joined(self, word: str) -> Node:
        node = self._comparison() if word == "and" else self._joined("and")
        while self._accept(word):
            right = self._comparison() if word == "and" else self._joined("and")
            node = Operation(word, node, right)
        return node

    def _comparison(self) -> Node:
        left = self._operand()
        for operator in COMPARISONS:
            if self._accept(operator):
                return Operation(operator, left, self._operand())
        return left

    def _operand(self) -> Node:
        self._depth += 1
        if self._depth > MAXIMUM_DEPTH:
            raise FqlError(f"the statement nests deeper than {MAXIMUM_DEPTH} levels")
        node = self._nested() or self._single()
        self._depth -= 1
        return node

    def _nested(self) -> Node | None:
        if self._accept("!"):
            return Not(self._operand())
        if self._accept("("):
            node = self.alternatives()
            self.expect(")")
            return node
        if self._accept("["):
            return ListOf(self._until("]"))
        return None

    def _single(self) -> Node:
        token = self._tokens.pop()
        if token.kind == "string":
            return Literal(text(token.text))
        if token.kind == "number":
            return Literal(float(token.text))
        if token.text in CONSTANTS:
            return Literal(CONSTANTS[token.text])
        if token.kind != "path" or token.text in RESERVED:
            raise _unexpected(token, "a field or a value")
        return self._call(token) if self._accept("(") else Path(keys(token.text))

    def _call(self, name: Token) -> Node:
        if name.text not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise FqlError(f"unknown function {name.text} at character {name.at}; known: {known}")
        arguments = self._until(")")
        wanted = FUNCTIONS[name.text]
        if len(arguments) != wanted:
            plural = "" if wanted == 1 else "s"
            raise FqlError(f"{name.text}() takes {wanted} argument{plural}, not {len(arguments)}")
        return Call(name.text, arguments)

    def _until(self, closing: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self._accept(closing):
            if found:
                self.expect(",", f"`,` or `{closing}`")
            found.append(self.alternatives())
        return tuple(found)

    def _accept(self, wanted: str) -> bool:
        token = self._tokens[-1]
        if token.kind == "string" or token.text != wanted:
            return False
        if token.kind != "end":
            self._tokens.pop()
        return True


def _unexpected(token: Token, wanted: str) -> FqlError:
    if not token.text:
        return FqlError(f"it ends where {wanted} is wanted")
    return FqlError(f"{token.text} at character {token.at} stands where {wanted} is wanted")
