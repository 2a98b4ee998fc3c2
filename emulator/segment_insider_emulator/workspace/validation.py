"""All checks of workspace documents, and descriptions of the problems that they find.

No message quotes a value of the file, because it may be a key; only subscription names are quoted.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeAlias, cast

from jsonschema import Draft202012Validator, ValidationError

from segment_insider_emulator.filtering.transformations import HASH_ALGORITHMS, normalise_algorithm
from segment_insider_emulator.functions.segment_function import FUNCTION_KINDS
from segment_insider_emulator.insider.journey_parser import find_journey_errors
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSON, JSONObject

Severity: TypeAlias = Literal["error", "warning", "note"]
MAX_COMPARED_CHARACTERS = 100  # of a name that is compared with known names
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class WorkspaceFinding:
    """One problem or remark about a workspace file.

    Args:
        severity: "error" does not work, "warning" works differently than it seems, "note" explains
            how Segment or Insider One work.
        where: Dotted path; "" is the whole file. A subscription's name follows its index, e.g.
            "destination.subscriptions[3] 'Purchases'.trigger".
        what: The problem, a sentence without its full stop and without secret values.
        remedy: What to write instead, a full sentence.
        cause: Name of its cause, for `knownCauses`; "" for what must be corrected.
        mapping: Name of the subscription that it is about; "" without one.
    """

    severity: Severity
    where: str
    what: str
    remedy: str
    cause: str = field(default="", compare=False)
    mapping: str = field(default="", compare=False)


def suggest_name(name: str, known_names: list[str]) -> str:
    """Suggest for a workspace file's unknown name the most similar known one, or list all."""
    folded = {
        known.casefold(): known for known in known_names if len(known) <= MAX_COMPARED_CHARACTERS
    }
    # The comparison takes quadratic time, and a longer name is not a misspelling.
    matches = (
        get_close_matches(name.casefold(), folded, n=1)
        if len(name) <= MAX_COMPARED_CHARACTERS
        else ()
    )
    if matches:
        return f"Did you mean {folded[matches[0]]!r}?"
    return f"Known: {', '.join(known_names)}."


_SUBSCRIPTION_PATH = re.compile(r"destination\.subscriptions\[(\d+)\]")
_TYPE_NAMES = {
    str: "text",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    type(None): "null",
}
_SCHEMA_TYPE_NAMES = {
    "string": "text",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
}


def validate_document(document: JSONObject) -> list[WorkspaceFinding]:
    """Validate *document* as a workspace; every finding is an error."""
    findings = [
        finding
        for error in sorted(
            _get_schema_validator().iter_errors(document), key=lambda error: list(error.path)
        )
        for finding in _build_schema_error_findings(error)
    ]
    findings = findings or [
        *_find_unknown_actions(document),
        *_find_journey_errors(document),
        *_find_shared_write_keys(document),
        *_find_unknown_hash_algorithms(document),
        *_find_function_errors(document.get("functions", {})),
    ]
    return add_subscription_names(findings, document)


def list_schema_errors(document: JSONObject) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield path and reason of everything in a document that the workspace JSON Schema rejects.

    An object with a missing key is rejected as a whole; an unknown key is rejected alone.
    """
    for error in _get_schema_validator().iter_errors(document):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = cast(JSONObject, error.schema)["properties"]
            for key in cast(JSONObject, error.instance):
                if key not in known:
                    yield (*path, key), f"unknown key {key!r}"
        else:
            yield path, _SCHEMA_ERROR_MESSAGES[str(error.validator)](error)


def format_document_path(*parts: str | int) -> str:
    """Format keys and indexes as a path, e.g. "destination.subscriptions[3].name"."""
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return dotted.removeprefix(".")


def add_subscription_names(
    findings: list[WorkspaceFinding], document: JSONObject
) -> list[WorkspaceFinding]:
    """Add the subscription's name after its index in the path of each finding."""
    return [
        replace(finding, where=_add_subscription_name_to_path(finding.where, document))
        for finding in findings
    ]


def _add_subscription_name_to_path(where: str, document: JSONObject) -> str:
    indexed = _SUBSCRIPTION_PATH.match(where)
    if not indexed:
        return where
    subscription: JSON = document["destination"]["subscriptions"][int(indexed[1])]
    name = subscription.get("name") if isinstance(subscription, dict) else None
    if not isinstance(name, str) or not name:
        return where
    return f"{indexed[0]} {name!r}{where[indexed.end() :]}"


