"""What a value must be, in the words that a table has for it."""

import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from difflib import get_close_matches
from uuid import UUID

from segment_insider_emulator.contract.running import value_differences
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.near_misses import nearest
from segment_insider_emulator.segment.filtering.plans.patterns import PatternError, check, searches
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.vocabulary import INSIDER_NAMES, TEXTS
from segment_insider_scenarios.comparison import text_of
from segment_insider_scenarios.spelling import remedy_for_slip
from segment_insider_scenarios.tables import Table, value_of

COLUMNS = ("place", "must be", "value")
# Names that requests and profiles have.
_PLACES = (
    "attributes custom event_name event_params events headers identifiers json merges method reach "
    "timestamp users"
)
PLACES = INSIDER_NAMES | frozenset(_PLACES.split())
ABSENT = object()
SHARE = 0.01  # how far "about" reaches where the table does not say
TOLERANCE = re.compile(r"(?P<middle>.+?)\s*(?:±|\+-)\s*(?P<reach>.+)")


def unmet(
    table: Table, document: JSON, claim: str, correct: frozenset[str] = frozenset()
) -> list[str]:
    """One line for each row of *table* that *document* does not meet.

    Args:
        table: Columns as COLUMNS; "must be" is one of WORDS, "absent", or empty for "exactly".
        claim: What the step says, for the error message.
        correct: Names that are not taken for a misspelling of another.
    Raises: EmulatorError, for another table, an unknown word, or a value that the word cannot use.
    """
    header, *lines = table
    if tuple(header) != COLUMNS:
        remedy = f"Give three, in this order: {', '.join(COLUMNS)}."
        raise EmulatorError("this table has other columns", " | ".join(header), remedy)
    if not lines:
        raise EmulatorError("the table has no rows", claim, "Name a place and what it must be.")
    for place, word, _ in lines:
        if word == ABSENCE:
            _expect_possible(document, place, correct)
    told = (_row(document, place, word or "exactly", value) for place, word, value in lines)
    return [line for line in told if line]


def at(document: JSON, place: str) -> JSON:
    """The value at a dotted *place*, e.g. "users.0.identifiers.uuid", or ABSENT."""
    value = document
    for step in place.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return ABSENT
    return value


def places(document: JSON, prefix: str = "") -> list[str]:
    """All dotted places of *document*, the outer before the inner."""
    if isinstance(document, dict):
        inside = list(document.items())
    elif isinstance(document, list):
        inside = [(str(number), value) for number, value in enumerate(document)]
    else:
        return []
    found: list[str] = []
    for name, value in inside:
        found += [f"{prefix}{name}", *places(value, f"{prefix}{name}.")]
    return found


def _row(document: JSON, place: str, word: str, value: str) -> str | None:
    if word not in (*WORDS, ABSENCE):
        known = f"Known: {', '.join([*WORDS, ABSENCE])}."
        raise EmulatorError(f"{word!r} is no word for it", place, known)
    found = at(document, place)
    if word == ABSENCE:
        return None if found is ABSENT else f"{place}: must be absent, and is {text_of(found)}."
    if not value:
        raise EmulatorError("the value is empty", place, 'Give one, or say "absent".')
    wanted = f"{'' if word == 'exactly' else word + ' '}{value}"
    if found is ABSENT:
        return f"{place}: must be {wanted}, and is absent.{_near(document, place)}"
    if WORDS[word](found, value, place):
        return None
    return f"{place}: must be {wanted}, and is {text_of(found)}."


def _expect_possible(document: JSON, place: str, correct: frozenset[str]) -> None:
    """Refuse to miss a place whose name is one slip away from another. Raises: EmulatorError."""
    steps = place.split(".")
    if "" in steps:
        raise EmulatorError("this place has a dot too many", place, "Remove it.")
    for depth, step in enumerate(steps):
        outer = at(document, ".".join(steps[:depth])) if depth else document
        if not isinstance(outer, dict) or step in outer:
            continue
        if step not in correct and (near := nearest(step, [*outer, *PLACES])):
            raise EmulatorError(f"there is no place {step!r}", place, remedy_for_slip(step, near))
        return


