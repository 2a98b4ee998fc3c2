"""Segment's CDN: the settings of a source, and analytics.js with its bundles."""

import logging
import re
from collections.abc import Callable
from typing import Final

import orjson
from flask import Blueprint, Response, request

from segment_insider_emulator.segment.assets import (
    ANALYTICS_JS_VERSION,
    MAIN_SCRIPT,
    AssetsUnavailable,
)
from segment_insider_emulator.segment.sources import build_source_settings
from segment_insider_emulator.segment.validation import IngestError
from segment_insider_emulator.web.request_host import request_base_url, require_host_header
from segment_insider_emulator.web.services import current_services

bp = Blueprint("cdn", __name__)
log = logging.getLogger(__name__)

SETTINGS_PATH: Final = "/v1/projects/<writeKey>/settings"  # no write key is repeated, nor logged
WRITE_KEY_PLACEHOLDER: Final = b"__WRITE_KEY__"
PLAIN_WRITE_KEY_PATTERN: Final = re.compile(r"[\w-]+", re.ASCII)


@bp.get("/v1/projects/<write_key>/settings", strict_slashes=False)
def source_settings(write_key: str) -> Response:
    """Return the settings that browser and mobile SDKs read before they send events."""
    own = current_services()
    known = {source.write_key for source in own.workspace.sources}
    if own.config.strict and write_key not in known:
        remedy = "Use one of this workspace; only without --strict and --teams any will do."
        raise _not_found_error("no source has this write key", SETTINGS_PATH, remedy)
    body = build_source_settings(
        write_key, require_host_header() + request.root_path, request.scheme
    )
    return _disable_caching(Response(orjson.dumps(body), mimetype="application/json"))


@bp.get("/projects/<write_key>/settings", strict_slashes=False)
def reject_settings_without_version(write_key: str) -> Response:
    """Refuse the settings path without /v1 and name the right cdnHost."""
    remedy = f"The cdnHost of this SDK has to end in /v1, so that it asks for {SETTINGS_PATH}."
    raise _not_found_error("the CDN has no such address", SETTINGS_PATH.removeprefix("/v1"), remedy)


@bp.get("/analytics.js/v1/<write_key>/analytics.min.js")
def analytics_js(write_key: str) -> Response:
    """Serve analytics.js for Segment's snippet."""
    base = f"{request_base_url()}{request.root_path}"
    return _serve_script(MAIN_SCRIPT, lambda source: personalise_script(source, write_key, base))


@bp.get("/analytics-next/bundles/<name>")
def analytics_js_bundle(name: str) -> Response:
    """Serve a part of analytics.js that it loads on demand."""
    return _serve_script(name, lambda source: source)


@bp.get("/next-integrations/<path:name>")
def reject_device_mode(name: str) -> Response:
    """Refuse device-mode destinations: they are not emulated."""
    what = "destinations in device mode are not imitated"
    raise _not_found_error(
        what, f"/next-integrations/{name}", "Take remotePlugins out of the settings."
    )


def personalise_script(source: bytes, write_key: str, base: str) -> bytes:
    """Insert the write key into analytics.js and make it load everything from *base*.

    It knows its own address only by https: the line in front tells it, unless the page has.
    (observed)
    """
    cdn = orjson.dumps(base)
    line = b"(window.analytics=window.analytics||[])._cdn=window.analytics._cdn||" + cdn + b";\n"
    # A key of other characters stands in the snippet; in a script it could be more than a text.
    key = (
        write_key.encode()
        if PLAIN_WRITE_KEY_PATTERN.fullmatch(write_key)
        else WRITE_KEY_PLACEHOLDER
    )
    return line + source.replace(WRITE_KEY_PLACEHOLDER, key)


def _serve_script(name: str, transform: Callable[[bytes], bytes]) -> Response:
    try:
        source = current_services().assets.read_file(name)
    except AssetsUnavailable as error:
        # 200, because a browser runs no script of another status, and then nobody reads why.
        log.warning("missing file=%r reason=%r", name, error.what)
        said = orjson.dumps(f"Segment emulator: {error}")
        return _script_response(b"console.error(" + said + b");\n")
    if source is None:
        what = f"analytics.js {ANALYTICS_JS_VERSION} has no such part"
        raise _not_found_error(what, request.path, "Load analytics.js from this emulator as well.")
    return _script_response(transform(source))


def _script_response(content: bytes) -> Response:
    return _disable_caching(Response(content, mimetype="text/javascript"))


def _disable_caching(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-cache"
    return response


def _not_found_error(what: str, where: str, remedy: str) -> IngestError:
    return IngestError(404, "not found", "not_found", what, where, remedy)
