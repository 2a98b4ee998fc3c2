"""Names that were probably meant: the same but for case and separators, or one slip away."""

import re
from collections.abc import Iterable

_SEPARATORS = re.compile(r"[\s_.-]+")
_SHORTEST = 5  # characters of a name in which one slip is no other word


def near_miss(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that *name* misses by little; None when it is known, or like none.

    It misses by little when it differs in letter case, blanks, underscores, dots and hyphens
    alone, or by one letter more, less, other or swapped besides.
    """
    names = list(known)
    if name in names:
        return None
    folded = _fold(name)
    by_form: dict[str, str] = {}
    for each in names:
        by_form.setdefault(_fold(each), each)
    if folded in by_form:
        return by_form[folded]
    if len(folded) < _SHORTEST:
        return None
    return next((by_form[form] for form in by_form if is_one_slip(folded, form)), None)


def _fold(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()


def is_one_slip(one: str, other: str) -> bool:
    """Whether one letter was added, left out, replaced, or swapped with its neighbour."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = _common_start(one, other)
    rest, wanted = one[start:], other[start:]
    swapped = rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:]
    same_end = rest[1:] == wanted[1:] or rest[1:] == wanted or rest == wanted[1:]
    return swapped or same_end


def _common_start(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
