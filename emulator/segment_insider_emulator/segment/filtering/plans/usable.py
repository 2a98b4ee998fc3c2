"""What of a rule's JSON Schema can be checked: keywords with values that draft 7 gives a meaning.

Segment stores rules that its own validator would not read: types such as "any", draft 4's
`required: true`, expressions that look ahead. Such a keyword is left out and named; the rest of
the rule holds. Below `not`, `oneOf` and `if` a keyword less could find violations that are none:
there the whole of it is left out.
"""

import json
from collections.abc import Callable
from typing import Final

from segment_insider_emulator.segment.filtering.plans.patterns import (
    UnsupportedPattern,
    check_pattern,
)
from segment_insider_emulator.types import JSON, JSONObject

JSON_SCHEMA_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
# Keywords that say nothing about an event. References have been replaced before.
_ANNOTATION_KEYWORDS: Final = frozenset(
    ("$id", "$schema", "$comment", "id", "title", "description", "default", "examples",
     "definitions", "readOnly", "writeOnly", "contentMediaType", "contentEncoding")
)  # fmt: skip
_SINGLE_SCHEMA_KEYWORDS: Final = (
    "additionalItems", "additionalProperties", "propertyNames", "contains", "not", "if", "then",
    "else",
)  # fmt: skip
_SCHEMA_LIST_KEYWORDS: Final = ("allOf", "anyOf", "oneOf")
_NAMED_SCHEMA_KEYWORDS: Final = ("properties", "patternProperties")
# With a keyword less inside them they find other violations, and not fewer.
_ALL_OR_NOTHING_KEYWORDS: Final = ("not", "oneOf", "if")


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: JSON) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_list_of_distinct_texts(value: JSON) -> bool:
    listed = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return listed and len(set(value)) == len(value)


def _is_type_or_types(value: JSON) -> bool:
    if isinstance(value, str):
        return value in JSON_SCHEMA_TYPES
    return (
        bool(value) and _is_list_of_distinct_texts(value) and set(value) <= set(JSON_SCHEMA_TYPES)
    )


# Keyword that holds a plain value -> what that may be, and in words.
_VALUE_CHECKS: Final[dict[str, tuple[Callable[[JSON], bool], str]]] = {
    "type": (
        _is_type_or_types,
        f"one of {', '.join(JSON_SCHEMA_TYPES)}, or a list of different ones",
    ),
    "required": (_is_list_of_distinct_texts, "a list of different texts"),
    "enum": (lambda value: isinstance(value, list), "a list"),
    "format": (lambda value: isinstance(value, str), "text"),
    "uniqueItems": (lambda value: isinstance(value, bool), "true or false"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), (_is_number, "a number")
    ),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        (_is_count, "a whole number from 0"),
    ),
}
MAX_SHOWN_CHARACTERS: Final = 80  # characters of a value that are shown


