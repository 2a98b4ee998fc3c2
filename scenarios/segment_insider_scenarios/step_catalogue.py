"""Catalogue of registered Gherkin steps, with search and suggestions, and the step text parser."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from importlib import import_module
from inspect import getdoc, signature
from itertools import islice
from typing import Any

import pytest
from parse import with_pattern  # type: ignore[import-untyped]  # ships no types
from pytest_bdd import parsers
from pytest_bdd.compat import get_fixture_names, getfixturedefs
from pytest_bdd.parser import Step
from pytest_bdd.steps import StepFunctionContext, step_function_context_registry

from segment_insider_scenarios.steps import THEMES

VALUE_TOKEN = "_"
_VALUE_PATTERN = re.compile(r'{\w+}|"[^"]*"|<[^<>]+>|\b\d[\d.,]*\b')
_WORD_PATTERN = re.compile(r"[\w'-]+")
_VALUE_COST = 0.1  # the cost of a word that may be a value, such as a name
_EXTRA_VALUE_WORD_COST = 0.5  # of one more word of the same value, by its weight
_MISSING_WORD_COST = 0.7  # of a word that the other does not have, by its weight
_MIN_WORD_SIMILARITY = 0.6  # of two words that differ by a slip
_MAX_WORDS, _MAX_WORD_LENGTH = (
    50,
    50,
)  # words of a line and characters of a word: no step has as many
_SHORT_WORD_WEIGHT = 0.35  # the weight of a word such as "in"


def compute_step_similarity(words: str, pattern: str) -> float:
    """Return the similarity of a step's text and a step pattern, from 0 (none) to 1 (a match)."""
    words_tokens, pattern_tokens = tokenise_step(words), tokenise_step(pattern)
    total = sum(map(_word_weight, pattern_tokens)) + sum(map(_word_weight, words_tokens))
    return max(0.0, 1 - 2 * _edit_distance(words_tokens, pattern_tokens) / (total or 1))


@lru_cache(maxsize=2048)
def tokenise_step(words: str) -> tuple[str, ...]:
    """Split a step's text into lower-case words, with "_" for each value."""
    matches = _WORD_PATTERN.finditer(_VALUE_PATTERN.sub(f" {VALUE_TOKEN} ", words).lower())
    return tuple(match[0][:_MAX_WORD_LENGTH] for match in islice(matches, _MAX_WORDS))


def _edit_distance(words_tokens: tuple[str, ...], pattern_tokens: tuple[str, ...]) -> float:
    """Return the lowest cost of changing one step's words into another's."""
    row = [0.0]
    for token in pattern_tokens:
        row.append(row[-1] + _word_weight(token) * _MISSING_WORD_COST)
    for word in words_tokens:
        above, row = row, [row[0] + _word_weight(word) * _MISSING_WORD_COST]
        for to, token in enumerate(pattern_tokens, start=1):
            more = _word_weight(word) * (
                _EXTRA_VALUE_WORD_COST if token == VALUE_TOKEN else _MISSING_WORD_COST
            )
            row.append(
                min(
                    above[to - 1] + _replacement_cost(word, token),
                    above[to] + more,
                    row[to - 1] + _word_weight(token) * _MISSING_WORD_COST,
                )
            )
    return row[-1]


@lru_cache(maxsize=65536)
def _replacement_cost(word: str, token: str) -> float:
    if word == token:
        return 0.0
    if token == VALUE_TOKEN:
        return _VALUE_COST
    ratio = SequenceMatcher(None, word, token, autojunk=False).ratio()
    return max(_word_weight(word), _word_weight(token)) * (
        1 - ratio if ratio >= _MIN_WORD_SIMILARITY else 1
    )


def _word_weight(word: str) -> float:
    """Return the weight of a word in step similarity: values and short words count less."""
    if word == VALUE_TOKEN:
        return 0.15
    return _SHORT_WORD_WEIGHT if len(word) < 3 else min(len(word), 6) / 6 * 0.5 + 0.5


