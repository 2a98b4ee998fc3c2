"""Rules on the text of a trigger: where Segment's reader takes it for something else.

Source: behaviour recorded from Segment's published trigger parser.
"""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeAlias

from segment_insider_emulator.mapping.fql import LexerError, tokens
from segment_insider_emulator.workspace.finding import Finding, Severity, did_you_mean
from segment_insider_emulator.workspace.lint.subject import Placed, Subject
from segment_insider_emulator.workspace.lint.terms import FUNCTIONS, Term, terms

Said: TypeAlias = tuple[Severity, str, str]

_ROOTS = ["type", "event", "name", "userId", "properties", "traits", "context"]
_QUOTED = re.compile(r'("[^"]*")([^ \t\n\r,\])])?')
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")
_INDEX = re.compile(r"[A-Za-z_](?:\[|\.\d)")
_INSTEAD = {
    "&": "Write and.",
    "|": "Write or.",
    "!": "Write != between the field and the value.",
    '"': "Close the text with another quote.",
    "'": 'Put texts between double quotes: "Order Completed".',
    "\u201c": 'Use straight quotes: "Order Completed".',
    "\u201d": 'Use straight quotes: "Order Completed".',
}
_EXAMPLE = 'Write it like: type = "track" and event = "Order Completed".'


def misread_triggers(subject: Subject) -> Iterator[Finding]:
    """Text that Segment reads otherwise than it looks, or not at all."""
    for placed in subject.subscriptions:
        for severity, what, remedy in dict.fromkeys(_said(placed)):
            yield Finding(severity, placed.trigger_place, what, remedy)


def _said(placed: Placed) -> list[Said]:
    text = placed.subscription.trigger
    said = [each for rule in _TEXT_RULES for each in rule(text)]
    # A quote that is glued to what follows moves the ends of all texts behind it.
    rules = _TERM_RULES if said else (*_TERM_RULES, _strays)
    said += [each for rule in rules for each in rule(terms(text))]
    if placed.conditions is None and not any(severity == "error" for severity, _, _ in said):
        what, remedy = _malformed(text)
        said.append(("error", f"{what}, so that it never matches", remedy))
    return said


def _malformed(text: str) -> tuple[str, str]:
    """Where a trigger that no other rule explains breaks off, and what to write there."""
    if not text.strip():
        return "the trigger is empty", _EXAMPLE
    try:
        tokens(text)
    except LexerError as error:
        place = f"the trigger is malformed at character {error.at}"
        return f"{place}: {error}", _INSTEAD.get(text[error.at - 1 : error.at], _EXAMPLE)
    opened: list[int] = []
    for at, char in enumerate(_TEXT.sub(lambda quoted: "_" * len(quoted[0]), text), 1):
        if char == "(":
            opened.append(at)
        elif char == ")" and opened:
            opened.pop()
    if opened:
        place = f"the trigger is malformed at character {opened[-1]}"
        return f"{place}: this parenthesis is never closed", "Close it behind its last condition."
    return "the trigger has no condition", _EXAMPLE


def _carriage_returns(text: str) -> Iterator[Said]:
    if "\r" in text:
        yield "error", "a carriage return breaks the trigger", "End its lines with line feeds only."


def _glued_quotes(text: str) -> Iterator[Said]:
    for quoted, glued in _QUOTED.findall(text):
        if glued:
            what = f"no blank follows {quoted}, so that the next condition is lost"
            yield "error", what, "Put a blank behind the closing quote."


def _indexes(text: str) -> Iterator[Said]:
    if _INDEX.search(re.sub(r'"[^"]*"', '""', text)):
        yield "error", "a trigger cannot look into lists", "Compare another property."


def _single_quotes(found: list[Term]) -> Iterator[Said]:
    for term in found:
        if term.value.startswith("'"):
            what = f"{term.value} keeps its single quotes, and no event has them"
            yield "error", what, f'Write "{term.value[1:-1]}".'


def _words(found: list[Term]) -> Iterator[Said]:
    for term in found:
        if term.kind != "word":
            continue
        if term.text == "OR":
            what = "OR in capitals is skipped, so that all conditions must hold"
            yield "error", what, "Write or in lower case."
        elif term.text == "AND":
            what = "AND in capitals is skipped, so that another word may join the conditions"
            yield "warning", what, "Write and in lower case."
        elif term.text.split(".")[0] in _ROOTS:
            yield "error", f"no operator follows {term.text!r}", f'Write {term.text} = "...".'
        elif term.text in FUNCTIONS:
            example = f'Write {term.text}(event, "Order").'
            yield "error", f"no parenthesis follows {term.text!r}", example
        else:
            known = did_you_mean(term.text, ["and", "or", *FUNCTIONS])
            yield "error", f"{term.text!r} means nothing here", known


