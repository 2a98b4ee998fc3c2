"""Preparation of a plan rule's JSON Schema: inline $refs, remove what cannot be checked.

Segment's library is written in Go, so its regular expressions are RE2's: linear time, no
look-around. A plan could otherwise contain an expression that never ends.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import re2  # type: ignore[import-untyped]  # the package ships no types

from segment_insider_emulator.json_text import MAX_DEPTH, measure_nesting_depth
from segment_insider_emulator.types import JSON, JSONObject

_RE2_OPTIONS = re2.Options()
_RE2_OPTIONS.log_errors = False
_RE2_OPTIONS.never_capture = True  # thousands of groups would need quadratic time


class UnsupportedPattern(ValueError):
    """Error: RE2 does not support a regular expression of a tracking plan."""


def matches_re2_pattern(pattern: str, text: str) -> bool:
    """Return whether the RE2 *pattern* matches anywhere in *text*. Raises: UnsupportedPattern."""
    return _compile_pattern(pattern).search(text) is not None


def require_valid_re2_pattern(pattern: str) -> None:
    """Check that RE2 can compile the regular expression *pattern*.

    Raises: UnsupportedPattern, with RE2's reason.
    """
    _compile_pattern(pattern)


@lru_cache(1024)
def _compile_pattern(pattern: str) -> re2._Regexp:
    try:
        return re2.compile(pattern, _RE2_OPTIONS)
    except re2.error as error:
        reason = error.args[0]
        raise UnsupportedPattern(
            reason.decode() if isinstance(reason, bytes) else reason
        ) from error


MAX_SCHEMA_PARTS = 20_000  # objects and lists, with $refs replaced
PLAIN_VALUE_KEYWORDS = frozenset(
    {"default", "examples", "enum", "const"}
)  # keywords with plain values
SCHEMA_MAP_KEYWORDS = frozenset({"properties", "patternProperties", "definitions", "dependencies"})


class SchemaTooLarge(ValueError):
    """Error: a plan rule's JSON Schema is too deep or too large; the text says which."""


def inline_schema_references(schema: JSONObject) -> tuple[JSONObject, dict[str, str]]:
    """Return a copy of a JSON Schema with its $refs replaced, and why some could not be.

    Raises: SchemaTooLarge.
    """
    if measure_nesting_depth(schema) > MAX_DEPTH:
        raise SchemaTooLarge(f"it nests deeper than {MAX_DEPTH} levels")
    used = {name: child for name, child in schema.items() if name != "definitions"}
    inlining = _ReferenceInliner(schema)
    copy: JSONObject = inlining.copy_with_inlined_references(used, ())
    if measure_nesting_depth(copy) > MAX_DEPTH:
        raise SchemaTooLarge(f"it nests deeper than {MAX_DEPTH} levels, its $refs followed")
    return copy, inlining.unresolved


