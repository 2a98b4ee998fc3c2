"""The unification host's addresses: every one of them is the endpoint's to answer."""

from flask import Blueprint, Response, request

from segment_insider_emulator.http import HttpRequest
from segment_insider_emulator.insider import openapi
from segment_insider_emulator.insider.replies import LARGEST_BODY
from segment_insider_emulator.parts import parts
from segment_insider_emulator.types import JSONObject

bp = Blueprint("insider", __name__)

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@bp.route("/api/user/v1/<path:rest>", methods=METHODS)
@bp.route("/api/contact/v1/<path:rest>", methods=METHODS)
def answer(rest: str) -> Response:
    """Hand the request over as it stands on the wire, and its answer back."""
    headers = {name.lower(): value for name, value in request.headers}
    # One byte more than allowed is enough to refuse a body.
    body = request.stream.read(LARGEST_BODY + 1)
    answered = parts().endpoint.answer(HttpRequest(request.method, request.path, headers, body))
    return Response(answered.body, answered.status, headers=dict(answered.headers))


@bp.get(openapi.ADDRESS)
def described() -> JSONObject:
    """What the addresses above take and answer."""
    return openapi.description()