# A word that people write -> the words of the step that they probably mean.
SYNONYMS = {
    "accepts": "allows",
    "after": "pass",
    "denies": "blocks",
    "grants": "allows",
    "identifies": "tells the shop these traits",
    "off": "out",
    "orders": "buys these products",
    "purchases": "buys these products",
    "push": "web push",
    "receives": "gets",
    "refuses": "blocks",
    "returns": "refunds",
    "saying": "that says",
    "subscribes": "opts in",
    "text": "that says",
}
LIBRARY_PACKAGE = "segment_insider_scenarios.steps"
PARSER_TYPE = re.compile(r":[a-z]}")  # the parser's type of a word or a number
MAX_SUGGESTIONS = 3
MIN_SUGGESTION_SIMILARITY = 0.35
MIN_TOPIC_LENGTH, MAX_STEPS_BY_WORD = 5, 8  # shorter words, such as "with", are in many steps
STEP_KINDS = ("given", "when", "then")
PLACEHOLDER_PATTERN = re.compile(r"{(\w+)}")
# Placeholder -> its value in examples.
EXAMPLE_VALUES = {
    "address": "ada@shop.example",
    "call": "Order Completed",
    "cart": "c-9",
    "categories": "Advertising",
    "category": "Kitchen",
    "channel": "email",
    "channels": "email and sms",
    "checkout": "k-3",
    "count": "2",
    "currency": "EUR",
    "device": "phone",
    "end": "completed",
    "event": "Wish Listed",
    "event_name": "wish_listed",
    "file": "shop.ndjson",
    "goal": "Purchase",
    "group": "acme",
    "journey": "Welcome",
    "kind": "an e-mail",
    "length": "45 minutes",
    "levels": "Women > Shoes",
    "locale": "de_DE",
    "mapping": "Order Completed Event",
    "message": "Thank you for your order",
    "name": "Web shop",
    "now": "2026-11-23T12:00:00Z",
    "order": "o-17",
    "other": "Bea",
    "page": "Home",
    "path": "/v1/track",
    "person": "Ada",
    "previous": "guest-7",
    "query": "blue mug",
    "reason": "event_group_id parameter is required",
    "role": "Administrator",
    "screen": "Home",
    "status": "503",
    "token": "browser-1",
    "type": "Source",
    "verdict": "accepted",
    "why": "email_optin is absent",
    "workspace": "segment-defaults",
}
# Step -> values of its placeholders where the general ones do not fit.
EXAMPLE_VALUES_BY_STEP = {
    '{person} adds the mapping "{name}" of the action "{action}":': {
        "name": "Songs",
        "action": "Track Event",
    },
    '{person} removes the mapping "{name}"': {"name": "Order Completed Event"},
    "{length} passes": {"length": "1 hour"},
    '{person} adds the custom identifier "{name}" from "{path}"': {
        "name": "loyalty_id",
        "path": "traits.loyaltyId",
    },
    '{person} removes the identifier "{name}"': {"name": "email"},
    'Segment renames the event "{event}" to "{name}"': {
        "event": "wish_added",
        "name": "Wish Listed",
    },
    'Segment has the insert function "{name}":': {"name": "Add tier"},
    'Segment has the source function "{name}":': {"name": "Gifts"},
    'InOne refuses because "{reason}"': {"reason": "cannot make changes"},
    '{person} disables the mapping "{name}"': {"name": "Order Completed Event"},
    '{person} leaves the e-mail group "{group}"': {"group": "Newsletter"},
    '{person} joins the e-mail group "{group}"': {"group": "Newsletter"},
    '{person} enables the mapping "{name}"': {"name": "Order Completed Event"},
    '{person} enters the journey "{journey}" because of "{event}"': {
        "journey": "Cart abandonment",
        "event": "item_added_to_cart",
    },
    '{person} leaves the journey "{journey}" because of "{event}"': {
        "journey": "Cart abandonment",
        "event": "confirmation_page_view",
    },
    'the call "{call}" ends as {verdict} because "{reason}"': {
        "call": "Cart Viewed",
        "verdict": "dropped",
    },
}
# Name in pytest-bdd -> name in messages.
ARGUMENT_NOUNS = {"datatable": "table", "docstring": "text"}


