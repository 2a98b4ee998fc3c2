"""Tokens of filter FQL. Trigger FQL looks alike and is another language: see `mapping/fql.py`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

Kind: TypeAlias = Literal["number", "string", "operator", "mark", "path", "end"]

MAXIMUM_BYTES = 5 * 1024  # Segment: an FQL statement has 5 KB at most

_KEY = r"(?:[A-Za-z0-9_-]|\\.)+"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    | (?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_\\.-]))
    | (?P<string>"[^"]*"|'[^']*')
    | (?P<operator>!=|>=|<=|[=<>!])
    | (?P<mark>[()\[\],])
    | (?P<path>{_KEY}(?:\.{_KEY})*)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a statement, as written; *at* is its first character's place, from 1."""

    kind: Kind
    text: str
    at: int


class FqlError(ValueError):
    """A statement that cannot be read; the text says what is wrong and where."""


def tokens(statement: str) -> Iterator[Token]:
    """Cut *statement* into tokens, the last one of kind "end". Raises: FqlError."""
    size = len(statement.encode("utf-8", "surrogatepass"))
    if size > MAXIMUM_BYTES:
        raise FqlError(f"the statement has {size:,} bytes, Segment takes {MAXIMUM_BYTES:,}")
    at = 0
    while at < len(statement):
        found = _TOKEN.match(statement, at)
        if found is None:
            raise FqlError(_unreadable(statement, at))
        if found.lastgroup != "space":
            yield Token(cast(Kind, found.lastgroup), found.group(), at + 1)
        at = found.end()
    yield Token("end", "", len(statement) + 1)


def keys(path: str) -> tuple[str, ...]:
    r"""The keys of a path: `properties.product\ 1` gives ("properties", "product 1")."""
    return tuple(re.sub(r"\\(.)", r"\1", key, flags=re.DOTALL) for key in _split(path))


def text(literal: str) -> str:
    r"""Read the text of a quoted literal up to its own quote: `\` is for match() to read.

    Source: `@segment/fql-ts` 1.10.1, `lexer.ts`.
    """
    return literal[1:-1]


def _split(path: str) -> list[str]:
    return re.findall(_KEY, path, flags=re.DOTALL)


def _unreadable(statement: str, at: int) -> str:
    char = statement[at]
    if char in "\"'":
        return f"the text that begins at character {at + 1} has no closing {char}"
    if char == "\\":
        return "the statement ends in an escape"
    return f"{char!r} at character {at + 1} means nothing; in a path, write \\ before it"
