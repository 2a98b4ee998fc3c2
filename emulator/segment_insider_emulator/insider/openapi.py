"""OpenAPI document of the Insider One API, built from the schemas that validate requests."""

from functools import cache
from typing import Any

from segment_insider_emulator import __version__
from segment_insider_emulator.insider import (
    attribute_deletion,
    contact_addresses,
    other_addresses,
    profile_endpoints,
    responses,
    upsert,
)
from segment_insider_emulator.insider.account_options import (
    DEFAULT_RATE_LIMITS,
    InsiderAccountOptions,
)
from segment_insider_emulator.insider.formats import load_schema_file
from segment_insider_emulator.insider.responses import (
    MAX_BODY_BYTES,
    MAX_USERS_PER_REQUEST,
    RequestRejected,
)
from segment_insider_emulator.insider.validation import load_user_schema
from segment_insider_emulator.types import JSON, JSONObject

OPENAPI_PATH = "/emulator/v1/openapi/insider.json"

_COMMON_REJECTIONS = (
    responses.INVALID_PARTNER,
    responses.BODY_TOO_LARGE,
    responses.WRONG_CONTENT_TYPE,
    responses.INVALID_JSON,
    responses.build_rate_limit_rejection(60),
    responses.ACCESS_DENIED,
    responses.TOKEN_REFUSED,
)
_USER_LOOKUP_REJECTIONS = (responses.NO_VALID_IDENTIFIER, responses.NO_SUCH_USER)
_USER_LIST_REJECTIONS = (responses.NO_USERS, responses.USERS_NOT_A_LIST, responses.TOO_MANY_USERS)
_IDENTIFIER_UPDATE_REJECTIONS = (
    responses.SAME_IDENTIFIER_VALUES,
    responses.NOT_EXACTLY_ONE_IDENTIFIER,
    responses.DIFFERENT_IDENTIFIER_TYPES,
    responses.IDENTIFIER_ALREADY_ASSIGNED,
)
_FINDING_HEADER_SCHEMA = {"description": "The emulator's findings.", "schema": {"type": "string"}}
_SAMPLE_USER: JSONObject = {"identifiers": {"uuid": "u1"}}
_SAMPLE_PERIOD: JSONObject = {"start_date": 0, "end_date": 4102444800}
_SAMPLE_EVENT_FILTER = {"event_name": "signed_up", "params": ["timestamp"]}
_SAMPLE_REQUESTS: dict[str, JSONObject] = {
    "Upsert": {
        "users": [
            {
                "identifiers": {"uuid": "u1", "email": "ada@x.io"},
                "attributes": {"name": "Ada", "custom": {"tags": ["a", "b"]}},
                "events": [{"event_name": "signed_up", "timestamp": "2026-11-23T09:59:00Z"}],
            }
        ]
    },
    "AttributeDeletion": {"users": [{**_SAMPLE_USER, "custom": {"partial": {"tags": ["a"]}}}]},
    "ProfileRequest": {
        **_SAMPLE_USER,
        "attributes": ["*"],
        "events": {**_SAMPLE_PERIOD, "wanted": [_SAMPLE_EVENT_FILTER]},
        "quota": True,
    },
    "IdentifierUpdate": {
        "old_identifier": {"email": "ada@x.io"},
        "new_identifier": {"email": "ada@y.io"},
    },
    "OfIdentifiers": {"identifiers": {"email": "ada@x.io"}},
    "OneUser": _SAMPLE_USER,
    "OneProfileId": {"insider_id": "1122334455"},
    "ContactEmail": {"email": "ada@x.io"},
    "ContactPhone": {"phone_number": "+6598765432"},
    "ContactPhones": {"phone_numbers": ["+6598765432", "+6598765433"]},
    "ContactUnsubscribe": {"emails": ["ada@x.io"], "group_name": "Newsletter"},
    "ContactSubscribe": {"emails": ["ada@x.io"]},
    "AppConsent": {"partner_name": "mybrand", "gdpr_consent": True, "target": {"udid": "1A2B3C"}},
}
# What may reject any request to the Contact API.
_CONTACT_REJECTIONS = (
    *(responses.WRONG_CONTENT_TYPE, responses.INVALID_JSON, responses.BODY_TOO_LARGE),
    responses.build_rate_limit_rejection(60),
    responses.build_error_rejection(401, "wrong account name or key", ""),
)


