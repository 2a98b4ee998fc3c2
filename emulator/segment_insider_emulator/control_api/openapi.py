"""The OpenAPI document of the control API, built from its routes and their models."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from importlib.resources import files
from inspect import cleandoc
from typing import Any, Final, ParamSpec, TypeVar, cast, get_type_hints

import msgspec
import orjson
from flask import Blueprint, Flask, Response, current_app
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule

from segment_insider_emulator import __version__
from segment_insider_emulator.control_api.models import ErrorModel
from segment_insider_emulator.control_api.request_parsing import MAX_ID, MAX_LIMIT
from segment_insider_emulator.segment.openapi import build_segment_openapi as build_segment_openapi
from segment_insider_emulator.storage.query_language import MAX_QUERY_LENGTH
from segment_insider_emulator.storage.records import VERDICTS
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.sandbox_routing import get_root_path

JSON_MEDIA_TYPE: Final = "application/json"
CONTROL_API_PREFIX: Final = "/emulator/v1/"
# Invalid request, missing password, page or role without access, wrong method, too large, database
# unavailable. Werkzeug answers 405 to an id above MAX_ID when two methods share a path.
COMMON_ERROR_STATUSES: Final = (400, 401, 403, 405, 413, 503)
HTTP_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
SCENARIO_RUN_SCHEMA: Final[JSONObject] = {"$ref": "#/components/schemas/ScenarioRun"}
TEXT_SCHEMA: Final[JSONObject] = {"type": "string"}
QUERY_SCHEMA: Final[JSONObject] = {
    **TEXT_SCHEMA,
    "maxLength": MAX_QUERY_LENGTH,
    "description": "Query such as `user:ada and properties.price > 20` (docs/queries.md).",
}
PAGE_PARAMETERS: Final[JSONObject] = {
    "after": {"type": "integer", "minimum": 0, "maximum": MAX_ID},
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
}
_COMPONENT_PREFIX = "#/components/schemas/"
_MODEL_REFERENCE = re.compile(rb"(#/components/schemas/\w+?)Model(?=\")")
_PATH_VARIABLE = re.compile(r"<(?:(int)\([^)]*\):)?(\w+)>")

P = ParamSpec("P")
R = TypeVar("R")

openapi_routes = Blueprint("openapi", __name__, url_prefix="/emulator/v1")


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """Request and response of one control API route, as its OpenAPI document shows them.

    Args:
        response: Model of the response with *status*.
        body: Model or JSON Schema of the request body; None without a body.
        example: An example of a valid body.
        query, headers: JSON Schemas of the parameters by name.
        errors: Error statuses besides COMMON_ERROR_STATUSES.
        media_type: Content type of the response.
        body_media_types: Content types of the request body.
    """

    response: Any
    body: Any = None
    example: JSONObject | None = None
    query: Mapping[str, JSONObject] | None = None
    headers: Mapping[str, JSONObject] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    media_type: str = JSON_MEDIA_TYPE
    body_media_types: tuple[str, ...] = (JSON_MEDIA_TYPE,)


_OPERATIONS: dict[object, ApiOperation] = {}  # view -> its operation
UNDOCUMENTED_OPERATION = ApiOperation(JSONObject)  # of views outside the control API


def api_operation(
    *,
    response: Any = None,
    body: Any = None,
    example: JSONObject | None = None,
    query: Mapping[str, JSONObject] | None = None,
    headers: Mapping[str, JSONObject] | None = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
    media_type: str = JSON_MEDIA_TYPE,
    body_media_types: tuple[str, ...] = (JSON_MEDIA_TYPE,),
) -> Callable[[Callable[P, R]], Callable[P, ResponseReturnValue]]:
    """Decorate a control API view: document it, and answer with JSON of the model it returns.

    Args: As in ApiOperation. *response* is the return type of the view unless it is given.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def answer_with_json(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            result = view(*args, **kwargs)
            if isinstance(result, Response):
                return result
            return msgspec.to_builtins(result), status

        _OPERATIONS[answer_with_json] = ApiOperation(
            response or get_type_hints(view)["return"],
            body,
            example,
            query,
            headers,
            status,
            errors,
            media_type,
            body_media_types,
        )
        return answer_with_json

    return decorate


def build_filter_parameters(filters: Mapping[str, object]) -> dict[str, JSONObject]:
    """Return the JSON Schemas of a list's filters as OpenAPI query parameters."""
    return {
        name: {"enum": list(VERDICTS)} if name == "verdict" else TEXT_SCHEMA for name in filters
    }


@openapi_routes.get("/openapi.json", endpoint="described")
@api_operation()
def get_control_api_openapi() -> JSONObject:
    """Return the OpenAPI 3.1 document of the control API."""
    return build_control_api_openapi(current_app, get_root_path())


# Not below Segment's own addresses: any web page may read their responses.
@openapi_routes.get("/openapi/segment.json", endpoint="segment")
@api_operation()
def get_segment_openapi() -> JSONObject:
    """Return the OpenAPI document of Segment's Tracking API."""
    return build_segment_openapi()


def build_control_api_openapi(app: Flask, root_path: str = "") -> JSONObject:
    """Build the OpenAPI document of all routes below /emulator/v1/.

    Args:
        root_path: Path of the emulator behind a proxy; "" is the root.
    """
    rules = sorted(
        (rule for rule in app.url_map.iter_rules() if rule.rule.startswith(CONTROL_API_PREFIX)),
        key=lambda rule: rule.rule,
    )
    operations = {rule.endpoint: find_api_operation(app, rule.endpoint) for rule in rules}
    components: JSONObject = {"ScenarioRun": _load_scenario_run_schema()}
    paths: JSONObject = {}
    for rule in rules:
        path = paths.setdefault(_PATH_VARIABLE.sub(r"{\2}", rule.rule), {})
        document = _build_operation_json(app, rule, operations[rule.endpoint], components)
        path |= dict.fromkeys(_list_rule_methods(rule), document)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Control API of the Segment to Insider One emulator",
            "version": __version__,
            "description": "Version 1. New fields and addresses may be added; existing ones do "
            "not change. See docs/control-api.md.",
        },
        "servers": [
            {"url": root_path or "/", "description": "The default sandbox."},
            {
                "url": f"{root_path}/sandboxes/{{sandbox}}",
                "description": "Another sandbox.",
                "variables": {"sandbox": {"default": "default"}},
            },
        ],
        "paths": paths,
        "components": {"schemas": components},
    }


