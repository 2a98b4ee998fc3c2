"""What of a rule's JSON Schema can be checked: keywords with values that draft 7 gives a meaning.

Segment stores rules that its own validator would not read: types such as "any", draft 4's
`required: true`, expressions that look ahead. Such a keyword is left out and named; the rest of
the rule holds. Below `not`, `oneOf` and `if` a keyword less could find violations that are none:
there the whole of it is left out.
"""

import json
from collections.abc import Callable
from typing import Final

from segment_insider_emulator.segment.filtering.plans.patterns import PatternError, check
from segment_insider_emulator.types import JSON, JSONObject

TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
# Keywords that say nothing about an event. References have been replaced before.
_SAY_NOTHING: Final = frozenset(
    ("$id", "$schema", "$comment", "id", "title", "description", "default", "examples",
     "definitions", "readOnly", "writeOnly", "contentMediaType", "contentEncoding")
)  # fmt: skip
_ONE: Final = (
    "additionalItems", "additionalProperties", "propertyNames", "contains", "not", "if", "then",
    "else",
)  # fmt: skip
_MANY: Final = ("allOf", "anyOf", "oneOf")
_BY_NAME: Final = ("properties", "patternProperties")
# With a keyword less inside them they find other violations, and not fewer.
_WHOLE: Final = ("not", "oneOf", "if")


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: JSON) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_texts(value: JSON) -> bool:
    listed = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return listed and len(set(value)) == len(value)


def _is_types(value: JSON) -> bool:
    if isinstance(value, str):
        return value in TYPES
    return bool(value) and _is_texts(value) and set(value) <= set(TYPES)


# Keyword that holds a plain value -> what that may be, and in words.
_PLAIN: Final[dict[str, tuple[Callable[[JSON], bool], str]]] = {
    "type": (_is_types, f"one of {', '.join(TYPES)}, or a list of different ones"),
    "required": (_is_texts, "a list of different texts"),
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
LONGEST: Final = 80  # characters of a value that are shown


class Usable:
    """Finds what of one schema can be checked.

    Args:
        references: Why a `$ref` could not be replaced, by its text.
    """

    def __init__(self, references: dict[str, str]) -> None:
        self._references = references
        self.problems: list[str] = []

    def schema(self, schema: JSON, path: str = "") -> JSON:
        """Return a copy of *schema* with the keywords that can be checked; True is anything."""
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            self._name(path or "its top", f"{_shown(schema)} is no schema")
            return True
        before = len(self.problems)
        found: JSONObject = {}
        for keyword, value in schema.items():
            found |= self._keyword(keyword, value, f"{path}.{keyword}".lstrip("."))
        if "if" not in found:
            found.pop("then", None)
            found.pop("else", None)
        if len(self.problems) > before and _has_lost_names(schema, found):
            # Which properties are additional is not known without the others.
            found.pop("additionalProperties", None)
        return found

    def _name(self, path: str, what: str) -> None:
        self.problems.append(f"{path}: {what}")

    def _keyword(self, keyword: str, value: JSON, path: str) -> JSONObject:
        """{keyword: value} as far as it can be checked; {} where it cannot."""
        if keyword in _SAY_NOTHING:
            return {}
        if keyword in _PLAIN:
            fits, words = _PLAIN[keyword]
            if not fits(value):
                self._name(path, f"{_shown(value)} is not {words}")
                return {}
            return {keyword: value}
        if keyword in ("pattern", "$ref"):
            return {keyword: value} if self._is_readable(keyword, value, path) else {}
        before = len(self.problems)
        below = self._below(keyword, value, path)
        if keyword in _WHOLE and len(self.problems) > before:
            for at in range(before, len(self.problems)):
                self.problems[at] += f"; so all of {path} is left out"
            return {}
        return {} if below is None else {keyword: below}

    def _is_readable(self, keyword: str, value: JSON, path: str) -> bool:
        if keyword == "$ref":
            reason = self._references.get(str(value), f"{_shown(value)} is no reference")
        else:
            reason = _unreadable(value)
        if reason:
            self._name(path, reason)
        return not reason

    def _below(self, keyword: str, value: JSON, path: str) -> JSON:
        """The value of a keyword with schemas in it; None where it cannot be checked."""
        if keyword in _ONE:
            return self.schema(value, path)
        if keyword in _MANY:
            if not isinstance(value, list) or not value:
                return self._refused(path, value, "a list of schemas")
            return self._listed(value, path)
        if keyword == "items":
            return self._items(value, path)
        if keyword in _BY_NAME:
            return self._named(keyword, value, path)
        return self._dependencies(value, path) if keyword == "dependencies" else value

    def _refused(self, path: str, value: JSON, words: str) -> None:
        self._name(path, f"{_shown(value)} is not {words}")

    def _listed(self, schemas: list[JSON], path: str) -> list[JSON]:
        return [self.schema(each, f"{path}[{at}]") for at, each in enumerate(schemas)]

    def _items(self, value: JSON, path: str) -> JSON:
        if isinstance(value, dict | bool):
            return self.schema(value, path)
        if isinstance(value, list) and value:
            return self._listed(value, path)
        return self._refused(path, value, "a schema or a list of schemas")

    def _named(self, keyword: str, value: JSON, path: str) -> JSON:
        """Schemas by name. A name that is an expression which cannot be read leaves with them."""
        if not isinstance(value, dict):
            return self._refused(path, value, "an object of schemas")
        found: JSONObject = {}
        for name, child in value.items():
            reason = _unreadable(name) if keyword == "patternProperties" else ""
            if reason:
                self._name(f"{path}.{name}", reason)
            else:
                found[name] = self.schema(child, f"{path}.{name}")
        return found

    def _dependencies(self, value: JSON, path: str) -> JSON:
        if not isinstance(value, dict):
            return self._refused(path, value, "an object")
        found: JSONObject = {}
        for name, child in value.items():
            if isinstance(child, dict | bool):
                found[name] = self.schema(child, f"{path}.{name}")
            elif _is_texts(child):
                found[name] = child
            else:
                self._refused(f"{path}.{name}", child, "a schema or a list of different texts")
        return found


def _has_lost_names(schema: JSONObject, found: JSONObject) -> bool:
    for keyword in _BY_NAME:
        given = schema.get(keyword, {})
        if not isinstance(given, dict) or len(found.get(keyword, ())) < len(given):
            return True
    return False


def _unreadable(expression: JSON) -> str:
    """Why Segment's engine does not read an *expression*; "" when it does."""
    if not isinstance(expression, str):
        return f"{_shown(expression)} is not text"
    try:
        check(expression)
    except PatternError as error:
        return f"Segment does not read the expression {_shown(expression)}: {error}"
    return ""


def _shown(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
