"""Formats of Insider One values (time, email, phone, URL) and JSON Schemas compiled with them."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from importlib.resources import files
from urllib.parse import urlsplit

import fastjsonschema
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from segment_insider_emulator.types import JSON, JSONObject


def load_schema_file(name: str) -> JSONObject:
    """Load one of Insider One's schema files in the folder `schemas/`, e.g. "user"."""
    folder = files("segment_insider_emulator.insider") / "schemas"
    text = (folder / f"{name}.json").read_text("utf-8")
    content: JSONObject = json.loads(text)
    return content


EMAIL_PATTERN = r"^.+@.+\..+$"  # as published
_RFC3339_PATTERN = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
# Fast check that most URLs pass; urlsplit, which accepts all others, takes ten times as long.
_SIMPLE_URL_PATTERN = re.compile(r"https?://[a-z0-9.-]+(/[a-zA-Z0-9/._~=&%+,;:?-]*)?")
_E164_PATTERN = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_PHONE_SEPARATORS = re.compile(r"[\s().\-/]+", re.ASCII)
_CODE_LISTS = load_schema_file("codes")


def parse_rfc3339(text: str) -> datetime | None:
    """Parse an RFC 3339 time to an aware datetime in UTC; return None if it is not valid."""
    if not _RFC3339_PATTERN.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    # February 30 has the right format; year 1 with an offset is out of range.
    except (ValueError, OverflowError):
        return None


def is_email(text: str) -> bool:
    """Return whether *text* is an email address by Insider One's pattern, in linear time."""
    # Not with `re`: the pattern takes cubic time for a long text of "@.".
    at_position = text.find("@", 1)
    dot_position = text.rfind(".", at_position + 2, len(text) - 1) if at_position > 0 else -1
    return dot_position > 0 and "\n" not in text


def is_e164_phone_number(text: str) -> bool:
    """Return whether *text* is an E.164 phone number by Insider One's published pattern."""
    return _E164_PATTERN.fullmatch(text) is not None


def normalise_phone_number(text: str) -> str | None:
    """Convert a phone number to E.164; return None if that is not possible.

    Blanks, dots, hyphens, slashes and brackets go; a leading 00 is a plus, and a missing plus is
    added. A number without its country's code stays invalid: the account has no country.
    """
    digits = _PHONE_SEPARATORS.sub("", text)
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    number = digits if digits.startswith("+") else f"+{digits}"
    return number if is_e164_phone_number(number) else None


def is_url(text: str) -> bool:
    """Return whether *text* is an absolute URL with scheme and host."""
    if _SIMPLE_URL_PATTERN.fullmatch(text):
        return True
    try:
        url_parts = urlsplit(text)
    except ValueError:
        return False
    return bool(url_parts.scheme and url_parts.netloc)


# Format name in the schemas -> the check, and what to send instead.
VALUE_FORMATS: dict[str, tuple[Callable[[str], bool], str]] = {
    "rfc3339": (
        lambda text: parse_rfc3339(text) is not None,
        "an RFC 3339 time, such as 2021-01-17T14:41:21Z",
    ),
    "rfc3339-z": (
        lambda text: text.endswith("Z") and parse_rfc3339(text) is not None,
        "an RFC 3339 time that ends in Z, such as 1993-03-12T00:00:00Z",
    ),
    "email": (is_email, "a full address, such as jane@example.com"),
    "e164": (is_e164_phone_number, "E.164, such as +6598765432"),
    "url": (is_url, "a full address, such as https://shop.example/p/1"),
    "iso3166-alpha2": (
        frozenset(_CODE_LISTS["countries"]).__contains__,
        "a two-letter ISO 3166-1 code, such as DE",
    ),
    "gender": (frozenset(("F", "M")).__contains__, "F or M"),
    "iso4217": (
        frozenset(_CODE_LISTS["currencies"]).__contains__,
        "a three-letter ISO 4217 code, such as EUR",
    ),
}

_format_checker = FormatChecker(formats=())
for _name, (_test, _) in VALUE_FORMATS.items():
    _format_checker.checks(_name)(
        lambda value, test=_test: not isinstance(value, str) or test(value)
    )


# Patterns for which `re` needs more than linear time -> a function with the same results.
SLOW_PATTERNS: dict[str, Callable[[str], bool]] = {EMAIL_PATTERN: is_email}


@cache
def _compile_pattern(pattern: str) -> Callable[[str], bool]:
    if pattern in SLOW_PATTERNS:
        return SLOW_PATTERNS[pattern]
    fullmatch = re.compile(pattern, re.ASCII).fullmatch
    return lambda value: fullmatch(value) is not None


def _validate_pattern_keyword(
    _: Validator, pattern: str, instance: JSON, __: JSONObject
) -> Iterator[ValidationError]:
    # Insider One's patterns match the whole text, ASCII digits only and no final line feed.
    if isinstance(instance, str) and not matches_whole_pattern(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


# typeshed leaves this one function untyped.
_InsiderSchemaValidator: type[Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _validate_pattern_keyword}
)


@dataclass(frozen=True)
class CompiledSchema:
    """A JSON Schema that checks values fast and explains errors, compiled when it is first used.

    Most values are valid, and the compiled check is a hundred times as fast as the validator that
    explains errors. Both give the same results.
    """

    schema: JSONObject

    @cached_property
    def is_valid(self) -> Callable[[JSON], bool]:
        """Return the compiled check of Insider One's schema: value -> whether it is valid."""
        return _compile_fast_check(self.schema)

    def iter_errors(self, value: JSON) -> Iterator[ValidationError]:
        """Yield the errors of *value* against this JSON Schema."""
        return iter(()) if self.is_valid(value) else self._validator.iter_errors(value)

    @cached_property
    def _validator(self) -> Validator:
        return _InsiderSchemaValidator(self.schema, format_checker=_format_checker)


def _compile_fast_check(schema: JSONObject) -> Callable[[JSON], bool]:
    formats: dict[str, Callable[[str], bool]] = {
        name: test for name, (test, _) in VALUE_FORMATS.items()
    }
    validate = fastjsonschema.compile(
        _replace_patterns_by_formats(schema, formats), formats=formats
    )

    def matches_schema(value: JSON) -> bool:
        try:
            validate(value)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    return matches_schema


def _replace_patterns_by_formats(schema: JSON, formats: dict[str, Callable[[str], bool]]) -> JSON:
    """Replace each `pattern` in a JSON Schema by a named format and add it to *formats*.

    The library itself searches for a pattern; Insider One's patterns match the whole text.
    """
    if isinstance(schema, list):
        return [_replace_patterns_by_formats(member, formats) for member in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {
        name: _replace_patterns_by_formats(subschema, formats) for name, subschema in schema.items()
    }
    if isinstance(pattern := schema.get("pattern"), str):
        del converted["pattern"]
        # A generated name: the library writes it into its code without escaping.
        converted["format"] = f"pattern-{len(formats)}"
        formats[converted["format"]] = _compile_pattern(pattern)
    return converted


def matches_whole_pattern(pattern: str, value: str) -> bool:
    """Return whether the regular expression *pattern* matches the whole of *value*."""
    return _compile_pattern(pattern)(value)
