"""The HTTP endpoints of Segment's Tracking API."""

import logging
from typing import Final

import orjson
from flask import Blueprint, Response, request

from segment_insider_emulator.segment.ingest import BATCH_KIND
from segment_insider_emulator.segment.validation import (
    MESSAGE_TYPES,
    IngestError,
    malformed_request_error,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web import segment_cdn, segment_cors, segment_pixel, segment_token
from segment_insider_emulator.web.segment_intake import CALL_KINDS, ingest_request, read_raw_body
from segment_insider_emulator.web.services import current_services

bp = Blueprint("segment", __name__)
log = logging.getLogger(__name__)
for part in (segment_cdn, segment_pixel, segment_token):
    bp.register_blueprint(part.bp)
bp.before_request(segment_cors.answer_preflight)
bp.after_request(segment_cors.add_cors_headers)

TELEMETRY_NAME: Final = "m"  # an SDK's counters about itself, not events
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
CALL_ADDRESSES: Final = f"POST /v1/{{{','.join((*MESSAGE_TYPES, BATCH_KIND, 'import'))}}}"


# One rule for all paths: SDKs differ in trailing slashes, and one that follows a redirect
# turns its POST into a GET and loses the batch.
@bp.route("/v1/<path:path>", methods=METHODS, merge_slashes=False)
@bp.route("/v1//<path:path>", methods=METHODS, merge_slashes=False)
def handle_tracking_call(path: str) -> Response:
    """Ingest the call or batch of an SDK; answers when it is delivered and stored."""
    name = path.rstrip("/")
    kind = CALL_KINDS.get(name)
    if request.method == "POST" and name == TELEMETRY_NAME:
        return _json_response({"success": True})
    if kind is None or request.method not in ("GET", "POST"):
        remedy = f"Send {CALL_ADDRESSES}; the host given to an SDK mostly goes without /v1."
        raise _unknown_address_error(remedy)
    if request.method == "GET":
        remedy = "Send the call with POST. An SDK that is redirected asks with GET: let none do it."
        raise malformed_request_error("a GET has no body", request.path, remedy)
    return _ingest_or_fail(kind)


@bp.post(f"/<any({','.join((*CALL_KINDS, TELEMETRY_NAME))}):name>", strict_slashes=False)
def reject_call_without_version(name: str) -> Response:
    """Refuse a path without /v1 and name the right apiHost."""
    raise _unknown_address_error(
        f"The apiHost of this SDK has to end in /v1, so that it sends {CALL_ADDRESSES}."
    )


@bp.errorhandler(IngestError)
def handle_ingest_error(error: IngestError) -> Response:
    """Answer an IngestError as Segment does, with `detail` for people added.

    It stands in the log as well: hardly an SDK shows more of an answer than `message`.
    """
    log.warning("refused method=%s status=%d reason=%r", request.method, error.status, str(error))
    answer = {
        "success": False,
        "message": error.message,
        "code": error.code,
        "detail": str(error),
    }
    return _json_response(answer, error.status)


def _ingest_or_fail(kind: str) -> Response:
    fault = current_services().segment_faults.take_next()
    if fault is None or fault.taken:
        ingest_request(read_raw_body, kind)
    return fault.to_response() if fault else _json_response({"success": True})


def _unknown_address_error(remedy: str) -> IngestError:
    what = "the Tracking API has no such address"
    asked = f"{request.method} {request.path}"
    return IngestError(404, "not found", "not_found", what, asked, remedy)


def _json_response(document: JSONObject, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, mimetype="application/json")
