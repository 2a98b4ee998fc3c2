"""Segment's Tracking API over HTTP."""

import logging
import secrets
from typing import Final

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from emulator.parts import parts
from emulator.segment.errors import IngestError, malformed, too_large
from emulator.segment.ingest import BATCH, receive, refuse_unknown
from emulator.segment.limits import BATCH_BYTES
from emulator.segment.message_id import message_id
from emulator.segment.rules import TYPES
from emulator.types import JSONObject

bp = Blueprint("segment", __name__)
log = logging.getLogger(__name__)

# What follows /v1/, and the kind of call it takes. A browser uses the first letters.
KINDS: Final = {
    **{kind: kind for kind in TYPES},
    **{kind[0]: kind for kind in TYPES},
    **dict.fromkeys(("batch", "b", "import"), BATCH),
}
TELEMETRY: Final = "m"  # an SDK's counters about itself, not events
WIRE_BYTES: Final = 2 * BATCH_BYTES  # packed or not, nothing longer can hold a batch
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


# One rule for all paths: SDKs differ in trailing slashes, and one that follows a redirect
# turns its POST into a GET and loses the batch.
@bp.route("/v1/<path:path>", methods=METHODS, merge_slashes=False)
def tracking(path: str) -> Response:
    """Take in what an SDK sends, and answer once it is delivered and kept."""
    name = path.rstrip("/")
    kind = KINDS.get(name)
    if request.method == "POST" and name == TELEMETRY:
        return _json({"success": True})
    if kind is None or request.method not in ("GET", "POST"):
        raise _unknown(f"{request.method} {request.path}")
    if request.method == "GET":
        raise malformed("a GET has no body", request.path, "Send the call with POST.")
    _take_in(kind)
    return _json({"success": True})


@bp.before_request
def preflight() -> Response | None:
    """Answer a browser's question before its request, whatever the path."""
    return Response(status=204) if request.method == "OPTIONS" else None


@bp.after_request
def allow_browsers(response: Response) -> Response:
    """Let a page of any origin call, and read how long to wait.

    The headers are named one by one: the wildcard does not cover Authorization.
    """
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, X-Retry-Count"
    headers["Access-Control-Expose-Headers"] = "Retry-After"
    if "Origin" in request.headers:
        headers["Access-Control-Allow-Credentials"] = "true"
        headers.add("Vary", "Origin")
    return response


@bp.errorhandler(IngestError)
def refuse(error: IngestError) -> Response:
    """Answer as Segment does, with a `detail` for people that Segment has not."""
    answer = {
        "success": False,
        "message": error.message,
        "code": error.code,
        "detail": str(error),
    }
    return _json(answer, error.status)


def _take_in(kind: str) -> None:
    own = parts()
    now = own.clock()
    messages = receive(
        _body(),
        kind=kind,
        encoding=request.headers.get("Content-Encoding"),
        authorization=request.headers.get("Authorization"),
        now=now,
        new_id=lambda: message_id(now, secrets.token_bytes(16)),
    )
    if own.config.strict:
        messages = refuse_unknown(messages, own.workspace.write_key)
    own.road.carry(messages)
    rejected = sum(message.rejection is not None for message in messages)
    log.info("received kind=%s messages=%d rejected=%d", kind, len(messages), rejected)


def _body() -> bytes:
    request.max_content_length = WIRE_BYTES
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise too_large(
            f"the request has more than {WIRE_BYTES:,} bytes", "body", "Send smaller batches."
        ) from error


def _unknown(asked: str) -> IngestError:
    return IngestError(
        404,
        "not found",
        "not_found",
        "the Tracking API has no such address",
        asked,
        f"Send POST /v1/{{{','.join((*TYPES, BATCH, 'import'))}}}; "
        "the host given to an SDK mostly goes without /v1.",
    )


def _json(answer: JSONObject, status: int = 200) -> Response:
    return Response(orjson.dumps(answer), status, mimetype="application/json")