@dataclass(frozen=True, slots=True)
class CatalogueStep:
    """One step of the catalogue: its text pattern, description and example.

    Args:
        module: Of the function, e.g. "segment_insider_scenarios.steps.setup".
        kinds: Of "given", "when", "then", in this order.
        pattern: What it reads, e.g. '{person} does "{event}"'.
        about: One sentence.
        below: "table" or "text", when it needs one below it.
        shown: Example of the table or text below it; empty if there is none.
    """

    module: str
    kinds: tuple[str, ...]
    pattern: str
    about: str
    below: str | None
    shown: str

    @property
    def theme(self) -> str:
        """Return the theme of a step: the last part of its module, e.g. "setup"."""
        return self.module.rpartition(".")[2]

    @property
    def example(self) -> str:
        """Return the example of a step as written in a feature file, with its table or text."""
        values = EXAMPLE_VALUES | EXAMPLE_VALUES_BY_STEP.get(self.pattern, {})
        words = PLACEHOLDER_PATTERN.sub(lambda found: values.get(found[1], found[0]), self.pattern)
        lines = [f"{self.kinds[-1].capitalize()} {words}", *self._format_table_or_doc_string()]
        return "\n".join(lines)

    def _format_table_or_doc_string(self) -> list[str]:
        if not self.shown:
            return []
        if self.below == "table":
            return [f"  {line}" for line in self.shown.splitlines()]
        quoted = ['"""', *self.shown.splitlines(), '"""']
        return [f"  {line}" for line in quoted]


def list_steps() -> list[CatalogueStep]:
    """Return all registered Gherkin steps, sorted by pattern."""
    kinds: dict[tuple[str, str, str, str | None, str], set[str]] = {}
    for context in step_function_context_registry.values():
        function = context.step_func
        about, _, example = (getdoc(function) or "").partition("\n\n")
        below = _get_step_argument_noun(function)
        entry = (
            function.__module__,
            _format_step_pattern(context),
            about,
            below,
            example if below else "",
        )
        kinds.setdefault(entry, set()).add(context.type or "step")
    entries = [
        CatalogueStep(
            module, tuple(k for k in STEP_KINDS if k in found), pattern, about, below, shown
        )
        for (module, pattern, about, below, shown), found in kinds.items()
        if module != "pytest_bdd.plugin"
    ]
    return sorted(entries, key=lambda entry: entry.pattern)


def list_library_steps() -> list[CatalogueStep]:
    """Return the Gherkin steps of the emulator's step library, grouped by module."""
    for theme in THEMES:
        import_module(f"{LIBRARY_PACKAGE}.{theme}")
    module_order = {f"{LIBRARY_PACKAGE}.{theme}": at for at, theme in enumerate(THEMES)}
    entries = [entry for entry in list_steps() if entry.module in module_order]

    def sort_key(entry: CatalogueStep) -> tuple[int, int, str]:
        return module_order[entry.module], STEP_KINDS.index(entry.kinds[0]), entry.pattern

    return sorted(entries, key=sort_key)


def is_library_function(function: Callable[..., object]) -> bool:
    """Return whether a step function belongs to the step library."""
    return function.__module__.startswith(LIBRARY_PACKAGE)


def is_library_step(name: str) -> bool:
    """Return whether *name* is the text of a library step."""
    return any(context.parser.is_matching(name) for context in _iterate_library_step_contexts())


def is_step_with_short_name(line: str) -> bool:
    """Return whether *line* is a library step whose person has a name of one word.

    Of a line without a keyword, the first word may be a keyword with a typing error.
    """
    parsers_of_line = (
        context.parser
        for context in _iterate_library_step_contexts()
        if context.parser.is_matching(line)
    )
    return any(
        " " not in (parser.parse_arguments(line) or {}).get("person", "")
        for parser in parsers_of_line
    )


