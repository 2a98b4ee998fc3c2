"""Validation of Insider One requests: errors that reject a user, and undocumented keys.

Source: Insider One, API collection "Upsert User Data", "Delete User Attribute", "Get User
Profiles", "Update Identifiers", "Delete Identifiers", "Delete User Profile" and "Anonymize".
The keys of `identifiers` are checked by user.json, those of `attributes` and `event_params` of an
upsert by catalog.py.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from typing import cast

from jsonschema.exceptions import ValidationError

from segment_insider_emulator.insider.account_options import EventNameRule, InsiderAccountOptions
from segment_insider_emulator.insider.catalog import (
    DEFAULT_ATTRIBUTES,
    DEFAULT_PARAMETERS,
    get_required_parameters,
)
from segment_insider_emulator.insider.formats import (
    CompiledSchema,
    load_schema_file,
    matches_whole_pattern,
)
from segment_insider_emulator.insider.responses import (
    RequestFinding,
    build_rejection_finding,
    build_warning,
    format_value_for_error,
)
from segment_insider_emulator.similar_names import find_similar_name
from segment_insider_emulator.types import JSON, JSONObject

# Assumed: a body of 5 MB can have a million errors; a response of 80 MB helps no one.
MAX_ERRORS_PER_USER = 100
PUBLISHED_EVENT_NAME = "^[a-z0-9][a-zA-Z0-9._-]*$"
# "idenifiers" is Insider One's spelling.
USER_REFERENCE_MISSING_TEXT = "either insider_id or idenifiers must be specified"


@dataclass(frozen=True, slots=True)
class UserValidationError:
    """Record of one validation error of a user in an Insider One request.

    Args:
        key: Key of the error in the response, below `users.<index>.`.
        text: Error text in Insider One's words.
        where: Dotted path of the wrong value in the user.
        remedy: What to send instead, a full sentence.
    """

    key: str
    text: str
    where: str
    remedy: str


def validate_user(user: JSON, options: InsiderAccountOptions) -> list[UserValidationError]:
    """Return the errors that reject an upsert's *user* as a whole; empty when it is valid."""
    errors = _list_schema_validation_errors(_compile_user_schema(options.event_names), user)
    if isinstance(user, dict):
        errors = chain(
            errors,
            _require_identifier_or_insider_id(user),
            _require_attributes_or_events(user),
            _check_required_event_parameters(user, options),
        )
    return list(dict.fromkeys(islice(errors, MAX_ERRORS_PER_USER)))


def validate_user_reference(user: JSON) -> list[UserValidationError]:
    """Return the errors of the identifiers and insider_id by which a request names a user."""
    errors = _list_schema_validation_errors(_compile_user_reference_schema(), user)
    if isinstance(user, dict):
        errors = chain(errors, _require_identifier_or_insider_id(user))
    return list(dict.fromkeys(islice(errors, MAX_ERRORS_PER_USER)))


def validate_attribute_deletion(user: JSON) -> list[UserValidationError]:
    """Return the errors that reject a user of an attribute/delete request."""
    errors = iter(validate_user_reference(user))
    if isinstance(user, dict):
        deletion_errors = _compile_deletion_schema().iter_errors(user)
        errors = chain(errors, map(_convert_deletion_error, deletion_errors))
    return list(dict.fromkeys(islice(errors, MAX_ERRORS_PER_USER)))


def build_error_listing(index: int, user_errors: list[UserValidationError]) -> dict[str, list[str]]:
    """Group a user's error texts by key as in the response; equal texts appear once."""
    texts_by_key: dict[str, list[str]] = {}
    for error in user_errors:
        texts = texts_by_key.setdefault(f"users.{index}.{error.key}", [])
        if error.text not in texts:
            texts.append(error.text)
    return texts_by_key


def build_error_findings(
    index: int, user_errors: list[UserValidationError]
) -> list[RequestFinding]:
    """Convert a user's validation errors to findings with their path in the request."""
    return [
        build_rejection_finding(
            "missing-value" if error.key.endswith(".required") else "refused-value",
            f"users.{index}.{error.where}".rstrip("."),
            error.text,
            error.remedy,
        )
        for error in user_errors
    ]