def find_api_operation(app: Flask, endpoint: str) -> ApiOperation:
    """Return the operation of an endpoint; any JSON object for a view of another package."""
    return _OPERATIONS.get(app.view_functions[endpoint], UNDOCUMENTED_OPERATION)


def _list_rule_methods(rule: Rule) -> Iterator[str]:
    yield from (method.lower() for method in HTTP_METHODS if method in (rule.methods or ()))


def _build_operation_json(
    app: Flask, rule: Rule, operation: ApiOperation, components: JSONObject
) -> JSONObject:
    docstring = cleandoc(app.view_functions[rule.endpoint].__doc__ or "")
    error_schema = _build_model_schema(ErrorModel, components)
    document: JSONObject = {
        "operationId": rule.endpoint,
        "summary": " ".join(docstring.partition("\n\n")[0].split()),
        "description": docstring.partition("\n\n")[2],
        "parameters": [
            *_build_path_parameters(rule.rule),
            *_build_query_and_header_parameters(operation),
        ],
        "responses": {
            str(operation.status): _build_response_object(
                operation.status,
                _build_model_schema(operation.response, components),
                operation.media_type,
            ),
            **{
                str(status): _build_response_object(status, error_schema, JSON_MEDIA_TYPE)
                for status in sorted({*COMMON_ERROR_STATUSES, *operation.errors})
            },
        },
    }
    if operation.body is not None:
        content: JSONObject = {"schema": _build_model_schema(operation.body, components)}
        if operation.example:
            content["example"] = operation.example
        document["requestBody"] = {"content": dict.fromkeys(operation.body_media_types, content)}
    return document


def _build_model_schema(model: Any, components: JSONObject) -> JSONObject:
    """Return the JSON Schema of a model; add the schemas of all its models to *components*.

    Args:
        model: A model, another type, or already a JSON Schema.
    """
    if isinstance(model, dict):
        return model
    schemas_and_components = msgspec.json.schema_components(
        (model,), ref_template=f"{_COMPONENT_PREFIX}{{name}}"
    )
    (schema,), schemas = orjson.loads(
        _MODEL_REFERENCE.sub(rb"\1", orjson.dumps(schemas_and_components))
    )
    for name, component in schemas.items():
        del component["title"]
        components[name.removesuffix("Model")] = component
    return cast(JSONObject, schema)


def _load_scenario_run_schema() -> JSONObject:
    source = files("segment_insider_emulator.control_api").joinpath("scenario_run.schema.json")
    text = source.read_text("utf-8")
    return cast(
        JSONObject, orjson.loads(text.replace("#/$defs/", f"{_COMPONENT_PREFIX}ScenarioRun/$defs/"))
    )


def _build_path_parameters(path: str) -> Iterator[JSONObject]:
    for kind, name in _PATH_VARIABLE.findall(path):
        number = {"type": "integer", "minimum": 0, "maximum": MAX_ID}
        schema = number if kind else {**TEXT_SCHEMA, "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _build_query_and_header_parameters(operation: ApiOperation) -> Iterator[JSONObject]:
    for location, parameters in (("query", operation.query), ("header", operation.headers)):
        for name, schema in (parameters or {}).items():
            yield {"name": name, "in": location, "schema": schema}


def _build_response_object(status: int, schema: JSONObject, media_type: str) -> JSONObject:
    return {"description": HTTPStatus(status).phrase, "content": {media_type: {"schema": schema}}}
