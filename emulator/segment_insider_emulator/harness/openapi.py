"""The OpenAPI description of the control API, put together from its views."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from inspect import cleandoc
from typing import Final

from flask import Blueprint, Flask, current_app
from werkzeug.routing import Rule

from segment_insider_emulator import __version__
from segment_insider_emulator.harness.answers_schemas import TEXT, ref
from segment_insider_emulator.harness.operations import Operation, operations, schemas
from segment_insider_emulator.harness.queries import LARGEST_ID
from segment_insider_emulator.segment.openapi import description as of_segment
from segment_insider_emulator.types import JSONObject

bp = Blueprint("openapi", __name__, url_prefix="/emulator/v1")

PREFIX: Final = "/emulator/v1/"
# Misuse, no password, another's page or role, no such method, too large, no database to be had.
# Werkzeug says 405 of an id beyond all ids, too, where two methods have one path.
EVERYWHERE: Final = (400, 401, 403, 405, 413, 503)
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_VARIABLE = re.compile(r"<(?:(int)\([^)]*\):)?(\w+)>")


@bp.get("/openapi.json")
def described() -> JSONObject:
    """What the addresses of the control API take and answer: OpenAPI 3.1."""
    return description(current_app)


# Not at Segment's end, whose answers any page may read.
@bp.get("/openapi/segment.json")
def segment() -> JSONObject:
    """What the addresses of Segment's end take and answer."""
    return of_segment()


def description(app: Flask) -> JSONObject:
    """OpenAPI 3.1 of everything below /emulator/v1/ that *app* answers."""
    paths: JSONObject = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda each: each.rule):
        if rule.rule.startswith(PREFIX):
            path = paths.setdefault(_VARIABLE.sub(r"{\2}", rule.rule), {})
            path |= {method: _operation(app, rule) for method in _methods(rule)}
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
        "components": {"schemas": schemas()},
    }


def _methods(rule: Rule) -> Iterator[str]:
    yield from (method.lower() for method in METHODS if method in (rule.methods or ()))


def _operation(app: Flask, rule: Rule) -> JSONObject:
    told = operations()[rule.endpoint]
    words = cleandoc(app.view_functions[rule.endpoint].__doc__ or "")
    shown: JSONObject = {
        "operationId": rule.endpoint,
        "summary": " ".join(words.partition("\n\n")[0].split()),
        "description": words.partition("\n\n")[2],
        "parameters": [*_variables(rule.rule), *_parameters(told)],
        "responses": {
            str(told.status): _response(told.status, told.answer, told.media),
            **{
                str(status): _response(status, ref("Error"), "application/json")
                for status in sorted({*EVERYWHERE, *told.refusals})
            },
        },
    }
    if told.body is not None:
        content = {"schema": told.body} | ({"example": told.example} if told.example else {})
        shown["requestBody"] = {"content": dict.fromkeys(told.body_media, content)}
    return shown


def _variables(path: str) -> Iterator[JSONObject]:
    for kind, name in _VARIABLE.findall(path):
        number = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}
        schema = number if kind else {**TEXT, "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _parameters(told: Operation) -> Iterator[JSONObject]:
    places: Mapping[str, Mapping[str, JSONObject]] = {
        "query": told.query or {},
        "header": told.headers or {},
    }
    for place, parameters in places.items():
        for name, schema in parameters.items():
            yield {"name": name, "in": place, "schema": schema}


def _response(status: int, schema: JSONObject, media: str) -> JSONObject:
    return {"description": HTTPStatus(status).phrase, "content": {media: {"schema": schema}}}
