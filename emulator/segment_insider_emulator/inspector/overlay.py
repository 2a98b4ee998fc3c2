"""Overlay in an app's own page: a small panel with the verdict of each call, as it is made.

The page has another origin, and no password. So it gets the calls of one anonymous id only, which
the browser alone knows, and by default only if the page comes from this machine.
"""

from datetime import timedelta
from functools import cache
from math import isnan, nan
from typing import Final
from urllib.parse import quote, urlsplit

import orjson
from flask import Blueprint, Response, request

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector.live_page import find_unmapped_message_properties
from segment_insider_emulator.inspector.rendering import (
    STATIC_FOLDER,
    get_sandbox_pages_path,
    strip_verdict,
)
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.storage.message_search import MessageSummary
from segment_insider_emulator.storage.query_language import Comparison
from segment_insider_emulator.storage.records import Verdict
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.host_check import (
    AccessDenied,
    get_request_base_url,
    is_loopback_host,
)
from segment_insider_emulator.web.sandbox_routing import current_sandbox
from segment_insider_emulator.web.services import current_services

MAX_CALLS: Final = 8
MAX_ID_CHARS: Final = 200
MAX_TEXT_CHARS: Final = 200
MAX_LOST_PROPERTIES: Final = 5
MAX_AGE_S: Final = 24 * 3600
CLOCK_TOLERANCE_S: Final = 2
BASE_PLACEHOLDER: Final = b"__EMULATOR_URL__"
VERDICT_WORDS: Final[dict[Verdict, str]] = {
    "accepted": "Accepted",
    "warning": "Warning",
    "dropped": "Dropped by Insider One",
    "rejected": "Rejected by Segment",
    "filtered": "Filtered",
    "not_subscribed": "Not subscribed",
    "disabled": "Destination off",
    "failed": "Failed",
    "retrying": "Retrying",
}

bp = Blueprint("overlay", __name__, url_prefix="/overlay/<write_key>")


@bp.get("/overlay.js")
def serve_overlay(write_key: str) -> Response:
    """Flask view: serve the script of the overlay, for a script tag in a page."""
    base = f"{get_request_base_url()}{request.root_path}"
    response = Response(build_overlay_script(write_key, base), mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@bp.get("/calls")
def list_overlay_calls(write_key: str) -> Response:
    """Flask view: list the latest calls of the anonymous id of a page, newest first.

    `age` is how many seconds ago the page was opened.
    """
    _check_origin()
    anonymous_id = request.args.get("anonymousId", "")
    calls = _load_calls(anonymous_id) if 0 < len(anonymous_id) <= MAX_ID_CHARS else []
    lost = find_unmapped_message_properties(
        calls, current_services().destination_overrides.current_destination
    )
    document = {"calls": [_serialize_call(call, lost.get(call.id) or []) for call in calls]}
    response = Response(orjson.dumps(document), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.after_request
def add_overlay_cors_headers(response: Response) -> Response:
    """Let the page that asks read the response, without credentials."""
    response.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    response.headers.add("Vary", "Origin")
    return response


def build_overlay_script(write_key: str, base: str) -> bytes:
    """Return the script of the overlay for the emulator or sandbox at the URL *base*."""
    address = orjson.dumps(f"{base}/overlay/{quote(write_key, safe='')}")
    return _read_overlay_script().replace(BASE_PLACEHOLDER, address)


@cache
def _read_overlay_script() -> bytes:
    return (STATIC_FOLDER / "overlay.js").read_bytes()


def _check_origin() -> None:
    """Check that the page may see calls: any with --overlay, else a page of this machine.

    Raises: AccessDenied.
    """
    config = current_services().config
    if config.overlay:
        return
    try:
        host = urlsplit(request.headers.get("Origin", "")).hostname or ""
    except ValueError:  # such as http://[
        host = ""
    is_local_page = is_loopback_host(host) or host.endswith(".localhost")
    is_shared = config.password or config.teams or not is_loopback_host(config.host)
    if is_shared or not is_local_page:
        what = "this emulator shows verdicts only to pages of this machine"
        raise AccessDenied(what, request.path, "Start it with --overlay.")


def _load_calls(anonymous_id: str) -> list[MessageSummary]:
    services = current_services()
    since = format_iso_utc(services.clock() - timedelta(seconds=_parse_age() + CLOCK_TOLERANCE_S))
    condition = Comparison("user", "=", anonymous_id, is_quoted=True)
    page = services.store.message_search.find_message_page(
        MessageFilters(since=since, condition=condition), limit=MAX_CALLS
    )
    # Not those of a user with this id: it could be guessed.
    return [call for call in page.messages if call.anonymous_id == anonymous_id]


def _parse_age() -> float:
    text = request.args.get("age", "0")
    try:
        age_s = float(text)
    except ValueError:
        age_s = nan
    if isnan(age_s):
        raise EmulatorError("this is not a number", "age", "Send seconds, such as 12.5.")
    return min(max(age_s, 0.0), MAX_AGE_S)


def _serialize_call(call: MessageSummary, lost: list[str]) -> JSONObject:
    sandbox = current_sandbox()
    pages = get_sandbox_pages_path(sandbox.record.id) if sandbox else ""
    return {
        "id": call.id,
        "name": (call.title or call.type or "no type")[:MAX_TEXT_CHARS],
        "type": call.type,
        "verdict": call.verdict,
        "word": VERDICT_WORDS[call.verdict],
        "reason": strip_verdict(call.reason or "")[:MAX_TEXT_CHARS],
        "lost": [path[:MAX_TEXT_CHARS] for path in lost[:MAX_LOST_PROPERTIES]],
        "lostCount": len(lost),
        "url": f"{get_request_base_url()}{pages}/messages/{call.id}",
    }
