"""What is wrong with a value, in the words that Segment shows.

Segment documents the forms of two kinds, Required and Invalid Type, and that the event itself is
called (root). They are those of a widely used Go library for JSON Schema; the other kinds follow
that library's words. (assumed)
"""

import json
from collections.abc import Callable

from jsonschema import ValidationError

from segment_insider_emulator.segment.filtering.passage import PlanViolation
from segment_insider_emulator.types import JSON, JSONObject

ROOT_FIELD = "(root)"
MAX_SHOWN_VALUE_LENGTH = 200  # characters of a value that are shown

# Keyword -> Segment's kind, and its words with {given}, the keyword's own value.
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


def to_violation(error: ValidationError, rule_name: str) -> PlanViolation:
    """The violation that *error* is, found by *rule*."""
    path = tuple(error.absolute_path)
    if error.validator in ("required", "additionalProperties"):
        return _member_violation(error, rule_name, (*path, error.message))
    kind, description = _SPECIAL_VIOLATION_TEXTS.get(str(error.validator), _keyword_violation_text)(
        error, format_path(path)
    )
    return PlanViolation(
        rule_name, kind, format_path(path), shorten_value(error.instance), description, path
    )


def format_path(path: tuple[str | int, ...]) -> str:
    """A path as Segment writes it, e.g. "properties.products.0.price"."""
    return ".".join(map(str, path)) or ROOT_FIELD


def shorten_value(value: JSON) -> JSON:
    """*value* itself, or the beginning of its JSON when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_SHOWN_VALUE_LENGTH else f"{text[:MAX_SHOWN_VALUE_LENGTH]}…"


def _member_violation(
    error: ValidationError, rule_name: str, path: tuple[str | int, ...]
) -> PlanViolation:
    """A violation by a member that is missing, or that should be."""
    field = format_path(path)
    if error.validator == "required":
        return PlanViolation(rule_name, "Required", field, None, f"{field} is required", path)
    held: JSONObject = error.instance  # type: ignore[assignment]  # the keyword is one of objects
    kind = "Additional Property Not Allowed"
    value = shorten_value(held[error.message])
    words = f"Additional property {error.message} is not allowed"
    return PlanViolation(rule_name, kind, field, value, words, path)


def _type_violation_text(error: ValidationError, field: str) -> tuple[str, str]:
    wanted = error.validator_value
    expected = f"[{','.join(wanted)}]" if isinstance(wanted, list) else wanted
    return (
        "Invalid Type",
        f"Invalid type. Expected: {expected}, given: {_json_type_name(error.instance)}",
    )


def _json_type_name(value: JSON) -> str:
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


def _branch_violation_text(error: ValidationError, field: str) -> tuple[str, str]:
    return BRANCH_VIOLATION_TEXTS[error.message]


def _keyword_violation_text(error: ValidationError, field: str) -> tuple[str, str]:
    if error.validator is None:
        return "False", "False always fails validation"
    value: JSON = error.validator_value
    kind, words = VIOLATION_TEXTS.get(
        str(error.validator), (str(error.validator).title(), error.message)
    )
    if str(error.validator) not in VIOLATION_TEXTS:
        return kind, words[:MAX_SHOWN_VALUE_LENGTH]
    listed = value if error.validator == "enum" else [value]
    given = ", ".join(json.dumps(each, ensure_ascii=False) for each in listed)
    return kind, words.format(field=field, given=given, plain=value)


_SPECIAL_VIOLATION_TEXTS: JSONObject = {"type": _type_violation_text, "if": _branch_violation_text}
_ViolationText = Callable[[ValidationError, str], tuple[str, str]]
