"""Flask blueprint of the inspector: navigation, static files, change stream and error pages."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson
from flask import Blueprint, Response, current_app, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from segment_insider_emulator.clock import Stopwatch, format_iso_utc
from segment_insider_emulator.errors import ConflictError, EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.inspector import (
    changes_page,
    checks_page,
    event_page,
    flow_page,
    import_page,
    journeys_page,
    live_page,
    mapping_forms,
    profiles_page,
    rendering,
    resend_page,
    scenarios_page,
    settings_page,
    team_page,
    tester_page,
    workspace_page,
)
from segment_insider_emulator.inspector.rendering import (
    STATIC_FILES,
    STATIC_VERSION,
    get_team_page_path,
)
from segment_insider_emulator.storage.change_feed import ChangeCounter
from segment_insider_emulator.storage.database import DatabaseUnavailable
from segment_insider_emulator.web.access import (
    AuthenticationRequired,
    add_password_challenge,
)
from segment_insider_emulator.web.host_check import (
    AccessDenied,
)
from segment_insider_emulator.web.json_errors import (
    ERROR_TEXTS,
    RETRY_AFTER_S,
    handle_http_exception,
)
from segment_insider_emulator.web.long_requests import (
    STREAMS_KEY,
    StreamSlots,
    create_disconnection_check,
)
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.sandbox_routing import current_sandbox
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.web.workspace_watcher import WORKSPACE_WATCHER_KEY

# No inline scripts or styles: captured text can never run as either.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": the browser would send forms with "Origin: null", which we refuse.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def add_security_headers(response: Response) -> Response:
    """Add security headers to a page's response, and forbid caching except for static files."""
    response.headers.extend(SECURITY_HEADERS)
    if not response.cache_control.max_age:
        response.cache_control.no_store = True
    return response


NAVIGATION_PAGES = (
    ("Live", "inspector.live.show_messages"),
    ("Causes", "inspector.causes.show_causes"),
    ("Flow", "inspector.flow.show_flow"),
    ("Profiles", "inspector.profiles.list_profiles"),
    ("Journeys", "inspector.journeys.list_journeys"),
    ("Workspace", "inspector.workspace.show_workspace"),
    ("Scenarios", "inspector.scenarios.list_scenario_runs"),
    ("Settings", "inspector.settings.show_settings"),
)
# Blueprints that belong to the navigation section of another one.
PARENT_BLUEPRINTS = {
    "inspector.event": "inspector.live",
    "inspector.resend": "inspector.live",
    "inspector.tester": "inspector.workspace",
    "inspector.changes": "inspector.workspace",
    "inspector.mappings": "inspector.workspace",
    "inspector.checks": "inspector.workspace",
    "inspector.coverage": "inspector.workspace",
    "inspector.imports": "inspector.workspace",
}
# Blueprints with a page for each of many things, and what these are.
SHOWN_THINGS = {
    "inspector.event": "message",
    "inspector.resend": "message",
    "inspector.profiles": "profile",
    "inspector.journeys": "journey",
    "inspector.scenarios": "run",
}


class NavigationLink(NamedTuple):
    """One link in the navigation bar of the inspector's pages.

    Args:
        aria_current: "page" for the page itself, "true" for one below it, "" for any other, as
            `aria-current` has it.
    """

    title: str
    endpoint: str
    aria_current: str


def build_navigation(endpoint: str) -> list[NavigationLink]:
    """Return the links of the navigation bar for the inspector page at *endpoint*."""
    blueprint = endpoint.rpartition(".")[0]
    section = PARENT_BLUEPRINTS.get(blueprint, blueprint)
    return [
        NavigationLink(title, at, _get_aria_current_value(at, endpoint, section))
        for title, at in NAVIGATION_PAGES
    ]


def _get_aria_current_value(entry_endpoint: str, endpoint: str, current_section: str) -> str:
    if entry_endpoint == endpoint:
        return "page"
    return "true" if entry_endpoint.rpartition(".")[0] == current_section else ""


