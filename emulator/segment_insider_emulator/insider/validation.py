"""What fails a whole user: schema errors in Insider One's words, and rules a schema cannot say."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from typing import cast

from jsonschema.exceptions import ValidationError

from segment_insider_emulator.insider.catalog import (
    DEFAULT_ATTRIBUTES,
    DEFAULT_PARAMETERS,
    get_required_parameters,
)
from segment_insider_emulator.insider.formats import (
    CompiledSchema,
    compile_schema,
    load_json_document,
    matches_pattern,
)
from segment_insider_emulator.insider.options import EventNameRule, InsiderOptions
from segment_insider_emulator.insider.responses import (
    RequestFinding,
    build_drop_finding,
    build_warning,
    quote_value,
)
from segment_insider_emulator.similar_names import find_similar_name
from segment_insider_emulator.types import JSON, JSONObject

# Assumed: a body of 5 MB can hold a million faults, and nobody reads an answer of 80 MB.
MAX_ERRORS_PER_USER = 100
PUBLISHED_EVENT_NAME = "^[a-z0-9][a-zA-Z0-9._-]*$"
USER_REFERENCE_MISSING_TEXT = (
    "either insider_id or idenifiers must be specified"  # spelled as Insider One spells it
)


@dataclass(frozen=True, slots=True)
class UserError:
    """One error of a user: key below `users.<index>.`, text, the place at fault and a remedy."""

    key: str
    text: str
    where: str
    remedy: str


def validate_user(user: JSON, options: InsiderOptions) -> list[UserError]:
    """Why *user* is refused as a whole, in the order found; nothing when it is taken."""
    errors = _list_schema_errors(_compile_user_schema(options.event_names), user)
    if isinstance(user, dict):
        errors = chain(
            errors,
            _check_user_reference(user),
            _check_user_content(user),
            _check_required_parameters(user, options),
        )
    return list(dict.fromkeys(islice(errors, MAX_ERRORS_PER_USER)))


def validate_user_reference(user: JSON) -> list[UserError]:
    """Why *user* names nobody, whatever else it says: faults of identifiers and insider_id."""
    errors = _list_schema_errors(_compile_user_reference_schema(), user)
    if isinstance(user, dict):
        errors = chain(errors, _check_user_reference(user))
    return list(dict.fromkeys(islice(errors, MAX_ERRORS_PER_USER)))


def validate_attribute_deletion(user: JSON) -> list[UserError]:
    """Why *user* of attribute/delete is refused as a whole."""
    errors = iter(validate_user_reference(user))
    if isinstance(user, dict):
        errors = chain(
            errors, map(_convert_deletion_error, _compile_deletion_schema().iter_errors(user))
        )
    return list(dict.fromkeys(islice(errors, MAX_ERRORS_PER_USER)))


def build_error_listing(index: int, user_errors: list[UserError]) -> dict[str, list[str]]:
    """*found* as the answer lists it; equal texts under one key are given once."""
    texts_by_key: dict[str, list[str]] = {}
    for error in user_errors:
        texts = texts_by_key.setdefault(f"users.{index}.{error.key}", [])
        if error.text not in texts:
            texts.append(error.text)
    return texts_by_key


def build_error_findings(index: int, user_errors: list[UserError]) -> list[RequestFinding]:
    """*found* for people, each with its place in the request."""
    return [
        build_drop_finding(f"users.{index}.{fault.where}".rstrip("."), fault.text, fault.remedy)
        for fault in user_errors
    ]


@cache
def _compile_user_schema(event_names: EventNameRule) -> CompiledSchema:
    return compile_schema(load_user_schema(event_names))


def load_user_schema(event_names: EventNameRule) -> JSONObject:
    """The schema of one user of an upsert, with the expression that event names must match."""
    schema = deepcopy(load_json_document("user"))
    if event_names == "regexp":
        name = schema["properties"]["events"]["items"]["properties"]["event_name"]
        name["pattern"] = PUBLISHED_EVENT_NAME
    return schema


def is_valid_event_name(name: str, event_names: EventNameRule) -> bool:
    """Whether an event may have this *name*."""
    events = load_user_schema(event_names)["properties"]["events"]
    return matches_pattern(events["items"]["properties"]["event_name"]["pattern"], name)


@cache
def _compile_user_reference_schema() -> CompiledSchema:
    schema = load_json_document("user")
    reference_properties = {
        name: schema["properties"][name] for name in ("identifiers", "insider_id")
    }
    return compile_schema({**schema, "properties": reference_properties})


@cache
def _compile_deletion_schema() -> CompiledSchema:
    return compile_schema(load_json_document("deletion"))


def _list_schema_errors(schema: CompiledSchema, user: JSON) -> Iterator[UserError]:
    return (fault for error in schema.iter_errors(user) for fault in _convert_schema_error(error))


def _convert_deletion_error(error: ValidationError) -> UserError:
    """A fault in words like the published ones; assumed."""
    path = [str(step) for step in error.absolute_path]
    rule, expected = str(error.validator), error.validator_value
    if rule == "anyOf":
        names = [name for each in cast(list[JSONObject], expected) for name in each["required"]]
        text = f"at least one of {', '.join(names)} must be specified"
        return UserError("attributes.required", text, ".".join(path), "Name what is to be deleted.")
    where, text = ".".join(path), f"{path[-1]} must be {expected}: {quote_value(error.instance)}"
    return UserError(
        f"{where}.{rule}({expected})", text, where, f"Send {where} as a JSON {expected}."
    )


def _convert_schema_error(error: ValidationError) -> Iterator[UserError]:
    schema = cast(JSONObject, error.schema)
    rule = schema["x-errors"][error.validator]
    path = [str(step) for step in error.absolute_path]
    event_index = next((step for step in path if step.isdecimal()), "")
    error_key, text = rule["key"].replace("#", event_index), rule["text"]
    names = _list_affected_keys(error)
    if not names:
        text = text.replace("{value}", quote_value(error.instance))
        yield UserError(error_key, text, ".".join(path), rule["remedy"])
    for name in names:
        where = ".".join([*path, name])
        yield UserError(
            error_key.replace("{name}", name), text.replace("{name}", name), where, rule["remedy"]
        )


def _list_affected_keys(error: ValidationError) -> list[str]:
    """The keys that an error about an object's keys is about.

    The validator reports each missing key apart without saying which; equal faults unite.
    """
    schema, request_object = cast(JSONObject, error.schema), error.instance
    if error.validator == "required":
        return [name for name in schema["required"] if name not in cast(JSONObject, request_object)]
    if error.validator == "additionalProperties":
        return [
            name for name in cast(JSONObject, request_object) if name not in schema["properties"]
        ]
    return []


def _check_user_reference(user: JSONObject) -> Iterator[UserError]:
    identifiers = user.get("identifiers", {})
    # Assumed: an object with nothing but an empty `custom` in it names nobody either.
    is_named = not isinstance(identifiers, dict) or any(
        value != {} or name != "custom" for name, value in identifiers.items()
    )
    if not is_named and "insider_id" not in user:
        for key in ("identifiers", "insider_id"):
            remedy = "Name the user: uuid, email, phone_number, a custom identifier or insider_id."
            yield UserError(f"{key}.required", USER_REFERENCE_MISSING_TEXT, key, remedy)


def _check_user_content(user: JSONObject) -> Iterator[UserError]:
    if "attributes" not in user and "events" not in user:
        # Assumed: the rule is published, its error is not.
        text = "either attributes or events must be specified"
        for key in ("attributes", "events"):
            remedy = "Send at least one attribute or one event."
            yield UserError(f"{key}.required", text, key, remedy)


def _check_required_parameters(user: JSONObject, options: InsiderOptions) -> Iterator[UserError]:
    events = user.get("events")
    for event_index, event in enumerate(events if isinstance(events, list) else ()):
        if not isinstance(event, dict) or not isinstance(event.get("event_name"), str):
            continue
        name = event["event_name"]
        for parameter in find_missing_parameters(event, get_required_parameters(name, options)):
            yield UserError(
                f"events.{event_index}.event_params.*.required",
                f"{parameter} parameter is required on {name} event",
                f"events.{event_index}.event_params.{parameter}",
                f"Send {parameter} at the root of event_params; under custom it does not count.",
            )


def find_missing_parameters(event: JSONObject, parameter_names: tuple[str, ...]) -> list[str]:
    """Those of *wanted* that the event does not carry at the root of its parameters."""
    event_params = event.get("event_params")
    root_params = event_params if isinstance(event_params, dict) else {}
    return [parameter for parameter in parameter_names if root_params.get(parameter) is None]


@dataclass(frozen=True, slots=True)
class DocumentedKeys:
    """One kind of object in a request.

    Args:
        noun: What people call it.
        keys: The keys that Insider One documents, and `platform`, which Segment sends.
        homes: Key -> where the key belongs, for keys that are often put here by mistake.
        inside: Key -> the objects there, one or a list of them.
    """

    object_name: str
    keys: tuple[str, ...]
    key_locations: Mapping[str, str]
    nested_objects: Mapping[str, "DocumentedKeys"] = field(default_factory=dict)


_REQUEST_KEYS = ("users", "skip_hook", "error_callback_endpoint", "platform")
_USER_KEYS = ("identifiers", "insider_id", "attributes", "events", "append", "not_append")
_EVENT_KEYS = ("event_name", "timestamp", "event_params")
_USER_KEY_LOCATIONS = dict.fromkeys(_USER_KEYS, "each user in users")
_EVENT_KEY_LOCATIONS = dict.fromkeys(_EVENT_KEYS, "each event in events")
_REQUEST_KEY_LOCATIONS = dict.fromkeys(_REQUEST_KEYS, "the request, beside users")
_ATTRIBUTE_LOCATIONS = dict.fromkeys(
    (*DEFAULT_ATTRIBUTES.schemas, *DEFAULT_ATTRIBUTES.aliases, "custom"), "attributes"
)
_PARAMETER_LOCATIONS = dict.fromkeys((*DEFAULT_PARAMETERS.schemas, "custom"), "event_params")
_EVENT_OBJECT = DocumentedKeys(
    "event", _EVENT_KEYS, _PARAMETER_LOCATIONS | _USER_KEY_LOCATIONS | _REQUEST_KEY_LOCATIONS
)
_IDENTIFIER_OR_ATTRIBUTE_LOCATIONS = dict.fromkeys(
    ("uuid", "email", "phone_number"), "identifiers, or into attributes"
)
_USER_CONTENT_LOCATIONS = _ATTRIBUTE_LOCATIONS | _IDENTIFIER_OR_ATTRIBUTE_LOCATIONS
_USER_OBJECT = DocumentedKeys(
    "user",
    _USER_KEYS,
    _USER_CONTENT_LOCATIONS | _EVENT_KEY_LOCATIONS | _REQUEST_KEY_LOCATIONS,
    {"events": _EVENT_OBJECT},
)
UPSERT_KEYS = DocumentedKeys(
    "request", _REQUEST_KEYS, _EVENT_KEY_LOCATIONS | _USER_KEY_LOCATIONS, {"users": _USER_OBJECT}
)

_IDENTIFIER_LOCATIONS = dict.fromkeys(("uuid", "email", "phone_number", "custom"), "identifiers")
_DELETION_KEYS = ("identifiers", "insider_id", "whole", "partial", "custom")
_DELETION_CUSTOM_OBJECT = DocumentedKeys("custom", ("whole", "partial"), {})
_DELETION_USER_OBJECT = DocumentedKeys(
    "user", _DELETION_KEYS, _IDENTIFIER_LOCATIONS, {"custom": _DELETION_CUSTOM_OBJECT}
)
_DELETION_KEY_LOCATIONS = dict.fromkeys(_DELETION_KEYS, "each user in users")
ATTRIBUTE_DELETION_KEYS = DocumentedKeys(
    "request", ("users",), _DELETION_KEY_LOCATIONS, {"users": _DELETION_USER_OBJECT}
)

_USER_REFERENCE_KEY_NAMES = ("identifiers", "insider_id")
USER_REFERENCE_KEYS = DocumentedKeys("request", _USER_REFERENCE_KEY_NAMES, _IDENTIFIER_LOCATIONS)
PROFILE_ID_KEYS = DocumentedKeys("request", ("insider_id", "partner", "api_key"), {})
_OLD_AND_NEW_KEYS = ("old_identifier", "new_identifier")
IDENTIFIER_UPDATE_KEYS = DocumentedKeys(
    "request",
    _OLD_AND_NEW_KEYS,
    dict.fromkeys(("identifiers", *_IDENTIFIER_LOCATIONS), " and ".join(_OLD_AND_NEW_KEYS)),
)

_EVENT_FILTER_KEYS = ("event_name", "params", "limit_per_source")
_PERIOD_KEYS = ("start_date", "end_date", "wanted")
_EVENT_FILTER_KEY_LOCATIONS = dict.fromkeys(_EVENT_FILTER_KEYS, "each event in events.wanted")
_PERIOD_KEY_LOCATIONS = dict.fromkeys(_PERIOD_KEYS, "events")
_EVENT_FILTER_OBJECT = DocumentedKeys("wanted event", _EVENT_FILTER_KEYS, _PERIOD_KEY_LOCATIONS)
_PERIOD_OBJECT = DocumentedKeys(
    "choice of events", _PERIOD_KEYS, _EVENT_FILTER_KEY_LOCATIONS, {"wanted": _EVENT_FILTER_OBJECT}
)
PROFILE_READ_KEYS = DocumentedKeys(
    "request",
    (*_USER_REFERENCE_KEY_NAMES, "attributes", "events", "quota"),
    _IDENTIFIER_LOCATIONS | _EVENT_FILTER_KEY_LOCATIONS | _PERIOD_KEY_LOCATIONS,
    {"events": _PERIOD_OBJECT},
)


def find_undocumented_keys(
    value: JSON, documented_keys: DocumentedKeys, prefix: str = ""
) -> Iterator[RequestFinding]:
    """Warn of every key of a request that no document names, where *value* is an object."""
    if not isinstance(value, dict):
        return
    yield from _find_unknown_keys(value, documented_keys, prefix)
    for name, nested_keys in documented_keys.nested_objects.items():
        nested_value = value.get(name)
        yield from find_undocumented_keys(nested_value, nested_keys, f"{prefix}{name}.")
        for index, list_item in enumerate(nested_value if isinstance(nested_value, list) else ()):
            yield from find_undocumented_keys(list_item, nested_keys, f"{prefix}{name}.{index}.")


def _find_unknown_keys(
    request_object: JSONObject, documented_keys: DocumentedKeys, prefix: str
) -> Iterator[RequestFinding]:
    for name in request_object:
        if name not in documented_keys.keys:
            what = f"no document names this key of {_add_article(documented_keys.object_name)}; its value is lost"
            yield build_warning(f"{prefix}{name}", what, _suggest_key_fix(name, documented_keys))


def _suggest_key_fix(name: str, documented_keys: DocumentedKeys) -> str:
    if home := documented_keys.key_locations.get(name):
        return f"Move it into {home}."
    if near := find_similar_name(name, documented_keys.keys):
        return f"Write {near}."
    if misplaced := find_similar_name(name, documented_keys.key_locations):
        return f"Write {misplaced}, and move it into {documented_keys.key_locations[misplaced]}."
    return f"Leave it out. Known: {', '.join(documented_keys.keys)}."


def _add_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aei" else f"a {noun}"
