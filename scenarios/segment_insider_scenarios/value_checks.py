"""Checks of single values: the words of a table's "must be" column, e.g. "at least"."""

import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from difflib import get_close_matches
from uuid import UUID

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.filtering.plan_schema import (
    UnsupportedPattern,
    matches_re2_pattern,
    require_valid_re2_pattern,
)
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.json_text import describe_json_differences
from segment_insider_emulator.similar_names import find_intended_name
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.known_names import (
    INSIDER_PARAMETERS_AND_ATTRIBUTES,
    TEXT_VALUED_NAMES,
)
from segment_insider_scenarios.spelling import format_typo_hint
from segment_insider_scenarios.tables import StepTable, format_cell, parse_cell

CHECK_COLUMNS = ("place", "must be", "value")
# Names that requests and profiles have.
_DOCUMENT_KEY_NAMES = (
    "attributes custom event_name event_params events headers identifiers json merges method reach "
    "timestamp users"
)
KNOWN_KEYS = INSIDER_PARAMETERS_AND_ATTRIBUTES | frozenset(_DOCUMENT_KEY_NAMES.split())
ABSENT_VALUE = object()
DEFAULT_TOLERANCE = 0.01  # how far "about" reaches where the table does not say
TOLERANCE_PATTERN = re.compile(r"(?P<middle>.+?)\s*(?:±|\+-)\s*(?P<reach>.+)")


def find_failed_rows(
    table: StepTable, document: JSON, claim: str, confirmed_names: frozenset[str] = frozenset()
) -> list[str]:
    """Return one text line for each row of a step's table that a JSON document does not meet.

    Args:
        table: With CHECK_COLUMNS; "must be" is one of VALUE_CHECKS, "absent", or empty
            for "exactly".
        claim: What the step says, for the error message.
        confirmed_names: Names that are not taken for a misspelling of another.
    Raises: EmulatorError, for another table, an unknown word, or a value that the word cannot use.
    """
    header, *lines = table
    if tuple(header) != CHECK_COLUMNS:
        remedy = f"Use three columns in this order: {', '.join(CHECK_COLUMNS)}."
        raise EmulatorError("this table has the wrong columns", " | ".join(header), remedy)
    if not lines:
        raise EmulatorError("the table has no rows", claim, "Name a place and what it must be.")
    for place, word, _ in lines:
        if word == ABSENT_WORD:
            _reject_path_typo(document, place, confirmed_names)
    failures = (
        _check_table_row(document, place, word or "exactly", value) for place, word, value in lines
    )
    return [line for line in failures if line]


def get_value_at_path(document: JSON, path: str) -> JSON:
    """Return a JSON document's value at a dotted path, e.g. "users.0.uuid", or ABSENT_VALUE."""
    value = document
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return ABSENT_VALUE
    return value


def list_dotted_paths(document: JSON, prefix: str = "") -> list[str]:
    """Return all dotted paths of a JSON document, outer paths first."""
    if isinstance(document, dict):
        inside = list(document.items())
    elif isinstance(document, list):
        inside = [(str(number), value) for number, value in enumerate(document)]
    else:
        return []
    paths: list[str] = []
    for name, value in inside:
        paths += [f"{prefix}{name}", *list_dotted_paths(value, f"{prefix}{name}.")]
    return paths


def _check_table_row(document: JSON, place: str, word: str, value: str) -> str | None:
    if word not in (*VALUE_CHECKS, ABSENT_WORD):
        known = f"Known: {', '.join([*VALUE_CHECKS, ABSENT_WORD])}."
        raise EmulatorError(f"{word!r} is not a known check", place, known)
    actual = get_value_at_path(document, place)
    if word == ABSENT_WORD:
        return (
            None
            if actual is ABSENT_VALUE
            else f"{place}: must be absent, and is {format_cell(actual)}."
        )
    if not value:
        raise EmulatorError("the value is empty", place, 'Give a value, or write "absent".')
    requirement = f"{'' if word == 'exactly' else word + ' '}{value}"
    if actual is ABSENT_VALUE:
        return (
            f"{place}: must be {requirement}, and is "
            f"absent.{_suggest_nearest_path(document, place)}"
        )
    if VALUE_CHECKS[word](actual, value, place):
        return None
    return f"{place}: must be {requirement}, and is {format_cell(actual)}."


def _reject_path_typo(document: JSON, place: str, confirmed_names: frozenset[str]) -> None:
    """Reject an absent path of a step's table that is one typing error away from a known one.

    Raises: EmulatorError.
    """
    steps = place.split(".")
    if "" in steps:
        raise EmulatorError("this place has an extra dot", place, "Remove it.")
    for depth, step in enumerate(steps):
        outer = get_value_at_path(document, ".".join(steps[:depth])) if depth else document
        if not isinstance(outer, dict) or step in outer:
            continue
        if step not in confirmed_names and (
            near := find_intended_name(step, [*outer, *KNOWN_KEYS])
        ):
            raise EmulatorError(f"there is no place {step!r}", place, format_typo_hint(step, near))
        return


def _suggest_nearest_path(document: JSON, place: str) -> str:
    """Return a hint with the document's path most similar to *place*."""
    near = get_close_matches(place, list_dotted_paths(document), n=1)
    return (
        f" Nearest is {near[0]}, which is {format_cell(get_value_at_path(document, near[0]))}."
        if near
        else ""
    )


