"""One shape for every JSON the emulator speaks in its own name."""

import logging
from typing import Any

import orjson
from flask import Flask, Response, request
from flask.json.provider import JSONProvider
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from segment_insider_emulator.errors import EmulatorError, Unavailable
from segment_insider_emulator.guard import Refused, Unauthorised, challenge

log = logging.getLogger(__name__)

RETRY_AFTER = 5  # seconds; SDKs keep their events and send them again
PATHS = "See / for the addresses of this emulator."
FAULTS = {
    404: ("nothing has this address", PATHS),
    405: ("this address does not take the method", PATHS),
    413: ("the request is too large", "Send less in one request."),
    500: ("the emulator has a fault", "Its log says more."),
}


class Json(JSONProvider):
    """JSON in the order that a view wrote it, in UTF-8."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)


def register(app: Flask) -> None:
    """Give *app* its JSON, and every error the shape {"error": {"what", "where", "remedy"}}."""
    app.json = Json(app)
    app.register_error_handler(EmulatorError, _misuse)
    app.register_error_handler(Unavailable, _unavailable)
    app.register_error_handler(HTTPException, http)


def fault(status: int, what: str, where: str = "", remedy: str = "") -> Response:
    """An error answer."""
    body = {"error": {"what": what, "where": where, "remedy": remedy}}
    return Response(orjson.dumps(body), status, mimetype="application/json")


def _misuse(error: EmulatorError) -> Response:
    status = error.status if isinstance(error, Refused) else 400
    answer = fault(status, error.what, error.where, error.remedy)
    return challenge(answer) if isinstance(error, Unauthorised) else answer


def _unavailable(error: Unavailable) -> Response:
    log.error("refused reason=%s", error.what)
    answer = fault(503, error.what, error.where, error.remedy)
    answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def http(error: HTTPException) -> Response:
    """The answer to what Flask and Werkzeug refuse."""
    status = error.code or 500
    what, remedy = FAULTS.get(status, (error.description or error.name, ""))
    answer = fault(status, what, request.path, remedy)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(error.valid_methods)
    return answer