class _ReferenceInliner:
    def __init__(self, root: JSONObject) -> None:
        self._root = root
        self._part_count = 0
        self.unresolved: dict[str, str] = {}

    def copy_with_inlined_references(self, value: JSON, open_references: tuple[str, ...]) -> JSON:
        """Return a copy of part of a tracking plan's JSON Schema with its $refs replaced.

        Args:
            open_references: The $refs that are just being replaced.
        """
        if not isinstance(value, dict | list):
            return value
        self._part_count += 1
        if self._part_count > MAX_SCHEMA_PARTS:
            raise SchemaTooLarge(f"it has more than {MAX_SCHEMA_PARTS:,} parts, its $refs followed")
        if isinstance(value, list):
            return [self.copy_with_inlined_references(member, open_references) for member in value]
        reference = value.get("$ref")
        if isinstance(reference, str):
            # In draft 7, other keywords next to $ref are ignored.
            return self._inline_reference(reference, open_references)
        return {
            name: self._copy_keyword_value(name, child, open_references)
            for name, child in value.items()
        }

    def _copy_keyword_value(
        self, keyword: str, value: JSON, open_references: tuple[str, ...]
    ) -> JSON:
        if keyword in PLAIN_VALUE_KEYWORDS:
            return value
        if keyword in SCHEMA_MAP_KEYWORDS and isinstance(value, dict):
            return {
                name: self.copy_with_inlined_references(child, open_references)
                for name, child in value.items()
            }
        return self.copy_with_inlined_references(value, open_references)

    def _inline_reference(self, reference: str, open_references: tuple[str, ...]) -> JSON:
        if not reference.startswith("#"):
            return self._report_unresolved_reference(
                reference, "leads out of it, and nothing is fetched"
            )
        if reference in open_references:
            return self._report_unresolved_reference(reference, "leads back to itself")
        named = self._find_reference_target(reference)
        if named is None:
            return self._report_unresolved_reference(reference, "leads nowhere")
        return self.copy_with_inlined_references(named[0], (*open_references, reference))

    def _report_unresolved_reference(self, reference: str, reason: str) -> JSONObject:
        self.unresolved[reference] = f"$ref {reference!r} {reason}"
        return {"$ref": reference}

    def _find_reference_target(self, reference: str) -> tuple[JSON] | None:
        at: JSON = self._root
        for step in unquote(reference).split("/")[1:]:
            key = re.sub("~1", "/", step).replace("~0", "~")
            if isinstance(at, dict) and key in at:
                at = at[key]
            elif isinstance(at, list) and key.isdecimal() and int(key[:9]) < len(at):
                at = at[int(key[:9])]
            else:
                return None
        return (at,)


JSON_SCHEMA_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
# Keywords that do not restrict an event. $refs have been replaced before.
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
# With fewer keywords inside they would find other violations, not fewer.
_ALL_OR_NOTHING_KEYWORDS: Final = ("not", "oneOf", "if")


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_non_negative_integer(value: JSON) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_list_of_distinct_texts(value: JSON) -> bool:
    listed = isinstance(value, list) and all(isinstance(member, str) for member in value)
    return listed and len(set(value)) == len(value)


def _is_type_keyword_value(value: JSON) -> bool:
    if isinstance(value, str):
        return value in JSON_SCHEMA_TYPES
    return (
        bool(value) and _is_list_of_distinct_texts(value) and set(value) <= set(JSON_SCHEMA_TYPES)
    )


# Keyword with a plain value -> check of the value, and its description.
_VALUE_CHECKS: Final[dict[str, tuple[Callable[[JSON], bool], str]]] = {
    "type": (
        _is_type_keyword_value,
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
        (_is_non_negative_integer, "a whole number from 0"),
    ),
}
MAX_SHOWN_CHARACTERS: Final = 80  # of a value