def _equals(actual: JSON, value: str, place: str) -> bool:
    if place.rpartition(".")[2] in TEXT_VALUED_NAMES and actual == value:
        return True
    return format_cell(actual) == format_cell(parse_cell(value))


def _has_type(actual: JSON, value: str, place: str) -> bool:
    if value not in TYPE_CHECKS:
        raise EmulatorError(
            f"{value!r} is not a known type", place, f"Known: {', '.join(TYPE_CHECKS)}."
        )
    return TYPE_CHECKS[value](actual)


def _matches_pattern(actual: JSON, value: str, place: str) -> bool:
    try:
        require_valid_re2_pattern(value)
    except UnsupportedPattern as error:
        remedy = r"Give a regular expression for the whole text, such as o-\d+."
        raise EmulatorError(f"{value!r} is not a pattern ({error})", place, remedy) from error
    return isinstance(actual, str) and matches_re2_pattern(rf"\A(?:{value})\z", actual)


def _is_close_to(actual: JSON, value: str, place: str) -> bool:
    parts = TOLERANCE_PATTERN.fullmatch(value)
    middle = _parse_number(parts["middle"] if parts else value, place)
    reach = _parse_number(parts["reach"], place) if parts else abs(middle) * DEFAULT_TOLERANCE
    return _is_number(actual) and abs(actual - middle) <= reach


def _is_at_least(actual: JSON, value: str, place: str) -> bool:
    return _is_number(actual) and bool(actual >= _parse_number(value, place))


def _is_at_most(actual: JSON, value: str, place: str) -> bool:
    return _is_number(actual) and bool(actual <= _parse_number(value, place))


def _contains_text_or_value(actual: JSON, value: str, place: str) -> bool:
    return _contains_json(actual, value if isinstance(actual, str) else parse_cell(value))


def _contains_json(actual: JSON, expected: JSON) -> bool:
    """Return whether one JSON value contains another: members, list entries or a substring."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        return all(
            key in actual and _contains_json(actual[key], value) for key, value in expected.items()
        )
    if isinstance(actual, list):
        expected_entries = expected if isinstance(expected, list) else [expected]
        return all(
            any(_contains_json(entry, expected_entry) for entry in actual)
            for expected_entry in expected_entries
        )
    if isinstance(actual, str) and isinstance(expected, str):
        return expected in actual
    return not list(describe_json_differences(expected, actual, ""))


def _has_length(actual: JSON, value: str, place: str) -> bool:
    return isinstance(actual, str | list | dict) and len(actual) == _parse_number(value, place)


def _is_one_of(actual: JSON, value: str, place: str) -> bool:
    choices = parse_cell(value)
    if not isinstance(choices, list):
        raise EmulatorError(f"{value!r} is no list", place, 'Give one, such as ["EUR", "USD"].')
    return any(format_cell(actual) == format_cell(choice) for choice in choices)


def _parse_number(text: str, place: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise EmulatorError(f"{text!r} is no number", place, "Give one, such as 8.50.") from error


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _build_parse_check(parse: Callable[[str], object]) -> Callable[[JSON], bool]:
    def is_parsable_text(value: JSON) -> bool:
        try:
            return isinstance(value, str) and parse(value) is not None
        except ValueError:
            return False

    return is_parsable_text


def _parse_timezone(text: str) -> tzinfo | None:
    return datetime.fromisoformat(text).tzinfo


TYPE_CHECKS: dict[str, Callable[[JSON], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": _is_number,
    "whole number": lambda value: _is_number(value) and float(value).is_integer(),
    "Boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
    "time": _build_parse_check(_parse_timezone),
    "UUID": _build_parse_check(UUID),
}
VALUE_CHECKS: dict[str, Callable[[JSON, str, str], bool]] = {
    "exactly": _equals,
    "a": _has_type,
    "like": _matches_pattern,
    "about": _is_close_to,
    "at least": _is_at_least,
    "at most": _is_at_most,
    "containing": _contains_text_or_value,
    "of length": _has_length,
    "one of": _is_one_of,
}
ABSENT_WORD = "absent"


EXAMPLE_TIME = "2026-11-23T12:00:00Z"


# How else people write times: the day before the month, as where the shops are.
OTHER_TIME_FORMATS = tuple(
    f"{day}{time}"
    for day in ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d", "%Y/%m/%d")
    for time in (" %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "")
)


def require_time(text: str) -> None:
    """Reject a text in a step that is not a time with time zone, and suggest how to write it.

    Raises: EmulatorError.
    """
    if parse_rfc3339(text) is not None:
        return
    parsed = next(
        filter(None, (_parse_time(text.strip(), form) for form in OTHER_TIME_FORMATS)), None
    )
    remedy = f"Write {parsed:%Y-%m-%dT%H:%M:%S}Z" if parsed else f"Write it as {EXAMPLE_TIME}"
    raise EmulatorError(f"{text!r} is not a time", "", f"{remedy}, or +03:00 in place of the Z.")


def _parse_time(text: str, time_format: str) -> datetime | None:
    try:
        return datetime.strptime(text, time_format)
    except ValueError:
        return None
