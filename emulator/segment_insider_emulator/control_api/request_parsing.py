"""Models and checks of the control API's request bodies and query parameters."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

import msgspec
import orjson
from flask import request
from jsonschema import Draft202012Validator
from msgspec import UNSET, Meta, UnsetType

from segment_insider_emulator.clock import Clock
from segment_insider_emulator.control_api.models import ApiModel, CamelCaseModel
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.mapping.catalog import ACTIONS, SETTINGS_FIELDS
from segment_insider_emulator.storage.message_filters import MessageFilters, build_message_filters
from segment_insider_emulator.storage.query_language import (
    Comparison,
    join_conjuncts,
    list_conjuncts,
    parse_query,
)
from segment_insider_emulator.storage.records import VERDICTS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import format_document_path, suggest_name

TimeText = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
NonEmptyText = Annotated[str, Meta(extra_json_schema={"minLength": 1})]
TrueFlag = Annotated[bool, Meta(extra_json_schema={"const": True})]
PresetOrDocument = str | JSONObject
RecordKind = Annotated[
    str, Meta(extra_json_schema={"enum": ["deliveries", "messages", "profiles", "runs"]})
]
SandboxId = Annotated[str, Meta(extra_json_schema={"pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"})]
DestinationSettings = Annotated[
    JSONObject,
    Meta(
        extra_json_schema={
            "properties": {
                field.key: {"type": "string", "minLength": 1} for field in SETTINGS_FIELDS
            },
            "additionalProperties": False,
        }
    ),
]
FieldMatchers = Annotated[JSONObject, Meta(extra_json_schema={"maxProperties": 50})]
FieldTypes: TypeAlias = Mapping[str, tuple[type, ...]]  # JSON key -> types of its value
FIELD_TYPE_NAMES: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    int: "a whole number",
}
PROFILE_FILTERS = ("identifier",)  # a type and a value, such as uuid:u1
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_ID = 2**63 - 1
ID_ROUTE = f"<int(max={MAX_ID}):id>"  # in a route: databases have no larger numbers


class ResetBody(ApiModel):
    """Body of a reset request: the time at which the reset freezes the clock."""

    now: TimeText | UnsetType = UNSET


class ClockCommandBody(ApiModel):
    """Body of a clock request: one change of the clock."""

    advance: str | UnsetType = UNSET
    set: TimeText | UnsetType = UNSET
    freeze: TrueFlag | UnsetType = UNSET
    resume: TrueFlag | UnsetType = UNSET


class SubscriptionChangeBody(ApiModel):
    """Body of a request that changes a subscription."""

    enabled: bool | UnsetType = UNSET
    trigger: str | UnsetType = UNSET
    settings: JSONObject | UnsetType = UNSET


class NewSubscriptionBody(CamelCaseModel):
    """Body of a request to add a subscription; missing fields get the action's defaults."""

    name: NonEmptyText
    action_slug: Annotated[str, Meta(extra_json_schema={"enum": list(ACTIONS)})]
    enabled: bool | UnsetType = UNSET
    trigger: str | UnsetType = UNSET
    settings: JSONObject | UnsetType = UNSET


class NewIntegrationBody(ApiModel):
    """Body of a request to create an integration."""

    name: NonEmptyText
    type: Annotated[str, Meta(extra_json_schema={"const": "Source"})]


class NewIdentifierBody(ApiModel):
    """Body of a request to add a custom identifier; with a path, the mappings send it."""

    name: NonEmptyText
    path: str | UnsetType = UNSET


class WebPushBody(ApiModel):
    """Body of a web push request: the browser's permission, and its token if it is given."""

    optin: bool
    token: NonEmptyText | UnsetType = UNSET


class NewSandboxBody(CamelCaseModel):
    """Body of a request to create a sandbox; missing fields are generated."""

    id: SandboxId | UnsetType = UNSET
    workspace: PresetOrDocument | UnsetType = UNSET
    write_key: str | UnsetType = UNSET
    account: str | UnsetType = UNSET
    key: str | UnsetType = UNSET
    now: TimeText | UnsetType = UNSET


class ReplaceWorkspaceBody(ApiModel):
    """Body of a request to replace the workspace: a preset's name or a document."""

    workspace: PresetOrDocument