stream_bp = Blueprint("stream", __name__)

# Interval for noticing a closed page or a stopping server.
POLL_INTERVAL_S = 0.25
# Changes within this interval are pushed together.
MIN_PUSH_INTERVAL_S = 0.1
# After this silence a comment is sent, so that proxies do not close the connection.
KEEPALIVE_INTERVAL_S = 15.0
# Then the browser connects again; a sandbox with an open page is not idle.
MAX_STREAM_S = 600.0


@stream_bp.get("/stream")
def stream_changes() -> Response:
    """Serve server-sent `changed` events with the change count, at most ten per second.

    A stream uses one server thread, and only a few threads are spare. Further streams get status
    204, which tells the browser not to connect again; the page polls instead.
    """
    streams: StreamSlots | None = request.environ.get(STREAMS_KEY)
    if streams is None or not streams.acquire_slot():
        return Response(status=204)
    services = current_services()
    answer = Response(
        iter_change_events(
            services.store.change_counter,
            create_disconnection_check(request.environ),
            find_due_time=lambda: find_passed_due_time(services),
        ),
        mimetype="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )
    answer.call_on_close(streams.release_slot)
    return answer


def iter_change_events(
    change_counter: ChangeCounter,
    is_over: Callable[[], bool],
    stopwatch: Stopwatch = time.monotonic,
    find_due_time: Callable[[], str] = str,
) -> Iterator[bytes]:
    """Yield server-sent events for each change until *is_over* or MAX_STREAM_S is reached.

    Args:
        find_due_time: Returns the time of what is due, "" if none is. Each causes one
            event: the page then makes a request, and each request sends what is due.
    """
    sent_count, silent_s, until = change_counter.change_count, 0.0, stopwatch() + MAX_STREAM_S
    announced_due_time = ""
    yield b"retry: 2000\n\n" + _format_change_event(sent_count)
    while not is_over() and stopwatch() < until:
        try:
            count = change_counter.wait_for_change(sent_count, POLL_INTERVAL_S)
        except TemporarilyUnavailable:
            return  # the browser connects again and then fetches what it missed
        due_time = find_due_time()
        if count != sent_count or due_time not in ("", announced_due_time):
            sent_count, silent_s, announced_due_time = count, 0.0, due_time
            yield _format_change_event(sent_count)
            time.sleep(MIN_PUSH_INTERVAL_S)
        elif (silent_s := silent_s + POLL_INTERVAL_S) >= KEEPALIVE_INTERVAL_S:
            silent_s = 0.0
            yield b": still here\n\n"


def find_passed_due_time(services: SandboxServices) -> str:
    """Return when a retry or journey step of a sandbox was due; "" if none is due by now."""
    journeys_due_at = services.journeys.run_store.known_next_due_time
    due_at = min(services.pipeline.retries.next_due_at, journeys_due_at)
    return due_at if due_at <= format_iso_utc(services.clock()) else ""


def _format_change_event(count: int) -> bytes:
    return b"event: changed\ndata: " + orjson.dumps({"count": count}) + b"\n\n"


def ask_before_form() -> str | None:
    """Ask whether to do what a form says, if its button needs it and no script has asked before.

    Such a button has the name `ask` and the question as its value.
    """
    if request.method != "POST" or "ask" not in request.form:
        return None
    fields = [field for field in request.form.items(multi=True) if field[0] != "ask"]
    came_from = urlsplit(request.referrer or "")
    back = url_for("inspector.live.show_messages")
    if came_from.netloc == request.host:
        back = came_from._replace(scheme="", netloc="").geturl() or back
    question = request.form["ask"]
    return render_template("inspector/confirm.html", question=question, fields=fields, back=back)


bp = Blueprint("inspector", __name__, template_folder="templates")
for page_bp in (
    live_page.bp,
    event_page.bp,
    resend_page.bp,
    flow_page.bp,
    profiles_page.bp,
    journeys_page.bp,
    workspace_page.bp,
    checks_page.causes_bp,
    checks_page.checks_bp,
    workspace_page.coverage_bp,
    tester_page.bp,
    changes_page.bp,
    mapping_forms.bp,
    import_page.bp,
    scenarios_page.bp,
    settings_page.bp,
    team_page.bp,
    stream_bp,
):
    page_bp.before_request(ask_before_form)
    bp.register_blueprint(page_bp)
bp.after_request(add_security_headers)
rendering.register_template_filters(bp)
rendering.register_form_notices(bp)


@bp.context_processor
def build_page_layout_context() -> dict[str, object]:
    """Return the template variables of the layout around every inspector page."""
    sandbox = current_sandbox()
    id = sandbox.record.id if sandbox else DEFAULT_SANDBOX_ID
    return {
        "navigation": build_navigation(request.endpoint or "") if sandbox else (),
        "workspace": current_services().workspace if sandbox else None,
        "sandbox": id if id != DEFAULT_SANDBOX_ID else None,
        "all_sandboxes": get_team_page_path(),
        "version": STATIC_VERSION,
        "workspace_watcher": current_app.extensions.get(WORKSPACE_WATCHER_KEY),
    }


@bp.get("/static/<version>/<path:name>")
def serve_static_file(version: str, name: str) -> Response:
    """Serve a script or style of the inspector; its URL has a content hash, so it is cached."""
    answer = STATIC_FILES.build_response(name)
    if version == STATIC_VERSION:
        answer.cache_control.max_age = 365 * 24 * 3600
        answer.cache_control.immutable = True
    return answer


@bp.errorhandler(EmulatorError)
def show_emulator_error(error: EmulatorError) -> Response:
    """Error handler of the inspector: show a page with what, where and what to do."""
    status = error.status if isinstance(error, AccessDenied) else 400
    for kind, kind_status in ((TemporarilyUnavailable, 503), (ConflictError, 409)):
        status = kind_status if isinstance(error, kind) else status
    answer = _render_error_page(status, error.what, error.where, error.remedy)
    return add_password_challenge(answer) if isinstance(error, AuthenticationRequired) else answer


@bp.errorhandler(DatabaseUnavailable)
def show_database_error(error: DatabaseUnavailable) -> Response:
    """Error handler of the inspector: show a page for a database failure."""
    what = (
        "the database server cannot be reached"
        if error.is_server_unreachable
        else "the database cannot be used"
    )
    return _render_error_page(503, what, error.reason, error.remedy)


@bp.errorhandler(HTTPException)
@bp.errorhandler(404)  # else show_not_found would handle it
def show_http_error(error: HTTPException) -> Response:
    """Error handler of the inspector: show a page for errors of Flask and Werkzeug."""
    status = error.code or 500
    what, remedy = ERROR_TEXTS.get(status, (error.description or error.name, ""))
    noun = SHOWN_THINGS.get(request.blueprint or "")
    if status == 404 and noun:
        what, remedy = f"this {noun} does not exist", "It was deleted, or its number is wrong."
    return _render_error_page(status, what, request.path, remedy)


@bp.app_errorhandler(404)
def show_not_found(error: HTTPException) -> Response:
    """Error handler of the app: answer an unknown URL with a page, or with JSON for programs."""
    reader = request.accept_mimetypes.best_match(("application/json", "text/html"))
    if request.blueprints or reader != "text/html":
        return handle_http_exception(error)
    return add_security_headers(show_http_error(error))


def _render_error_page(status: int, what: str, where: str, remedy: str) -> Response:
    context = {
        "what": what,
        "where": where,
        "remedy": remedy,
        "way": _choose_error_page_link(status),
    }
    answer = Response(render_template("inspector/error.html", **context), status)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _choose_error_page_link(status: int) -> tuple[str, str]:
    """Choose the link that an error page offers next: its title and URL."""
    if status == 503 and request.method == "GET":
        return "Try again", ""
    if current_sandbox():
        return "All messages", url_for("inspector.live.show_messages")
    return "All sandboxes", get_team_page_path()
