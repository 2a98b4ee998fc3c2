"""Scripts and styles: plain files, under an address that tells their content.

The version is a part of the path, not a query: modules import each other by relative addresses, and
so get the same version as the page that loaded the first.
"""

import mimetypes
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import orjson
from flask import Blueprint, Response, abort, render_template, request, url_for

from segment_insider_emulator.delivery.results import DROPPED_REASON
from segment_insider_emulator.web.access import request_base_url
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.sandbox_routing import SANDBOX_PATH_PREFIX

STATIC_FOLDER = Path(__file__).parent / "static"
MIME_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class StaticFiles:
    """The files of one folder, read once: they are few, small and part of the program."""

    def __init__(self, folder: Path) -> None:
        self._content_by_name = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    @property
    def content_hash(self) -> str:
        """A name for the content of all files together."""
        digest = sha256()
        for name, content in self._content_by_name.items():
            digest.update(f"{name} {len(content)} ".encode() + content)
        return digest.hexdigest()[:12]

    def build_response(self, name: str) -> Response:
        """The file *name*, or 404."""
        if name not in self._content_by_name:
            abort(404)
        kind = MIME_TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0]
        return Response(self._content_by_name[name], mimetype=kind or "application/octet-stream")


STATIC_FILES = StaticFiles(STATIC_FOLDER)
STATIC_VERSION = STATIC_FILES.content_hash


def current_sandbox_url() -> str:
    """Where programs reach this sandbox, e.g. "http://127.0.0.1:8282"."""
    return f"{request_base_url()}{request.script_root}"


def sandbox_pages_path(sandbox_id: str) -> str:
    """The path below which the pages of a sandbox are, by its id."""
    root = request.script_root.partition(SANDBOX_PATH_PREFIX)[0]
    return root if sandbox_id == DEFAULT_SANDBOX_ID else f"{root}{SANDBOX_PATH_PREFIX}{sandbox_id}"


def team_page_path() -> str:
    """The path of the page of the caller's sandboxes, outside of any."""
    return f"{sandbox_pages_path(DEFAULT_SANDBOX_ID)}/team"


def render_page(template_name: str, *part_names: str, **context: object) -> str:
    """The page that was asked for or, with `?part=NAME`, the one part of it.

    Args:
        page: The page's template in templates/inspector/, e.g. "live.html".
        parts: Names of its parts. Part `rows` is the template `_rows.html`, which *page* includes
            in an element with data-part="rows"; refresh.js fetches and replaces its content.
    """
    part = request.args.get("part")
    if part is None:
        return render_template(f"inspector/{template_name}", **context)
    if part not in part_names:
        abort(404)
    return render_template(f"inspector/_{part}.html", **context)


MAX_CELL_CHARS = 200  # characters of a value in a table


def clock(at: str) -> str:
    """ISO 8601 as the time of day, e.g. "10:00:00.123"."""
    return datetime.fromisoformat(at).strftime("%H:%M:%S.%f")[:-3]


def moment(at: str, now: datetime) -> str:
    """ISO 8601 as the time of day, and as "23 Nov 10:00:00" where that is not the day of *now*."""
    time = datetime.fromisoformat(at)
    if time.date() == now.date():
        return clock(at)
    return f"{time:%-d %b %H:%M:%S}" if time.year == now.year else f"{time:%-d %b %Y %H:%M}"


def day(at: str) -> str:
    """ISO 8601 as the day, e.g. "23 Nov 2026"."""
    return f"{datetime.fromisoformat(at):%-d %b %Y}"


def compact(value: object) -> str:
    """*value* as JSON in one line."""
    return orjson.dumps(value, default=str).decode()


def pretty(value: object) -> str:
    """*value* as indented JSON."""
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()


def indented(text: str) -> str:
    """A JSON *text* with indentation; any other text as it is."""
    try:
        return pretty(orjson.loads(text))
    except orjson.JSONDecodeError:
        return text


def cut(text: str, most: int = MAX_CELL_CHARS) -> str:
    """*text*, or its beginning where it is longer than *most* characters."""
    return text if len(text) <= most else f"{text[:most]}…"


def why(reason: str) -> str:
    """*reason* where the verdict stands beside it, and need not be said twice."""
    return reason.removeprefix(f"{DROPPED_REASON}: ")


def asset(name: str) -> str:
    """The address of a script or style."""
    return url_for("inspector.serve_static_file", version=STATIC_VERSION, name=name)


def register_template_filters(bp: Blueprint) -> None:
    """Give the templates of *bp* these filters and `asset`."""
    for each in (clock, moment, day, compact, pretty, indented, cut, why):
        bp.add_app_template_filter(each)
    bp.add_app_template_global(asset)
