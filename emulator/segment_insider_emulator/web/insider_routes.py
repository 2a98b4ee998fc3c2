"""Flask routes of the emulated Insider One API; `InsiderApi` handles the requests."""

from flask import Blueprint, Response, request

from segment_insider_emulator.insider import openapi
from segment_insider_emulator.insider.responses import MAX_BODY_BYTES
from segment_insider_emulator.types import HttpRequest, JSONObject
from segment_insider_emulator.web.services import current_services

bp = Blueprint("insider", __name__)

ALL_HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@bp.route("/api/user/v1/<path:rest>", methods=ALL_HTTP_METHODS, endpoint="answer")
@bp.route("/api/contact/v1/<path:rest>", methods=ALL_HTTP_METHODS, endpoint="answer")
def handle_insider_request(rest: str) -> Response:
    """Flask view: pass a request to the emulated Insider One API and return its response."""
    headers = {name.lower(): value for name, value in request.headers}
    # One byte more than allowed is enough to reject the body.
    body = request.stream.read(MAX_BODY_BYTES + 1)
    response = current_services().endpoint.handle_request(
        HttpRequest(request.method, request.path, headers, body)
    )
    return Response(response.body, response.status, headers=dict(response.headers))


@bp.get(openapi.OPENAPI_PATH, endpoint="described")
def serve_insider_openapi() -> JSONObject:
    """Flask view: serve the OpenAPI document of the emulated Insider One API."""
    return openapi.build_openapi()
