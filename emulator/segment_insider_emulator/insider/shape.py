"""What fails a whole user: schema errors in Insider One's words, and rules a schema cannot say."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from typing import cast

from jsonschema.exceptions import ValidationError

from segment_insider_emulator.insider.catalog import get_required_parameters
from segment_insider_emulator.insider.documents import load_json_document
from segment_insider_emulator.insider.findings import (
    RequestFinding,
    build_drop_finding,
    quote_value,
)
from segment_insider_emulator.insider.options import EventNameRule, InsiderOptions
from segment_insider_emulator.insider.schema import CompiledSchema, compile_schema, matches_pattern
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