@cache
def build_openapi() -> JSONObject:
    """Build the OpenAPI 3.1 document of Insider One's addresses that are imitated."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Insider One unification and Contact APIs, as emulated",
            "version": __version__,
            "description": "Not Insider One's own document. docs/assumptions.md lists what is "
            f"published and what is assumed. A body has at most {MAX_BODY_BYTES:,} bytes.",
        },
        "security": [{"account": [], "key": []}],
        "paths": {**_build_paths(), **_build_contact_paths()},
        "components": {
            "securitySchemes": {
                "account": {"type": "apiKey", "in": "header", "name": "X-PARTNER-NAME"},
                "key": {"type": "apiKey", "in": "header", "name": "X-REQUEST-TOKEN"},
            },
            "schemas": _build_component_schemas(),
        },
    }


def _build_paths() -> JSONObject:
    rate_texts = {name: f"{rate:,} calls a minute" for name, rate in DEFAULT_RATE_LIMITS.items()}
    upsert_rate = f"{rate_texts['upsert']}, upsert and attribute/delete together"
    anonymize_rate = f"{rate_texts['anonymize']}, both addresses together"
    empty_object = _build_object_schema({}, is_closed=True)
    return {
        upsert.UPSERT_PATH: {
            "post": _build_operation(
                "Upsert user data",
                upsert_rate,
                "Upsert",
                _build_schema_reference("Outcome"),
                _USER_LIST_REJECTIONS,
            )
        },
        attribute_deletion.ATTRIBUTE_DELETE_PATH: {
            "post": _build_operation(
                "Delete user attributes",
                upsert_rate,
                "AttributeDeletion",
                {"anyOf": [_build_schema_reference("Outcome"), empty_object]},
                _USER_LIST_REJECTIONS,
            )
        },
        profile_endpoints.PROFILE_READ_PATH: {
            "post": _build_operation(
                "Get a user profile",
                f"{DEFAULT_RATE_LIMITS['profile']:,} units a minute",
                "ProfileRequest",
                _build_schema_reference("Profile"),
                _USER_LOOKUP_REJECTIONS,
            )
        },
        profile_endpoints.IDENTITY_PATH: {
            "patch": _build_operation(
                "Update an identifier",
                rate_texts["identityUpdate"],
                "IdentifierUpdate",
                empty_object,
                (*_IDENTIFIER_UPDATE_REJECTIONS, *_USER_LOOKUP_REJECTIONS),
            ),
            "delete": _build_operation(
                "Delete identifiers",
                rate_texts["identityDelete"],
                "OfIdentifiers",
                empty_object,
                (responses.SOLE_IDENTIFIER, *_USER_LOOKUP_REJECTIONS),
            ),
        },
        profile_endpoints.PROFILE_DELETE_PATH: {
            "post": _build_operation(
                "Delete a profile",
                rate_texts["delete"],
                "OneUser",
                empty_object,
                _USER_LOOKUP_REJECTIONS,
            )
        },
        profile_endpoints.ANONYMIZE_PATH: {
            "post": _build_operation(
                "Anonymize a profile",
                anonymize_rate,
                "OneUser",
                empty_object,
                _USER_LOOKUP_REJECTIONS,
            )
        },
        profile_endpoints.ANONYMIZE_BY_ID_PATH: {
            "post": _build_operation(
                "Anonymize by Profile ID",
                anonymize_rate,
                "OneProfileId",
                empty_object,
                _USER_LOOKUP_REJECTIONS[1:],
            )
        },
    }


def _build_contact_paths() -> JSONObject:
    rate = (
        f"{DEFAULT_RATE_LIMITS[contact_addresses.CONTACT_BUDGET]:,} calls a minute for each address"
    )
    ok = _build_object_schema({"statusMessage": {"const": "OK"}}, ["statusMessage"], is_closed=True)
    failed = _build_schema_reference("ContactError")
    paths: JSONObject = {
        address.path: {
            "post": _build_operation(
                f"{address.action.title()} people, {address.channel}, {address.version}",
                f"{rate}. Its key is not that of the unification API",
                address.schema_name,
                ok,
                _CONTACT_REJECTIONS,
                failed,
            )
        }
        for address in contact_addresses.CONTACT_ADDRESSES
    }
    consent = _build_operation(
        "Set the app's consent to data processing",
        "no limit is published",
        "AppConsent",
        _build_object_schema({"status": {"const": "ok"}}, ["status"], is_closed=True),
        (),
    )
    refusal = {"description": "The body is not valid.", "content": {"text/plain": {}}}
    consent |= {"security": [], "responses": {**consent["responses"], "400": refusal}}
    return {**paths, other_addresses.APP_CONSENT_PATH: {"post": consent}}


def _build_operation(
    summary: str,
    rate: str,
    request_component: str,
    response_schema: JSONObject,
    rejections: tuple[RequestRejected, ...],
    error_schema: JSONObject | None = None,
) -> JSONObject:
    errors = (
        _build_error_responses((*_COMMON_REJECTIONS, *rejections), _UNIFICATION_ERROR_SCHEMA)
        if error_schema is None
        else _build_error_responses(rejections, error_schema)
    )
    return {
        "summary": summary,
        "description": f"Rate: {rate}.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _build_schema_reference(request_component),
                    "example": _SAMPLE_REQUESTS[request_component],
                }
            },
        },
        "responses": {
            "200": _build_response("Accepted.", response_schema),
            **errors,
            "503": {"description": "The emulator's database is not available."},
        },
    }


def _build_error_responses(
    rejections: tuple[RequestRejected, ...], schema: JSONObject
) -> JSONObject:
    """Build HTTP status -> OpenAPI error response, described by the error texts."""
    rejections_by_status: dict[int, list[RequestRejected]] = {}
    for rejection in rejections:
        rejections_by_status.setdefault(rejection.status, []).append(rejection)
    return {
        str(status): _build_response("; ".join(map(str, rejected)), schema, status)
        for status, rejected in sorted(rejections_by_status.items())
    }


def _build_response(description: str, schema: JSONObject, status: int = 200) -> JSONObject:
    headers: JSONObject = {
        "X-Emulator-Verdict": _FINDING_HEADER_SCHEMA,
        "X-Emulator-Findings": _FINDING_HEADER_SCHEMA,
    }
    if status == 429:
        headers["Retry-After"] = {
            "description": "Seconds until the limit resets.",
            "schema": {"type": "string"},
        }
    return {
        "description": description,
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    }


def _build_component_schemas() -> JSONObject:
    user_schema = _convert_to_component_schema(
        "User", load_user_schema(InsiderAccountOptions().event_names)
    )
    reference_properties = {
        name: _build_schema_reference(f"User/properties/{name}")
        for name in ("identifiers", "insider_id")
    }
    user_reference_schema: JSONObject = {
        "type": "object",
        "properties": reference_properties,
        "anyOf": [{"required": ["identifiers"]}, {"required": ["insider_id"]}],
    }
    profile_request_schema = _convert_to_component_schema(
        "ProfileRequest", load_schema_file("profile_request")
    )
    deletion_schema = _convert_to_component_schema("Deletion", load_schema_file("deletion"))
    contact_schema = _convert_to_component_schema("Contact", load_schema_file("contact"))
    return {
        "User": user_schema,
        "Deletion": deletion_schema,
        "Upsert": _build_user_list_schema(_build_schema_reference("User"))
        | {"description": "A user with errors is rejected alone; the status is still 200."},
        "AttributeDeletion": _build_user_list_schema(
            {"allOf": [user_reference_schema, _build_schema_reference("Deletion")]}
        ),
        "ProfileRequest": {"allOf": [user_reference_schema, profile_request_schema]},
        "OneUser": user_reference_schema,
        "OfIdentifiers": _build_object_schema(
            {"identifiers": reference_properties["identifiers"]}, ["identifiers"]
        ),
        "IdentifierUpdate": _build_object_schema(
            dict.fromkeys(
                ("old_identifier", "new_identifier"), reference_properties["identifiers"]
            ),
            ["old_identifier", "new_identifier"],
        ),
        "OneProfileId": _build_object_schema(
            {"insider_id": reference_properties["insider_id"]}, ["insider_id"]
        ),
        "Outcome": _build_upsert_result_schema(),
        "Profile": _build_profile_schema(),
        "Contact": contact_schema,
        **{
            name: _build_schema_reference(f"Contact/$defs/{name}")
            for name in contact_schema["$defs"]
            if name in _SAMPLE_REQUESTS
        },
        "ContactError": {
            "anyOf": [
                _build_object_schema(
                    {"statusMessage": {"type": "string"}}, ["statusMessage"], is_closed=True
                ),
                _build_object_schema(
                    {"message": {"type": "string"}, "status": {"const": 429}},
                    ["message", "status"],
                    is_closed=True,
                ),
            ]
        },
        "Error": _build_object_schema({"error": {"type": "string"}}, ["error"], is_closed=True),
        "Failure": _build_object_schema(
            {"success": {"const": False}, "message": {"type": "string"}},
            ["success", "message"],
            is_closed=True,
        ),
    }


def _build_user_list_schema(user_schema: JSONObject) -> JSONObject:
    users = {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_USERS_PER_REQUEST,
        "items": user_schema,
    }
    return _build_object_schema({"users": users}, ["users"])


def _build_upsert_result_schema() -> JSONObject:
    count = {"type": "integer", "minimum": 1, "maximum": MAX_USERS_PER_REQUEST}
    error_texts = {"type": "array", "minItems": 1, "items": {"type": "string"}}
    errors = {"type": "object", "additionalProperties": error_texts}
    fail = _build_object_schema({"count": count, "errors": errors}, is_closed=True)
    result_properties = {
        "successful": _build_object_schema({"count": count}, is_closed=True),
        "fail": fail,
    }
    result_schema = _build_object_schema(result_properties, ["successful", "fail"], is_closed=True)
    return _build_object_schema({"data": result_schema}, ["data"], is_closed=True)


def _build_profile_schema() -> JSONObject:
    event = _build_object_schema({"source": {"type": "string"}}, ["source"])
    event_list = {"type": "array", "minItems": 1, "items": event}
    units = {"type": "number"}
    quota = {"cost": units, "used": units, "total": {"type": ["number", "null"]}}
    return _build_object_schema(
        {
            "attributes": {"type": "object"},
            "events": {"type": "object", "additionalProperties": event_list},
            "quota": _build_object_schema(quota, list(quota), is_closed=True),
        },
        is_closed=True,
    )


def _build_object_schema(
    properties: JSONObject, required: list[str] | None = None, *, is_closed: bool = False
) -> JSONObject:
    schema: JSONObject = {"type": "object", "properties": properties, "required": required or []}
    return schema | {"additionalProperties": False} if is_closed else schema


def _build_schema_reference(name: str) -> JSONObject:
    return {"$ref": f"#/components/schemas/{name}"}


_UNIFICATION_ERROR_SCHEMA: JSONObject = {
    "anyOf": [_build_schema_reference("Error"), _build_schema_reference("Failure")]
}


def _convert_to_component_schema(name: str, schema: JSON) -> Any:
    """Convert *schema* to the OpenAPI component *name*: drop internal keys, rewrite references."""
    if isinstance(schema, list):
        return [_convert_to_component_schema(name, member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {
        key: _convert_to_component_schema(name, value)
        for key, value in schema.items()
        if key not in ("$schema", "$comment", "x-errors", "format")
    }
    if "$ref" in converted:
        converted["$ref"] = converted["$ref"].replace("#/", f"#/components/schemas/{name}/", 1)
    return converted
