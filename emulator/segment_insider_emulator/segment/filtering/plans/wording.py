"""What is wrong with a value, in the words that Segment shows.

Segment documents the forms of two kinds, Required and Invalid Type, and that the event itself is
called (root). They are those of a widely used Go library for JSON Schema; the other kinds follow
that library's words. (assumed)
"""

import json
from collections.abc import Callable

from jsonschema import ValidationError

from segment_insider_emulator.segment.filtering.passage import Violation
from segment_insider_emulator.types import JSON, JSONObject

ROOT = "(root)"
LONGEST = 200  # characters of a value that are shown

# Keyword -> Segment's kind, and its words with {given}, the keyword's own value.
WORDS = {
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
BRANCHES = {
    "then": ("Condition Then", 'Must validate "then" as "if" was valid'),
    "else": ("Condition Else", 'Must validate "else" as "if" was not valid'),
}


def worded(error: ValidationError, rule: str) -> Violation:
    """The violation that *error* is, found by *rule*."""
    path = tuple(error.absolute_path)
    if error.validator in ("required", "additionalProperties"):
        return _of_member(error, rule, (*path, error.message))
    kind, description = _SPECIAL.get(str(error.validator), _plain)(error, dotted(path))
    return Violation(rule, kind, dotted(path), shown(error.instance), description, path)


def dotted(path: tuple[str | int, ...]) -> str:
    """A path as Segment writes it, e.g. "properties.products.0.price"."""
    return ".".join(map(str, path)) or ROOT


def shown(value: JSON) -> JSON:
    """*value* itself, or the beginning of its JSON when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _of_member(error: ValidationError, rule: str, path: tuple[str | int, ...]) -> Violation:
    """A violation by a member that is missing, or that should be."""
    field = dotted(path)
    if error.validator == "required":
        return Violation(rule, "Required", field, None, f"{field} is required", path)
    held: JSONObject = error.instance  # type: ignore[assignment]  # the keyword is one of objects
    kind = "Additional Property Not Allowed"
    value = shown(held[error.message])
    words = f"Additional property {error.message} is not allowed"
    return Violation(rule, kind, field, value, words, path)


def _type(error: ValidationError, field: str) -> tuple[str, str]:
    wanted = error.validator_value
    expected = f"[{','.join(wanted)}]" if isinstance(wanted, list) else wanted
    return "Invalid Type", f"Invalid type. Expected: {expected}, given: {_given(error.instance)}"


def _given(value: JSON) -> str:
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


def _branch(error: ValidationError, field: str) -> tuple[str, str]:
    return BRANCHES[error.message]


def _plain(error: ValidationError, field: str) -> tuple[str, str]:
    if error.validator is None:
        return "False", "False always fails validation"
    value: JSON = error.validator_value
    kind, words = WORDS.get(str(error.validator), (str(error.validator).title(), error.message))
    if str(error.validator) not in WORDS:
        return kind, words[:LONGEST]
    listed = value if error.validator == "enum" else [value]
    given = ", ".join(json.dumps(each, ensure_ascii=False) for each in listed)
    return kind, words.format(field=field, given=given, plain=value)


_SPECIAL: JSONObject = {"type": _type, "if": _branch}
_Words = Callable[[ValidationError, str], tuple[str, str]]
