"""The keywords of Gherkin in all its languages, and lines that look as if they began with one."""

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import cache
from typing import Any

from gherkin.dialect import DIALECTS as PARSER_DIALECTS

# Code of a language -> its name, and the keywords of each role.
DIALECTS: Mapping[str, Mapping[str, Any]] = PARSER_DIALECTS

# Roles of keywords, by the English word for a step.
STEP_ROLES = ("given", "when", "then", "and", "but")
TITLE_ROLES = ("feature", "rule", "background", "scenario", "scenarioOutline", "examples")
ENGLISH_TITLES = (
    "feature", "rule", "background", "scenario", "scenario outline", "scenario template",
    "examples", "scenarios", "example",
)  # fmt: skip
# Where a title has to be.
_PLACES = {
    "feature": "A file has one feature: put the other into a file of its own.",
    "background": "Put the only one before the first scenario of the feature or the rule.",
    "examples": "Put them below the steps of their outline.",
    "scenarios": "Put them below the steps of their outline.",
}
_MOST_WORDS = 8  # of a keyword of several words
_SIMILAR = 0.7  # of "Whne" to "When" it is 0.75
_BULLET = re.compile(r"(?:[-*+•>\u2013\u2014]|\d+[.)])\s*$")
_PUNCTUATION = " \t:,.;-"


@cache
def step_keywords() -> dict[str, str]:
    """Return each step keyword in lower case without its blank -> the code of a language."""
    return _keywords(STEP_ROLES)


@cache
def title_keywords() -> dict[str, str]:
    """Return each keyword of a title, such as "senaryo" -> the code of a language."""
    return _keywords(TITLE_ROLES)


@cache
def _prefixes() -> tuple[str, ...]:
    """The step keywords as files have them, with their blank."""
    return tuple({word for spec in DIALECTS.values() for role in STEP_ROLES for word in spec[role]})


def _keywords(roles: tuple[str, ...]) -> dict[str, str]:
    codes = ["en", *(code for code in DIALECTS if code != "en")]  # the best known comes first
    found: dict[str, str] = {}
    for code in codes:
        for role in roles:
            for word in DIALECTS[code][role]:
                if word.strip() != "*":
                    found.setdefault(word.strip().lower(), code)
    return found


def language_of(code: str) -> str:
    """Return the English name of a language, e.g. "Turkish"."""
    name: str = DIALECTS[code]["name"]
    return name


def texts_behind_keywords(line: str) -> list[str]:
    """Return what may be a step's text: the line behind each keyword that it begins with."""
    line = line.strip()
    return [line[len(each) :].strip() for each in _prefixes() if line.startswith(each)]


def splits(line: str) -> list[tuple[str, str]]:
    """Return the line cut behind each of its first words, and behind a keyword without a blank."""
    words = re.split(r"(\s+)", line.strip())
    places = range(1, len(words), 2)[:_MOST_WORDS]
    cuts = [("".join(words[:at]), "".join(words[at + 1 :])) for at in places]
    glued = [(each, line.strip()[len(each) :]) for each in _prefixes() if not each.endswith(" ")]
    return cuts + [(each, rest) for each, rest in glued if line.strip() == each + rest]


def bare(keyword: str) -> str:
    """Return a keyword as it is compared: "Then:" is "then"."""
    return keyword.strip(_PUNCTUATION).lower()


def is_bullet(words: str) -> bool:
    """Check whether *words* are but the sign of a list, such as "-" or "1."."""
    return bool(_BULLET.fullmatch(words))


def resembles_keyword(words: str) -> bool:
    """Check whether *words* are a step keyword, or one with a slip."""
    word = bare(words)
    known = step_keywords()
    return word in known or any(_similar(word, each) for each in known if _alike_long(word, each))


def wrong_keyword(words: str, language: str) -> tuple[str, str]:
    """Say why *words* begin no step of a file in *language*, and what to write."""
    word = bare(words)
    code = step_keywords().get(word)
    if code is None:
        return f"{words!r} is no keyword", "Begin the step with Given, When, Then, And or But."
    if word in STEP_ROLES and language == "en":
        if words == word.capitalize():
            return "this step is in no scenario", "Write `Scenario:` or `Background:` above it."
        remedy = f"Begin the line with {word.capitalize()}, without a colon."
        return f"{words!r} is not written as a keyword", remedy
    return _of_language(words, code, language)


def wrong_title(line: str, language: str) -> tuple[str, str] | None:
    """Say what is wrong with a line that nearly is a title such as `Scenario: name`.

    Returns: None for a line that is no such thing.
    """
    words, colon, _ = line.partition(":")
    word = _title(words) if colon else None
    if word is None:
        return None
    if any(words in DIALECTS[language][role] for role in TITLE_ROLES):
        return f"`{words}:` cannot be here", _PLACES.get(word, "Put it below `Feature:`.")
    code = title_keywords().get(word, "en")
    if code == "en" and language == "en":
        return f"{words!r} is not written as a keyword", f"Write `{word.title()}:`."
    return _of_language(words, code, language)


def _of_language(words: str, code: str, language: str) -> tuple[str, str]:
    if code == "en":
        remedy = f"The file is in {language_of(language)}: use that language's keywords."
    else:
        remedy = f"Write `# language: {code}` into the first line of the file."
    return f"{words!r} is a keyword of {language_of(code)}", remedy


def _title(words: str) -> str | None:
    """The keyword of a title that *words* are, or nearly are."""
    word = " ".join(words.lower().split())
    if word in title_keywords():
        return word
    long = [each for each in ENGLISH_TITLES if len(each) > 6]
    return next((each for each in long if _alike_long(word, each) and _similar(word, each)), None)


def _alike_long(word: str, other: str) -> bool:
    return abs(len(word) - len(other)) < 3 and min(len(word), len(other)) > 2


def _similar(word: str, other: str) -> bool:
    return SequenceMatcher(None, word, other, autojunk=False).ratio() >= _SIMILAR
