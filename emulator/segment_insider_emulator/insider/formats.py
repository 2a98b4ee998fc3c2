"""The JSON documents of this end: schemas and code lists."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

import fastjsonschema
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from segment_insider_emulator.types import JSON, JSONObject


def load_json_document(name: str) -> JSONObject:
    """Read a document of `schemas/`, e.g. "user"."""
    text = (
        files("segment_insider_emulator.insider.schemas")
        .joinpath(f"{name}.json")
        .read_text("utf-8")
    )
    content: JSONObject = json.loads(text)
    return content


EMAIL_PATTERN = r"^.+@.+\..+$"  # as published
_RFC3339_PATTERN = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
# What most addresses are; urlsplit, which knows all others, takes ten times as long.
_SIMPLE_URL_PATTERN = re.compile(r"https?://[a-z0-9.-]+(/[a-zA-Z0-9/._~=&%+,;:?-]*)?")
_E164_PATTERN = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_CODE_LISTS = load_json_document("codes")


def parse_rfc3339(text: str) -> datetime | None:
    """Read an RFC 3339 time as an aware one in UTC; None when it is not one."""
    if not _RFC3339_PATTERN.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    # February 30 has the right form; year 1 with an offset leaves the calendar.
    except (ValueError, OverflowError):
        return None


def is_email(text: str) -> bool:
    """Check whether *text* matches EMAIL_PATTERN, in linear time."""
    # By hand: the expression takes cubic time on a long row of "@.".
    at_position = text.find("@", 1)
    dot_position = text.rfind(".", at_position + 2, len(text) - 1) if at_position > 0 else -1
    return dot_position > 0 and "\n" not in text


def is_e164(text: str) -> bool:
    """The published expression `^\\+[1-9]\\d{6,14}$`."""
    return _E164_PATTERN.fullmatch(text) is not None


def is_url(text: str) -> bool:
    """A full address: scheme and host."""
    if _SIMPLE_URL_PATTERN.fullmatch(text):
        return True
    try:
        url_parts = urlsplit(text)
    except ValueError:
        return False
    return bool(url_parts.scheme and url_parts.netloc)


# Format name of the schemas -> the test, and what to send instead.
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
    "e164": (is_e164, "E.164, such as +6598765432"),
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


# Expressions that `re` takes super-linear time for, with a function that gives the same answers.
SLOW_PATTERNS: dict[str, Callable[[str], bool]] = {EMAIL_PATTERN: is_email}


@cache
def _compile_pattern(pattern: str) -> Callable[[str], bool]:
    if pattern in SLOW_PATTERNS:
        return SLOW_PATTERNS[pattern]
    fullmatch = re.compile(pattern, re.ASCII).fullmatch
    return lambda value: fullmatch(value) is not None


def _validate_pattern(
    _: Validator, pattern: str, instance: JSON, __: JSONObject
) -> Iterator[ValidationError]:
    # Insider One's expressions are anchored, take ASCII digits only and no final line feed.
    if isinstance(instance, str) and not matches_pattern(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


# typeshed leaves this one function untyped.
_InsiderSchemaValidator: type[Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _validate_pattern}
)


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A schema that values are held against.

    Most values meet it, and a compiled check says so a hundred times as fast as one that can name
    what is wrong; the two have the same verdicts.
    """

    schema: JSONObject
    is_valid: Callable[[JSON], bool]
    _validator: Validator

    def iter_errors(self, value: JSON) -> Iterator[ValidationError]:
        """What is wrong with *value*."""
        return iter(()) if self.is_valid(value) else self._validator.iter_errors(value)


def compile_schema(schema: JSONObject) -> CompiledSchema:
    """A check of *schema* that knows the formats of this end."""
    return CompiledSchema(
        schema,
        _compile_fast_check(schema),
        _InsiderSchemaValidator(schema, format_checker=_format_checker),
    )


def _compile_fast_check(schema: JSONObject) -> Callable[[JSON], bool]:
    formats: dict[str, Callable[[str], bool]] = {
        name: test for name, (test, _) in VALUE_FORMATS.items()
    }
    validate = fastjsonschema.compile(
        _replace_patterns_by_formats(schema, formats), formats=formats
    )

    def is_valid(value: JSON) -> bool:
        try:
            validate(value)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    return is_valid


def _replace_patterns_by_formats(schema: JSON, formats: dict[str, Callable[[str], bool]]) -> JSON:
    """*schema* with each pattern as a format, which joins *formats*: the library would search."""
    if isinstance(schema, list):
        return [_replace_patterns_by_formats(each, formats) for each in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {name: _replace_patterns_by_formats(each, formats) for name, each in schema.items()}
    if isinstance(pattern := schema.get("pattern"), str):
        del converted["pattern"]
        # A name of our own: the library writes it into its code unescaped.
        converted["format"] = f"pattern-{len(formats)}"
        formats[converted["format"]] = _compile_pattern(pattern)
    return converted


def matches_pattern(pattern: str, value: str) -> bool:
    """Check whether all of *value* has the form of *pattern*, an expression of a schema."""
    return _compile_pattern(pattern)(value)
