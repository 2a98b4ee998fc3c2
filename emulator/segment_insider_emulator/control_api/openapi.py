"""The OpenAPI document of the control API."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from inspect import cleandoc
from typing import Final

from flask import Blueprint, Flask, current_app
from jsonschema import Draft202012Validator
from werkzeug.routing import Rule

from segment_insider_emulator import __version__
from segment_insider_emulator.control_api.expectations import RECORD_READERS
from segment_insider_emulator.control_api.models import (
    BOOLEAN_SCHEMA,
    COUNT_SCHEMA,
    NUMBER_SCHEMA,
    OBJECT_LIST_SCHEMA,
    OBJECT_SCHEMA,
    RESPONSE_SCHEMAS,
    TEXT_SCHEMA,
    list_schema,
    nullable_schema,
    object_schema,
    page_schema,
    schema_reference,
)
from segment_insider_emulator.control_api.request_parsing import MAX_ID, MAX_LIMIT
from segment_insider_emulator.delivery.fault_injection import (
    INSIDER_FAULT_VALIDATOR as INSIDER_FAULT,
)
from segment_insider_emulator.insider.panel import EDITOR_ROLES
from segment_insider_emulator.mapping.catalog import ACTIONS, SETTINGS_FIELDS
from segment_insider_emulator.segment.faults import SEGMENT_FAULT_VALIDATOR as SEGMENT_FAULT
from segment_insider_emulator.segment.openapi import openapi_document as of_segment
from segment_insider_emulator.storage.messages import DELIVERY_FILTERS, MESSAGE_FILTERS
from segment_insider_emulator.storage.records import JOURNEY_RUN_STATUSES, VERDICTS
from segment_insider_emulator.types import JSONObject

JSON_MEDIA_TYPE: Final = "application/json"
NDJSON_MEDIA_TYPE: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """Schemas, examples and statuses of one route and method.

    Args:
        answer: Schema of the answer with *status*.
        body: Schema of the request's; None where there is none.
        example: A body that is taken.
        query, headers: Schemas of parameters by name.
        refusals: Statuses besides those of every address.
        media: Content type of the answer.
        body_media: Content types of the request's body, which is read as what it is.
    """

    response_schema: JSONObject
    body_schema: JSONObject | None = None
    body_example: JSONObject | None = None
    query_schemas: Mapping[str, JSONObject] | None = None
    header_schemas: Mapping[str, JSONObject] | None = None
    status: int = 200
    error_statuses: tuple[int, ...] = ()
    response_media_type: str = JSON_MEDIA_TYPE
    body_media_types: tuple[str, ...] = (JSON_MEDIA_TYPE,)


def optional_object_schema(**properties: JSONObject) -> JSONObject:
    """Return the schema of an object with optional *properties* and no others."""
    return object_schema(dict(properties), [])


_PAGE_PARAMETERS: Final[JSONObject] = {
    "after": {"type": "integer", "minimum": 0, "maximum": MAX_ID},
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
}
_EMPTY_OBJECT_SCHEMA = object_schema({})
_TIME_SCHEMA: Final[JSONObject] = {"type": "string", "format": "date-time"}
_RESET_BODY_SCHEMA = optional_object_schema(now=_TIME_SCHEMA)
_RESET_BODY_EXAMPLE: Final[JSONObject] = {"now": "2026-11-23T10:00:00Z"}
_WORKSPACE_SCHEMA: Final[JSONObject] = {"type": ["string", "object"]}
_WHERE_SCHEMA: Final[JSONObject] = {"type": "object", "maxProperties": 50}
_ASSERTION_PROPERTIES: Final[JSONObject] = {
    "of": {"enum": list(RECORD_READERS)},
    "where": _WHERE_SCHEMA,
    "exactly": COUNT_SCHEMA,
    "atLeast": COUNT_SCHEMA,
    "atMost": COUNT_SCHEMA,
    "after": COUNT_SCHEMA,
}
_ASSERTION_EXAMPLE: Final[JSONObject] = {
    "of": "messages",
    "where": {"type": {"regex": "^identify$"}},
}
_SETTINGS_BODY_SCHEMA = optional_object_schema(
    enabled=BOOLEAN_SCHEMA,
    settings=optional_object_schema(
        **{field.key: {"type": "string", "minLength": 1} for field in SETTINGS_FIELDS}
    ),
)
_SUBSCRIPTION_BODY_SCHEMA = object_schema(
    {
        "name": {"type": "string", "minLength": 1},
        "actionSlug": {"enum": list(ACTIONS)},
        "enabled": BOOLEAN_SCHEMA,
        "trigger": TEXT_SCHEMA,
        "settings": OBJECT_SCHEMA,
    },
    ["name", "actionSlug"],
)
_INTEGRATION_BODY_SCHEMA = object_schema(
    {"name": {"type": "string", "minLength": 1}, "type": {"const": "Source"}}
)
_SANDBOX_BODY_SCHEMA = optional_object_schema(
    id={"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"},
    workspace=_WORKSPACE_SCHEMA,
    writeKey=TEXT_SCHEMA,
    account=TEXT_SCHEMA,
    key=TEXT_SCHEMA,
    now=_TIME_SCHEMA,
)
_CLOCK_COMMAND_SCHEMA: Final[JSONObject] = {
    "anyOf": [
        object_schema({"advance": TEXT_SCHEMA}),
        object_schema({"set": _TIME_SCHEMA}),
        object_schema({"freeze": {"const": True}}),
        object_schema({"resume": {"const": True}}),
    ]
}
_DIFFERENCE_SCHEMA: Final[JSONObject] = {
    "type": "object",
    "required": ["id", "times", "at"],
    "properties": {"id": COUNT_SCHEMA, "times": COUNT_SCHEMA, "at": TEXT_SCHEMA},
}
_SCENARIO_RUN_EXAMPLE: Final[JSONObject] = {"startedAt": "2026-11-23T10:00:00Z", "features": []}
_EVENT_EXAMPLE: Final[JSONObject] = {"type": "track", "event": "Order Completed", "userId": "ada"}
_VERDICT_PARAMETER: Final[JSONObject] = {"enum": list(VERDICTS)}
_MESSAGE_PARAMETERS = dict.fromkeys(MESSAGE_FILTERS, TEXT_SCHEMA) | {"verdict": _VERDICT_PARAMETER}
_DELIVERY_PARAMETERS = dict.fromkeys(DELIVERY_FILTERS, TEXT_SCHEMA) | {
    "verdict": _VERDICT_PARAMETER
}
_IDENTIFIER_PARAMETER = {"identifier": {"type": "string", "pattern": ":"}}
_ROLE_HEADER_SCHEMA = {"X-InOne-Role": {"enum": list(EDITOR_ROLES)}}
_FAULT_LIST_SCHEMA = object_schema({"faults": OBJECT_LIST_SCHEMA})
_RESET_OPERATION = ApiOperation(_EMPTY_OBJECT_SCHEMA, _RESET_BODY_SCHEMA, _RESET_BODY_EXAMPLE)


def _schema_of_validator(validator: Draft202012Validator) -> JSONObject:
    """Return the schema object of *validator*."""
    schema = validator.schema
    assert isinstance(schema, Mapping)
    return dict(schema)


def component_schemas() -> JSONObject:
    """Return the component schemas of the OpenAPI document."""
    text = files(__package__).joinpath("scenario_run.schema.json").read_text("utf-8")
    run = json.loads(text.replace("#/$defs/", "#/components/schemas/ScenarioRun/$defs/"))
    return {**RESPONSE_SCHEMAS, "ScenarioRun": run}


@cache
def operations_by_endpoint() -> Mapping[str, ApiOperation]:
    """Return the operations by endpoint."""
    return {
        "harness.health": ApiOperation(
            object_schema({"status": {"const": "ok"}, "version": TEXT_SCHEMA})
        ),
        "openapi.described": ApiOperation(OBJECT_SCHEMA),
        "insider.described": ApiOperation(OBJECT_SCHEMA),
        "openapi.segment": ApiOperation(OBJECT_SCHEMA),
        "harness.messages": ApiOperation(
            page_schema("messages", schema_reference("Message")),
            query_schemas=_MESSAGE_PARAMETERS | _PAGE_PARAMETERS,
        ),
        "harness.newest_message": ApiOperation(
            schema_reference("MessageWithDeliveries"),
            query_schemas=_MESSAGE_PARAMETERS,
            error_statuses=(404,),
        ),
        "harness.message": ApiOperation(
            schema_reference("MessageWithDeliveries"), error_statuses=(404,)
        ),
        "harness.deliveries": ApiOperation(
            page_schema("deliveries", schema_reference("Delivery")),
            query_schemas=_DELIVERY_PARAMETERS | _PAGE_PARAMETERS,
        ),
        "harness.newest_delivery": ApiOperation(
            schema_reference("Delivery"), query_schemas=_DELIVERY_PARAMETERS, error_statuses=(404,)
        ),
        "harness.delivery": ApiOperation(schema_reference("Delivery"), error_statuses=(404,)),
        "harness.profiles": ApiOperation(
            page_schema("profiles", schema_reference("Profile")),
            query_schemas=_IDENTIFIER_PARAMETER | _PAGE_PARAMETERS,
        ),
        "harness.profile": ApiOperation(schema_reference("Profile"), error_statuses=(404,)),
        "harness.profile_events": ApiOperation(
            page_schema("events", {"type": "object"}),
            query_schemas=_PAGE_PARAMETERS,
            error_statuses=(404,),
        ),
        "harness.reset": _RESET_OPERATION,
        "harness.reset_captures": ApiOperation(_EMPTY_OBJECT_SCHEMA),
        "harness.reset_profiles": ApiOperation(_EMPTY_OBJECT_SCHEMA),
        "harness.reset_faults": ApiOperation(_EMPTY_OBJECT_SCHEMA),
        "harness.reset_clock": _RESET_OPERATION,
        "clock.show": ApiOperation(schema_reference("Clock")),
        "clock.move": ApiOperation(
            schema_reference("Clock"), _CLOCK_COMMAND_SCHEMA, {"advance": "45 minutes"}
        ),
        "delivery.retry": ApiOperation(
            object_schema({"attempts": COUNT_SCHEMA, "retrying": COUNT_SCHEMA})
        ),
        "delivery.upsert": ApiOperation(schema_reference("Upsert"), error_statuses=(404,)),
        "delivery.faults": ApiOperation(_FAULT_LIST_SCHEMA),
        "delivery.add_fault": ApiOperation(
            _FAULT_LIST_SCHEMA, _schema_of_validator(INSIDER_FAULT), {"status": 503, "times": 1}
        ),
        "delivery.clear_faults": ApiOperation(_FAULT_LIST_SCHEMA),
        "delivery.fidelity": ApiOperation(
            page_schema("differences", _DIFFERENCE_SCHEMA, compared=COUNT_SCHEMA),
            query_schemas=_PAGE_PARAMETERS,
        ),
        "segment_faults.waiting": ApiOperation(_FAULT_LIST_SCHEMA),
        "segment_faults.add": ApiOperation(
            _FAULT_LIST_SCHEMA, _schema_of_validator(SEGMENT_FAULT), {"status": 500}
        ),
        "segment_faults.clear": ApiOperation(_FAULT_LIST_SCHEMA),
        "storage.storage": ApiOperation(
            object_schema(
                {
                    **dict.fromkeys(
                        ("messages", "deliveries", "rememberedIds", "usedBytes"), COUNT_SCHEMA
                    ),
                    "oldest": nullable_schema(TEXT_SCHEMA),
                    "fileBytes": nullable_schema(COUNT_SCHEMA),
                    "keep": object_schema(
                        dict.fromkeys(("days", "messages", "bytes"), nullable_schema(NUMBER_SCHEMA))
                    ),
                }
            )
        ),
        "panel.integrations": ApiOperation(
            page_schema("integrations", schema_reference("Integration")),
            query_schemas=_PAGE_PARAMETERS,
        ),
        "panel.create": ApiOperation(
            schema_reference("Integration"),
            _INTEGRATION_BODY_SCHEMA,
            {"name": "Segment", "type": "Source"},
            header_schemas=_ROLE_HEADER_SCHEMA,
            status=201,
        ),
        "panel.revoke": ApiOperation(
            schema_reference("Integration"),
            header_schemas=_ROLE_HEADER_SCHEMA,
            error_statuses=(404,),
        ),
        "destination.destination": ApiOperation(schema_reference("Destination")),
        "destination.save": ApiOperation(
            schema_reference("Destination"), _SETTINGS_BODY_SCHEMA, {"enabled": True}
        ),
        "destination.add": ApiOperation(
            schema_reference("Subscription"),
            _SUBSCRIPTION_BODY_SCHEMA,
            {"name": "Songs", "actionSlug": "trackEvent"},
            status=201,
        ),
        "destination.change": ApiOperation(
            schema_reference("Subscription"),
            optional_object_schema(
                enabled=BOOLEAN_SCHEMA, trigger=TEXT_SCHEMA, settings=OBJECT_SCHEMA
            ),
            {"enabled": False},
            error_statuses=(404,),
        ),
        "destination.remove": ApiOperation(schema_reference("Destination"), error_statuses=(404,)),
        "journeys.journeys": ApiOperation(
            object_schema(
                {
                    "simulated": TEXT_SCHEMA,
                    "journeys": list_schema(schema_reference("Journey")),
                    "next": {"const": None},
                }
            )
        ),
        "journeys.journey": ApiOperation(schema_reference("Journey"), error_statuses=(404,)),
        "journeys.runs": ApiOperation(
            page_schema("runs", schema_reference("Run"), simulated=TEXT_SCHEMA),
            query_schemas=_IDENTIFIER_PARAMETER
            | {"status": {"enum": list(JOURNEY_RUN_STATUSES)}}
            | _PAGE_PARAMETERS,
            error_statuses=(404,),
        ),
        "sandboxes.sandboxes": ApiOperation(
            object_schema(
                {"sandboxes": list_schema(schema_reference("Sandbox")), "next": {"const": None}}
            )
        ),
        "sandboxes.create": ApiOperation(
            schema_reference("Sandbox"),
            _SANDBOX_BODY_SCHEMA,
            {"workspace": "guide"},
            status=201,
            error_statuses=(409,),
        ),
        "sandboxes.sandbox": ApiOperation(schema_reference("Sandbox"), error_statuses=(404,)),
        "sandboxes.reset": ApiOperation(
            _EMPTY_OBJECT_SCHEMA, _RESET_BODY_SCHEMA, _RESET_BODY_EXAMPLE, error_statuses=(404,)
        ),
        "sandboxes.delete": ApiOperation(_EMPTY_OBJECT_SCHEMA, error_statuses=(404, 409)),
        "scenario_runs.add": ApiOperation(
            object_schema({"id": COUNT_SCHEMA}),
            schema_reference("ScenarioRun"),
            _SCENARIO_RUN_EXAMPLE,
            status=201,
        ),
        "scenario_runs.runs": ApiOperation(page_schema("scenarioRuns", OBJECT_SCHEMA)),
        "dry_run.dry_run": ApiOperation(
            object_schema({"messages": list_schema(schema_reference("Rehearsed"))}),
            OBJECT_SCHEMA,
            _EVENT_EXAMPLE,
        ),
        "verifying.verify": ApiOperation(
            object_schema(
                {"ok": BOOLEAN_SCHEMA, "claims": list_schema(schema_reference("Outcome"))}
            ),
            object_schema(
                {
                    "claims": {
                        "type": "array",
                        "minItems": 1,
                        "items": object_schema(_ASSERTION_PROPERTIES, []),
                    }
                }
            ),
            {"claims": [_ASSERTION_EXAMPLE]},
        ),
        "verifying.wait_for": ApiOperation(
            schema_reference("Outcome"),
            optional_object_schema(**_ASSERTION_PROPERTIES, timeout=TEXT_SCHEMA),
            {**_ASSERTION_EXAMPLE, "timeout": "5 seconds"},
        ),
        "exporting.export": ApiOperation(TEXT_SCHEMA, response_media_type=NDJSON_MEDIA_TYPE),
        "exporting.export_har": ApiOperation(OBJECT_SCHEMA),
        "exporting.import_": ApiOperation(
            object_schema({"imported": COUNT_SCHEMA}),
            TEXT_SCHEMA,
            body_media_types=(NDJSON_MEDIA_TYPE, "text/plain"),
        ),
        "workspaces.workspace": ApiOperation(OBJECT_SCHEMA),
        "workspaces.current": ApiOperation(OBJECT_SCHEMA),
        "workspaces.replace": ApiOperation(
            OBJECT_SCHEMA, object_schema({"workspace": _WORKSPACE_SCHEMA}), {"workspace": "guide"}
        ),
    }


openapi_routes = Blueprint("openapi", __name__, url_prefix="/emulator/v1")

CONTROL_API_PREFIX: Final = "/emulator/v1/"
# Misuse, no password, another's page or role, no such method, too large, no database to be had.
# Werkzeug says 405 of an id beyond all ids, too, where two methods have one path.
COMMON_ERROR_STATUSES: Final = (400, 401, 403, 405, 413, 503)
HTTP_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PATH_VARIABLE = re.compile(r"<(?:(int)\([^)]*\):)?(\w+)>")


@openapi_routes.get("/openapi.json")
def described() -> JSONObject:
    """Return the OpenAPI 3.1 document of the control API."""
    return build_openapi(current_app)


# Not at Segment's end, whose answers any page may read.
@openapi_routes.get("/openapi/segment.json")
def segment() -> JSONObject:
    """Return the OpenAPI document of Segment's Tracking API."""
    return of_segment()


