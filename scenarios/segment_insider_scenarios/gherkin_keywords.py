"""Gherkin keywords of all languages, and hints for lines with a wrong keyword."""

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import cache
from typing import Any

from gherkin.dialect import DIALECTS as PARSER_DIALECTS

# Code of a language -> its name, and the keywords of each role.
KEYWORDS_BY_LANGUAGE: Mapping[str, Mapping[str, Any]] = PARSER_DIALECTS

# Roles of keywords, by the English word for a step.
STEP_KEYWORD_ROLES = ("given", "when", "then", "and", "but")
TITLE_KEYWORD_ROLES = ("feature", "rule", "background", "scenario", "scenarioOutline", "examples")
ENGLISH_TITLE_KEYWORDS = (
    "feature", "rule", "background", "scenario", "scenario outline", "scenario template",
    "examples", "scenarios", "example",
)  # fmt: skip
# Where a title has to be.
_TITLE_PLACEMENT_HINTS = {
    "feature": "A file has one feature: put the other into a file of its own.",
    "background": "Put the only one before the first scenario of the feature or the rule.",
    "examples": "Put them below the steps of their outline.",
    "scenarios": "Put them below the steps of their outline.",
}
_MAX_KEYWORD_WORDS = 8  # of a keyword of several words
_MIN_SIMILARITY = 0.7  # of "Whne" to "When" it is 0.75
_BULLET_PATTERN = re.compile(r"(?:[-*+•>\u2013\u2014]|\d+[.)])\s*$")
_PUNCTUATION = " \t:,.;-"


@cache
def map_step_keywords_to_languages() -> dict[str, str]:
    """Map each Gherkin step keyword in lower case to its language code."""
    return _map_keywords_to_languages(STEP_KEYWORD_ROLES)


@cache
def map_title_keywords_to_languages() -> dict[str, str]:
    """Map each Gherkin title keyword, e.g. "senaryo", to its language code."""
    return _map_keywords_to_languages(TITLE_KEYWORD_ROLES)


@cache
def _list_step_keyword_prefixes() -> tuple[str, ...]:
    """List the Gherkin step keywords with their trailing space."""
    return tuple(
        {
            word
            for spec in KEYWORDS_BY_LANGUAGE.values()
            for role in STEP_KEYWORD_ROLES
            for word in spec[role]
        }
    )


def _map_keywords_to_languages(roles: tuple[str, ...]) -> dict[str, str]:
    codes = [
        "en",
        *(code for code in KEYWORDS_BY_LANGUAGE if code != "en"),
    ]  # the best known comes first
    languages: dict[str, str] = {}
    for code in codes:
        for role in roles:
            for word in KEYWORDS_BY_LANGUAGE[code][role]:
                if word.strip() != "*":
                    languages.setdefault(word.strip().lower(), code)
    return languages


def get_language_name(code: str) -> str:
    """Return the English name of a Gherkin language by its code, e.g. "Turkish"."""
    name: str = KEYWORDS_BY_LANGUAGE[code]["name"]
    return name


def list_texts_after_step_keywords(line: str) -> list[str]:
    """Return what follows the step keyword in a line, once for each keyword that it starts with."""
    line = line.strip()
    return [
        line[len(prefix) :].strip()
        for prefix in _list_step_keyword_prefixes()
        if line.startswith(prefix)
    ]


def split_after_first_words(line: str) -> list[tuple[str, str]]:
    """Split a line after each of its first words, where a mistyped step keyword may end."""
    words = re.split(r"(\s+)", line.strip())
    places = range(1, len(words), 2)[:_MAX_KEYWORD_WORDS]
    cuts = [("".join(words[:at]), "".join(words[at + 1 :])) for at in places]
    glued = [
        (prefix, line.strip()[len(prefix) :])
        for prefix in _list_step_keyword_prefixes()
        if not prefix.endswith(" ")
    ]
    return cuts + [(keyword, rest) for keyword, rest in glued if line.strip() == keyword + rest]


def normalise_keyword(keyword: str) -> str:
    """Return a Gherkin keyword in lower case without punctuation: "Then:" is "then"."""
    return keyword.strip(_PUNCTUATION).lower()


def is_list_bullet(words: str) -> bool:
    """Return whether the first words of a line are only a list marker, e.g. "-" or "1."."""
    return bool(_BULLET_PATTERN.fullmatch(words))


def resembles_step_keyword(words: str) -> bool:
    """Return whether words are a Gherkin step keyword, perhaps with a typing error."""
    word = normalise_keyword(words)
    known = map_step_keywords_to_languages()
    return word in known or any(
        _are_similar_words(word, keyword)
        for keyword in known
        if _have_similar_length(word, keyword)
    )


def explain_wrong_step_keyword(words: str, language: str) -> tuple[str, str]:
    """Explain why words start no step of a feature file in *language*, and what to write."""
    word = normalise_keyword(words)
    code = map_step_keywords_to_languages().get(word)
    if code is None:
        return f"{words!r} is not a keyword", "Begin the step with Given, When, Then, And or But."
    if word in STEP_KEYWORD_ROLES and language == "en":
        if words == word.capitalize():
            return "this step is outside a scenario", "Write `Scenario:` or `Background:` above it."
        remedy = f"Begin the line with {word.capitalize()}, without a colon."
        return f"{words!r} is not written like a keyword", remedy
    return _explain_keyword_language(words, code, language)


def explain_wrong_title_keyword(line: str, language: str) -> tuple[str, str] | None:
    """Explain what is wrong with a line similar to a Gherkin title such as `Scenario: name`.

    Returns: None for a line that is no such thing.
    """
    words, colon, _ = line.partition(":")
    word = _find_closest_title_keyword(words) if colon else None
    if word is None:
        return None
    if any(words in KEYWORDS_BY_LANGUAGE[language][role] for role in TITLE_KEYWORD_ROLES):
        return f"`{words}:` cannot be here", _TITLE_PLACEMENT_HINTS.get(
            word, "Put it below `Feature:`."
        )
    code = map_title_keywords_to_languages().get(word, "en")
    if code == "en" and language == "en":
        return f"{words!r} is not written like a keyword", f"Write `{word.title()}:`."
    return _explain_keyword_language(words, code, language)


def _explain_keyword_language(words: str, code: str, language: str) -> tuple[str, str]:
    if code == "en":
        remedy = f"The file is in {get_language_name(language)}: use that language's keywords."
    else:
        remedy = f"Write `# language: {code}` into the first line of the file."
    return f"{words!r} is a keyword of {get_language_name(code)}", remedy


def _find_closest_title_keyword(words: str) -> str | None:
    """Return the Gherkin title keyword that words are, or are similar to, or None."""
    word = " ".join(words.lower().split())
    if word in map_title_keywords_to_languages():
        return word
    long = [keyword for keyword in ENGLISH_TITLE_KEYWORDS if len(keyword) > 6]
    return next(
        (
            keyword
            for keyword in long
            if _have_similar_length(word, keyword) and _are_similar_words(word, keyword)
        ),
        None,
    )


def _have_similar_length(word: str, other: str) -> bool:
    return abs(len(word) - len(other)) < 3 and min(len(word), len(other)) > 2


def _are_similar_words(word: str, other: str) -> bool:
    return SequenceMatcher(None, word, other, autojunk=False).ratio() >= _MIN_SIMILARITY
