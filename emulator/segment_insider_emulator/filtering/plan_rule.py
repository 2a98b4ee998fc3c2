"""One rule of a tracking plan: check events with it, describe violations in Segment's words.

Formats that are not listed here are not checked, as in Segment's library. Segment documents the
texts of two violations, Required and Invalid Type, which are those of a Go library for JSON
Schema; the other texts follow that library. (assumed)
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft7Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from segment_insider_emulator.clock import parse_iso_time
from segment_insider_emulator.filtering.plan_schema import (
    SchemaSanitizer,
    SchemaTooLarge,
    inline_schema_references,
    matches_re2_pattern,
)
from segment_insider_emulator.filtering.result import PlanViolation
from segment_insider_emulator.types import JSON, JSONObject

FORMAT_CHECKER = FormatChecker(formats=("date", "email", "ipv4", "ipv6", "uuid"))

_DATE_TIME_PATTERN = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?", re.ASCII
)


@FORMAT_CHECKER.checks("date-time")
def is_date_time(value: JSON) -> bool:
    """Return whether a value is an ISO 8601 time with a time zone, or a date."""
    if not isinstance(value, str):
        return True
    return _DATE_TIME_PATTERN.fullmatch(value) is not None and parse_iso_time(value) is not None


@FORMAT_CHECKER.checks("uri", raises=ValueError)
def is_uri(value: JSON) -> bool:
    """Return whether a value is an address with a scheme, e.g. "https://shop.example/p"."""
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


ROOT_FIELD = "(root)"
MAX_SHOWN_VALUE_LENGTH = 200  # characters

# Keyword -> Segment's name of the violation, and its text; {given} is the keyword's value.
VIOLATION_TEXTS = {
    "const": ("Const", "{field} does not match: {given}"),
    "enum": ("Enum", "{field} must be one of the following: {given}"),
    "pattern": ("Pattern", "Does not match pattern '{plain}'"),
    "format": ("Format", "Does not match format '{plain}'"),
    "minLength": ("String Gte", "String length must be greater than or equal to {given}"),
    "maxLength": ("String Lte", "String length must be less than or equal to {given}"),
    "minimum": ("Number Gte", "Must be greater than or equal to {given}"),
    "exclusiveMinimum": ("Number Gt", "Must be greater than {given}"),
    "maximum": ("Number Lte", "Must be less than or equal to {given}"),
    "exclusiveMaximum": ("Number Lt", "Must be less than {given}"),
    "multipleOf": ("Multiple Of", "Must be a multiple of {given}"),
    "minItems": ("Array Min Items", "Array must have at least {given} items"),
    "maxItems": ("Array Max Items", "Array must have at most {given} items"),
    "minProperties": ("Array Min Properties", "Must have at least {given} properties"),
    "maxProperties": ("Array Max Properties", "Must have at most {given} properties"),
    "additionalItems": ("Array No Additional Items", "No additional items allowed on array"),
    "contains": ("Contains", "At least one of the items must match"),
    "anyOf": ("Number Any Of", "Must validate at least one schema (anyOf)"),
    "oneOf": ("Number One Of", "Must validate one and only one schema (oneOf)"),
    "allOf": ("Number All Of", "Must validate all the schemas (allOf)"),
    "not": ("Number Not", "Must not validate the schema (not)"),
}
BRANCH_VIOLATION_TEXTS = {
    "then": ("Condition Then", 'Must validate "then" as "if" was valid'),
    "else": ("Condition Else", 'Must validate "else" as "if" was not valid'),
}


def convert_to_plan_violation(error: ValidationError, rule_name: str) -> PlanViolation:
    """Convert a JSON Schema error of the plan rule *rule_name* to a plan violation."""
    path = tuple(error.absolute_path)
    if error.validator in ("required", "additionalProperties"):
        return _build_property_violation(error, rule_name, (*path, error.message))
    kind, description = _SPECIAL_VIOLATION_TEXTS.get(
        str(error.validator), _describe_keyword_violation
    )(error, format_field_path(path))
    return PlanViolation(
        rule_name,
        kind,
        format_field_path(path),
        shorten_violating_value(error.instance),
        description,
        path,
    )


def format_field_path(path: tuple[str | int, ...]) -> str:
    """Format an event field's path as Segment does, e.g. "properties.products.0.price"."""
    return ".".join(map(str, path)) or ROOT_FIELD


