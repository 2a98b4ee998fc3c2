"""A trigger as its author wrote it: terms in order, before anything is made of them."""

from dataclasses import dataclass
from typing import Literal

from segment_insider_emulator.mapping.fql import LexerError, Token, tokens

FUNCTIONS = ("contains", "match")


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a trigger.

    Args:
        kind: "comparison" of a field, "call" of a function, "join" for and/or, "word" for a name
            that stands alone, "stray" for any other part that does, and the parts of groups.
        text: The field, the function, the word or the sign.
        depth: How many groups stand around it, the one it opens included.
        field: What a call looks at.
        operator: Of a comparison.
        value: The literal as written, with its quotes; "" where something else stands.
    """

    kind: Literal["comparison", "call", "join", "word", "open", "close", "not", "stray"]
    text: str
    depth: int
    field: str = ""
    operator: str = ""
    value: str = ""


def terms(trigger: str) -> list[Term]:
    """The terms of *trigger*; none when it has a character that no trigger may have."""
    try:
        found = tokens(trigger)
    except LexerError:
        return []
    read: list[Term] = []
    depth = 0
    while found[0].kind != "eos":
        depth += found[0].kind == "("
        read += _term(found, depth)
        depth -= found[0].kind == ")"
        del found[: _length(found)]
    return read


def _term(found: list[Token], depth: int) -> list[Term]:
    first, second = found[0], found[1] if len(found) > 1 else found[0]
    if _is_call(found):
        inner = [each for each in found[2 : _length(found)] if each.kind != ")"]
        field = inner[0].value if inner else ""
        value = _literal(inner[-1]) if len(inner) > 2 else ""
        return [Term("call", first.value, depth, field=field, value=value)]
    if first.kind == "ident" and second.kind == "operator" and second.value != "!":
        return [
            Term("comparison", first.value, depth, operator=second.value, value=_literal(found[2]))
        ]
    kind = _KINDS.get(first.kind)
    if first.kind == "operator" and second.kind == "(":
        kind = "not"
    elif first.kind in ("operator", "string", "number") and first.value != "!":
        kind = "stray"
    return [Term(kind, first.value, depth)] if kind else []


def _literal(token: Token) -> str:
    return token.value if token.kind in ("string", "number", "ident", "null") else ""


def _length(found: list[Token]) -> int:
    if _is_call(found):
        kinds = [token.kind for token in found]
        return kinds.index(")") + 1 if ")" in kinds else len(found) - 1
    if found[0].kind == "ident" and found[1].kind == "operator" and found[1].value != "!":
        return min(3, len(found) - 1)
    return 1


def _is_call(found: list[Token]) -> bool:
    return found[0].value in FUNCTIONS and found[1].kind == "("


_Kind = Literal["join", "word", "open", "close", "not", "stray"]
_KINDS: dict[str, _Kind] = {"conditional": "join", "ident": "word", "(": "open", ")": "close"}
