"""The OpenAPI description of the control API, put together from its views."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from inspect import cleandoc
from typing import Final

from flask import Blueprint, Flask, current_app
from werkzeug.routing import Rule

from segment_insider_emulator import __version__
from segment_insider_emulator.harness.answers_schemas import TEXT_SCHEMA, schema_reference
from segment_insider_emulator.harness.operations import (
    ApiOperation,
    component_schemas,
    operations_by_endpoint,
)
from segment_insider_emulator.harness.queries import MAX_ID
from segment_insider_emulator.segment.openapi import openapi_document as of_segment
from segment_insider_emulator.types import JSONObject

openapi_routes = Blueprint("openapi", __name__, url_prefix="/emulator/v1")

CONTROL_API_PREFIX: Final = "/emulator/v1/"
# Misuse, no password, another's page or role, no such method, too large, no database to be had.
# Werkzeug says 405 of an id beyond all ids, too, where two methods have one path.
COMMON_ERROR_STATUSES: Final = (400, 401, 403, 405, 413, 503)
HTTP_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PATH_VARIABLE = re.compile(r"<(?:(int)\([^)]*\):)?(\w+)>")


@openapi_routes.get("/openapi.json")
def described() -> JSONObject:
    """What the addresses of the control API take and answer: OpenAPI 3.1."""
    return build_openapi(current_app)


# Not at Segment's end, whose answers any page may read.
@openapi_routes.get("/openapi/segment.json")
def segment() -> JSONObject:
    """What the addresses of Segment's end take and answer."""
    return of_segment()


def build_openapi(app: Flask) -> JSONObject:
    """OpenAPI 3.1 of everything below /emulator/v1/ that *app* answers."""
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