@cache
def _compile_user_schema(event_names: EventNameRule) -> CompiledSchema:
    return CompiledSchema(load_user_schema(event_names))


def load_user_schema(event_names: EventNameRule) -> JSONObject:
    """Load the JSON Schema of an upsert user with the account's pattern of event names."""
    schema = deepcopy(load_schema_file("user"))
    if event_names == "regexp":
        name = schema["properties"]["events"]["items"]["properties"]["event_name"]
        name["pattern"] = PUBLISHED_EVENT_NAME
    return schema


def is_valid_event_name(name: str, event_names: EventNameRule) -> bool:
    """Return whether *name* is an event name that the Insider One account accepts."""
    events = load_user_schema(event_names)["properties"]["events"]
    return matches_whole_pattern(events["items"]["properties"]["event_name"]["pattern"], name)


@cache
def _compile_user_reference_schema() -> CompiledSchema:
    schema = load_schema_file("user")
    reference_properties = {
        name: schema["properties"][name] for name in ("identifiers", "insider_id")
    }
    return CompiledSchema({**schema, "properties": reference_properties})


@cache
def _compile_deletion_schema() -> CompiledSchema:
    return CompiledSchema(load_schema_file("deletion"))


def _list_schema_validation_errors(
    schema: CompiledSchema, user: JSON
) -> Iterator[UserValidationError]:
    return chain.from_iterable(map(_convert_schema_error, schema.iter_errors(user)))


def _convert_deletion_error(error: ValidationError) -> UserValidationError:
    """Convert a JSON Schema error of attribute/delete to a user's error; the wording is assumed."""
    path = [str(step) for step in error.absolute_path]
    rule, expected = str(error.validator), error.validator_value
    if rule == "anyOf":
        options = cast(list[JSONObject], expected)
        names = [name for option in options for name in option["required"]]
        text = f"at least one of {', '.join(names)} must be specified"
        return UserValidationError(
            "attributes.required", text, ".".join(path), "List what to delete."
        )
    where, text = (
        ".".join(path),
        f"{path[-1]} must be {expected}: {format_value_for_error(error.instance)}",
    )
    remedy = f"Send {where} as a JSON {expected}."
    return UserValidationError(f"{where}.{rule}({expected})", text, where, remedy)


def _convert_schema_error(error: ValidationError) -> Iterator[UserValidationError]:
    schema = cast(JSONObject, error.schema)
    rule = schema["x-errors"][error.validator]
    path = [str(step) for step in error.absolute_path]
    event_index = next((step for step in path if step.isdecimal()), "")
    error_key, text = rule["key"].replace("#", event_index), rule["text"]
    names = _list_affected_keys(error)
    if not names:
        text = text.replace("{value}", format_value_for_error(error.instance))
        yield UserValidationError(error_key, text, ".".join(path), rule["remedy"])
    for name in names:
        key, where = error_key.replace("{name}", name), ".".join([*path, name])
        yield UserValidationError(key, text.replace("{name}", name), where, rule["remedy"])


def _list_affected_keys(error: ValidationError) -> list[str]:
    """List the request keys that a JSON Schema error about missing or unknown keys concerns.

    The validator yields one error per missing key without its name; equal errors are removed later.
    """
    schema = cast(JSONObject, error.schema)
    if error.validator == "required":
        return [name for name in schema["required"] if name not in cast(JSONObject, error.instance)]
    if error.validator == "additionalProperties":
        return [
            name for name in cast(JSONObject, error.instance) if name not in schema["properties"]
        ]
    return []


def _require_identifier_or_insider_id(user: JSONObject) -> Iterator[UserValidationError]:
    identifiers = user.get("identifiers", {})
    # Assumed: an object that only has an empty `custom` names no user either.
    is_named = not isinstance(identifiers, dict) or any(
        value != {} or name != "custom" for name, value in identifiers.items()
    )
    if not is_named and "insider_id" not in user:
        for key in ("identifiers", "insider_id"):
            remedy = "Send uuid, email, phone_number, a custom identifier or insider_id."
            yield UserValidationError(f"{key}.required", USER_REFERENCE_MISSING_TEXT, key, remedy)


