"""The OpenAPI document of the emulated Tracking API, built from its limits and rules."""

from functools import cache
from typing import Final

from segment_insider_emulator import __version__
from segment_insider_emulator.json_text import MAX_DEPTH
from segment_insider_emulator.segment.ingest import BATCH_KIND
from segment_insider_emulator.segment.oauth import (
    REQUIRED_FORM_FIELDS,
    TOKEN_LIFETIME_S,
    TRACKING_SCOPE,
)
from segment_insider_emulator.segment.validation import (
    ID_FIELDS,
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_EVENT_BYTES,
    MESSAGE_TYPES,
)
from segment_insider_emulator.types import JSONObject

EXAMPLE_WRITE_KEY: Final = "wk_demo"

_OBJECT_SCHEMA: Final[JSONObject] = {"type": "object"}
_STRING_SCHEMA: Final[JSONObject] = {"type": "string"}
_NONEMPTY_STRING_SCHEMA: Final[JSONObject] = {"type": "string", "minLength": 1}
_DATE_TIME_SCHEMA: Final[JSONObject] = {"type": "string", "format": "date-time"}
_COMMON_PROPERTIES: Final = {
    **dict.fromkeys(ID_FIELDS, _NONEMPTY_STRING_SCHEMA),
    **dict.fromkeys(("context", "integrations"), _OBJECT_SCHEMA),
    **dict.fromkeys(("timestamp", "sentAt"), _DATE_TIME_SCHEMA),
    "writeKey": _NONEMPTY_STRING_SCHEMA,
}
_PROPERTIES_BY_TYPE: Final[dict[str, JSONObject]] = {
    "track": {"event": _NONEMPTY_STRING_SCHEMA, "properties": _OBJECT_SCHEMA},
    "identify": {"traits": _OBJECT_SCHEMA},
    "page": {
        "name": _NONEMPTY_STRING_SCHEMA,
        "category": _NONEMPTY_STRING_SCHEMA,
        "properties": _OBJECT_SCHEMA,
    },
    "screen": {
        "name": _NONEMPTY_STRING_SCHEMA,
        "category": _NONEMPTY_STRING_SCHEMA,
        "properties": _OBJECT_SCHEMA,
    },
    "group": {"groupId": _NONEMPTY_STRING_SCHEMA, "traits": _OBJECT_SCHEMA},
    "alias": {"previousId": _NONEMPTY_STRING_SCHEMA},
}
_REQUIRED_BY_TYPE: Final = {"track": ["event"], "group": ["groupId"], "alias": ["previousId"]}
_EXAMPLES_BY_TYPE: Final[dict[str, JSONObject]] = {
    "track": {"event": "Order Completed", "properties": {"order_id": "o-17", "total": 21}},
    "identify": {"traits": {"email": "ada@x.io"}},
    "page": {"name": "Mugs"},
    "screen": {"name": "Mugs"},
    "group": {"groupId": "acme"},
    "alias": {"previousId": "a1"},
}