class StepFinder:
    """Finds the step functions that the tests of one module see, each text once.

    Args:
        fixturemanager: Of pytest, which knows all fixtures of the run.
        node: A test of the module.
    """

    def __init__(self, fixturemanager: Any, node: pytest.Item) -> None:
        definitions = (
            definition
            for name in get_fixture_names(fixturemanager)
            for definition in getfixturedefs(fixturemanager, name, node) or ()
        )
        self._visible_steps = [
            (definition, context)
            for definition in definitions
            if (context := step_function_context_registry.get(definition.func))
        ]
        self._known: dict[tuple[str, str], list[Any]] = {}

    def find_definitions(self, step: Step) -> list[Any]:
        """Find the fixtures of the step functions for a step."""
        key = step.type, step.name
        if key not in self._known:
            self._known[key] = [
                definition
                for definition, context in self._visible_steps
                if context.type in (None, step.type) and context.parser.is_matching(step.name)
            ]
        return self._known[key]


STEP_FINDER = pytest.StashKey[StepFinder]()  # of one feature's module


def find_step_definitions(step: Step, fixturemanager: Any, node: pytest.Item) -> list[Any]:
    """Find the fixtures of the step functions for a step of the test *node*."""
    if node.parent is None:
        return StepFinder(fixturemanager, node).find_definitions(step)
    if STEP_FINDER not in node.parent.stash:
        node.parent.stash[STEP_FINDER] = StepFinder(fixturemanager, node)
    return node.parent.stash[STEP_FINDER].find_definitions(step)


# pytest-bdd itself searches all fixtures of the run for each step of each scenario.
_bdd_scenario: Any = import_module("pytest_bdd.scenario")  # the package has a function of this name
_bdd_scenario.find_fixturedefs_for_step = find_step_definitions


def find_matching_steps(name: str) -> list[CatalogueStep]:
    """Return the Gherkin steps, of any keyword, whose pattern matches a text."""
    patterns = {
        _format_step_pattern(context)
        for context in step_function_context_registry.values()
        if context.parser.is_matching(name)
    }
    return [entry for entry in list_steps() if entry.pattern in patterns]


def find_matching_patterns(name: str, kind: str) -> set[str]:
    """Return the step patterns of a kind that match a text, as the parser stores them."""
    return {
        context.parser.name
        for context in step_function_context_registry.values()
        if context.type in (kind, None) and context.parser.is_matching(name)
    }


def suggest_steps(words: str, kind: str | None = None) -> list[str]:
    """Return the step patterns of a kind that are most similar to a text, best first."""
    patterns = [entry.pattern for entry in list_steps() if kind in (None, *entry.kinds)]
    wordings = {words, _WORD_PATTERN.sub(lambda word: SYNONYMS.get(word[0], word[0]), words)}
    scored_patterns = sorted(
        (
            (max(compute_step_similarity(wording, pattern) for wording in wordings), pattern)
            for pattern in patterns
        ),
        reverse=True,
    )
    return [
        pattern
        for score, pattern in scored_patterns[:MAX_SUGGESTIONS]
        if score >= MIN_SUGGESTION_SIMILARITY
    ]


def find_steps_by_word(words: str, kind: str) -> list[str]:
    """Return the step patterns of a kind whose text or description has most words of a text."""
    wanted = {word for word in tokenise_step(words) if len(word) >= MIN_TOPIC_LENGTH}
    scored_patterns = [
        (sum(word in entry.pattern.lower() for word in wanted), shared, entry.pattern)
        for entry in list_steps()
        if kind in entry.kinds
        and (shared := sum(word in f"{entry.pattern} {entry.about}".lower() for word in wanted))
    ]
    return [pattern for *_, pattern in sorted(scored_patterns, reverse=True)[:MAX_STEPS_BY_WORD]]


def compute_best_step_similarity(words: str) -> float:
    """Return how similar a text is to the nearest library step, from 0 to 1."""
    return max(
        (
            compute_step_similarity(words, _format_step_pattern(context))
            for context in _iterate_library_step_contexts()
        ),
        default=0.0,
    )


