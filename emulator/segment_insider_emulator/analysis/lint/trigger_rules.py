"""Lint rules for triggers: syntax that Segment reads differently, and impossible conditions.

Source: behaviour recorded from Segment's published trigger parser.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    list_accepted_call_types,
)
from segment_insider_emulator.mapping.segment_spec import CALL_TYPES, SPEC_EVENT_NAMES
from segment_insider_emulator.mapping.trigger_lexer import (
    TriggerLexerError,
    TriggerToken,
    tokenize_trigger,
)
from segment_insider_emulator.mapping.triggers import iterate_conditions
from segment_insider_emulator.workspace.validation import Severity, WorkspaceFinding, suggest_name

TRIGGER_FUNCTIONS = ("contains", "match")


@dataclass(frozen=True, slots=True)
class TriggerTerm:
    """One term of a trigger's text: a comparison, a function call, and/or, a bracket or a word.

    Args:
        kind: "comparison" of a field, "call" of a function, "join" for and/or, "word" for a single
            name, "stray" for any other single token; the others are parts of groups.
        text: The field, the function, the word or the sign.
        depth: Number of groups around it, including one that it opens.
        field: The field that a call tests.
        operator: Operator of a comparison.
        value: The literal as written, with its quotes; "" when the value is not a literal.
    """

    kind: Literal["comparison", "call", "join", "word", "open", "close", "not", "stray"]
    text: str
    depth: int
    field: str = ""
    operator: str = ""
    value: str = ""


def split_trigger(trigger: str) -> list[TriggerTerm]:
    """Split a trigger's text into terms; [] when it has an invalid character."""
    try:
        tokens_left = tokenize_trigger(trigger)
    except TriggerLexerError:
        return []
    result: list[TriggerTerm] = []
    depth = 0
    while tokens_left[0].kind != "eos":
        depth += tokens_left[0].kind == "("
        result += _read_trigger_term(tokens_left, depth)
        depth -= tokens_left[0].kind == ")"
        del tokens_left[: _count_term_tokens(tokens_left)]
    return result


def _read_trigger_term(tokens_left: list[TriggerToken], depth: int) -> list[TriggerTerm]:
    first, second = tokens_left[0], tokens_left[1] if len(tokens_left) > 1 else tokens_left[0]
    if _is_function_call(tokens_left):
        inner = [
            token for token in tokens_left[2 : _count_term_tokens(tokens_left)] if token.kind != ")"
        ]
        field = inner[0].value if inner else ""
        value = _get_literal_text(inner[-1]) if len(inner) > 2 else ""
        return [TriggerTerm("call", first.value, depth, field=field, value=value)]
    if first.kind == "ident" and second.kind == "operator" and second.value != "!":
        return [
            TriggerTerm(
                "comparison",
                first.value,
                depth,
                operator=second.value,
                value=_get_literal_text(tokens_left[2]),
            )
        ]
    kind = _TERM_KINDS.get(first.kind)
    if first.kind == "operator" and second.kind == "(":
        kind = "not"
    elif first.kind in ("operator", "string", "number") and first.value != "!":
        kind = "stray"
    return [TriggerTerm(kind, first.value, depth)] if kind else []


def _get_literal_text(token: TriggerToken) -> str:
    return token.value if token.kind in ("string", "number", "ident", "null") else ""


def _count_term_tokens(tokens_left: list[TriggerToken]) -> int:
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

TriggerMessage: TypeAlias = tuple[Severity, str, str]

_TRIGGER_ROOTS = ["type", "event", "name", "userId", "properties", "traits", "context"]
_QUOTED_TEXT = re.compile(r'("[^"]*")([^ \t\n\r,\])])?')
_TEXT_LITERAL = re.compile(r"\"[^\"]*\"|'[^']*'")
_LIST_INDEX = re.compile(r"[A-Za-z_](?:\[|\.\d)")
_REMEDY_BY_CHARACTER = {
    "&": "Write and.",
    "|": "Write or.",
    "!": "Write != between the field and the value.",
    '"': "Close the text with another quote.",
    "'": 'Put texts between double quotes: "Order Completed".',
    "\u201c": 'Use straight quotes: "Order Completed".',
    "\u201d": 'Use straight quotes: "Order Completed".',
}
_EXAMPLE_REMEDY = 'Write it like: type = "track" and event = "Order Completed".'


