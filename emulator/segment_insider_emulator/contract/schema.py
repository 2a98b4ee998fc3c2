"""JSON Schemas of the Insider One requests that a workspace can produce.

They follow the types of the actions' fields and the shape of an upsert; what has no type in
Segment's catalogue, such as a custom parameter, may be any JSON value here.
"""

from collections.abc import Iterable
from urllib.parse import quote

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping.catalog import ACTIONS, UPSERT_URL, Action
from segment_insider_emulator.mapping.fields import Field
from segment_insider_emulator.mapping.upserts import (
    PLATFORM,
    PROFILE_ATTRIBUTES,
    ROOT_ATTRIBUTES,
    ROOT_PARAMETERS,
    named_event_user,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ANYTHING: JSONObject = {}
# Infinity and NaN pass as numbers at Segment, and JSON has no other word for them than null.
TYPES: dict[str, JSONObject] = {
    "string": {"type": "string"},
    "number": {"type": ["number", "null"]},
    "integer": {"type": ["integer", "null"]},
    "boolean": {"type": "boolean"},
    "datetime": {"type": ["string", "number"]},
    "object": {"type": "object"},
}


def request_schemas(workspace: Workspace) -> JSONObject:
    """Return one schema of all bodies that enabled subscriptions make, by name in "$defs".

    Raises: EmulatorError, when none is enabled.
    """
    subscriptions = [
        each
        for each in workspace.destination["subscriptions"]
        if each.get("enabled", True) and each["actionSlug"] in ACTIONS
    ]
    if not subscriptions:
        remedy = "Enable one, or start from the preset guide."
        raise EmulatorError("no subscription is enabled", workspace.name, remedy)
    definitions = {
        _name(each): _body(ACTIONS[each["actionSlug"]], _name(each)) for each in subscriptions
    }
    return {
        "$schema": DIALECT,
        "title": f"Requests that {workspace.name} makes to {UPSERT_URL}",
        "anyOf": [{"$ref": f"#/$defs/{_pointer(name)}"} for name in definitions],
        "$defs": definitions,
    }


def _name(subscription: JSONObject) -> str:
    return str(subscription.get("name") or subscription["actionSlug"])


def _pointer(name: str) -> str:
    """*name* as a JSON Pointer in a fragment has it."""
    return quote(name.replace("~", "~0").replace("/", "~1"))


def _body(action: Action, title: str) -> JSONObject:
    members = {
        "users": {"type": "array", "minItems": 1, "items": _user(action)},
        "platform": {"const": PLATFORM},
    }
    return {"title": title, **_object(members, required=members)}


def _user(action: Action) -> JSONObject:
    fields = {each.key: each for each in action.fields}
    required = ["identifiers", "attributes", "not_append"]
    members: JSONObject = {
        "identifiers": _identifiers(),
        "attributes": _event_attributes(fields) if "timestamp" in fields else _profile(fields),
        "not_append": {"type": "boolean"},
    }
    if "timestamp" in fields:
        members["events"] = {"type": "array", "items": _event(action, fields)}
        required.append("events")
    return _object(members, required=required)


def _identifiers() -> JSONObject:
    text = TYPES["string"]
    members = {"uuid": text, "email": text, "phone_number": text, "custom": TYPES["object"]}
    return _object(members, required=("custom",))


def _profile(fields: dict[str, Field]) -> JSONObject:
    return _object({sent: _typed(fields[key]) for key, sent in PROFILE_ATTRIBUTES.items()})


def _event_attributes(fields: dict[str, Field]) -> JSONObject:
    return _placed([fields["attributes"]], ROOT_ATTRIBUTES)


def _event(action: Action, fields: dict[str, Field]) -> JSONObject:
    sources = [fields[key] for key in ("products", "parameters") if key in fields]
    members = {
        "event_name": _event_name(action),
        "timestamp": TYPES["string"],
        "event_params": _placed(sources, ROOT_PARAMETERS),
    }
    return _object(members, required=members)


def _event_name(action: Action) -> JSONObject:
    if action.user is named_event_user:
        return TYPES["string"]
    [event] = action.user({"timestamp": ""})["events"]
    return {"const": event["event_name"]}


def _placed(sources: list[Field], root: frozenset[str]) -> JSONObject:
    """What is put together of *sources*: names of *root*, and all others under "custom".

    A name may come from each source; where one of them has no type for it, it may be anything.
    """
    members: JSONObject = {}
    for name in sorted(root):
        typed = [_typed_in(source, name) for source in sources]
        value = _any_of(typed)
        # It is wrapped whatever it is, and a value that is missing becomes null.
        members[name] = _list_of(value) if name == "taxonomy" else value
    members["custom"] = TYPES["object"]
    return _object(members, required=("custom",))


def _typed_in(source: Field, name: str) -> JSONObject:
    return next((_typed(each) for each in source.properties if each.key == name), ANYTHING)


def _list_of(value: JSONObject) -> JSONObject:
    item = {"anyOf": [value, {"type": "null"}]} if value else ANYTHING
    return {"type": "array", "minItems": 1, "maxItems": 1, "items": item}


def _typed(field: Field) -> JSONObject:
    return TYPES[field.type]


def _any_of(found: list[JSONObject]) -> JSONObject:
    distinct = [each for at, each in enumerate(found) if each not in found[:at]]
    if ANYTHING in distinct or not distinct:
        return ANYTHING
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def _object(members: JSONObject, required: Iterable[str] = ()) -> JSONObject:
    return {
        "type": "object",
        "properties": members,
        "required": list(required),
        "additionalProperties": False,
    }
