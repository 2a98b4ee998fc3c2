"""Suggestions for misspelt names: which known name was meant.

`find_similar_name` looks at traffic and at request bodies, where a miss is a warning.
`is_misspelling` looks at names that a person writes in a scenario, where a miss is an error, and
so takes less for a slip.
"""

import re
from collections.abc import Iterable

_SEPARATORS = re.compile(r"[\s_.-]+")
_BLANKS_AND_HYPHENS = re.compile(
    r"[\s_-]+"
)  # not the dot: in a scenario it parts a place such as custom.plan
_MIN_LENGTH_FOR_ONE_EDIT = 5  # characters of a name in which one slip is no other word
# Of words as short as these, too many neighbours are words as well: tax and tag, size and side.
_SHORT_NAME_LENGTH, MIN_MISSPELLED_LENGTH = 4, 3


def find_similar_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that *name* probably means; None if *name* is known or like none.

    It misses by little when it differs in letter case, blanks, underscores, dots and hyphens
    alone, or by one letter more, less, other or swapped besides.
    """
    names = list(known)
    if name in names:
        return None
    folded = _strip_separators(name)
    by_form: dict[str, str] = {}
    for known_name in names:
        by_form.setdefault(_strip_separators(known_name), known_name)
    if folded in by_form:
        return by_form[folded]
    if len(folded) < _MIN_LENGTH_FOR_ONE_EDIT:
        return None
    return next((by_form[form] for form in by_form if is_one_edit_apart(folded, form)), None)


def _strip_separators(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()


def is_one_edit_apart(first: str, second: str) -> bool:
    """Return whether two names differ by one letter added, removed, replaced or swapped."""
    if first == second or abs(len(first) - len(second)) > 1:
        return False
    start = _measure_common_prefix(first, second)
    rest, other_rest = first[start:], second[start:]
    swapped = rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
    same_end = rest[1:] == other_rest[1:] or rest[1:] == other_rest or rest == other_rest[1:]
    return swapped or same_end


def _measure_common_prefix(first: str, second: str) -> int:
    pairs = zip(first, second, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def normalise_name(name: str) -> str:
    """Return *name* in lower case, without blanks, underscores and hyphens."""
    return _BLANKS_AND_HYPHENS.sub("", name).casefold()


def is_misspelling(name: str, known: str) -> bool:
    """Return whether *name* is probably a misspelling of the *known* name.

    Capitals, blanks, underscores and hyphens are slips as well. A short name is one only where
    hardly anyone would choose it.
    """
    if normalise_name(name) == normalise_name(known):
        return name != known
    one, other = name.casefold(), known.casefold()
    if not is_one_edit_apart(one, other) or one == f"{other}s":  # a plural is a name of its own
        return False
    if len(known) > _SHORT_NAME_LENGTH:
        return True
    swapped = sorted(one) == sorted(other)
    doubled = any(one == other[:at] + other[at] + other[at:] for at in range(len(other)))
    return swapped or doubled or (len(known) > MIN_MISSPELLED_LENGTH and len(one) != len(other))


def find_intended_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that *name* misspells; None if *name* is known or like none."""
    names = list(known)
    return (
        None
        if name in names
        else next((known_name for known_name in names if is_misspelling(name, known_name)), None)
    )


QUOTED_TEXT = re.compile(r'"([^"]+)"')
_NAME_PARTS = re.compile(r"[^\W\d_]+|\d+")
_MAX_LABEL_LENGTH = 2  # letters of the part that differs in a series of ids: o-a and o-b


def list_quoted_texts(text: str) -> list[str]:
    """Return the texts in double quotes within the text of a step."""
    return QUOTED_TEXT.findall(text)


def is_typo_of_text(text: str, other: str) -> bool:
    """Return whether *text* is *other* with one typing error; o-17 and o-18 are not.

    An event and its system name, Wish Listed and wish_listed, count as one spelling.
    """
    if ("_" in text) != ("_" in other):
        return False
    if min(len(text), len(other)) <= MIN_MISSPELLED_LENGTH or not is_one_edit_apart(
        normalise_name(text), normalise_name(other)
    ):
        return False
    parts, others = _NAME_PARTS.findall(text.casefold()), _NAME_PARTS.findall(other.casefold())
    if len(parts) != len(others):
        return True
    differing = [pair for pair in zip(parts, others, strict=True) if pair[0] != pair[1]]
    return not all(_are_labels_of_a_series(*pair) for pair in differing)


def _are_labels_of_a_series(part: str, other: str) -> bool:
    """Return whether two parts of names count a series, e.g. 9 and 10, or a and b."""
    if part.isdigit() and other.isdigit():
        return True
    return len(part) == len(other) <= _MAX_LABEL_LENGTH
