"""JSON error responses of all endpoints in one shape: {"error": {"what", "where", "remedy"}}."""

import logging
from typing import Any

import orjson
from flask import Flask, Response, request
from flask.json.provider import JSONProvider
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.web.access import (
    AuthenticationRequired,
    add_password_challenge,
)
from segment_insider_emulator.web.host_check import (
    AccessDenied,
)

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5  # SDKs keep their events and send them again
ADDRESSES_REMEDY = "See / for the addresses of this emulator."
ERROR_TEXTS = {
    404: ("this address does not exist", ADDRESSES_REMEDY),
    405: ("this address does not accept the method", ADDRESSES_REMEDY),
    413: ("the request is too large", "Send less in one request."),
    500: ("internal error of the emulator", "See its log."),
}


class OrjsonProvider(JSONProvider):
    """Flask's JSON provider with orjson; keeps the order of keys."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)


def register_json_errors(app: Flask) -> None:
    """Make a Flask *app* answer all errors with JSON."""
    app.json = OrjsonProvider(app)
    app.register_error_handler(EmulatorError, _handle_emulator_error)
    app.register_error_handler(TemporarilyUnavailable, _handle_temporarily_unavailable)
    app.register_error_handler(HTTPException, handle_http_exception)


def build_json_error_response(
    status: int, what: str, where: str = "", remedy: str = ""
) -> Response:
    """Build a response with a JSON error: what is wrong, where, and the remedy."""
    body = {"error": {"what": what, "where": where, "remedy": remedy}}
    return Response(orjson.dumps(body), status, mimetype="application/json")


def _handle_emulator_error(error: EmulatorError) -> Response:
    status = error.status if isinstance(error, AccessDenied) else 400
    response = build_json_error_response(status, error.what, error.where, error.remedy)
    return (
        add_password_challenge(response) if isinstance(error, AuthenticationRequired) else response
    )


def _handle_temporarily_unavailable(error: TemporarilyUnavailable) -> Response:
    log.error("refused reason=%s", error.what)
    response = build_json_error_response(503, error.what, error.where, error.remedy)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def handle_http_exception(error: HTTPException) -> Response:
    """Flask error handler: answer an HTTP exception of Flask or Werkzeug with a JSON error."""
    status = error.code or 500
    what, remedy = ERROR_TEXTS.get(status, (error.description or error.name, ""))
    response = build_json_error_response(status, what, request.path, remedy)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response