def build_openapi(app: Flask) -> JSONObject:
    """Build the OpenAPI document of all routes below /emulator/v1/."""
    paths: JSONObject = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda each: each.rule):
        if rule.rule.startswith(CONTROL_API_PREFIX):
            path = paths.setdefault(_PATH_VARIABLE.sub(r"{\2}", rule.rule), {})
            path |= {method: _operation_json(app, rule) for method in _rule_methods(rule)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Control API of the Segment to Insider One emulator",
            "version": __version__,
            "description": "Version 1. Fields may be added to answers, and addresses; none go "
            "away or change. docs/control-api.md tells how to use it.",
        },
        "servers": [
            {"url": "/", "description": "The default sandbox."},
            {
                "url": "/sandboxes/{sandbox}",
                "description": "Any other.",
                "variables": {"sandbox": {"default": "default"}},
            },
        ],
        "paths": paths,
        "components": {"schemas": component_schemas()},
    }


def _rule_methods(rule: Rule) -> Iterator[str]:
    yield from (method.lower() for method in HTTP_METHODS if method in (rule.methods or ()))


def _operation_json(app: Flask, rule: Rule) -> JSONObject:
    operation = operations_by_endpoint()[rule.endpoint]
    docstring = cleandoc(app.view_functions[rule.endpoint].__doc__ or "")
    operation_json: JSONObject = {
        "operationId": rule.endpoint,
        "summary": " ".join(docstring.partition("\n\n")[0].split()),
        "description": docstring.partition("\n\n")[2],
        "parameters": [*_path_parameters(rule.rule), *_query_and_header_parameters(operation)],
        "responses": {
            str(operation.status): _response_object(
                operation.status, operation.response_schema, operation.response_media_type
            ),
            **{
                str(status): _response_object(status, schema_reference("Error"), "application/json")
                for status in sorted({*COMMON_ERROR_STATUSES, *operation.error_statuses})
            },
        },
    }
    if operation.body_schema is not None:
        content = {"schema": operation.body_schema} | (
            {"example": operation.body_example} if operation.body_example else {}
        )
        operation_json["requestBody"] = {
            "content": dict.fromkeys(operation.body_media_types, content)
        }
    return operation_json


def _path_parameters(path: str) -> Iterator[JSONObject]:
    for kind, name in _PATH_VARIABLE.findall(path):
        number = {"type": "integer", "minimum": 0, "maximum": MAX_ID}
        schema = number if kind else {**TEXT_SCHEMA, "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_and_header_parameters(operation: ApiOperation) -> Iterator[JSONObject]:
    places: Mapping[str, Mapping[str, JSONObject]] = {
        "query": operation.query_schemas or {},
        "header": operation.header_schemas or {},
    }
    for place, parameters in places.items():
        for name, schema in parameters.items():
            yield {"name": name, "in": place, "schema": schema}


def _response_object(status: int, schema: JSONObject, media_type: str) -> JSONObject:
    return {"description": HTTPStatus(status).phrase, "content": {media_type: {"schema": schema}}}
