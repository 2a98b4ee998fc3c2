"""Flask routes of Segment's endpoints: tracking API, pixel, CDN and tokens."""

import base64
import logging
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import Final, Never

import orjson
from flask import Blueprint, Request, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.segment.assets import (
    ANALYTICS_JS_VERSION,
    MAIN_SCRIPT,
    AssetsUnavailable,
)
from segment_insider_emulator.segment.faults import SegmentFault
from segment_insider_emulator.segment.ingest import (
    BATCH_KIND,
    build_source_settings,
    decode_pixel_query,
    decode_request_body,
    find_write_key,
    get_basic_auth_user,
)
from segment_insider_emulator.segment.oauth import TokenRequestRejected
from segment_insider_emulator.segment.validation import (
    MESSAGE_TYPES,
    IngestError,
    build_malformed_request_error,
    build_request_too_large_error,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.host_check import (
    get_request_base_url,
)
from segment_insider_emulator.web.long_requests import ConnectionCutOff
from segment_insider_emulator.web.services import (
    IMPLICIT_DEFAULT_KEY,
    OVERLAY_KEY,
    current_services,
)
from segment_insider_emulator.web.tracking_calls import (
    CALL_KINDS,
    MAX_WIRE_BYTES,
    SUCCESS_DOCUMENT,
    build_cors_headers,
    check_authorization_of_source,
    ingest_call_of_sender,
)
from segment_insider_emulator.workspace.model import build_consent_settings

log = logging.getLogger(__name__)

_PARSED_BODY_KEY: Final = "emulator.call"


def read_raw_body(*, cache: bool = False) -> bytes:
    """Return the body of the current request to Segment, still compressed.

    Args:
        cache: Keep it, so that it can be read again.
    Raises: IngestError, when it is too large.
    """
    request.max_content_length = MAX_WIRE_BYTES
    try:
        return request.get_data(cache=cache)
    except RequestEntityTooLarge as error:
        raise build_request_too_large_error(
            f"the request has more than {MAX_WIRE_BYTES:,} bytes", "body", "Send smaller batches."
        ) from error


def parse_call_of_request_once(read_body: Callable[[], bytes], kind: str) -> JSONObject:
    """Return the parsed call of the current request; a second call of this reuses the result.

    It is needed to find the write key, and to ingest the call. Raises: IngestError.
    """
    call: JSONObject | None = request.environ.get(_PARSED_BODY_KEY)
    if call is None:
        call = decode_request_body(read_body(), request.headers.get("Content-Encoding"), kind)
        request.environ[_PARSED_BODY_KEY] = call
    return call


def ingest_request(read_body: Callable[[], bytes], kind: str) -> None:
    """Ingest the call or batch in the current request; return when its messages are delivered.

    Args:
        kind: Given by the path: a type of message, or "batch".
    Raises: IngestError, when the whole request is rejected; TemporarilyUnavailable, when nothing
        was stored.
    """
    authorization = request.headers.get("Authorization")
    check_authorization_of_source(current_services(), authorization)
    ingest_call(parse_call_of_request_once(read_body, kind), kind, authorization)


def ingest_call(call: JSONObject, kind: str, authorization: str | None = None) -> None:
    """Ingest a parsed call or batch for the sandbox of the current request."""
    ingest_call_of_sender(
        current_services(),
        call,
        kind,
        authorization=authorization,
        client_address=request.remote_addr,
        is_implicit=request.environ.get(IMPLICIT_DEFAULT_KEY, False),
    )


def get_request_write_key() -> str | None:
    """Return the Segment write key in the path, headers or body of the current request.

    None if there is none, or if the request is invalid: its view then reports the error.
    """
    path_arguments = request.view_args or {}
    if "write_key" in path_arguments:
        return str(path_arguments["write_key"])
    if key := get_basic_auth_user(request.headers.get("Authorization")):
        return key
    try:
        if path_arguments.get("kind") in MESSAGE_TYPES:
            return find_write_key(
                None, parse_call_of_request_once(read_pixel_call, path_arguments["kind"])
            )
        kind = CALL_KINDS.get(path_arguments.get("path", "").rstrip("/"))
        return (
            find_write_key(
                None, parse_call_of_request_once(partial(read_raw_body, cache=True), kind)
            )
            if kind
            else None
        )
    except IngestError:
        return None


def read_pixel_call() -> bytes:
    """Return the JSON of the call in a pixel request's query. Raises: IngestError."""
    return decode_pixel_query(request.args.items(multi=True))


bp = Blueprint("segment", __name__)
log = logging.getLogger(__name__)

TELEMETRY_NAME: Final = "m"  # an SDK's counters about itself, not events
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
CALL_ADDRESSES: Final = f"POST /v1/{{{','.join((*MESSAGE_TYPES, BATCH_KIND, 'import'))}}}"
PIXEL_GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
FORM_CONTENT_TYPE: Final = "application/x-www-form-urlencoded"
MAX_WEBHOOK_BYTES: Final = 512 * 1024
SOURCE_FUNCTION_PATH: Final = "/source-functions/<writeKey>/<name>"  # for errors
SETTINGS_PATH: Final = "/v1/projects/<writeKey>/settings"  # for errors: never with a real key
WRITE_KEY_PLACEHOLDER: Final = b"__WRITE_KEY__"
PLAIN_WRITE_KEY_PATTERN: Final = re.compile(r"[\w-]+", re.ASCII)


# One rule for all paths: SDKs differ in trailing slashes, and one that follows a redirect
# turns its POST into a GET and loses the batch.
@bp.route("/v1/<path:path>", methods=METHODS, merge_slashes=False)
@bp.route("/v1//<path:path>", methods=METHODS, merge_slashes=False)
def handle_tracking_call(path: str) -> Response:
    """Flask view: ingest the call or batch of an SDK; answers when it is delivered and stored."""
    name = path.rstrip("/")
    kind = CALL_KINDS.get(name)
    if request.method == "POST" and name == TELEMETRY_NAME:
        return _build_json_response(SUCCESS_DOCUMENT)
    if kind is None or request.method not in ("GET", "POST"):
        remedy = f"Send {CALL_ADDRESSES}; the host in an SDK's settings usually has no /v1."
        raise _build_unknown_address_error(remedy)
    if request.method == "GET":
        remedy = "Send the call with POST. A redirected SDK sends GET: do not redirect it."
        raise build_malformed_request_error("a GET has no body", request.path, remedy)
    return _ingest_or_inject_fault(kind)


@bp.post(f"/<any({','.join((*CALL_KINDS, TELEMETRY_NAME))}):name>", strict_slashes=False)
def refuse_call_without_version(name: str) -> Response:
    """Flask view: refuse a tracking call to a path without /v1, and name the right apiHost."""
    raise _build_unknown_address_error(
        f"The apiHost of this SDK has to end in /v1, so that it sends {CALL_ADDRESSES}."
    )


@bp.get("/v1/pixel/<kind>")
def handle_pixel_request(kind: str) -> Response:
    """Flask view: ingest the call in a pixel's URL and answer with an image, even after an error.

    Source: Segment, Pixel Tracking API. An additional header has the error.
    """
    answer = Response(PIXEL_GIF, mimetype="image/gif")
    answer.headers["Cache-Control"] = "no-store"
    try:
        _ingest_pixel_call(kind)
    except IngestError as error:
        log.warning("refused pixel=%r reason=%r", kind, error.what)
        answer.headers["X-Emulator-Detail"] = ascii(str(error))[1:-1]
    return answer


@bp.post("/token", strict_slashes=False)
def handle_token_request() -> Response:
    """Flask view: exchange a signed OAuth assertion for a bearer token."""
    if request.mimetype != FORM_CONTENT_TYPE:
        what = f"the content type is {request.mimetype or 'missing'}"
        raise TokenRequestRejected(
            415, "invalid_request", what, "Content-Type", f"Send {FORM_CONTENT_TYPE}."
        )
    return _build_token_response(
        current_services().token_issuer.exchange_assertion(request.form, time.time())
    )


@bp.post("/source-functions/<write_key>/<path:name>", strict_slashes=False)
def handle_webhook(write_key: str, name: str) -> Response:
    """Flask view: run a source function on a webhook, and ingest the calls that it sends.

    Source: Segment, "Source functions": POST only, JSON or a form, 512 KiB at most; the sender
        learns only of success or failure. (documented) The words and statuses are assumed.
    """
    services = current_services()
    function = services.workspace.functions.find("source", name)
    runner = services.function_runner
    if function is None or runner is None or not function.enabled:
        known = [known.name for known in services.workspace.functions.list_enabled("source")]
        remedy = f"Known: {', '.join(known)}." if known else "The workspace has none."
        what = "the workspace has no enabled source function of this name"
        raise _build_not_found_error(what, SOURCE_FUNCTION_PATH, remedy)
    run = runner.run_on_request(function, _read_webhook())
    calls = [call for call in run.sent if call["type"] in MESSAGE_TYPES]
    if calls:
        ingest_call({"batch": calls, "writeKey": write_key}, BATCH_KIND)
    log.info("ran source function=%r outcome=%s calls=%d", name, run.outcome, len(calls))
    document = {"success": run.outcome == "passed", "calls": len(calls), "logs": list(run.logs)}
    if run.outcome == "passed":
        return _build_json_response(document)
    # A sender of webhooks tries again after a 5xx, as Segment itself does for these errors.
    status = 500 if run.outcome == "retry" else 400
    return _build_json_response(document | {"code": run.code, "message": run.reason}, status)


def _read_webhook() -> JSONObject:
    """Return the current request as a source function gets it. Raises: IngestError."""
    if request.mimetype not in ("application/json", FORM_CONTENT_TYPE):
        what = f"the content type is {request.mimetype or 'missing'}"
        remedy = f"Send application/json or {FORM_CONTENT_TYPE}."
        raise IngestError(400, what, "BAD_REQUEST", what, "Content-Type", remedy)
    request.max_content_length = MAX_WEBHOOK_BYTES
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise build_request_too_large_error(
            f"the webhook has more than {MAX_WEBHOOK_BYTES:,} bytes", "body", "Send less."
        ) from error
    body = raw.decode(errors="replace")
    if request.mimetype == "application/json":
        try:
            # Segment sorts the fields of deployed functions. (documented)
            body = orjson.dumps(parse_json(raw), option=orjson.OPT_SORT_KEYS).decode()
        except orjson.JSONDecodeError as error:
            what, remedy = f"not JSON ({error})", "Send valid JSON."
            raise IngestError(400, what, "BAD_REQUEST", what, "body", remedy) from error
    headers = [[name, value] for name, value in request.headers.items()]
    return {"url": request.url, "headers": headers, "body": body}


@bp.get("/v1/projects/<write_key>/settings", strict_slashes=False)
def serve_source_settings(write_key: str) -> Response:
    """Flask view: serve the settings that browser and mobile SDKs read before they send events."""
    services = current_services()
    known = {source.write_key for source in services.sources}
    if services.config.strict and write_key not in known:
        remedy = "Use a key of this workspace. Others work only without --strict and --teams."
        raise _build_not_found_error("no source has this write key", SETTINGS_PATH, remedy)
    protocol, _, host = get_request_base_url().partition("://")
    consent = build_consent_settings(services.workspace.document)
    body = build_source_settings(write_key, host + request.root_path, protocol, consent)
    return _disable_caching(Response(orjson.dumps(body), mimetype="application/json"))


@bp.get("/projects/<write_key>/settings", strict_slashes=False)
def refuse_settings_without_version(write_key: str) -> Response:
    """Flask view: refuse the settings path without /v1, and name the right cdnHost."""
    remedy = f"The cdnHost of this SDK has to end in /v1, so that it asks for {SETTINGS_PATH}."
    raise _build_not_found_error(
        "the CDN has no such address", SETTINGS_PATH.removeprefix("/v1"), remedy
    )


@bp.get("/analytics.js/v1/<write_key>/analytics.min.js")
def serve_analytics_js(write_key: str) -> Response:
    """Flask view: serve analytics.js for Segment's snippet."""
    base = f"{get_request_base_url()}{request.root_path}"
    build_overlay = current_app.extensions.get(OVERLAY_KEY)
    after = b"\n" + build_overlay(write_key, base) if build_overlay else b""
    return _build_analytics_js_response(
        MAIN_SCRIPT, lambda source: personalise_analytics_js(source, write_key, base) + after
    )


@bp.get("/analytics-next/bundles/<name>")
def serve_analytics_js_bundle(name: str) -> Response:
    """Flask view: serve a part of analytics.js that it loads on demand."""
    return _build_analytics_js_response(name, lambda source: source)


@bp.get("/next-integrations/<path:name>")
def refuse_device_mode_destination(name: str) -> Response:
    """Flask view: refuse device-mode destinations, which are not emulated."""
    what = "destinations in device mode are not imitated"
    raise _build_not_found_error(
        what, f"/next-integrations/{name}", "Take remotePlugins out of the settings."
    )


@bp.errorhandler(IngestError)
def handle_ingest_error(error: IngestError) -> Response:
    """Flask error handler: answer an IngestError as Segment does, with `detail` for people added.

    The log has it, too: most SDKs show only `message` of an document.
    """
    log.warning("refused method=%s status=%d reason=%r", request.method, error.status, str(error))
    document = {
        "success": False,
        "message": error.message,
        "code": error.code,
        "detail": str(error),
    }
    return _build_json_response(document, error.status)


@bp.errorhandler(TokenRequestRejected)
def handle_token_error(error: TokenRequestRejected) -> Response:
    """Flask error handler: answer a rejected token request as SDKs expect, with `detail` added."""
    body = {"error": error.error, "error_description": error.what, "detail": str(error)}
    return _build_token_response(body, error.status)


def answer_cors_preflight(request: Request) -> Response | None:
    """Answer a browser's CORS preflight request, on every path."""
    return Response(status=204) if request.method == "OPTIONS" else None


def add_cors_headers(request: Request, response: Response) -> Response:
    """Add CORS headers to a response: allow every origin and expose Retry-After."""
    for name, value in build_cors_headers(request.headers.get("Origin")):
        if name == "Vary":
            response.headers.add(name, value)
        else:
            response.headers[name] = value
    return response


def personalise_analytics_js(source: bytes, write_key: str, base: str) -> bytes:
    """Insert the write key into analytics.js and make it load everything from *base*.

    analytics.js finds its own address only with https: the first line sets it, unless the page has
    set one. (observed)
    """
    cdn = orjson.dumps(base)
    line = b"(window.analytics=window.analytics||[])._cdn=window.analytics._cdn||" + cdn + b";\n"
    # A key with other characters could inject code; the snippet in the page has it anyway.
    key = (
        write_key.encode()
        if PLAIN_WRITE_KEY_PATTERN.fullmatch(write_key)
        else WRITE_KEY_PLACEHOLDER
    )
    return line + source.replace(WRITE_KEY_PLACEHOLDER, key)


def _ingest_or_inject_fault(kind: str) -> Response:
    faults = current_services().segment_faults
    fault = faults.take_next_fault() if faults.waiting else None
    if fault is None or fault.taken:
        ingest_request(read_raw_body, kind)
    return _build_fault_response(fault) if fault else _build_json_response(SUCCESS_DOCUMENT)


def _build_fault_response(fault: SegmentFault) -> Response:
    if fault.drop:
        return Response(_yield_body_that_disconnects())
    message = HTTPStatus(fault.status).phrase if fault.status in set(HTTPStatus) else "fault"
    body = {"success": False, "message": message, "code": "fault", "detail": "Injected fault."}
    response = Response(orjson.dumps(body), fault.status, mimetype="application/json")
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    if fault.retry_after is not None and fault.status == HTTPStatus.TOO_MANY_REQUESTS:
        # Segment sends this header, too, also in seconds. (documented)
        response.headers["X-RateLimit-Reset"] = str(fault.retry_after)
    return response


def _yield_body_that_disconnects() -> Iterator[Never]:
    """Yield a response body at which the server closes the connection before sending a byte."""
    raise ConnectionCutOff
    yield  # a generator, so that it is raised where the server reads it and nothing answers 500


def _ingest_pixel_call(kind: str) -> None:
    if kind not in MESSAGE_TYPES:
        remedy = f"Ask for /v1/pixel/{{{','.join(MESSAGE_TYPES)}}}."
        raise build_malformed_request_error(f"there is no pixel {kind!r}", request.path, remedy)
    ingest_request(read_pixel_call, kind)


def _build_analytics_js_response(name: str, transform: Callable[[bytes], bytes]) -> Response:
    try:
        source = current_services().assets.read_file(name)
    except AssetsUnavailable as error:
        # 200, because browsers run no script with another status and would not show the reason.
        log.warning("missing file=%r reason=%r", name, error.what)
        message = orjson.dumps(f"Segment emulator: {error}")
        return _build_script_response(b"console.error(" + message + b");\n")
    if source is None:
        what = f"analytics.js {ANALYTICS_JS_VERSION} has no such part"
        raise _build_not_found_error(
            what, request.path, "Load analytics.js from this emulator as well."
        )
    return _build_script_response(transform(source))


def _build_script_response(content: bytes) -> Response:
    return _disable_caching(Response(content, mimetype="text/javascript"))


def _disable_caching(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-cache"
    return response


def _build_unknown_address_error(remedy: str) -> IngestError:
    what = "the Tracking API has no such address"
    where = f"{request.method} {request.path}"
    return IngestError(404, "not found", "not_found", what, where, remedy)


def _build_not_found_error(what: str, where: str, remedy: str) -> IngestError:
    return IngestError(404, "not found", "not_found", what, where, remedy)


def _build_json_response(document: JSONObject, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, mimetype="application/json")


def _build_token_response(document: JSONObject, status: int = 200) -> Response:
    response = Response(orjson.dumps(document), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