class SchemaSanitizer:
    """Removes from a plan rule's JSON Schema what cannot be checked, and lists it in `problems`.

    Args:
        unresolved_references: $ref -> why it could not be replaced.
    """

    def __init__(self, unresolved_references: dict[str, str]) -> None:
        self._unresolved_references = unresolved_references
        self.problems: list[str] = []

    def sanitize_schema(self, schema: JSON, path: str = "") -> JSON:
        """Return a copy of a JSON Schema with only keywords that can be checked.

        Returns: True, which allows all, if *schema* cannot be checked at all.
        """
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
        if len(self.problems) > before and _has_dropped_property_names(schema, found):
            # Without all properties it is not known which ones are additional.
            found.pop("additionalProperties", None)
        return found

    def _add_problem(self, path: str, problem: str) -> None:
        self.problems.append(f"{path}: {problem}")

    def _sanitize_keyword(self, keyword: str, value: JSON, path: str) -> JSONObject:
        """Return a schema's {keyword: value} without uncheckable parts; {} if nothing is left."""
        if keyword in _ANNOTATION_KEYWORDS:
            return {}
        if keyword in _VALUE_CHECKS:
            fits, words = _VALUE_CHECKS[keyword]
            if not fits(value):
                self._add_problem(path, f"{_shorten_json(value)} is not {words}")
                return {}
            return {keyword: value}
        if keyword in ("pattern", "$ref"):
            return {keyword: value} if self._is_supported_keyword(keyword, value, path) else {}
        before = len(self.problems)
        below = self._sanitize_subschemas(keyword, value, path)
        if keyword in _ALL_OR_NOTHING_KEYWORDS and len(self.problems) > before:
            for at in range(before, len(self.problems)):
                self.problems[at] += f"; so all of {path} is left out"
            return {}
        return {} if below is None else {keyword: below}

    def _is_supported_keyword(self, keyword: str, value: JSON, path: str) -> bool:
        if keyword == "$ref":
            reason = self._unresolved_references.get(
                str(value), f"{_shorten_json(value)} is no reference"
            )
        else:
            reason = _find_pattern_problem(value)
        if reason:
            self._add_problem(path, reason)
        return not reason

    def _sanitize_subschemas(self, keyword: str, value: JSON, path: str) -> JSON:
        """Sanitize the value of a JSON Schema keyword that contains schemas; None if unusable."""
        if keyword in _SINGLE_SCHEMA_KEYWORDS:
            return self.sanitize_schema(value, path)
        if keyword in _SCHEMA_LIST_KEYWORDS:
            if not isinstance(value, list) or not value:
                return self._report_invalid_value(path, value, "a list of schemas")
            return self._sanitize_schema_list(value, path)
        if keyword == "items":
            return self._sanitize_items_keyword(value, path)
        if keyword in _NAMED_SCHEMA_KEYWORDS:
            return self._sanitize_named_schemas(keyword, value, path)
        return self._sanitize_dependencies(value, path) if keyword == "dependencies" else value

    def _report_invalid_value(self, path: str, value: JSON, expected: str) -> None:
        self._add_problem(path, f"{_shorten_json(value)} is not {expected}")

    def _sanitize_schema_list(self, schemas: list[JSON], path: str) -> list[JSON]:
        return [self.sanitize_schema(each, f"{path}[{at}]") for at, each in enumerate(schemas)]

    def _sanitize_items_keyword(self, value: JSON, path: str) -> JSON:
        if isinstance(value, dict | bool):
            return self.sanitize_schema(value, path)
        if isinstance(value, list) and value:
            return self._sanitize_schema_list(value, path)
        return self._report_invalid_value(path, value, "a schema or a list of schemas")

    def _sanitize_named_schemas(self, keyword: str, value: JSON, path: str) -> JSON:
        """Sanitize schemas by name; leave out names that are unsupported regular expressions."""
        if not isinstance(value, dict):
            return self._report_invalid_value(path, value, "an object of schemas")
        found: JSONObject = {}
        for name, child in value.items():
            reason = _find_pattern_problem(name) if keyword == "patternProperties" else ""
            if reason:
                self._add_problem(f"{path}.{name}", reason)
            else:
                found[name] = self.sanitize_schema(child, f"{path}.{name}")
        return found

    def _sanitize_dependencies(self, value: JSON, path: str) -> JSON:
        if not isinstance(value, dict):
            return self._report_invalid_value(path, value, "an object")
        found: JSONObject = {}
        for name, child in value.items():
            if isinstance(child, dict | bool):
                found[name] = self.sanitize_schema(child, f"{path}.{name}")
            elif _is_list_of_distinct_texts(child):
                found[name] = child
            else:
                self._report_invalid_value(
                    f"{path}.{name}", child, "a schema or a list of different texts"
                )
        return found


def _has_dropped_property_names(schema: JSONObject, sanitized: JSONObject) -> bool:
    for keyword in _NAMED_SCHEMA_KEYWORDS:
        given = schema.get(keyword, {})
        if not isinstance(given, dict) or len(sanitized.get(keyword, ())) < len(given):
            return True
    return False


def _find_pattern_problem(expression: JSON) -> str:
    """Return why Segment does not support a regular expression of a plan; "" if it does."""
    if not isinstance(expression, str):
        return f"{_shorten_json(expression)} is not text"
    try:
        require_valid_re2_pattern(expression)
    except UnsupportedPattern as error:
        return f"Segment does not read the expression {_shorten_json(expression)}: {error}"
    return ""


def _shorten_json(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"
