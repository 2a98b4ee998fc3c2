"""JSON Schema of the Insider One requests that a workspace can make.

They follow the types of the actions' fields and the shape of an upsert; what has no type in
Segment's catalogue, such as a custom parameter, may be any JSON value here.
"""

from collections.abc import Iterable
from urllib.parse import quote

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping.catalog import ACTIONS, UPSERT_URL, DestinationAction
from segment_insider_emulator.mapping.fields import ActionField
from segment_insider_emulator.mapping.upserts import (
    PROFILE_ATTRIBUTE_NAMES,
    ROOT_ATTRIBUTES,
    ROOT_PARAMETERS,
    UPSERT_PLATFORM,
    build_custom_event_user,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace

JSON_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
ANY_VALUE_SCHEMA: JSONObject = {}
# Segment accepts Infinity and NaN as numbers; JSON can only write them as null.
FIELD_TYPE_SCHEMAS: dict[str, JSONObject] = {
    "string": {"type": "string"},
    "number": {"type": ["number", "null"]},
    "integer": {"type": ["integer", "null"]},
    "boolean": {"type": "boolean"},
    "datetime": {"type": ["string", "number"]},
    "object": {"type": "object"},
}


def build_request_schema(workspace: Workspace) -> JSONObject:
    """Return one JSON Schema of all request bodies of enabled subscriptions.

    Raises: EmulatorError, when none is enabled.
    """
    subscriptions = [
        subscription
        for subscription in workspace.destination["subscriptions"]
        if subscription.get("enabled", True) and subscription["actionSlug"] in ACTIONS
    ]
    if not subscriptions:
        remedy = "Enable one, or start from the preset guide."
        raise EmulatorError("no subscription is enabled", workspace.source_name, remedy)
    definitions = {
        _get_subscription_name(subscription): _build_request_body_schema(
            ACTIONS[subscription["actionSlug"]], _get_subscription_name(subscription)
        )
        for subscription in subscriptions
    }
    return {
        "$schema": JSON_SCHEMA_DIALECT,
        "title": f"Requests that {workspace.source_name} makes to {UPSERT_URL}",
        "anyOf": [{"$ref": f"#/$defs/{_escape_for_json_pointer(name)}"} for name in definitions],
        "$defs": definitions,
    }


def _get_subscription_name(subscription: JSONObject) -> str:
    return str(subscription.get("name") or subscription["actionSlug"])


def _escape_for_json_pointer(name: str) -> str:
    """Escape *name* for a JSON Pointer in a URI fragment."""
    return quote(name.replace("~", "~0").replace("/", "~1"))


def _build_request_body_schema(action: DestinationAction, title: str) -> JSONObject:
    members = {
        "users": {"type": "array", "minItems": 1, "items": _build_user_schema(action)},
        "platform": {"const": UPSERT_PLATFORM},
    }
    return {"title": title, **_build_object_schema(members, required=members)}


def _build_user_schema(action: DestinationAction) -> JSONObject:
    fields = {field.key: field for field in action.fields}
    required = ["identifiers", "attributes", "not_append"]
    members: JSONObject = {
        "identifiers": _build_identifiers_schema(),
        "attributes": _build_user_attributes_schema(fields)
        if "timestamp" in fields
        else _build_profile_attributes_schema(fields),
        "not_append": {"type": "boolean"},
    }
    if "timestamp" in fields:
        members["events"] = {"type": "array", "items": _build_event_schema(action, fields)}
        required.append("events")
    return _build_object_schema(members, required=required)


def _build_identifiers_schema() -> JSONObject:
    text = FIELD_TYPE_SCHEMAS["string"]
    members = {
        "uuid": text,
        "email": text,
        "phone_number": text,
        "custom": FIELD_TYPE_SCHEMAS["object"],
    }
    return _build_object_schema(members, required=("custom",))


def _build_profile_attributes_schema(fields: dict[str, ActionField]) -> JSONObject:
    return _build_object_schema(
        {
            sent: _build_action_field_schema(fields[key])
            for key, sent in PROFILE_ATTRIBUTE_NAMES.items()
        }
    )


def _build_user_attributes_schema(fields: dict[str, ActionField]) -> JSONObject:
    return _build_root_and_custom_schema([fields["attributes"]], ROOT_ATTRIBUTES)


def _build_event_schema(action: DestinationAction, fields: dict[str, ActionField]) -> JSONObject:
    sources = [fields[key] for key in ("products", "parameters") if key in fields]
    members = {
        "event_name": _build_event_name_schema(action),
        "timestamp": FIELD_TYPE_SCHEMAS["string"],
        "event_params": _build_root_and_custom_schema(sources, ROOT_PARAMETERS),
    }
    return _build_object_schema(members, required=members)


def _build_event_name_schema(action: DestinationAction) -> JSONObject:
    if action.build_user is build_custom_event_user:
        return FIELD_TYPE_SCHEMAS["string"]
    [event] = action.build_user({"timestamp": ""})["events"]
    return {"const": event["event_name"]}


def _build_root_and_custom_schema(
    sources: list[ActionField], root_names: frozenset[str]
) -> JSONObject:
    """Return the schema of an object with known names at the root and all others under "custom".

    A name may come from each source; where one of them has no type for it, it may be anything.
    """
    members: JSONObject = {}
    for name in sorted(root_names):
        typed = [_build_property_schema(source, name) for source in sources]
        value = _build_any_of_schema(typed)
        # The value is always wrapped in a list; a missing value becomes null.
        members[name] = _build_single_item_list_schema(value) if name == "taxonomy" else value
    members["custom"] = FIELD_TYPE_SCHEMAS["object"]
    return _build_object_schema(members, required=("custom",))


def _build_property_schema(source: ActionField, name: str) -> JSONObject:
    return next(
        (
            _build_action_field_schema(property_field)
            for property_field in source.properties
            if property_field.key == name
        ),
        ANY_VALUE_SCHEMA,
    )


def _build_single_item_list_schema(value: JSONObject) -> JSONObject:
    item = {"anyOf": [value, {"type": "null"}]} if value else ANY_VALUE_SCHEMA
    return {"type": "array", "minItems": 1, "maxItems": 1, "items": item}


def _build_action_field_schema(field: ActionField) -> JSONObject:
    return FIELD_TYPE_SCHEMAS[field.type]


def _build_any_of_schema(schemas: list[JSONObject]) -> JSONObject:
    distinct = [schema for at, schema in enumerate(schemas) if schema not in schemas[:at]]
    if ANY_VALUE_SCHEMA in distinct or not distinct:
        return ANY_VALUE_SCHEMA
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def _build_object_schema(members: JSONObject, required: Iterable[str] = ()) -> JSONObject:
    return {
        "type": "object",
        "properties": members,
        "required": list(required),
        "additionalProperties": False,
    }
