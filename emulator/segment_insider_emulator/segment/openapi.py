"""The OpenAPI description of Segment's end, made of the limits and rules that it keeps."""

from functools import cache
from typing import Final

from segment_insider_emulator import __version__
from segment_insider_emulator.depth import MAX_DEPTH
from segment_insider_emulator.segment.ingest import BATCH
from segment_insider_emulator.segment.limits import BATCH_BYTES, BATCH_EVENTS, EVENT_BYTES
from segment_insider_emulator.segment.oauth import LIFETIME, SCOPE, WANTED
from segment_insider_emulator.segment.rules import IDS, TYPES
from segment_insider_emulator.types import JSONObject

KEY: Final = "wk_demo"

_OBJECT: Final[JSONObject] = {"type": "object"}
_TEXT: Final[JSONObject] = {"type": "string"}
_NAME: Final[JSONObject] = {"type": "string", "minLength": 1}
_MOMENT: Final[JSONObject] = {"type": "string", "format": "date-time"}
_SHARED: Final = {
    **dict.fromkeys(IDS, _NAME),
    **dict.fromkeys(("context", "integrations"), _OBJECT),
    **dict.fromkeys(("timestamp", "sentAt"), _MOMENT),
    "writeKey": _NAME,
}
_OWN: Final[dict[str, JSONObject]] = {
    "track": {"event": _NAME, "properties": _OBJECT},
    "identify": {"traits": _OBJECT},
    "page": {"name": _NAME, "category": _NAME, "properties": _OBJECT},
    "screen": {"name": _NAME, "category": _NAME, "properties": _OBJECT},
    "group": {"groupId": _NAME, "traits": _OBJECT},
    "alias": {"previousId": _NAME},
}
_REQUIRED: Final = {"track": ["event"], "group": ["groupId"], "alias": ["previousId"]}
_SAMPLES: Final[dict[str, JSONObject]] = {
    "track": {"event": "Order Completed", "properties": {"order_id": "o-17", "total": 21}},
    "identify": {"traits": {"email": "ada@x.io"}},
    "page": {"name": "Mugs"},
    "screen": {"name": "Mugs"},
    "group": {"groupId": "acme"},
    "alias": {"previousId": "a1"},
}


