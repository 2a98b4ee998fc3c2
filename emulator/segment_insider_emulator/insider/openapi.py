"""The OpenAPI description of the unification host, put together from the schemas that check it."""

from functools import cache
from typing import Any

from segment_insider_emulator import __version__
from segment_insider_emulator.insider import (
    deletion,
    identifiers,
    profile_read,
    removal,
    replies,
    upsert,
)
from segment_insider_emulator.insider.documents import document
from segment_insider_emulator.insider.options import RATES, Options
from segment_insider_emulator.insider.replies import LARGEST_BODY, MOST_USERS, Refusal
from segment_insider_emulator.insider.shape import user_schema
from segment_insider_emulator.types import JSON, JSONObject

ADDRESS = "/emulator/v1/openapi/insider.json"

_ANY_ADDRESS = (
    replies.INVALID_PARTNER,
    replies.TOO_LARGE,
    replies.WRONG_CONTENT_TYPE,
    replies.INVALID_JSON,
    replies.too_many(60),
)
_NO_USER = (replies.NO_VALID_IDENTIFIER, replies.NO_SUCH_USER)
_MANY = (replies.NO_USERS, replies.USERS_NOT_A_LIST, replies.TOO_MANY_USERS)
_EXCHANGE = (
    replies.SAME_VALUES,
    replies.NOT_ONE_ENTRY,
    replies.NOT_ONE_TYPE,
    replies.ALREADY_ASSIGNED,
)
_SAID = {"description": "What the emulator noticed.", "schema": {"type": "string"}}
_ADA: JSONObject = {"identifiers": {"uuid": "u1"}}
_EVER: JSONObject = {"start_date": 0, "end_date": 4102444800}
_WANTED = {"event_name": "signed_up", "params": ["timestamp"]}
_SAMPLES: dict[str, JSONObject] = {
    "Upsert": {
        "users": [
            {
                "identifiers": {"uuid": "u1", "email": "ada@x.io"},
                "attributes": {"name": "Ada", "custom": {"tags": ["a", "b"]}},
                "events": [{"event_name": "signed_up", "timestamp": "2026-11-23T09:59:00Z"}],
            }
        ]
    },
    "AttributeDeletion": {"users": [{**_ADA, "custom": {"partial": {"tags": ["a"]}}}]},
    "ProfileRequest": {
        **_ADA,
        "attributes": ["*"],
        "events": {**_EVER, "wanted": [_WANTED]},
        "quota": True,
    },
    "IdentifierUpdate": {
        "old_identifier": {"email": "ada@x.io"},
        "new_identifier": {"email": "ada@y.io"},
    },
    "OfIdentifiers": {"identifiers": {"email": "ada@x.io"}},
    "OneUser": _ADA,
    "OneProfileId": {"insider_id": "1122334455"},
}


