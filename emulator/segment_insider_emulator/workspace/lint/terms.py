"""A trigger as its author wrote it: terms in order, before anything is made of them."""

from dataclasses import dataclass
from typing import Literal

from segment_insider_emulator.mapping.fql import TriggerLexerError, TriggerToken, tokenize_trigger

TRIGGER_FUNCTIONS = ("contains", "match")


@dataclass(frozen=True, slots=True)
class TriggerTerm:
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


def split_trigger(trigger: str) -> list[TriggerTerm]:
    """The terms of *trigger*; none when it has a character that no trigger may have."""
    try:
        found = tokenize_trigger(trigger)
    except TriggerLexerError:
        return []
    read: list[TriggerTerm] = []
    depth = 0
    while found[0].kind != "eos":
        depth += found[0].kind == "("
        read += _read_term(found, depth)
        depth -= found[0].kind == ")"
        del found[: _term_length(found)]
    return read


def _read_term(tokens_left: list[TriggerToken], depth: int) -> list[TriggerTerm]:
    first, second = tokens_left[0], tokens_left[1] if len(tokens_left) > 1 else tokens_left[0]
    if _is_function_call(tokens_left):
        inner = [each for each in tokens_left[2 : _term_length(tokens_left)] if each.kind != ")"]
        field = inner[0].value if inner else ""
        value = _literal_text(inner[-1]) if len(inner) > 2 else ""
        return [TriggerTerm("call", first.value, depth, field=field, value=value)]
    if first.kind == "ident" and second.kind == "operator" and second.value != "!":
        return [
            TriggerTerm(
                "comparison",
                first.value,
                depth,
                operator=second.value,
                value=_literal_text(tokens_left[2]),
            )
        ]
    kind = _TERM_KINDS.get(first.kind)
    if first.kind == "operator" and second.kind == "(":
        kind = "not"
    elif first.kind in ("operator", "string", "number") and first.value != "!":
        kind = "stray"
    return [TriggerTerm(kind, first.value, depth)] if kind else []


def _literal_text(token: TriggerToken) -> str:
    return token.value if token.kind in ("string", "number", "ident", "null") else ""


def _term_length(tokens_left: list[TriggerToken]) -> int:
    if _is_function_call(tokens_left):
        kinds = [token.kind for token in tokens_left]
        return kinds.index(")") + 1 if ")" in kinds else len(tokens_left) - 1
    if (
        tokens_left[0].kind == "ident"
        and tokens_left[1].kind == "operator"
        and tokens_left[1].value != "!"
    ):
        return min(3, len(tokens_left) - 1)
    return 1


def _is_function_call(tokens_left: list[TriggerToken]) -> bool:
    return tokens_left[0].value in TRIGGER_FUNCTIONS and tokens_left[1].kind == "("


_TermKind = Literal["join", "word", "open", "close", "not", "stray"]
_TERM_KINDS: dict[str, _TermKind] = {
    "conditional": "join",
    "ident": "word",
    "(": "open",
    ")": "close",
}
