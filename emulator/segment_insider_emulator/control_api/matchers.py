"""Matchers of the control API's assertions, and the JSON paths that they apply to."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.filtering import plan_schema
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.validation import suggest_name

ANY_INDEX: Final = "*"  # as an index: whichever entry of a list
MAX_PATH_LENGTH = 500  # characters
PathStep: TypeAlias = str | int  # a key or an index, or ANY in brackets, which is -1
EVERY_ENTRY: Final = -1
_STEP_PATTERN = re.compile(r'\.?([^.\[\]"]+)|\[(\d{1,9}|\*)\]|\["([^"]*)"\]')
_PATH_REMEDY = (
    'Write it as request.json.users[0].name, with [*] for any entry and ["a.b"] for odd keys.'
)
MAX_PATTERN_LENGTH = 1_000  # characters
ValueCheck: TypeAlias = Callable[[JSON], bool]
_MAX_SHOWN_LENGTH = 200  # characters of a value in a sentence
_DEFAULT_TOLERANCE = 1e-9
_MATCHER_OPTIONS = frozenset({"within"})


def parse_json_path(path: str, where: str) -> tuple[PathStep, ...]:
    """Parse a JSON path of an assertion into its steps.

    Raises: EmulatorError, when it is none.
    """
    steps: list[PathStep] = []
    at = 0
    while at < len(path) <= MAX_PATH_LENGTH:
        match = _STEP_PATTERN.match(path, at)
        if not match or path.startswith("."):
            break
        key, index, quoted = match.groups()
        if index is not None:
            steps.append(EVERY_ENTRY if index == ANY_INDEX else int(index))
        else:
            steps.append(key if quoted is None else quoted)
        at = match.end()
    if not steps or at < len(path):
        raise EmulatorError(f"{path[:80]!r} is not a valid path", where, _PATH_REMEDY)
    return tuple(steps)


def select_values_at_path(value: JSON, steps: tuple[PathStep, ...]) -> Iterator[JSON]:
    """Yield the values in a JSON value at a path: none, one, or several with [*]."""
    if not steps:
        yield value
        return
    step, *more = steps
    rest = tuple(more)
    if isinstance(step, str):
        if isinstance(value, dict) and step in value:
            yield from select_values_at_path(value[step], rest)
    elif isinstance(value, list):
        chosen = value if step == EVERY_ENTRY else value[step : step + 1]
        for entry in chosen:
            yield from select_values_at_path(entry, rest)


_TYPE_CHECKS: Mapping[str, Callable[[JSON], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: _is_number(value),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}


@dataclass(frozen=True, slots=True)
class Matcher:
    """Check of one JSON value by an assertion, with its description in words.

    Args:
        description: The check in words, e.g. "text that matches '^ada@'".
        expects_absence: Whether there must be no value at all.
    """

    description: str
    matches: ValueCheck
    expects_absence: bool = False


def parse_matcher(matcher_json: JSON, where: str) -> Matcher:
    """Parse a matcher of an assertion; JSON other than an object matches an equal value.

    Raises: EmulatorError, when it says none.
    """
    if not isinstance(matcher_json, dict):
        return _parse_exact_matcher(matcher_json, where)
    options = {key: value for key, value in matcher_json.items() if key in _MATCHER_OPTIONS}
    kinds = [key for key in matcher_json if key not in _MATCHER_OPTIONS]
    if len(kinds) != 1 or kinds[0] not in _MATCHER_PARSERS:
        kind_name = kinds[0] if kinds else ""
        known_kinds = suggest_name(kind_name, list(_MATCHER_PARSERS))
        remedy = f'{known_kinds} To expect an object, say {{"exact": {{…}}}}.'
        raise EmulatorError(
            f"{format_shortened_json(matcher_json)} is not a valid matcher", where, remedy
        )
    kind = kinds[0]
    if options and kind != "approx":
        remedy = "Use it with approx only."
        raise EmulatorError(f"within cannot be used with {kind}", where, remedy)
    if kind == "approx":
        return _parse_approx_matcher(
            matcher_json[kind], where, options.get("within", _DEFAULT_TOLERANCE)
        )
    return _MATCHER_PARSERS[kind](matcher_json[kind], where)


def is_equal_json(expected: JSON, actual: JSON) -> bool:
    """Return whether two JSON values are equal: 1 equals 1.0, true does not equal 1."""
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and expected.keys() == actual.keys()
            and all(is_equal_json(value, actual[key]) for key, value in expected.items())
        )
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(expected) == len(actual)
            and all(map(is_equal_json, expected, actual))
        )
    if _is_number(expected):
        return _is_number(actual) and bool(expected == actual)
    return type(expected) is type(actual) and bool(expected == actual)


def format_shortened_json(value: JSON) -> str:
    """Return a value as JSON text, cut when it is long."""
    text = orjson.dumps(value).decode(errors="replace")
    return text if len(text) <= _MAX_SHOWN_LENGTH else f"{text[:_MAX_SHOWN_LENGTH]}…"


def _parse_exact_matcher(expected: JSON, _where: str) -> Matcher:
    return Matcher(format_shortened_json(expected), lambda value: is_equal_json(expected, value))


def _parse_type_matcher(type_name: JSON, where: str) -> Matcher:
    if type_name not in _TYPE_CHECKS:
        remedy = f"Known: {', '.join(_TYPE_CHECKS)}."
        raise EmulatorError(
            f"{format_shortened_json(type_name)} is not a known type", f"{where}.type", remedy
        )
    return Matcher(f"a value of type {type_name}", _TYPE_CHECKS[type_name])


def _parse_regex_matcher(pattern: JSON, where: str) -> Matcher:
    place = f"{where}.regex"
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN_LENGTH:
        remedy = f"Give up to {MAX_PATTERN_LENGTH:,} characters."
        raise EmulatorError("invalid pattern", place, remedy)
    try:
        plan_schema.require_valid_re2_pattern(pattern)
    except (plan_schema.UnsupportedPattern, UnicodeEncodeError) as error:
        what = f"{pattern[:80]!r} cannot be used as a pattern ({error})"
        remedy = "Write it for RE2, which has no look-around and no back references."
        raise EmulatorError(what, place, remedy) from error
    return Matcher(f"text that matches {pattern!r}", lambda value: _matches_pattern(pattern, value))


def _matches_pattern(pattern: str, value: JSON) -> bool:
    try:
        return isinstance(value, str) and plan_schema.matches_re2_pattern(pattern, value)
    except UnicodeEncodeError:  # half of a surrogate pair, which is no text to RE2
        return False


def _parse_approx_matcher(expected: JSON, where: str, within: JSON) -> Matcher:
    if not _is_number(expected) or not _is_number(within) or within < 0:
        what, remedy = "approx needs numbers", 'Say {"approx": 8.5, "within": 0.01}.'
        raise EmulatorError(what, where, remedy)
    return Matcher(
        f"a number within {within} of {expected}",
        lambda value: (
            _is_number(value) and math.isclose(value, expected, rel_tol=0, abs_tol=within)
        ),
    )


def _parse_contains_matcher(part: JSON, _where: str) -> Matcher:
    return Matcher(
        f"a value that contains {format_shortened_json(part)}",
        lambda value: _contains_part(value, part),
    )


def _contains_part(value: JSON, part: JSON) -> bool:
    """Return whether a value contains *part*: a substring, list entries or object members."""
    if isinstance(value, str):
        return isinstance(part, str) and part in value
    if isinstance(value, dict):
        return isinstance(part, dict) and all(
            key in value and _equals_or_contains(value[key], member) for key, member in part.items()
        )
    if isinstance(value, list):
        parts = part if isinstance(part, list) else [part]
        return all(
            any(_equals_or_contains(entry, expected) for entry in value) for expected in parts
        )
    return is_equal_json(part, value)


def _equals_or_contains(value: JSON, part: JSON) -> bool:
    return (
        _contains_part(value, part) if isinstance(part, dict | list) else is_equal_json(part, value)
    )


def _parse_absent_matcher(flag: JSON, where: str) -> Matcher:
    if flag is not True:
        raise EmulatorError("absent must be true", where, 'Say {"absent": true}.')
    return Matcher("nothing", lambda value: False, expects_absence=True)


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_MATCHER_PARSERS: Mapping[str, Callable[[JSON, str], Matcher]] = {
    "exact": _parse_exact_matcher,
    "type": _parse_type_matcher,
    "regex": _parse_regex_matcher,
    "contains": _parse_contains_matcher,
    "absent": _parse_absent_matcher,
    "approx": lambda expected, where: _parse_approx_matcher(expected, where, _DEFAULT_TOLERANCE),
}
