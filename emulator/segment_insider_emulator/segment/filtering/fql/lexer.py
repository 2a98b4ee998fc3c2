"""Tokens of filter FQL. Trigger FQL looks alike and is another language: see `mapping/fql.py`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

TokenKind: TypeAlias = Literal["number", "string", "operator", "mark", "path", "end"]

MAX_STATEMENT_BYTES = 5 * 1024  # Segment: an FQL statement has 5 KB at most

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
    """One word of a statement, as written; *at* is its first character's place, from 1."""

    kind: TokenKind
    text: str
    position: int


class FqlSyntaxError(ValueError):
    """A statement that cannot be read; the text says what is wrong and where."""


def tokenize(statement: str) -> Iterator[FqlToken]:
    """Cut *statement* into tokens, the last one of kind "end". Raises: FqlError."""
    size = len(statement.encode("utf-8", "surrogatepass"))
    if size > MAX_STATEMENT_BYTES:
        raise FqlSyntaxError(
            f"the statement has {size:,} bytes, Segment takes {MAX_STATEMENT_BYTES:,}"
        )
    at = 0
    while at < len(statement):
        found = _TOKEN_PATTERN.match(statement, at)
        if found is None:
            raise FqlSyntaxError(_unreadable_text(statement, at))
        if found.lastgroup != "space":
            yield FqlToken(cast(TokenKind, found.lastgroup), found.group(), at + 1)
        at = found.end()
    yield FqlToken("end", "", len(statement) + 1)


def parse_path(path: str) -> tuple[str, ...]:
    r"""The keys of a path: `properties.product\ 1` gives ("properties", "product 1")."""
    return tuple(re.sub(r"\\(.)", r"\1", key, flags=re.DOTALL) for key in _find_raw_keys(path))


def unquote(literal: str) -> str:
    r"""Read the text of a quoted literal up to its own quote: `\` is for match() to read.

    Source: `@segment/fql-ts` 1.10.1, `lexer.ts`.
    """
    return literal[1:-1]


def _find_raw_keys(path: str) -> list[str]:
    return re.findall(_KEY_PATTERN, path, flags=re.DOTALL)


def _unreadable_text(statement: str, index: int) -> str:
    char = statement[index]
    if char in "\"'":
        return f"the text that begins at character {index + 1} has no closing {char}"
    if char == "\\":
        return "the statement ends in an escape"
    return f"{char!r} at character {index + 1} means nothing; in a path, write \\ before it"