def _require_attributes_or_events(user: JSONObject) -> Iterator[UserValidationError]:
    if "attributes" not in user and "events" not in user:
        # Assumed: the rule is published, its error text is not.
        text = "either attributes or events must be specified"
        for key in ("attributes", "events"):
            remedy = "Send at least one attribute or one event."
            yield UserValidationError(f"{key}.required", text, key, remedy)


def _check_required_event_parameters(
    user: JSONObject, options: InsiderAccountOptions
) -> Iterator[UserValidationError]:
    events = user.get("events")
    for event_index, event in enumerate(events if isinstance(events, list) else ()):
        if not isinstance(event, dict) or not isinstance(event.get("event_name"), str):
            continue
        name = event["event_name"]
        for parameter in find_missing_event_parameters(
            event, get_required_parameters(name, options)
        ):
            yield UserValidationError(
                f"events.{event_index}.event_params.*.required",
                f"{parameter} parameter is required on {name} event",
                f"events.{event_index}.event_params.{parameter}",
                _suggest_place_of_parameter(event, parameter),
            )


def _suggest_place_of_parameter(event: JSONObject, parameter: str) -> str:
    event_params = event.get("event_params")
    custom = event_params.get("custom") if isinstance(event_params, dict) else None
    if isinstance(custom, dict) and parameter in custom:
        return f"Move {parameter} from custom to event_params itself."
    return f"Send {parameter} in event_params."


def find_missing_event_parameters(event: JSONObject, parameter_names: tuple[str, ...]) -> list[str]:
    """Return those of *parameter_names* that an event's event_params do not have at the root."""
    if not parameter_names:
        return []
    event_params = event.get("event_params")
    root_params = event_params if isinstance(event_params, dict) else {}
    return [parameter for parameter in parameter_names if root_params.get(parameter) is None]


@dataclass(frozen=True, slots=True)
class DocumentedKeys:
    """The documented keys of one kind of object in an Insider One request.

    Args:
        object_name: Name of the object for error texts, e.g. "user".
        keys: The keys that Insider One documents, and `platform`, which Segment sends.
        key_locations: Key -> its right place, for keys that are often sent here by mistake.
        nested_objects: Key -> keys of the object there, or of each object in the list there.
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
_REQUEST_KEY_LOCATIONS = dict.fromkeys(_REQUEST_KEYS, "the request, next to users")
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


def warn_undocumented_keys(
    value: JSON, documented_keys: DocumentedKeys, prefix: str = ""
) -> Iterator[RequestFinding]:
    """Warn about each key of a request that Insider One does not document."""
    if not isinstance(value, dict):
        return
    for name in value:
        if name not in documented_keys.keys:
            owner = _add_indefinite_article(documented_keys.object_name)
            what = f"{name} is not a documented key of {owner}; its value is ignored"
            remedy = _suggest_key_fix(name, documented_keys)
            yield build_warning("undocumented-key", f"{prefix}{name}", what, remedy)
    for name, nested_keys in documented_keys.nested_objects.items():
        nested_value = value.get(name)
        if isinstance(nested_value, list):
            for index, member in enumerate(nested_value):
                yield from warn_undocumented_keys(member, nested_keys, f"{prefix}{name}.{index}.")
        else:
            yield from warn_undocumented_keys(nested_value, nested_keys, f"{prefix}{name}.")


def _suggest_key_fix(name: str, documented_keys: DocumentedKeys) -> str:
    locations = documented_keys.key_locations
    if location := locations.get(name):
        return f"Move it into {location}."
    if similar := find_similar_name(name, documented_keys.keys):
        return f"Write {similar}."
    if similar := find_similar_name(name, locations):
        return f"Write {similar}, and move it into {locations[similar]}."
    return f"Remove it. Documented keys: {', '.join(documented_keys.keys)}."


def _add_indefinite_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aei" else f"a {noun}"
