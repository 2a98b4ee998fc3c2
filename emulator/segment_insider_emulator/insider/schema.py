"""Validators of JSON Schema documents, in the dialect of this end."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import fastjsonschema
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from segment_insider_emulator.insider.formats import EMAIL_PATTERN, VALUE_FORMATS, is_email
from segment_insider_emulator.types import JSON, JSONObject

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
