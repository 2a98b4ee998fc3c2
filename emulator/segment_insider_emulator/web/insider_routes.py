"""Flask routes of the emulated Insider One APIs; `InsiderApi` handles the requests."""

from flask import Blueprint, Response, request

from segment_insider_emulator.insider import openapi, other_addresses
from segment_insider_emulator.insider.responses import MAX_BODY_BYTES
from segment_insider_emulator.types import HttpRequest, HttpResponse, JSONObject
from segment_insider_emulator.web.services import current_services

bp = Blueprint("insider", __name__)

ALL_HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@bp.route("/api/<path:rest>", methods=ALL_HTTP_METHODS, endpoint="answer")
@bp.route("/email/<path:rest>", methods=ALL_HTTP_METHODS, endpoint="answer")
@bp.route("/sms/<path:rest>", methods=ALL_HTTP_METHODS, endpoint="answer")
@bp.route("/whatsapp/<path:rest>", methods=ALL_HTTP_METHODS, endpoint="answer")
def handle_insider_request(rest: str) -> Response:
    """Flask view: pass a request to the emulated Insider One API and return its response."""
    headers = {name.lower(): value for name, value in request.headers}
    # One byte more than allowed is enough to reject the body.
    body = request.stream.read(MAX_BODY_BYTES + 1)
    response = current_services().endpoint.handle_request(
        HttpRequest(request.method, request.path, headers, body)
    )
    return _build_flask_response(response)


def answer_not_imitated(method: str, path: str, host: str) -> Response:
    """Answer a request to a host of Insider One whose address is not imitated."""
    rejection = other_addresses.build_not_imitated_rejection(method, path, host)
    return _build_flask_response(rejection.to_http_response())


def _build_flask_response(response: HttpResponse) -> Response:
    return Response(response.body, response.status, headers=dict(response.headers))


@bp.get(openapi.OPENAPI_PATH, endpoint="described")
def serve_insider_openapi() -> JSONObject:
    """Flask view: serve the OpenAPI document of the emulated Insider One API."""
    return openapi.build_openapi()