class WorkspaceChangeBody(ApiModel):
    """Body of a request to change the destination: {"keys", "value", "removedKey"} for each."""

    edits: Annotated[list[JSONObject], Meta(extra_json_schema={"minItems": 1})]


class AssertionBody(CamelCaseModel):
    """Body of an assertion: how many records must match; "at least 1" without a count."""

    of: RecordKind | UnsetType = UNSET
    where: FieldMatchers | UnsetType = UNSET
    exactly: int | UnsetType = UNSET
    at_least: int | UnsetType = UNSET
    at_most: int | UnsetType = UNSET
    after: int | UnsetType = UNSET


class WaitBody(AssertionBody):
    """Body of a wait request: an assertion to wait for, and how long."""

    timeout: str | UnsetType = UNSET


class VerifyBody(ApiModel):
    """Body of a verify request: the assertions to check."""

    claims: Annotated[list[AssertionBody], Meta(extra_json_schema={"minItems": 1})]


class SaveDestinationBody(ApiModel):
    """Body of a request to save the destination's enabled switch and settings."""

    enabled: bool | UnsetType = UNSET
    settings: DestinationSettings | UnsetType = UNSET


class EmptyBody(ApiModel):
    """Body of a request that has no fields."""


def read_request_body(model: type[ApiModel], *, min_fields: int = 1) -> JSONObject:
    """Return the JSON object in the body of the current request, checked against *model*.

    Args:
        min_fields: How many fields are required; with 0 the body may be empty.
    Raises: EmulatorError, naming the first error.
    """
    fields = list_json_field_types(model)
    body = _parse_request_body(_describe_allowed_fields(fields), min_fields)
    checked = check_body_fields(body, fields, "body", min_fields=min_fields)
    for field in msgspec.structs.fields(model):
        if field.required and field.encode_name not in checked:
            remedy = f"Send {field.encode_name}."
            raise EmulatorError(f"{field.encode_name} is missing", "body", remedy)
    return checked


@cache
def list_json_field_types(model: type[ApiModel]) -> FieldTypes:
    """Return the JSON keys of a model and the Python types that their values may have."""
    hints = get_type_hints(model)
    return {
        field.encode_name: tuple(_iter_json_value_types(hints[field.name]))
        for field in msgspec.structs.fields(model)
    }


def _iter_json_value_types(hint: Any) -> Iterator[type]:
    if get_origin(hint) in (Union, UnionType):
        for member in get_args(hint):
            if member is not UnsetType:
                yield from _iter_json_value_types(member)
    else:
        yield get_origin(hint) or hint


def read_fault_body(
    validator: Draft202012Validator, remedy: str, *, min_fields: int = 1
) -> JSONObject:
    """Return the checked fault to inject that the body of the current request contains.

    Args:
        validator: Checks the fault.
        remedy: The same in words.
        min_fields: With 0 the body may be empty.
    Raises: EmulatorError, naming the first mistake.
    """
    return check_fault_json(_parse_request_body(remedy, min_fields), validator, remedy)


def check_fault_json(fault_json: JSON, validator: Draft202012Validator, remedy: str) -> JSONObject:
    """Return the fault in a request's JSON when it is valid, else raise an error.

    Raises: EmulatorError, naming the first mistake.
    """
    error = next(validator.iter_errors(fault_json), None)
    if error is not None:
        where = format_document_path("body", *error.absolute_path)
        raise EmulatorError("invalid fault", where, remedy)
    return cast(JSONObject, fault_json)


def check_body_fields(
    value: JSON, fields: FieldTypes, where: str, *, min_fields: int = 1
) -> JSONObject:
    """Return a request body if it is an object with allowed *fields*, at least *min_fields*.

    Raises: EmulatorError.
    """
    if not isinstance(value, dict):
        raise EmulatorError("not a JSON object", where, _describe_allowed_fields(fields))
    for name, field_value in value.items():
        if name not in fields:
            remedy = (
                suggest_name(name, list(fields)) if fields else _describe_allowed_fields(fields)
            )
            raise EmulatorError(f"unknown key {name[:80]!r}", where, remedy)
        if not isinstance(field_value, fields[name]):
            raise EmulatorError(
                f"{name} is not {_describe_types(fields[name])}",
                f"{where}.{name}",
                _describe_allowed_fields(fields),
            )
    if len(value) < min_fields:
        missing = [name for name in fields if name not in value]
        link = " and " if min_fields == len(fields) else " or "
        raise EmulatorError(
            f"{link.join(missing)} missing", where, _describe_allowed_fields(fields)
        )
    return value