def _near(document: JSON, place: str) -> str:
    """The places that look most like the one that is not there."""
    near = get_close_matches(place, places(document), n=1)
    return f" Nearest is {near[0]}, which is {text_of(at(document, near[0]))}." if near else ""


def _exactly(found: JSON, value: str, place: str) -> bool:
    if place.rpartition(".")[2] in TEXTS and found == value:
        return True
    return text_of(found) == text_of(value_of(value))


def _typed(found: JSON, value: str, place: str) -> bool:
    if value not in TYPES:
        raise EmulatorError(f"{value!r} is not a known type", place, f"Known: {', '.join(TYPES)}.")
    return TYPES[value](found)


def _like(found: JSON, value: str, place: str) -> bool:
    try:
        check(value)
    except PatternError as error:
        remedy = r"Give a regular expression for the whole text, such as o-\d+."
        raise EmulatorError(f"{value!r} is no pattern ({error})", place, remedy) from error
    return isinstance(found, str) and searches(rf"\A(?:{value})\z", found)


def _about(found: JSON, value: str, place: str) -> bool:
    parts = TOLERANCE.fullmatch(value)
    middle = _number(parts["middle"] if parts else value, place)
    reach = _number(parts["reach"], place) if parts else abs(middle) * SHARE
    return _is_number(found) and abs(found - middle) <= reach


def _at_least(found: JSON, value: str, place: str) -> bool:
    return _is_number(found) and bool(found >= _number(value, place))


def _at_most(found: JSON, value: str, place: str) -> bool:
    return _is_number(found) and bool(found <= _number(value, place))


def _containing(found: JSON, value: str, place: str) -> bool:
    return _holds(found, value if isinstance(found, str) else value_of(value))


def _holds(found: JSON, wanted: JSON) -> bool:
    """Whether *wanted* is in *found*: members of an object, entries of a list, a part of a text."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return all(key in found and _holds(found[key], each) for key, each in wanted.items())
    if isinstance(found, list):
        each_wanted = wanted if isinstance(wanted, list) else [wanted]
        return all(any(_holds(entry, each) for entry in found) for each in each_wanted)
    if isinstance(found, str) and isinstance(wanted, str):
        return wanted in found
    return not list(value_differences(wanted, found, ""))


def _of_length(found: JSON, value: str, place: str) -> bool:
    return isinstance(found, str | list | dict) and len(found) == _number(value, place)


def _one_of(found: JSON, value: str, place: str) -> bool:
    choices = value_of(value)
    if not isinstance(choices, list):
        raise EmulatorError(f"{value!r} is no list", place, 'Give one, such as ["EUR", "USD"].')
    return any(text_of(found) == text_of(each) for each in choices)


def _number(text: str, place: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise EmulatorError(f"{text!r} is no number", place, "Give one, such as 8.50.") from error


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reads(read: Callable[[str], object]) -> Callable[[JSON], bool]:
    def reads(value: JSON) -> bool:
        try:
            return isinstance(value, str) and read(value) is not None
        except ValueError:
            return False

    return reads


def _zone(text: str) -> tzinfo | None:
    return datetime.fromisoformat(text).tzinfo


TYPES: dict[str, Callable[[JSON], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": _is_number,
    "whole number": lambda value: _is_number(value) and float(value).is_integer(),
    "Boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
    "time": _reads(_zone),
    "UUID": _reads(UUID),
}
WORDS: dict[str, Callable[[JSON, str, str], bool]] = {
    "exactly": _exactly,
    "a": _typed,
    "like": _like,
    "about": _about,
    "at least": _at_least,
    "at most": _at_most,
    "containing": _containing,
    "of length": _of_length,
    "one of": _one_of,
}
ABSENCE = "absent"
