"""Rendering of all inspector pages, and their forms: redirects, notices and rejected input.

A submitted form is answered with a redirect, so that reloading the page changes nothing. A
short-lived cookie carries the notice to the next page.
"""

import mimetypes
import re
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import orjson
from flask import Blueprint, Response, abort, render_template, request, url_for
from markupsafe import Markup, escape

from segment_insider_emulator.control_api.causes import quote_for_query
from segment_insider_emulator.delivery.results import DROPPED_REASON
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.identity import DEFAULT_IDENTIFIERS
from segment_insider_emulator.inspector.json_tree import (
    JsonTree,
    compact_json,
    exact,
    finalize_expression,
    is_secret_name,
    pretty_json,
    redact_secrets,
    render_path_attributes,
    render_query_attributes,
    render_value,
    show_invisible_characters,
)
from segment_insider_emulator.json_text import current_masking, mask_document, mask_text
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.storage.json_conditions import (
    JsonPath,
    JsonPathSteps,
    MessagePath,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.host_check import (
    get_request_base_url,
)
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.sandbox_routing import SANDBOX_PATH_PREFIX, get_root_path

NOTICE_COOKIE = "notice"
SECRET_COOKIE = "shown-once"
COOKIE_LIFETIME_S = 60
MAX_NOTICE_CHARS = 300


class RejectedForm(NamedTuple):
    """A rejected form of an inspector page: its error and values, so that no input is lost.

    Args:
        form_name: Name of the form on its page; the error is shown next to it.
    """

    form_name: str
    error: EmulatorError
    submitted_values: dict[str, str]


def build_rejected_form(form_name: str, error: EmulatorError) -> RejectedForm:
    """Return *error* together with the submitted values of the form, to show both again."""
    return RejectedForm(form_name, error, request.form.to_dict())


def redirect_to_endpoint(
    notice: str, endpoint: str, *, secret: str = "", **values: Any
) -> Response:
    """Redirect to an inspector page by *endpoint*; that page shows *notice* once.

    Args:
        secret: What that page shows once, such as a key.
    """
    return redirect_to_path(notice, url_for(endpoint, **values), _get_notice_cookie_path(), secret)


def redirect_to_path(notice: str, target_path: str, cookie_path: str, secret: str = "") -> Response:
    """Redirect to the page *target_path*, below *cookie_path*; that page shows *notice* once."""
    answer = Response(status=303, headers={"Location": target_path})
    for name, value in ((NOTICE_COOKIE, notice[:MAX_NOTICE_CHARS]), (SECRET_COOKIE, secret)):
        if value:
            answer.set_cookie(
                name,
                quote(value),
                max_age=COOKIE_LIFETIME_S,
                path=cookie_path,
                httponly=True,
                samesite="Strict",
            )
    return answer


def register_form_notices(bp: Blueprint) -> None:
    """Make the pages of blueprint *bp* show the notice of the previously submitted form once."""
    bp.context_processor(
        lambda: {
            "notice": _read_notice_cookie(NOTICE_COOKIE),
            "shown_once": _read_notice_cookie(SECRET_COOKIE),
        }
    )
    bp.after_request(_delete_read_notice_cookies)


def _read_notice_cookie(name: str) -> str:
    return unquote(request.cookies.get(name, ""))


def _delete_read_notice_cookies(response: Response) -> Response:
    is_shown = (
        request.method == "GET" and response.mimetype == "text/html" and "part" not in request.args
    )
    for name in (NOTICE_COOKIE, SECRET_COOKIE):
        if is_shown and name in request.cookies:
            response.delete_cookie(name, path=_get_notice_cookie_path())
    return response


def _get_notice_cookie_path() -> str:
    return request.script_root or "/"


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
_SEPARATOR = re.compile(r"(?<=[./_])(?=\w)|(?<=\w)(?=\[)")
_ISO_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")


def format_time(at: str) -> str:
    """Format an ISO 8601 time as the time of day, e.g. "10:00:00.123"."""
    return datetime.fromisoformat(at).strftime("%H:%M:%S.%f")[:-3]


def format_time_or_date(at: str, now: datetime) -> str:
    """Format an ISO 8601 time as the time of day, with the date if it is not the day of *now*."""
    time = datetime.fromisoformat(at)
    if time.date() == now.date():
        return format_time(at)
    return f"{time:%-d %b %H:%M:%S}" if time.year == now.year else f"{time:%-d %b %Y %H:%M}"


def shorten_times(text: str) -> str:
    """Write the ISO 8601 times in a text as people read them, without milliseconds."""
    return _ISO_TIME.sub(r"\1 \2", text)


def breakable(text: str) -> Markup:
    """Let a path or URL break after its separators only, so that narrow columns break no name."""
    return Markup(_SEPARATOR.sub("<wbr>", escape(show_invisible_characters(text))))


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
    text = mask_text(text)
    return text if len(text) <= max_chars else f"{text[:max_chars]}…"


_NAME_WITH_SIGNS = re.compile(r"[._\[]|[a-z][A-Z]")
_UNREAD_PROPERTY = re.compile(r"(\S+) was sent (.+), but no mapping reads it")
_SECTION_TITLES = {
    "attributes": "Attribute",
    "identifiers": "Identifier",
    "event_params": "Parameter",
}


def finding_sentence(what: str, place: str = "") -> str:
    """Begin the text of a finding with a capital letter: what its first name is, or the text's.

    Args:
        place: The cause or the path of the finding, e.g. "unknown-name attributes.idfa".
    """
    first, _, rest = what.partition(" ")
    if not first[:1].islower():
        return what
    if unread := _UNREAD_PROPERTY.fullmatch(what):
        return f"No mapping reads {unread[1]}, which was sent {unread[2]}"
    if what.startswith("does not "):
        return f"The mapping {what}"
    title = _name_kind(first, rest, place)
    return f"{title} {what}" if title else what[0].upper() + what[1:]


def _name_kind(first: str, rest: str, place: str) -> str:
    """Return what the *first* word of a finding names, e.g. "Field"; "" for a plain word."""
    if first.partition(".")[0] in ("properties", "traits", "context"):
        return "Property"
    if "(" in first:
        return "Function"
    if first in ACTIONS:
        return "Action"
    if rest.startswith("is sent as an identifier"):
        return "Identifier"
    is_named = not rest.startswith(("parameter ", "attribute ", "identifier "))
    if is_named and (_NAME_WITH_SIGNS.search(first) or place.endswith((f".{first}", f"[{first}]"))):
        root = place.partition(" ")[2].partition(".")[0]
        title = "Setting" if place.startswith("destination.settings.") else "Field"
        return _SECTION_TITLES.get(root, title)
    return ""


def strip_verdict(reason: str) -> str:
    """Remove the verdict from the start of a message's *reason*, as the page already shows it."""
    return reason.removeprefix(f"{DROPPED_REASON}: ")


def sentence(text: str) -> str:
    """Begin *text* with a capital letter, unless its first word is a name such as "cart_id"."""
    first, _, _ = text.partition(" ")
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text


def query_attributes(path: str, document: str = "event") -> Markup:
    """Render the attributes by which a script offers to search for the value at an event's path.

    Args:
        document: "event", or "sent" for the value as sent.
    """
    try:
        steps = JsonPath.parse(path).steps
    except EmulatorError:  # a name with signs of paths
        return Markup("")
    return render_path_attributes(document, steps)


_USER: JsonPathSteps = ("users", 0)  # of a request to Insider One
MAX_ATTRIBUTE_CHARS = 400  # of a value that a query may compare


def value_attributes(column: str, json_text: str) -> Markup:
    """Render the attributes by which a script offers to search for a value in a list's column."""
    path = MessagePath.parse(column).path
    name = next((step for step in reversed(path.steps) if isinstance(step, str)), "")
    attributes = render_query_attributes(column, is_secret=is_secret_name(name))
    if len(json_text) > MAX_ATTRIBUTE_CHARS:
        return attributes
    return Markup('{} data-json="{}"').format(attributes, mask_text(json_text))


def attribute_value(value: JSON, path: str) -> Markup:
    """Render the value of a profile's attribute, e.g. "custom.plan", with a menu."""
    group, _, name = path.partition(".")
    steps = {"custom": ("custom", name), "unrecognised": (name,)}.get(group, (path,))
    redacted: JSONObject = mask_document(redact_secrets({steps[-1]: value}))
    attributes = render_path_attributes("insider", (*_USER, "attributes", *steps))
    return render_value(redacted[steps[-1]], attributes)


def identifier_value(value: str, type: str) -> Markup:
    """Render a value that identifies a profile, with a menu; *type* is e.g. "uuid"."""
    steps = (type,) if type in DEFAULT_IDENTIFIERS else ("custom", type)
    attributes = render_path_attributes("insider", (*_USER, "identifiers", *steps))
    masked: JSONObject = mask_document({type: value})
    return render_value(masked[type], attributes)


def event_name_value(name: str, title: str) -> Markup:
    """Render the *title* of an event at Insider One, with a menu for its system name."""
    attributes = render_path_attributes("insider", (*_USER, "events", 0, "event_name"))
    return Markup('<span class="value"{} data-json="{}">{}</span>').format(
        attributes, compact_json(name), shorten(title, 80)
    )


def event_params_tree(params: JSONObject) -> Markup:
    """Render the parameters of a profile's event as a tree, with a menu for each value."""
    where = (*_USER, "events", 0, "event_params")
    sent = {key: value for key, value in params.items() if key != "unrecognised"}
    trees = [JsonTree("params", document="insider", base=where).render(redact_secrets(sent))]
    if unrecognised := params.get("unrecognised"):
        tree = JsonTree("params", document="insider", base=where).render(
            redact_secrets(unrecognised)
        )
        trees.append(Markup('<p class="muted">Unrecognised</p>{}').format(tree))
    return Markup("").join(trees)


def static_url(name: str) -> str:
    """Return the URL of an inspector script or style."""
    return url_for("inspector.serve_static_file", version=STATIC_VERSION, name=name)


def is_masked() -> bool:
    """Return whether the page shows pseudonyms of people."""
    return current_masking.get() is not None


def register_template_filters(bp: Blueprint) -> None:
    """Register the inspector's template filters and `static_url` for the templates of *bp*.

    Its templates show the invisible characters of every text but those of filter `exact`.
    """
    bp.record_once(lambda state: setattr(state.app.jinja_env, "finalize", finalize_expression))
    for template_filter in (
        breakable,
        format_time,
        format_time_or_date,
        format_date,
        compact_json,
        exact,
        pretty_json,
        indent_json,
        quote_for_query,
        shorten,
        shorten_times,
        strip_verdict,
        sentence,
        finding_sentence,
        query_attributes,
        value_attributes,
        attribute_value,
        identifier_value,
        event_name_value,
        event_params_tree,
    ):
        bp.add_app_template_filter(template_filter)
    bp.add_app_template_global(static_url)
    bp.add_app_template_global(is_masked)