def _missing_parts(found: list[Term]) -> Iterator[Said]:
    for term in found:
        if term.kind == "comparison" and not term.value:
            what = f"no value follows '{term.text} {term.operator}'"
            yield "error", what, f'Write {term.text} {term.operator} "...".'
        elif term.kind == "call" and not term.value:
            field = term.field or "event"
            what = f"{term.text}() needs a field and a text"
            yield "error", what, f'Write {term.text}({field}, "Order").'


def _strays(found: list[Term]) -> Iterator[Said]:
    explained = False
    for term in found:
        if term.kind == "stray" and not explained:
            what = f"{term.text} stands in no comparison, so that it is skipped"
            yield "error", what, "Put a field before it, or take it out."
        # What stands behind a field without operator or value has been told of with the field.
        explained = term.kind == "word" or (term.kind == "comparison" and not term.value)


def _skipped_fields(found: list[Term]) -> Iterator[Said]:
    for term in found:
        field = term.field if term.kind == "call" else term.text
        known = _ROOTS[1:] if term.kind == "call" else _ROOTS
        if term.kind in ("comparison", "call") and field and field.split(".")[0] not in known:
            what = f"the condition on {field!r} is skipped"
            yield "error", what, did_you_mean(field.split(".")[0], known)


def _wildcards(found: list[Term]) -> Iterator[Said]:
    for term in found:
        pattern = term.value.strip('"')
        stars = (pattern.startswith("*"), pattern.endswith("*"))
        if term.text != "match" or term.kind != "call" or any(stars) != all(stars):
            continue
        if any(stars):
            what = f"match() understands one wildcard only, not {term.value}"
            yield "error", what, f'Write contains({term.field}, "{pattern.strip("*")}").'
        else:
            what = f"match() without a wildcard drops the first character of {term.value}"
            yield "error", what, "Compare with =, or end the text in *."


def _negated_groups(found: list[Term]) -> Iterator[Said]:
    if any(term.kind == "not" for term in found):
        what = "! before a group is dropped, so that the group holds as it stands"
        yield "error", what, "Negate each condition in it, with != for =."


def _nested_groups(found: list[Term]) -> Iterator[Said]:
    if any(term.depth > 1 for term in found):
        what = "a group inside a group is malformed, so that the trigger never matches"
        yield "error", what, "Use one level of groups, or two subscriptions."


def _mixed_joins(found: list[Term]) -> Iterator[Said]:
    # A group, or what is outside of all groups, is one level.
    levels: list[list[str]] = [[]]
    for term in found:
        if term.kind == "open":
            levels.append([])
        elif term.kind == "join":
            levels[-1 if term.depth else 0].append(term.text)
    for joins in levels:
        if len(set(joins)) > 1:
            what = (
                f'"and" and "or" are mixed: Segment reads each of them as "{joins[-1]}", the last'
            )
            yield "error", what, "Put the conditions that belong together in parentheses."


def _leaking_groups(found: list[Term]) -> Iterator[Said]:
    for term, after in pairwise(found):
        if term.kind == "call" and term.depth and after.kind != "close":
            what = f"{term.text}() ends its group, so that the rest of the group counts outside"
            yield "error", what, "Put the function last in its group."


def _negated_truth(found: list[Term]) -> Iterator[Said]:
    opposite = {"true": "false", "false": "true"}
    for term in found:
        if term.operator == "!=" and term.value in opposite:
            what = f"!= {term.value} compares with text: it holds for {term.value} as well"
            yield "error", what, f"Write = {opposite[term.value]}."


def _null_names(found: list[Term]) -> Iterator[Said]:
    for term in found:
        if term.text in ("type", "event") and term.value == "null":
            what = f'{term.text} is compared with the text "null"'
            yield "warning", what, "Leave the condition out: a track call always has both."


_TEXT_RULES: tuple[Callable[[str], Iterator[Said]], ...] = (
    _carriage_returns,
    _glued_quotes,
    _indexes,
)
_TERM_RULES: tuple[Callable[[list[Term]], Iterator[Said]], ...] = (
    _single_quotes,
    _words,
    _missing_parts,
    _skipped_fields,
    _wildcards,
    _negated_groups,
    _nested_groups,
    _mixed_joins,
    _leaking_groups,
    _negated_truth,
    _null_names,
)
