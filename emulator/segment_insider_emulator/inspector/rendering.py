"""Rendering for all inspector pages: templates and their filters, static files, page URLs.

The hash of all static files is part of their path, not a query: modules import each other by
relative URLs, and so get the same version as the page.
"""

import mimetypes
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import orjson
from flask import Blueprint, Response, abort, render_template, request, url_for

from segment_insider_emulator.delivery.results import DROPPED_REASON
from segment_insider_emulator.inspector.visible_text import (
    compact_json,
    exact,
    finalize_expression,
    pretty_json,
)
from segment_insider_emulator.web.access import get_request_base_url
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.sandbox_routing import SANDBOX_PATH_PREFIX, get_root_path

STATIC_FOLDER = Path(__file__).parent / "static"
MIME_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class StaticFiles:
    """The static files of one folder, read into memory once."""

    def __init__(self, folder: Path) -> None:
        self._content_by_name = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    @property
    def content_hash(self) -> str:
        """Return a hash of the content of all static files."""
        digest = sha256()
        for name, content in self._content_by_name.items():
            digest.update(f"{name} {len(content)} ".encode() + content)
        return digest.hexdigest()[:12]

    def build_response(self, name: str) -> Response:
        """Return a response with a static file, or abort with 404."""
        if name not in self._content_by_name:
            abort(404)
        kind = MIME_TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0]
        return Response(self._content_by_name[name], mimetype=kind or "application/octet-stream")


STATIC_FILES = StaticFiles(STATIC_FOLDER)
STATIC_VERSION = STATIC_FILES.content_hash


def get_current_sandbox_url() -> str:
    """Return the base URL of the current sandbox, e.g. "http://127.0.0.1:8282"."""
    return f"{get_request_base_url()}{request.script_root}"


def get_sandbox_pages_path(sandbox_id: str) -> str:
    """Return the path prefix of the pages of a sandbox, by its id."""
    root = get_root_path()
    return root if sandbox_id == DEFAULT_SANDBOX_ID else f"{root}{SANDBOX_PATH_PREFIX}{sandbox_id}"


def get_team_page_path() -> str:
    """Return the path of the page that lists the sandboxes of the user's team."""
    return f"{get_sandbox_pages_path(DEFAULT_SANDBOX_ID)}/team"


def render_page(template_name: str, *part_names: str, **context: object) -> str:
    """Render the template of a page, or with `?part=NAME` only that part of it.

    Args:
        template_name: The page's template in templates/inspector/, e.g. "live.html".
        part_names: Names of its parts. Part `rows` is the template `_rows.html`, which
            *template_name* includes in an element with data-part="rows"; refresh.js fetches and
            replaces its content.
    """
    part = request.args.get("part")
    if part is None:
        return render_template(f"inspector/{template_name}", **context)
    if part not in part_names:
        abort(404)
    return render_template(f"inspector/_{part}.html", **context)


MAX_CELL_CHARS = 200


def format_time(at: str) -> str:
    """Format an ISO 8601 time as the time of day, e.g. "10:00:00.123"."""
    return datetime.fromisoformat(at).strftime("%H:%M:%S.%f")[:-3]


def format_time_or_date(at: str, now: datetime) -> str:
    """Format an ISO 8601 time as the time of day, with the date if it is not the day of *now*."""
    time = datetime.fromisoformat(at)
    if time.date() == now.date():
        return format_time(at)
    return f"{time:%-d %b %H:%M:%S}" if time.year == now.year else f"{time:%-d %b %Y %H:%M}"


def format_date(at: str) -> str:
    """Format an ISO 8601 time as a date, e.g. "23 Nov 2026"."""
    return f"{datetime.fromisoformat(at):%-d %b %Y}"


def indent_json(text: str) -> str:
    """Indent *text* if it is JSON; return other text unchanged."""
    try:
        return pretty_json(orjson.loads(text))
    except orjson.JSONDecodeError:
        return text


def shorten(text: str, max_chars: int = MAX_CELL_CHARS) -> str:
    """Shorten a text to at most *max_chars* characters."""
    return text if len(text) <= max_chars else f"{text[:max_chars]}…"


def strip_verdict(reason: str) -> str:
    """Remove the verdict from the start of a message's *reason*, as the page already shows it."""
    return reason.removeprefix(f"{DROPPED_REASON}: ")


def static_url(name: str) -> str:
    """Return the URL of an inspector script or style."""
    return url_for("inspector.serve_static_file", version=STATIC_VERSION, name=name)


def register_template_filters(bp: Blueprint) -> None:
    """Register the inspector's template filters and `static_url` for the templates of *bp*.

    Its templates show the invisible characters of every text but those of filter `exact`.
    """
    bp.record_once(lambda state: setattr(state.app.jinja_env, "finalize", finalize_expression))
    for template_filter in (
        format_time,
        format_time_or_date,
        format_date,
        compact_json,
        exact,
        pretty_json,
        indent_json,
        shorten,
        strip_verdict,
    ):
        bp.add_app_template_filter(template_filter)
    bp.add_app_template_global(static_url)
