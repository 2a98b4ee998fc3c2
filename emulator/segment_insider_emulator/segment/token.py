"""The token endpoint of Segment's authorisation server."""

import time

import orjson
from flask import Blueprint, Response, request

from segment_insider_emulator.parts import parts
from segment_insider_emulator.segment.oauth import TokenRefused
from segment_insider_emulator.types import JSONObject

bp = Blueprint("token", __name__)

FORM = "application/x-www-form-urlencoded"


@bp.post("/token", strict_slashes=False)
def token() -> Response:
    """Exchange a signed assertion for a token."""
    if request.mimetype != FORM:
        what = f"the content type is {request.mimetype or 'missing'}"
        raise TokenRefused(415, "invalid_request", what, "Content-Type", f"Send {FORM}.")
    return _json(parts().tokens.exchange(request.form, time.time()))


@bp.errorhandler(TokenRefused)
def refuse(error: TokenRefused) -> Response:
    """Answer with the two members that SDKs read, and a `detail` for people."""
    body = {"error": error.error, "error_description": error.what, "detail": str(error)}
    return _json(body, error.status)


def _json(answer: JSONObject, status: int = 200) -> Response:
    response = Response(orjson.dumps(answer), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
