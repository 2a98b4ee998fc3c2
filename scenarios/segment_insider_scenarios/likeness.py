"""How much the words of a step are like a pattern: where to look for what was meant."""

import re
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import islice

VALUE = "_"
_VALUES = re.compile(r'{\w+}|"[^"]*"|<[^<>]+>|\b\d[\d.,]*\b')
_TOKENS = re.compile(r"[\w'-]+")
_AS_VALUE = 0.1  # the cost of a word that may be a value, such as a name
_MORE_VALUE = 0.5  # of one more word of the same value, by its weight
_LEFT_OUT = 0.7  # of a word that the other does not have, by its weight
_ALIKE = 0.6  # of two words that differ by a slip
_MOST, _LONGEST = 50, 50  # words of a line and characters of a word: no step has as many
_SHORT = 0.35  # the weight of a word such as "in"


def likeness(words: str, pattern: str) -> float:
    """Return how alike they are: 1 when *pattern* would read *words*, 0 when nothing is common."""
    said, wanted = tokens(words), tokens(pattern)
    total = sum(map(_weight, wanted)) + sum(map(_weight, said))
    return max(0.0, 1 - 2 * _distance(said, wanted) / (total or 1))


@lru_cache(maxsize=2048)
def tokens(words: str) -> tuple[str, ...]:
    """Return the words in lower case, with "_" for each value."""
    found = _TOKENS.finditer(_VALUES.sub(f" {VALUE} ", words).lower())
    return tuple(each[0][:_LONGEST] for each in islice(found, _MOST))


def _distance(said: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    """The least cost of making one list of words of the other."""
    row = [0.0]
    for token in wanted:
        row.append(row[-1] + _weight(token) * _LEFT_OUT)
    for word in said:
        above, row = row, [row[0] + _weight(word) * _LEFT_OUT]
        for to, token in enumerate(wanted, start=1):
            more = _weight(word) * (_MORE_VALUE if token == VALUE else _LEFT_OUT)
            row.append(
                min(
                    above[to - 1] + _exchange(word, token),
                    above[to] + more,
                    row[to - 1] + _weight(token) * _LEFT_OUT,
                )
            )
    return row[-1]


@lru_cache(maxsize=65536)
def _exchange(word: str, token: str) -> float:
    if word == token:
        return 0.0
    if token == VALUE:
        return _AS_VALUE
    ratio = SequenceMatcher(None, word, token, autojunk=False).ratio()
    return max(_weight(word), _weight(token)) * (1 - ratio if ratio >= _ALIKE else 1)


def _weight(word: str) -> float:
    """A value says little of which step is meant, and so does a short word."""
    if word == VALUE:
        return 0.15
    return _SHORT if len(word) < 3 else min(len(word), 6) / 6 * 0.5 + 0.5