@cache
def description() -> JSONObject:
    """OpenAPI 3.1 of the addresses below /api/user/v1 and /api/contact/v1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Insider One unification API, as emulated",
            "version": __version__,
            "description": "Not Insider One's own description. docs/assumptions.md tells what is "
            f"published and what is assumed. A body has at most {LARGEST_BODY:,} bytes.",
        },
        "security": [{"account": [], "key": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "account": {"type": "apiKey", "in": "header", "name": "X-PARTNER-NAME"},
                "key": {"type": "apiKey", "in": "header", "name": "X-REQUEST-TOKEN"},
            },
            "schemas": _schemas(),
        },
    }


def _paths() -> JSONObject:
    budget = {name: f"{rate:,} calls a minute" for name, rate in RATES.items()}
    shared = f"{budget['upsert']}, upsert and attribute/delete together"
    anonymized = f"{budget['anonymize']}, both addresses together"
    empty = _object({}, closed=True)
    return {
        upsert.PATH: {
            "post": _operation("Upsert user data", shared, "Upsert", _ref("Outcome"), _MANY)
        },
        deletion.PATH: {
            "post": _operation(
                "Delete user attributes",
                shared,
                "AttributeDeletion",
                {"anyOf": [_ref("Outcome"), empty]},
                _MANY,
            )
        },
        profile_read.PATH: {
            "post": _operation(
                "Get a user profile",
                f"{RATES['profile']:,} units a minute",
                "ProfileRequest",
                _ref("Profile"),
                _NO_USER,
            )
        },
        identifiers.PATH: {
            "patch": _operation(
                "Update an identifier",
                budget["identityUpdate"],
                "IdentifierUpdate",
                empty,
                (*_EXCHANGE, *_NO_USER),
            ),
            "delete": _operation(
                "Delete identifiers",
                budget["identityDelete"],
                "OfIdentifiers",
                empty,
                (replies.SOLE_IDENTIFIER, *_NO_USER),
            ),
        },
        removal.DELETE: {
            "post": _operation("Delete a profile", budget["delete"], "OneUser", empty, _NO_USER)
        },
        removal.ANONYMIZE: {
            "post": _operation("Anonymize a profile", anonymized, "OneUser", empty, _NO_USER)
        },
        removal.ANONYMIZE_BY_ID: {
            "post": _operation(
                "Anonymize by Profile ID", anonymized, "OneProfileId", empty, _NO_USER[1:]
            )
        },
    }


def _operation(
    summary: str, rate: str, request: str, answer: JSONObject, refusals: tuple[Refusal, ...]
) -> JSONObject:
    return {
        "summary": summary,
        "description": f"Rate: {rate}.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _ref(request), "example": _SAMPLES[request]}
            },
        },
        "responses": {
            "200": _response("Taken.", answer),
            **_refusals(refusals),
            "503": {"description": "The emulator's database cannot be used."},
        },
    }


def _refusals(own: tuple[Refusal, ...]) -> JSONObject:
    """Status -> response, with the published and assumed texts as examples."""
    by_status: dict[int, list[Refusal]] = {}
    for refusal in (*_ANY_ADDRESS, replies.ACCESS_DENIED, replies.TOKEN_REFUSED, *own):
        by_status.setdefault(refusal.status, []).append(refusal)
    return {
        str(status): _response(
            "; ".join(str(each) for each in refused),
            {"anyOf": [_ref("Error"), _ref("Failure")]},
            status,
        )
        for status, refused in sorted(by_status.items())
    }


def _response(text: str, schema: JSONObject, status: int = 200) -> JSONObject:
    headers: JSONObject = {"X-Emulator-Verdict": _SAID, "X-Emulator-Findings": _SAID}
    if status == 429:
        said = {"description": "Seconds until there is room.", "schema": {"type": "string"}}
        headers["Retry-After"] = said
    return {
        "description": text,
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    }


def _schemas() -> JSONObject:
    user = _component("User", user_schema(Options().event_names))
    named = {name: _ref(f"User/properties/{name}") for name in ("identifiers", "insider_id")}
    anybody: JSONObject = {
        "type": "object",
        "properties": named,
        "anyOf": [{"required": ["identifiers"]}, {"required": ["insider_id"]}],
    }
    read = _component("ProfileRequest", document("profile_request"))
    erased = _component("Deletion", document("deletion"))
    return {
        "User": user,
        "Deletion": erased,
        "Upsert": _many(_ref("User")) | {"description": "A faulty user fails alone, with a 200."},
        "AttributeDeletion": _many({"allOf": [anybody, _ref("Deletion")]}),
        "ProfileRequest": {"allOf": [anybody, read]},
        "OneUser": anybody,
        "OfIdentifiers": _object({"identifiers": named["identifiers"]}, ["identifiers"]),
        "IdentifierUpdate": _object(
            dict.fromkeys(("old_identifier", "new_identifier"), named["identifiers"]),
            ["old_identifier", "new_identifier"],
        ),
        "OneProfileId": _object({"insider_id": named["insider_id"]}, ["insider_id"]),
        "Outcome": _outcome(),
        "Profile": _profile(),
        "Error": _object({"error": {"type": "string"}}, ["error"], closed=True),
        "Failure": _object(
            {"success": {"const": False}, "message": {"type": "string"}},
            ["success", "message"],
            closed=True,
        ),
    }


def _many(user: JSONObject) -> JSONObject:
    users = {"type": "array", "minItems": 1, "maxItems": MOST_USERS, "items": user}
    return _object({"users": users}, ["users"])


def _outcome() -> JSONObject:
    count = {"type": "integer", "minimum": 1, "maximum": MOST_USERS}
    texts = {"type": "array", "minItems": 1, "items": {"type": "string"}}
    errors = {"type": "object", "additionalProperties": texts}
    fail = _object({"count": count, "errors": errors}, closed=True)
    both = {"successful": _object({"count": count}, closed=True), "fail": fail}
    answer = _object(both, ["successful", "fail"], closed=True)
    return _object({"data": answer}, ["data"], closed=True)


def _profile() -> JSONObject:
    event = _object({"source": {"type": "string"}}, ["source"])
    listed = {"type": "array", "minItems": 1, "items": event}
    units = {"type": "number"}
    quota = {"cost": units, "used": units, "total": {"type": ["number", "null"]}}
    return _object(
        {
            "attributes": {"type": "object"},
            "events": {"type": "object", "additionalProperties": listed},
            "quota": _object(quota, list(quota), closed=True),
        },
        closed=True,
    )


def _object(
    properties: JSONObject, required: list[str] | None = None, *, closed: bool = False
) -> JSONObject:
    schema: JSONObject = {"type": "object", "properties": properties, "required": required or []}
    return schema | {"additionalProperties": False} if closed else schema


def _ref(name: str) -> JSONObject:
    return {"$ref": f"#/components/schemas/{name}"}


def _component(name: str, schema: JSON) -> Any:
    """*schema* without what only this end reads, its references made those of component *name*."""
    if isinstance(schema, list):
        return [_component(name, each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _component(name, value)
        for key, value in schema.items()
        if key not in ("$schema", "$comment", "x-errors", "format")
    }
    if "$ref" in kept:
        kept["$ref"] = kept["$ref"].replace("#/", f"#/components/schemas/{name}/", 1)
    return kept