@cache
def build_segment_openapi() -> JSONObject:
    """Build the OpenAPI 3.1 document of the Tracking API, pixels, source settings and tokens."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Segment's Tracking API, as emulated",
            "version": __version__,
            "description": "Not Segment's own description. Bodies are read as JSON whatever their "
            f"content type says, plain or gzip. A call has at most {MAX_EVENT_BYTES:,} "
            "bytes, a batch "
            f"{MAX_BATCH_BYTES:,}, unpacked; JSON is at most {MAX_DEPTH} levels deep. What "
            "a schema "
            "does not allow is mostly answered with 200 as well, and dropped: "
            "GET /emulator/v1/messages says why.",
        },
        "security": [{"key": []}, {"token": []}, {}],
        "paths": _build_path_items(),
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The write key as user name. It may be `writeKey` in the body.",
                },
                "token": {"type": "http", "scheme": "bearer"},
            },
            "schemas": _build_component_schemas(),
        },
    }


def _build_path_items() -> JSONObject:
    calls = {
        f"/v1/{name}": {"post": _build_tracking_operation(name, schema)}
        for name, schema in (
            *((kind, kind.capitalize()) for kind in MESSAGE_TYPES),
            (BATCH_KIND, "Batch"),
            ("import", "Batch"),
        )
    }
    return {
        **calls,
        "/v1/pixel/{kind}": {"get": _build_pixel_operation()},
        "/v1/projects/{writeKey}/settings": {"get": _build_settings_operation()},
        "/token": {"post": _build_token_operation()},
    }


def _build_tracking_operation(name: str, schema_name: str) -> JSONObject:
    sample = (
        _build_example_call(name)
        if name in MESSAGE_TYPES
        else {"batch": [_build_example_call(kind) for kind in MESSAGE_TYPES]}
    )
    content = {
        "schema": _build_schema_reference(schema_name),
        "example": {"writeKey": EXAMPLE_WRITE_KEY, **sample},
    }
    return {
        "operationId": name,
        "summary": f"Send a {name} call"
        if name in MESSAGE_TYPES
        else f"Send many calls, with {name}",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": _build_response_object("Taken, or dropped.", _build_schema_reference("Success")),
            "400": _build_response_object(
                "Nothing of it is taken.", _build_schema_reference("Refusal")
            ),
            "401": _build_response_object(
                "The token was not issued here.", _build_schema_reference("Refusal")
            ),
            "503": {"description": "The emulator's database cannot be used."},
        },
    }


def _build_example_call(kind: str) -> JSONObject:
    return {"type": kind, "userId": "ada", **_EXAMPLES_BY_TYPE[kind]}


def _build_pixel_operation() -> JSONObject:
    names = ("data", "writeKey", "userId", "anonymousId", "event", "properties.subject")
    query = [{"name": name, "in": "query", "schema": _STRING_SCHEMA} for name in names]
    detail = {
        "description": "What was wrong; Segment has no such header.",
        "schema": _STRING_SCHEMA,
    }
    return {
        "operationId": "pixel",
        "summary": "Make a call with an image",
        "description": "`data` is the call in base64; or else dotted names are spelled out.",
        "parameters": [_build_path_parameter("kind", {"enum": list(MESSAGE_TYPES)}), *query],
        "responses": {
            "200": {
                "description": "An image of one pixel, whatever became of the call.",
                "headers": {"X-Emulator-Detail": detail},
                "content": {"image/gif": {"schema": {"type": "string", "format": "binary"}}},
            },
            "404": _build_response_object(
                "Nothing has this address.", _build_schema_reference("Refusal")
            ),
            "503": {"description": "The emulator's database cannot be used."},
        },
    }


def _build_settings_operation() -> JSONObject:
    return {
        "operationId": "settings",
        "summary": "What an SDK has to know of its source",
        "parameters": [_build_path_parameter("writeKey", _NONEMPTY_STRING_SCHEMA)],
        "responses": {
            "200": _build_response_object(
                "Such that the SDK sends to this emulator alone.",
                _build_schema_reference("Settings"),
            ),
            "404": _build_response_object(
                "With --strict: no source has this key.", _build_schema_reference("Refusal")
            ),
        },
    }


def _build_token_operation() -> JSONObject:
    required_fields = {name: {"const": value} for name, value in REQUIRED_FORM_FIELDS.items()}
    form = _build_object_schema(
        {
            **required_fields,
            "client_assertion": _NONEMPTY_STRING_SCHEMA,
            "scope": {"const": TRACKING_SCOPE},
        },
        [*required_fields],
    )
    form["required"].append("client_assertion")
    refused = _build_schema_reference("TokenRefusal")
    return {
        "operationId": "token",
        "summary": "Exchange a signed assertion for a token",
        "security": [],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": form}},
        },
        "responses": {
            "200": _build_response_object("A token.", _build_schema_reference("Token")),
            "400": _build_response_object("The form or the assertion's times are wrong.", refused),
            "401": _build_response_object("The assertion was not signed by the app.", refused),
            "415": _build_response_object("It is no form.", refused),
        },
    }


def _build_component_schemas() -> JSONObject:
    kinds = {kind: _build_call_schema(kind) for kind in MESSAGE_TYPES}
    # Within a batch nothing but its own member says what a call is.
    typed = [
        {
            "allOf": [
                _build_schema_reference(kind.capitalize()),
                _build_object_schema({"type": {"const": kind}}, ["type"]),
            ]
        }
        for kind in MESSAGE_TYPES
    ]
    calls = {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_BATCH_EVENTS,
        "items": {"oneOf": typed},
    }
    lent = {
        name: _COMMON_PROPERTIES[name] for name in ("context", "integrations", "sentAt", "writeKey")
    }
    refusal = {
        "success": {"const": False},
        **dict.fromkeys(("message", "code", "detail"), _STRING_SCHEMA),
    }
    refused = dict.fromkeys(("error", "error_description", "detail"), _STRING_SCHEMA)
    token = {
        "access_token": _NONEMPTY_STRING_SCHEMA,
        "expires_in": {"const": TOKEN_LIFETIME_S},
        "token_type": {"const": "Bearer"},
    }
    return {
        **{kind.capitalize(): schema for kind, schema in kinds.items()},
        "Batch": _build_object_schema({"batch": calls, **lent}, ["batch"]),
        "Success": _build_object_schema({"success": {"const": True}}, ["success"]),
        "Refusal": _build_object_schema(refusal, [*refusal]),
        "Settings": _build_object_schema(
            dict.fromkeys(("integrations", "plan"), _OBJECT_SCHEMA), ["integrations"]
        ),
        "Token": _build_object_schema(token, [*token]),
        "TokenRefusal": _build_object_schema(refused, [*refused]),
    }


def _build_call_schema(kind: str) -> JSONObject:
    """Build the JSON Schema of a valid call of one type, for OpenAPI."""
    schema = _build_object_schema(
        {**_COMMON_PROPERTIES, "type": {"const": kind}, **_PROPERTIES_BY_TYPE[kind]},
        _REQUIRED_BY_TYPE.get(kind, []),
    )
    return schema | {"anyOf": [{"required": [name]} for name in ("userId", "anonymousId")]}


def _build_object_schema(properties: JSONObject, required: list[str]) -> JSONObject:
    return {"type": "object", "properties": properties, "required": required}


def _build_path_parameter(name: str, schema: JSONObject) -> JSONObject:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _build_response_object(text: str, schema: JSONObject) -> JSONObject:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _build_schema_reference(name: str) -> JSONObject:
    return {"$ref": f"#/components/schemas/{name}"}