class SchemaSanitizer:
    """Finds what of one schema can be checked.

    Args:
        references: Why a `$ref` could not be replaced, by its text.
    """

    def __init__(self, unresolved_references: dict[str, str]) -> None:
        self._unresolved_references = unresolved_references
        self.problems: list[str] = []

    def sanitize(self, schema: JSON, path: str = "") -> JSON:
        """Return a copy of *schema* with the keywords that can be checked; True is anything."""
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            self._add_problem(path or "its top", f"{_shorten_json(schema)} is no schema")
            return True
        before = len(self.problems)
        found: JSONObject = {}
        for keyword, value in schema.items():
            found |= self._sanitize_keyword(keyword, value, f"{path}.{keyword}".lstrip("."))
        if "if" not in found:
            found.pop("then", None)
            found.pop("else", None)
        if len(self.problems) > before and _has_dropped_names(schema, found):
            # Which properties are additional is not known without the others.
            found.pop("additionalProperties", None)
        return found

    def _add_problem(self, path: str, problem: str) -> None:
        self.problems.append(f"{path}: {problem}")

    def _sanitize_keyword(self, keyword: str, value: JSON, path: str) -> JSONObject:
        """{keyword: value} as far as it can be checked; {} where it cannot."""
        if keyword in _ANNOTATION_KEYWORDS:
            return {}
        if keyword in _VALUE_CHECKS:
            fits, words = _VALUE_CHECKS[keyword]
            if not fits(value):
                self._add_problem(path, f"{_shorten_json(value)} is not {words}")
                return {}
            return {keyword: value}
        if keyword in ("pattern", "$ref"):
            return {keyword: value} if self._is_supported(keyword, value, path) else {}
        before = len(self.problems)
        below = self._sanitize_subschemas(keyword, value, path)
        if keyword in _ALL_OR_NOTHING_KEYWORDS and len(self.problems) > before:
            for at in range(before, len(self.problems)):
                self.problems[at] += f"; so all of {path} is left out"
            return {}
        return {} if below is None else {keyword: below}

    def _is_supported(self, keyword: str, value: JSON, path: str) -> bool:
        if keyword == "$ref":
            reason = self._unresolved_references.get(
                str(value), f"{_shorten_json(value)} is no reference"
            )
        else:
            reason = _pattern_problem(value)
        if reason:
            self._add_problem(path, reason)
        return not reason

    def _sanitize_subschemas(self, keyword: str, value: JSON, path: str) -> JSON:
        """The value of a keyword with schemas in it; None where it cannot be checked."""
        if keyword in _SINGLE_SCHEMA_KEYWORDS:
            return self.sanitize(value, path)
        if keyword in _SCHEMA_LIST_KEYWORDS:
            if not isinstance(value, list) or not value:
                return self._reject_value(path, value, "a list of schemas")
            return self._sanitize_list(value, path)
        if keyword == "items":
            return self._sanitize_items(value, path)
        if keyword in _NAMED_SCHEMA_KEYWORDS:
            return self._sanitize_named(keyword, value, path)
        return self._sanitize_dependencies(value, path) if keyword == "dependencies" else value

    def _reject_value(self, path: str, value: JSON, expected: str) -> None:
        self._add_problem(path, f"{_shorten_json(value)} is not {expected}")

    def _sanitize_list(self, schemas: list[JSON], path: str) -> list[JSON]:
        return [self.sanitize(each, f"{path}[{at}]") for at, each in enumerate(schemas)]

    def _sanitize_items(self, value: JSON, path: str) -> JSON:
        if isinstance(value, dict | bool):
            return self.sanitize(value, path)
        if isinstance(value, list) and value:
            return self._sanitize_list(value, path)
        return self._reject_value(path, value, "a schema or a list of schemas")

    def _sanitize_named(self, keyword: str, value: JSON, path: str) -> JSON:
        """Schemas by name. A name that is an expression which cannot be read leaves with them."""
        if not isinstance(value, dict):
            return self._reject_value(path, value, "an object of schemas")
        found: JSONObject = {}
        for name, child in value.items():
            reason = _pattern_problem(name) if keyword == "patternProperties" else ""
            if reason:
                self._add_problem(f"{path}.{name}", reason)
            else:
                found[name] = self.sanitize(child, f"{path}.{name}")
        return found

    def _sanitize_dependencies(self, value: JSON, path: str) -> JSON:
        if not isinstance(value, dict):
            return self._reject_value(path, value, "an object")
        found: JSONObject = {}
        for name, child in value.items():
            if isinstance(child, dict | bool):
                found[name] = self.sanitize(child, f"{path}.{name}")
            elif _is_list_of_distinct_texts(child):
                found[name] = child
            else:
                self._reject_value(f"{path}.{name}", child, "a schema or a list of different texts")
        return found


def _has_dropped_names(schema: JSONObject, sanitized: JSONObject) -> bool:
    for keyword in _NAMED_SCHEMA_KEYWORDS:
        given = schema.get(keyword, {})
        if not isinstance(given, dict) or len(sanitized.get(keyword, ())) < len(given):
            return True
    return False


def _pattern_problem(expression: JSON) -> str:
    """Why Segment's engine does not read an *expression*; "" when it does."""
    if not isinstance(expression, str):
        return f"{_shorten_json(expression)} is not text"
    try:
        check_pattern(expression)
    except UnsupportedPattern as error:
        return f"Segment does not read the expression {_shorten_json(expression)}: {error}"
    return ""


def _shorten_json(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"
