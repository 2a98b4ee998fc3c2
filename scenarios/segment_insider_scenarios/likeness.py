"""How much the words of a step are like a pattern: where to look for what was meant."""

import re
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import islice

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


def step_similarity(words: str, pattern: str) -> float:
    """Return how alike they are: 1 when *pattern* would read *words*, 0 when nothing is common."""
    words_tokens, pattern_tokens = tokenise_step(words), tokenise_step(pattern)
    total = sum(map(_word_weight, pattern_tokens)) + sum(map(_word_weight, words_tokens))
    return max(0.0, 1 - 2 * _edit_distance(words_tokens, pattern_tokens) / (total or 1))


@lru_cache(maxsize=2048)
def tokenise_step(words: str) -> tuple[str, ...]:
    """Return the words in lower case, with "_" for each value."""
    matches = _WORD_PATTERN.finditer(_VALUE_PATTERN.sub(f" {VALUE_TOKEN} ", words).lower())
    return tuple(each[0][:_MAX_WORD_LENGTH] for each in islice(matches, _MAX_WORDS))


def _edit_distance(words_tokens: tuple[str, ...], pattern_tokens: tuple[str, ...]) -> float:
    """The least cost of making one list of words of the other."""
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
    """A value says little of which step is meant, and so does a short word."""
    if word == VALUE_TOKEN:
        return 0.15
    return _SHORT_WORD_WEIGHT if len(word) < 3 else min(len(word), 6) / 6 * 0.5 + 0.5