def shorten_violating_value(value: JSON) -> JSON:
    """Return a violating value to be shown: itself, or the beginning of its JSON if it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_SHOWN_VALUE_LENGTH else f"{text[:MAX_SHOWN_VALUE_LENGTH]}…"


def _build_property_violation(
    error: ValidationError, rule_name: str, path: tuple[str | int, ...]
) -> PlanViolation:
    """Build the plan violation of a property that is missing or not allowed."""
    field = format_field_path(path)
    if error.validator == "required":
        return PlanViolation(rule_name, "Required", field, None, f"{field} is required", path)
    members: JSONObject = error.instance  # type: ignore[assignment]  # the keyword is one of objects
    kind = "Additional Property Not Allowed"
    value = shorten_violating_value(members[error.message])
    text = f"Additional property {error.message} is not allowed"
    return PlanViolation(rule_name, kind, field, value, text, path)


def _describe_type_violation(error: ValidationError, field: str) -> tuple[str, str]:
    allowed_types = error.validator_value
    expected = f"[{','.join(allowed_types)}]" if isinstance(allowed_types, list) else allowed_types
    return (
        "Invalid Type",
        f"Invalid type. Expected: {expected}, given: {_get_json_type_name(error.instance)}",
    )


def _get_json_type_name(value: JSON) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"


def _describe_if_then_else_violation(error: ValidationError, field: str) -> tuple[str, str]:
    return BRANCH_VIOLATION_TEXTS[error.message]


def _describe_keyword_violation(error: ValidationError, field: str) -> tuple[str, str]:
    if error.validator is None:
        return "False", "False always fails validation"
    value: JSON = error.validator_value
    kind, words = VIOLATION_TEXTS.get(
        str(error.validator), (str(error.validator).title(), error.message)
    )
    if str(error.validator) not in VIOLATION_TEXTS:
        return kind, words[:MAX_SHOWN_VALUE_LENGTH]
    listed = value if error.validator == "enum" else [value]
    given = ", ".join(json.dumps(allowed, ensure_ascii=False) for allowed in listed)
    return kind, words.format(field=field, given=given, plain=value)


_SPECIAL_VIOLATION_TEXTS: JSONObject = {
    "type": _describe_type_violation,
    "if": _describe_if_then_else_violation,
}

MAX_VIOLATIONS = 100  # of one event

ValidationErrors = Iterator[ValidationError]


@dataclass(frozen=True, slots=True)
class PlanRule:
    """A compiled rule of a tracking plan: the JSON Schema of one event.

    Args:
        kind: "COMMON", "TRACK", "IDENTIFY", "GROUP", "PAGE" or "SCREEN".
        key: The event's name for TRACK, "" for most others.
        version: From 1.
        schema: Its JSON Schema, with $refs replaced.
        checked_schema: The part that can be checked; True checks nothing.
        problems: The parts that cannot be checked, and why.
    """

    kind: str
    key: str
    version: int
    schema: JSONObject
    checked_schema: JSON = True
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = f"{self.kind} {self.key}".strip()
        return name if self.kind == "COMMON" else f"{name}, version {self.version}"

    def list_planned_field_names(self, section: str) -> frozenset[str] | None:
        """Return the field names that the plan rule defines below "properties" or "traits".

        None if that is unknown.
        """
        current: JSON = self.schema if self.checked_schema is not True else None
        for name in ("properties", section, "properties"):
            if not isinstance(current, dict):
                return None
            current = current.get(name, {})
        return frozenset(current) if isinstance(current, dict) else None

    def find_violations(self, event: JSONObject) -> tuple[PlanViolation, ...]:
        """Return the violations of this plan rule in *event*, in the order of the schema."""
        validator = RULE_VALIDATOR(
            self.checked_schema, registry=Registry(), format_checker=FORMAT_CHECKER
        )
        errors = islice(validator.iter_errors(event), MAX_VIOLATIONS)
        return tuple(convert_to_plan_violation(error, str(self)) for error in errors)


def compile_plan_rule(kind: str, key: str, version: int, schema: JSON) -> PlanRule:
    """Compile a tracking plan rule; parts that cannot be checked are listed in its problems."""
    if not isinstance(schema, dict):
        return PlanRule(kind, key, version, {}, problems=("its jsonSchema is not an object",))
    try:
        whole, faults = inline_schema_references(schema)
    except SchemaTooLarge as error:
        return PlanRule(kind, key, version, schema, problems=(str(error),))
    usable = SchemaSanitizer(faults)
    checked = usable.sanitize_schema(whole)
    return PlanRule(kind, key, version, whole, checked, tuple(usable.problems))


# These functions replace keywords of jsonschema: those that use Python's regular expressions, and
# those whose errors differ from the library that Segment's texts come from.


def _check_pattern_keyword(
    validator: Any, pattern: str, instance: JSON, schema: JSONObject
) -> ValidationErrors:
    if isinstance(instance, str) and not matches_re2_pattern(pattern, instance):
        yield ValidationError(pattern)


def _check_pattern_properties_keyword(
    validator: Any, patterns: JSONObject, instance: JSON, schema: JSONObject
) -> ValidationErrors:
    if isinstance(instance, dict):
        for pattern, below in patterns.items():
            for key, value in instance.items():
                if matches_re2_pattern(pattern, key):
                    yield from validator.descend(value, below, path=key, schema_path=pattern)


def _check_additional_properties_keyword(
    validator: Any, allowed: JSON, instance: JSON, schema: JSONObject
) -> ValidationErrors:
    if not isinstance(instance, dict):
        return
    patterns = schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in schema.get("properties", {}) or any(
            matches_re2_pattern(pattern, key) for pattern in patterns
        ):
            continue
        if allowed is False:
            yield ValidationError(key)
        else:
            yield from validator.descend(value, allowed, path=key)


def _check_required_keyword(
    validator: Any, names: list[str], instance: JSON, schema: JSONObject
) -> ValidationErrors:
    if isinstance(instance, dict):
        yield from (ValidationError(name) for name in names if name not in instance)


def _check_all_of_keyword(
    validator: Any, schemas: list[JSON], instance: JSON, schema: JSONObject
) -> ValidationErrors:
    errors = [
        error
        for index, child in enumerate(schemas)
        for error in validator.descend(instance, child, schema_path=index)
    ]
    yield from errors
    if errors:
        yield ValidationError("allOf")


def _check_if_keyword(
    validator: Any, condition: JSON, instance: JSON, schema: JSONObject
) -> ValidationErrors:
    branch = "then" if validator.evolve(schema=condition).is_valid(instance) else "else"
    errors = list(validator.descend(instance, schema.get(branch, True), schema_path=branch))
    yield from errors
    if errors:
        yield ValidationError(branch)


RULE_VALIDATOR: Any = extend(  # type: ignore[no-untyped-call]  # its types leave it out
    Draft7Validator,
    {
        "pattern": _check_pattern_keyword,
        "patternProperties": _check_pattern_properties_keyword,
        "additionalProperties": _check_additional_properties_keyword,
        "required": _check_required_keyword,
        "allOf": _check_all_of_keyword,
        "if": _check_if_keyword,
    },
)
