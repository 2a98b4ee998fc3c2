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
