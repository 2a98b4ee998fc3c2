"""The token endpoint of Segment's authorisation server."""

import time

import orjson
from flask import Blueprint, Response, request

from segment_insider_emulator.segment.oauth import TokenRequestRejected
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.services import current_services

bp = Blueprint("token", __name__)

FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"


@bp.post("/token", strict_slashes=False)
def exchange_token() -> Response:
    """Exchange a signed assertion for a bearer token."""
    if request.mimetype != FORM_CONTENT_TYPE:
        what = f"the content type is {request.mimetype or 'missing'}"
        raise TokenRequestRejected(
            415, "invalid_request", what, "Content-Type", f"Send {FORM_CONTENT_TYPE}."
        )
    return _token_response(
        current_services().token_issuer.exchange_assertion(request.form, time.time())
    )


@bp.errorhandler(TokenRequestRejected)
def handle_token_error(error: TokenRequestRejected) -> Response:
    """Answer a rejected token request as SDKs expect, with `detail` for people added."""
    body = {"error": error.error, "error_description": error.what, "detail": str(error)}
    return _token_response(body, error.status)


def _token_response(document: JSONObject, status: int = 200) -> Response:
    response = Response(orjson.dumps(document), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
