"""Segment's Tracking API over HTTP, and in the same place all else that an SDK asks Segment for."""

import logging
from typing import Final

import orjson
from flask import Blueprint, Response, request

from segment_insider_emulator.parts import parts
from segment_insider_emulator.segment import browsers, cdn, pixel, token
from segment_insider_emulator.segment.errors import IngestError, malformed
from segment_insider_emulator.segment.ingest import BATCH
from segment_insider_emulator.segment.intake import KINDS, posted, take_in
from segment_insider_emulator.segment.rules import TYPES
from segment_insider_emulator.types import JSONObject

bp = Blueprint("segment", __name__)
log = logging.getLogger(__name__)
for part in (cdn, pixel, token):
    bp.register_blueprint(part.bp)
bp.before_request(browsers.preflight)
bp.after_request(browsers.allow)

TELEMETRY: Final = "m"  # an SDK's counters about itself, not events
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
ADDRESSES: Final = f"POST /v1/{{{','.join((*TYPES, BATCH, 'import'))}}}"


# One rule for all paths: SDKs differ in trailing slashes, and one that follows a redirect
# turns its POST into a GET and loses the batch.
@bp.route("/v1/<path:path>", methods=METHODS, merge_slashes=False)
@bp.route("/v1//<path:path>", methods=METHODS, merge_slashes=False)
def tracking(path: str) -> Response:
    """Take in what an SDK sends, and answer once it is delivered and kept."""
    name = path.rstrip("/")
    kind = KINDS.get(name)
    if request.method == "POST" and name == TELEMETRY:
        return _json({"success": True})
    if kind is None or request.method not in ("GET", "POST"):
        remedy = f"Send {ADDRESSES}; the host given to an SDK mostly goes without /v1."
        raise _unknown(remedy)
    if request.method == "GET":
        remedy = "Send the call with POST. An SDK that is redirected asks with GET: let none do it."
        raise malformed("a GET has no body", request.path, remedy)
    return _taken(kind)


@bp.post(f"/<any({','.join((*KINDS, TELEMETRY))}):name>", strict_slashes=False)
def without_version(name: str) -> Response:
    """What an SDK with a wrong apiHost asks for: a browser could not read the plain refusal."""
    raise _unknown(f"The apiHost of this SDK has to end in /v1, so that it sends {ADDRESSES}.")


@bp.errorhandler(IngestError)
def refuse(error: IngestError) -> Response:
    """Answer as Segment does, with a `detail` for people that Segment has not.

    It stands in the log as well: hardly an SDK shows more of an answer than `message`.
    """
    log.warning("refused method=%s status=%d reason=%r", request.method, error.status, str(error))
    answer = {
        "success": False,
        "message": error.message,
        "code": error.code,
        "detail": str(error),
    }
    return _json(answer, error.status)


def _taken(kind: str) -> Response:
    fault = parts().segment_faults.take()
    if fault is None or fault.taken:
        take_in(posted, kind)
    return fault.answer() if fault else _json({"success": True})


def _unknown(remedy: str) -> IngestError:
    what = "the Tracking API has no such address"
    asked = f"{request.method} {request.path}"
    return IngestError(404, "not found", "not_found", what, asked, remedy)


def _json(answer: JSONObject, status: int = 200) -> Response:
    return Response(orjson.dumps(answer), status, mimetype="application/json")