@cache
def _get_schema_validator() -> Draft202012Validator:
    schema = files(__package__).joinpath("schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(schema))


def _build_schema_error_findings(error: ValidationError) -> Iterator[WorkspaceFinding]:
    where = format_document_path(*error.absolute_path)
    schema = cast(JSONObject, error.schema)
    instance: JSON = error.instance
    if error.validator == "additionalProperties":
        known = list(schema["properties"])
        for key in instance:
            if key not in known:
                what = f"unknown key {key!r}"
                yield WorkspaceFinding(
                    "error", _format_child_path(where, key), what, suggest_name(key, known)
                )
    else:
        what = _SCHEMA_ERROR_MESSAGES[str(error.validator)](error)
        yield WorkspaceFinding("error", where, what, schema.get("description", "Correct it."))


def _format_child_path(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _format_missing_key_message(error: ValidationError) -> str:
    required: JSON = error.validator_value
    # jsonschema reports each missing key separately, and names it only in the message.
    return next(f"{key!r} is missing" for key in required if error.message.startswith(repr(key)))


_SCHEMA_ERROR_MESSAGES: dict[str, Any] = {
    "required": _format_missing_key_message,
    "type": lambda error: (
        f"this is {_get_json_type_name(error.instance)}, "
        f"not {_format_expected_types(error.validator_value)}"
    ),
    "enum": lambda error: f"this must be one of {', '.join(map(str, error.validator_value))}",
    "minimum": lambda error: f"this is less than {error.validator_value}",
    "maximum": lambda error: f"this is more than {error.validator_value}",
    "minLength": lambda error: "this is empty",
    "minItems": lambda error: "this list is empty",
    "uniqueItems": lambda error: "this list contains the same entry twice",
    "maxLength": lambda error: f"this has more than {error.validator_value} characters",
    "maxProperties": lambda error: f"this has more than {error.validator_value} entries",
    "pattern": lambda error: "this is not a JavaScript name",
    "maxItems": lambda error: f"this list has more than {error.validator_value} entries",
}


def _format_expected_types(types: str | list[str]) -> str:
    return " or ".join(
        _SCHEMA_TYPE_NAMES[name] for name in ([types] if isinstance(types, str) else types)
    )


def _get_json_type_name(value: JSON) -> str:
    return _TYPE_NAMES.get(type(value), "a number")


def _find_unknown_actions(document: JSONObject) -> Iterator[WorkspaceFinding]:
    for index, subscription in enumerate(document["destination"]["subscriptions"]):
        slug = subscription["actionSlug"]
        if slug not in ACTIONS:
            where = format_document_path("destination", "subscriptions", index, "actionSlug")
            remedy = suggest_name(slug, list(ACTIONS))
            yield WorkspaceFinding("error", where, f"unknown action {slug!r}", remedy)


def _find_journey_errors(document: JSONObject) -> Iterator[WorkspaceFinding]:
    for mistake in find_journey_errors(document.get("insider", {}).get("journeys", ())):
        yield WorkspaceFinding("error", mistake.where, mistake.what, mistake.remedy)


def _find_unknown_hash_algorithms(document: JSONObject) -> Iterator[WorkspaceFinding]:
    for index, transformation in enumerate(document.get("transformations", ())):
        hashing = transformation.get("hashPropertiesConfiguration")
        if hashing and normalise_algorithm(hashing) not in HASH_ALGORITHMS:
            where = f"transformations[{index}].hashPropertiesConfiguration.algorithm"
            what = "this hash algorithm is unknown"
            remedy = suggest_name(hashing["algorithm"], [*HASH_ALGORITHMS])
            yield WorkspaceFinding("error", where, what, remedy)


def _find_function_errors(functions: JSONObject) -> Iterator[WorkspaceFinding]:
    for kind in FUNCTION_KINDS:
        names = set[str]()
        for index, function in enumerate(functions.get(kind, ())):
            where = f"{format_document_path('functions', kind, index)} {function['name']!r}"
            if function["name"] in names:
                remedy = "Give each function a name of its own."
                yield WorkspaceFinding("error", where, "another function has this name", remedy)
            names.add(function["name"])
            if ("code" in function) == ("codeFile" in function):
                what = "it has both code and codeFile" if "code" in function else "it has no code"
                remedy = "Give either code, or the path of a JavaScript file as codeFile."
                yield WorkspaceFinding("error", where, what, remedy)


def _find_shared_write_keys(document: JSONObject) -> Iterator[WorkspaceFinding]:
    first_source = document["source"]
    used_keys = {first_source["writeKey"], *first_source.get("writeKeys", [])}
    for index, source in enumerate(document.get("sources", [])):
        if source["writeKey"] in used_keys:
            where = format_document_path("sources", index, "writeKey")
            remedy = "Give each source its own write key."
            yield WorkspaceFinding("error", where, "another source has this write key", remedy)
        used_keys.add(source["writeKey"])