@cache
def description() -> JSONObject:
    """OpenAPI 3.1 of the Tracking API, its pixels, the settings of a source, and tokens."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Segment's Tracking API, as emulated",
            "version": __version__,
            "description": "Not Segment's own description. Bodies are read as JSON whatever their "
            f"content type says, plain or gzip. A call has at most {EVENT_BYTES:,} bytes, a batch "
            f"{BATCH_BYTES:,}, unpacked; JSON is at most {MAX_DEPTH} levels deep. What a schema "
            "does not allow is mostly answered with 200 as well, and dropped: "
            "GET /emulator/v1/messages says why.",
        },
        "security": [{"key": []}, {"token": []}, {}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The write key as user name. It may be `writeKey` in the body.",
                },
                "token": {"type": "http", "scheme": "bearer"},
            },
            "schemas": _schemas(),
        },
    }


def _paths() -> JSONObject:
    calls = {
        f"/v1/{name}": {"post": _tracking(name, schema)}
        for name, schema in (
            *((kind, kind.capitalize()) for kind in TYPES),
            (BATCH, "Batch"),
            ("import", "Batch"),
        )
    }
    return {
        **calls,
        "/v1/pixel/{kind}": {"get": _pixel()},
        "/v1/projects/{writeKey}/settings": {"get": _settings()},
        "/token": {"post": _token()},
    }


def _tracking(name: str, schema: str) -> JSONObject:
    sample = _sample(name) if name in TYPES else {"batch": [_sample(kind) for kind in TYPES]}
    content = {"schema": _ref(schema), "example": {"writeKey": KEY, **sample}}
    return {
        "operationId": name,
        "summary": f"Send a {name} call" if name in TYPES else f"Send many calls, with {name}",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": _response("Taken, or dropped.", _ref("Success")),
            "400": _response("Nothing of it is taken.", _ref("Refusal")),
            "401": _response("The token was not given out here.", _ref("Refusal")),
            "503": {"description": "The emulator's database cannot be used."},
        },
    }


def _sample(kind: str) -> JSONObject:
    return {"type": kind, "userId": "ada", **_SAMPLES[kind]}


def _pixel() -> JSONObject:
    names = ("data", "writeKey", "userId", "anonymousId", "event", "properties.subject")
    query = [{"name": name, "in": "query", "schema": _TEXT} for name in names]
    detail = {"description": "What was wrong; Segment has no such header.", "schema": _TEXT}
    return {
        "operationId": "pixel",
        "summary": "Make a call with an image",
        "description": "`data` is the call in base64; or else dotted names are spelled out.",
        "parameters": [_in_path("kind", {"enum": list(TYPES)}), *query],
        "responses": {
            "200": {
                "description": "An image of one pixel, whatever became of the call.",
                "headers": {"X-Emulator-Detail": detail},
                "content": {"image/gif": {"schema": {"type": "string", "format": "binary"}}},
            },
            "404": _response("Nothing has this address.", _ref("Refusal")),
            "503": {"description": "The emulator's database cannot be used."},
        },
    }


def _settings() -> JSONObject:
    return {
        "operationId": "settings",
        "summary": "What an SDK has to know of its source",
        "parameters": [_in_path("writeKey", _NAME)],
        "responses": {
            "200": _response("Such that the SDK sends to this emulator alone.", _ref("Settings")),
            "404": _response("With --strict: no source has this key.", _ref("Refusal")),
        },
    }


def _token() -> JSONObject:
    wanted = {name: {"const": value} for name, value in WANTED.items()}
    form = _object({**wanted, "client_assertion": _NAME, "scope": {"const": SCOPE}}, [*wanted])
    form["required"].append("client_assertion")
    refused = _ref("TokenRefusal")
    return {
        "operationId": "token",
        "summary": "Exchange a signed assertion for a token",
        "security": [],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": form}},
        },
        "responses": {
            "200": _response("A token.", _ref("Token")),
            "400": _response("The form or the assertion's times are wrong.", refused),
            "401": _response("The assertion was not signed by the app.", refused),
            "415": _response("It is no form.", refused),
        },
    }


def _schemas() -> JSONObject:
    kinds = {kind: _call(kind) for kind in TYPES}
    # Within a batch nothing but its own member says what a call is.
    typed = [
        {"allOf": [_ref(kind.capitalize()), _object({"type": {"const": kind}}, ["type"])]}
        for kind in TYPES
    ]
    calls = {"type": "array", "minItems": 1, "maxItems": BATCH_EVENTS, "items": {"oneOf": typed}}
    lent = {name: _SHARED[name] for name in ("context", "integrations", "sentAt", "writeKey")}
    refusal = {"success": {"const": False}, **dict.fromkeys(("message", "code", "detail"), _TEXT)}
    refused = dict.fromkeys(("error", "error_description", "detail"), _TEXT)
    token = {
        "access_token": _NAME,
        "expires_in": {"const": LIFETIME},
        "token_type": {"const": "Bearer"},
    }
    return {
        **{kind.capitalize(): schema for kind, schema in kinds.items()},
        "Batch": _object({"batch": calls, **lent}, ["batch"]),
        "Success": _object({"success": {"const": True}}, ["success"]),
        "Refusal": _object(refusal, [*refusal]),
        "Settings": _object(dict.fromkeys(("integrations", "plan"), _OBJECT), ["integrations"]),
        "Token": _object(token, [*token]),
        "TokenRefusal": _object(refused, [*refused]),
    }


def _call(kind: str) -> JSONObject:
    """The schema of a *kind* of call that is not dropped."""
    schema = _object({**_SHARED, "type": {"const": kind}, **_OWN[kind]}, _REQUIRED.get(kind, []))
    return schema | {"anyOf": [{"required": [name]} for name in ("userId", "anonymousId")]}


def _object(properties: JSONObject, required: list[str]) -> JSONObject:
    return {"type": "object", "properties": properties, "required": required}


def _in_path(name: str, schema: JSONObject) -> JSONObject:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _response(text: str, schema: JSONObject) -> JSONObject:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> JSONObject:
    return {"$ref": f"#/components/schemas/{name}"}