def _parse_request_body(remedy: str, min_fields: int) -> JSON:
    raw = request.get_data()
    if not min_fields and not raw.strip():
        return {}
    try:
        return parse_json(raw)
    except orjson.JSONDecodeError as error:
        raise EmulatorError("invalid JSON", "body", remedy) from error


def _describe_allowed_fields(fields: FieldTypes) -> str:
    if not fields:
        return "Send an empty body."
    descriptions = (f"{name} ({_describe_types(types)})" for name, types in fields.items())
    return f"Send {', '.join(descriptions)}."


def _describe_types(types: tuple[type, ...]) -> str:
    return " or ".join(FIELD_TYPE_NAMES[type] for type in types)


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A requested page: at most *limit* rows after id *after* (newest first: before it)."""

    filters: dict[str, str]
    after: int
    limit: int


def parse_page_query(
    args: Mapping[str, str], filters: Collection[str], cursor: str = "after"
) -> PageQuery:
    """Parse filters, `after` and `limit` of a request for a list; empty values are ignored.

    Args:
        cursor: Name of the parameter with the id at which the page begins.
    Raises: EmulatorError, for an unknown parameter or a value that cannot be meant.
    """
    filter_values = _select_known_filters(args, filters, [*filters, cursor, "limit"])
    after = _parse_number_parameter(cursor, args.get(cursor) or "0", 0, MAX_ID)
    limit = _parse_number_parameter("limit", args.get("limit") or str(DEFAULT_LIMIT), 1, MAX_LIMIT)
    return PageQuery(filter_values, after, limit)


def parse_record_filters(args: Mapping[str, str], filters: Collection[str]) -> dict[str, str]:
    """Parse the filters of a request that returns one record."""
    return _select_known_filters(args, filters, list(filters))


def parse_message_filters(parameters: Mapping[str, str], clock: Clock) -> MessageFilters:
    """Parse the parameter `query`, with any other filters, to filters of messages.

    Args:
        parameters: Known filters of messages, and `query`.
    Raises: QueryError.
    """
    fields = {"messageId": "message"}
    others = tuple(
        Comparison(fields.get(name, name), "=", value)
        for name, value in parameters.items()
        if name != "query"
    )
    parts = (*others, *list_conjuncts(parse_query(parameters["query"])))
    return build_message_filters(join_conjuncts(parts), clock)


def _select_known_filters(
    args: Mapping[str, str], filters: Collection[str], known_parameters: list[str]
) -> dict[str, str]:
    for name in args:
        if name not in known_parameters:
            raise EmulatorError(
                f"unknown parameter {name!r}", "query", f"Known: {', '.join(known_parameters)}."
            )
    filter_values = {name: args[name] for name in filters if args.get(name)}
    if ":" not in filter_values.get("identifier", ":"):
        remedy = "Give its type and value, such as uuid:u1."
        raise EmulatorError(
            f"{filter_values['identifier']!r} is not a valid identifier", "identifier", remedy
        )
    if (verdict := filter_values.get("verdict", VERDICTS[0])) not in VERDICTS:
        remedy = f"Known: {', '.join(VERDICTS)}."
        raise EmulatorError(f"unknown verdict {verdict!r}", "verdict", remedy)
    return filter_values


def refuse_query_parameters(args: Mapping[str, str]) -> None:
    """Refuse all query parameters of a request.

    Raises: EmulatorError, naming the first of *args*.
    """
    for name in args:
        raise EmulatorError(f"unknown parameter {name!r}", "query", "Send none.")


def _parse_number_parameter(name: str, text: str, minimum: int, maximum: int) -> int:
    # A long run of digits is refused before Python spends time on it.
    number = int(text) if text.isdecimal() and len(text) < 20 else -1
    if not minimum <= number <= maximum:
        remedy = f"Give a whole number from {minimum} to {maximum}."
        raise EmulatorError(f"{text[:40]!r} cannot be used", name, remedy)
    return number
