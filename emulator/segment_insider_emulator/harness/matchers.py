"""What a test expects of one value, said in JSON: {"regex": "^ada@"}, or the value itself."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.segment.filtering.plans import patterns
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.finding import did_you_mean

LONGEST_PATTERN = 1_000  # characters
_SHOWN = 200  # characters of a value in a sentence
_TYPES: Mapping[str, Callable[[JSON], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: _is_number(value),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}
Holds: TypeAlias = Callable[[JSON], bool]


@dataclass(frozen=True, slots=True)
class Matcher:
    """One expectation.

    Args:
        wanted: It in words, e.g. "text that matches '^ada@'".
        absent: Whether there must be no value at all.
    """

    wanted: str
    holds: Holds
    absent: bool = False


def read(given: JSON, where: str) -> Matcher:
    """The matcher that *given* says; any JSON but an object stands for itself.

    Raises: EmulatorError, when it says none.
    """
    if not isinstance(given, dict):
        return _exact(given, where)
    options = {key: value for key, value in given.items() if key in _OPTIONS}
    kinds = [key for key in given if key not in _OPTIONS]
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        named = kinds[0] if kinds else ""
        known = did_you_mean(named, list(_KINDS))
        remedy = f'{known} To expect an object, say {{"exact": {{…}}}}.'
        raise EmulatorError(f"{shown(given)} is no matcher", where, remedy)
    kind = kinds[0]
    if options and kind != "approx":
        remedy = "It goes with approx alone."
        raise EmulatorError(f"within says nothing beside {kind}", where, remedy)
    if kind == "approx":
        return _approx(given[kind], where, options.get("within", _WITHIN))
    return _KINDS[kind](given[kind], where)


def same(wanted: JSON, found: JSON) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, and true is not 1."""
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and wanted.keys() == found.keys()
            and all(same(each, found[key]) for key, each in wanted.items())
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list) and len(wanted) == len(found) and all(map(same, wanted, found))
        )
    if _is_number(wanted):
        return _is_number(found) and bool(wanted == found)
    return type(wanted) is type(found) and bool(wanted == found)


def shown(value: JSON) -> str:
    """*value* as JSON, cut where it is long."""
    text = orjson.dumps(value).decode(errors="replace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _exact(given: JSON, _where: str) -> Matcher:
    return Matcher(shown(given), lambda value: same(given, value))


def _type(given: JSON, where: str) -> Matcher:
    if given not in _TYPES:
        remedy = f"Known: {', '.join(_TYPES)}."
        raise EmulatorError(f"{shown(given)} is not a known type", f"{where}.type", remedy)
    return Matcher(f"a value of type {given}", _TYPES[given])


def _regex(given: JSON, where: str) -> Matcher:
    place = f"{where}.regex"
    if not isinstance(given, str) or len(given) > LONGEST_PATTERN:
        remedy = f"Give up to {LONGEST_PATTERN:,} characters."
        raise EmulatorError("this is no pattern", place, remedy)
    try:
        patterns.check(given)
    except (patterns.PatternError, UnicodeEncodeError) as error:
        what = f"{given[:80]!r} cannot be used as a pattern ({error})"
        remedy = "Write it for RE2, which has no look-around and no back references."
        raise EmulatorError(what, place, remedy) from error
    return Matcher(f"text that matches {given!r}", lambda value: _found(given, value))


def _found(pattern: str, value: JSON) -> bool:
    try:
        return isinstance(value, str) and patterns.searches(pattern, value)
    except UnicodeEncodeError:  # half of a surrogate pair, which is no text to RE2
        return False


def _approx(given: JSON, where: str, within: JSON) -> Matcher:
    if not _is_number(given) or not _is_number(within) or within < 0:
        what, remedy = "approx takes numbers", 'Say {"approx": 8.5, "within": 0.01}.'
        raise EmulatorError(what, where, remedy)
    return Matcher(
        f"a number within {within} of {given}",
        lambda value: _is_number(value) and math.isclose(value, given, rel_tol=0, abs_tol=within),
    )


def _contains(given: JSON, _where: str) -> Matcher:
    return Matcher(f"a value that contains {shown(given)}", lambda value: _has(value, given))


def _has(value: JSON, part: JSON) -> bool:
    """Whether *value* is *part* and perhaps more: text, entries of a list, members of an object."""
    if isinstance(value, str):
        return isinstance(part, str) and part in value
    if isinstance(value, dict):
        return isinstance(part, dict) and all(
            key in value and _alike(value[key], each) for key, each in part.items()
        )
    if isinstance(value, list):
        parts = part if isinstance(part, list) else [part]
        return all(any(_alike(each, wanted) for each in value) for wanted in parts)
    return same(part, value)


def _alike(value: JSON, part: JSON) -> bool:
    return _has(value, part) if isinstance(part, dict | list) else same(part, value)


def _absent(given: JSON, where: str) -> Matcher:
    if given is not True:
        raise EmulatorError("absent takes true", where, 'Say {"absent": true}.')
    return Matcher("nothing", lambda value: False, absent=True)


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_WITHIN = 1e-9
_OPTIONS = frozenset({"within"})
_KINDS: Mapping[str, Callable[[JSON, str], Matcher]] = {
    "exact": _exact,
    "type": _type,
    "regex": _regex,
    "contains": _contains,
    "absent": _absent,
    "approx": lambda given, where: _approx(given, where, _WITHIN),
}