def _format_step_pattern(context: StepFunctionContext) -> str:
    return PARSER_TYPE.sub("}", context.parser.name)


def _iterate_library_step_contexts() -> Iterator[StepFunctionContext]:
    """Yield the registered functions of library steps."""
    for context in step_function_context_registry.values():
        if is_library_function(context.step_func):
            yield context


def _get_step_argument_noun(function: Callable[..., object]) -> str | None:
    nouns = (
        noun
        for argument, noun in ARGUMENT_NOUNS.items()
        if argument in signature(function).parameters
    )
    return next(nouns, None)


_NAME_SIGNS = " _'\u2019.-"
# Small words inside names, e.g. Ludwig van Beethoven, Maria dos Santos, Umar ibn al Khattab.
_NAME_PARTICLES = (
    *("af", "al", "av", "bin", "bint", "da", "de", "del", "della", "den", "der", "di", "do"),
    *("dos", "du", "el", "ibn", "la", "le", "ten", "ter", "van", "von", "vom", "y", "zu", "zum"),
    "zur",
)
_NO_FIRST_NAMES = ("given", "when", "then", "and", "but")


def _parse_person_name(text: str) -> str:
    """Return a name such as Ada, Ayşe-Nur, O'Hara, Ada Lovelace or Ludwig van Beethoven.

    An accent after its letter becomes one character with it: both spellings are one person.

    Raises: ValueError, when it has another sign, one of several words is in small letters, or the
        first is a keyword: it is then no part of the name, as in "Ada quickly signs in".
    """
    first, *others = words = text.split()
    if others and (
        words[-1][0].islower()
        or any(word[0].islower() and word not in _NAME_PARTICLES for word in words)
        or first.lower() in _NO_FIRST_NAMES
    ):
        raise ValueError(text)
    if not all(map(_is_name_character, text)):
        raise ValueError(text)
    return unicodedata.normalize("NFC", text)


def _is_name_character(character: str) -> bool:
    """Return whether a character may be in a name: a letter, its accent, a digit or a sign."""
    return character in _NAME_SIGNS or unicodedata.category(character)[0] in "LMN"


# `\w` has no marks, such as the vowels of Thai: beyond ASCII, the function decides. Said by what it
# is not, because `re` would search a million characters for their capitals, for each step.
_NAME_WORD = r"\w[^\x00-&(-,/:-@\[-^`{-\xa0]*"
_PERSON_NAME = with_pattern(rf"{_NAME_WORD}(?: {_NAME_WORD}){{0,3}}")(_parse_person_name)


def _parse_unquoted_text(text: str) -> str:
    """Return a text that has no quotes, so that a longer step is not one of its values."""
    return text


_UNQUOTED_TEXT = with_pattern(r'[^"]*')(_parse_unquoted_text)
_EMPTY_QUOTES = re.compile(r'(?<!\S)""(?!\w)')
_EMPTY_MARK = "\ue002"  # marks an empty text between two quotes


class StepPattern(parsers.parse):  # in small letters, as pytest-bdd has it
    """Parser of step texts for pytest-bdd: `""` is an empty text, p a name, q has no quotes."""

    def __init__(self, name: str) -> None:
        super().__init__(name, extra_types={"p": _PERSON_NAME, "q": _UNQUOTED_TEXT})

    def is_matching(self, name: str) -> bool:
        """Return whether the step pattern matches a step's text."""
        return super().is_matching(_mark_empty_quotes(name))

    def parse_arguments(self, name: str) -> dict[str, Any]:
        """Return the values of the step pattern's placeholders in a step's text."""
        arguments = super().parse_arguments(_mark_empty_quotes(name))
        return {
            key: value.replace(_EMPTY_MARK, "") if isinstance(value, str) else value
            for key, value in arguments.items()
        }


def _mark_empty_quotes(name: str) -> str:
    return _EMPTY_QUOTES.sub(f'"{_EMPTY_MARK}"', name)