def find_misread_triggers(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find trigger text that Segment parses differently from what it seems to say."""
    for subscription in context.subscriptions:
        for severity, what, remedy in dict.fromkeys(_list_trigger_text_problems(subscription)):
            yield WorkspaceFinding(severity, subscription.trigger_path, what, remedy)


def _list_trigger_text_problems(subscription: LocatedSubscription) -> list[TriggerMessage]:
    text = subscription.subscription.trigger
    messages = [message for rule in _TEXT_RULES for message in rule(text)]
    # After a quote without a following space, the ends of all later texts are wrong.
    rules = _TERM_RULES if messages else (*_TERM_RULES, _find_stray_terms)
    messages += [message for rule in rules for message in rule(split_trigger(text))]
    if subscription.parsed_trigger is None and not any(
        severity == "error" for severity, _, _ in messages
    ):
        what, remedy = _explain_syntax_error(text)
        messages.append(("error", f"{what}, so it never matches", remedy))
    return messages


def _explain_syntax_error(text: str) -> tuple[str, str]:
    """Explain where the syntax of a trigger breaks, and what to write there."""
    if not text.strip():
        return "the trigger is empty", _EXAMPLE_REMEDY
    try:
        tokenize_trigger(text)
    except TriggerLexerError as error:
        place = f"the trigger is invalid at character {error.position}"
        return f"{place}: {error}", _REMEDY_BY_CHARACTER.get(
            text[error.position - 1 : error.position], _EXAMPLE_REMEDY
        )
    opened: list[int] = []
    for position, char in enumerate(
        _TEXT_LITERAL.sub(lambda quoted: "_" * len(quoted[0]), text), 1
    ):
        if char == "(":
            opened.append(position)
        elif char == ")" and opened:
            opened.pop()
    if opened:
        place = f"the trigger is invalid at character {opened[-1]}"
        return f"{place}: this parenthesis is never closed", "Close it after its last condition."
    return "the trigger has no condition", _EXAMPLE_REMEDY


def _find_carriage_returns(text: str) -> Iterator[TriggerMessage]:
    if "\r" in text:
        yield "error", "a carriage return breaks the trigger", "End its lines with line feeds only."


def _find_glued_quotes(text: str) -> Iterator[TriggerMessage]:
    for quoted, glued in _QUOTED_TEXT.findall(text):
        if glued:
            what = f"no space follows {quoted}, so the next condition is lost"
            yield "error", what, "Put a space after the closing quote."


def _find_list_indexes(text: str) -> Iterator[TriggerMessage]:
    if _LIST_INDEX.search(re.sub(r'"[^"]*"', '""', text)):
        yield "error", "a trigger cannot read list items", "Compare another property."


def _find_single_quotes(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    for term in terms:
        if term.value.startswith("'"):
            what = f"{term.value} keeps its single quotes, and no event has them"
            yield "error", what, f'Write "{term.value[1:-1]}".'


def _find_stray_words(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    for term in terms:
        if term.kind != "word":
            continue
        if term.text == "OR":
            what = "OR in capitals is ignored, so all conditions must be true"
            yield "error", what, "Write or in lower case."
        elif term.text == "AND":
            what = "AND in capitals is ignored, so another word may join the conditions"
            yield "warning", what, "Write and in lower case."
        elif term.text.split(".")[0] in _TRIGGER_ROOTS:
            yield "error", f"no operator follows {term.text!r}", f'Write {term.text} = "...".'
        elif term.text in TRIGGER_FUNCTIONS:
            example = f'Write {term.text}(event, "Order").'
            yield "error", f"no parenthesis follows {term.text!r}", example
        else:
            known = suggest_name(term.text, ["and", "or", *TRIGGER_FUNCTIONS])
            yield "error", f"{term.text!r} is not valid here", known


def _find_incomplete_comparisons(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    for term in terms:
        if term.kind == "comparison" and not term.value:
            what = f"no value follows '{term.text} {term.operator}'"
            yield "error", what, f'Write {term.text} {term.operator} "...".'
        elif term.kind == "call" and not term.value:
            field = term.field or "event"
            what = f"{term.text}() needs a field and a text"
            yield "error", what, f'Write {term.text}({field}, "Order").'


def _find_stray_terms(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    explained = False
    for term in terms:
        if term.kind == "stray" and not explained:
            what = f"{term.text} is not part of a comparison; it is ignored"
            yield "error", what, "Put a field before it, or remove it."
        # After a field without operator or value, the finding about the field explains the rest.
        explained = term.kind == "word" or (term.kind == "comparison" and not term.value)


def _find_skipped_fields(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    for term in terms:
        field = term.field if term.kind == "call" else term.text
        known = _TRIGGER_ROOTS[1:] if term.kind == "call" else _TRIGGER_ROOTS
        if term.kind in ("comparison", "call") and field and field.split(".")[0] not in known:
            what = f"the condition on {field!r} is ignored"
            yield "error", what, suggest_name(field.split(".")[0], known)


def _find_wrong_wildcards(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    for term in terms:
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


def _find_negated_groups(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    if any(term.kind == "not" for term in terms):
        what = "! before a group is ignored; the group is not negated"
        yield "error", what, "Negate each condition in it, with != for =."


def _find_nested_groups(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    if any(term.depth > 1 for term in terms):
        what = "a group inside a group is invalid, so the trigger never matches"
        yield "error", what, "Use one level of groups, or two subscriptions."


def _find_mixed_and_or(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    # Each group is one level, and so is everything outside of groups.
    levels: list[list[str]] = [[]]
    for term in terms:
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


def _find_groups_ended_by_function(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    for term, next_term in pairwise(terms):
        if term.kind == "call" and term.depth and next_term.kind != "close":
            what = f"{term.text}() ends its group, so the rest of the group counts outside"
            yield "error", what, "Put the function last in its group."


def _find_negated_booleans(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    opposite = {"true": "false", "false": "true"}
    for term in terms:
        if term.operator == "!=" and term.value in opposite:
            what = f"!= {term.value} compares with text: it is also true for {term.value}"
            yield "error", what, f"Write = {opposite[term.value]}."


def _find_null_comparisons(terms: list[TriggerTerm]) -> Iterator[TriggerMessage]:
    for term in terms:
        if term.text in ("type", "event") and term.value == "null":
            what = f'{term.text} is compared with the text "null"'
            yield "warning", what, "Leave the condition out: a track call always has both."


_TEXT_RULES: tuple[Callable[[str], Iterator[TriggerMessage]], ...] = (
    _find_carriage_returns,
    _find_glued_quotes,
    _find_list_indexes,
)
_TERM_RULES: tuple[Callable[[list[TriggerTerm]], Iterator[TriggerMessage]], ...] = (
    _find_single_quotes,
    _find_stray_words,
    _find_incomplete_comparisons,
    _find_skipped_fields,
    _find_wrong_wildcards,
    _find_negated_groups,
    _find_nested_groups,
    _find_mixed_and_or,
    _find_groups_ended_by_function,
    _find_negated_booleans,
    _find_null_comparisons,
)


_OPTIONAL_ROOTS = ("properties", "traits", "context", "userId")


def find_impossible_triggers(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find triggers that no event can match."""
    for subscription in context.subscriptions:
        if subscription.parsed_trigger is not None and not list_accepted_call_types(subscription):
            what = f"no event can match the trigger of {subscription.name!r}"
            remedy = (
                f"Use one call type of {', '.join(CALL_TYPES)}, one event name, and fields that "
                "such a call has."
            )
            yield WorkspaceFinding("error", subscription.trigger_path, what, remedy)


def find_misspelled_event_names(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find event names that differ from Segment's spec only in capital letters."""
    spec_names = {event.casefold(): event for event in SPEC_EVENT_NAMES}
    for subscription in context.subscriptions:
        for condition in iterate_conditions(subscription.parsed_trigger):
            name = str(condition.value)
            spec = spec_names.get(name.casefold(), name)
            if condition.root == "event" and condition.operator in ("=", "!=") and spec != name:
                what = f"{name!r} does not match {spec!r}: capitals count"
                yield WorkspaceFinding(
                    "warning", subscription.trigger_path, what, f'Write "{spec}".'
                )


def find_negations_of_missing_values(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find negated conditions that behave unexpectedly when the value is missing."""
    for subscription in context.subscriptions:
        for condition in iterate_conditions(subscription.parsed_trigger):
            field = ".".join((condition.root, *condition.path))
            if condition.root not in _OPTIONAL_ROOTS:
                continue
            if condition.operator == "number_not_equals" or condition.operator.startswith("not_"):
                if condition.operator != "not_exists":
                    what = f"the negated condition on {field} is false when {field} is missing"
                    remedy = f"Add `or {field} = null` if those events count."
                    yield WorkspaceFinding("warning", subscription.trigger_path, what, remedy)
            elif condition.operator == "!=":
                what = f"{field} != {condition.value!r} is also true when {field} is missing"
                remedy = f"Add `and {field} != null` if those events do not count."
                yield WorkspaceFinding("note", subscription.trigger_path, what, remedy)
