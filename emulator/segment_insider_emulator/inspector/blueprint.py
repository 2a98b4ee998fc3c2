"""What every page tells the browser not to do with it."""

from typing import NamedTuple

from flask import Blueprint, Response, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.inspector import (
    change_stream,
    checks_page,
    event_page,
    flow_page,
    forms,
    import_page,
    journeys_page,
    live_page,
    profiles_page,
    rendering,
    scenarios_page,
    settings_page,
    team_page,
    tester_page,
    workspace_page,
)
from segment_insider_emulator.inspector.rendering import (
    STATIC_FILES,
    STATIC_VERSION,
    team_page_path,
)
from segment_insider_emulator.storage.database import DatabaseUnavailable
from segment_insider_emulator.web.access import (
    AccessDenied,
    AuthenticationRequired,
    add_password_challenge,
)
from segment_insider_emulator.web.json_errors import ERROR_TEXTS, RETRY_AFTER_S, handle_http_error
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.sandbox_routing import current_sandbox
from segment_insider_emulator.web.services import current_services

# No inline script or style anywhere: text that was captured cannot become either.
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
    # Not "no-referrer": a form would then be sent with "Origin: null", and refused.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def add_security_headers(response: Response) -> Response:
    """Add HEADERS to *answer*; what is not a file of ours is kept by no cache."""
    response.headers.extend(SECURITY_HEADERS)
    if not response.cache_control.max_age:
        response.cache_control.no_store = True
    return response


NAVIGATION_PAGES = (
    ("Live", "inspector.live.show_messages"),
    ("Flow", "inspector.flow.show_flow"),
    ("Profiles", "inspector.profiles.list_profiles"),
    ("Journeys", "inspector.journeys.list_journeys"),
    ("Workspace", "inspector.workspace.show_workspace"),
    ("Scenarios", "inspector.scenarios.list_scenario_runs"),
    ("Settings", "inspector.settings.show_settings"),
)
# Blueprints whose pages are reached through another's.
PARENT_BLUEPRINTS = {
    "inspector.event": "inspector.live",
    "inspector.tester": "inspector.workspace",
    "inspector.checks": "inspector.workspace",
    "inspector.imports": "inspector.workspace",
}


class NavigationEntry(NamedTuple):
    """One link of the bar.

    Args:
        current: "page" for the page itself, "true" for one below it, "" for any other, as
            `aria-current` has it.
    """

    title: str
    endpoint: str
    aria_current: str


def build_navigation(endpoint: str) -> list[NavigationEntry]:
    """The bar as the page at *endpoint* shows it."""
    blueprint = endpoint.rpartition(".")[0]
    section = PARENT_BLUEPRINTS.get(blueprint, blueprint)
    return [
        NavigationEntry(title, at, _aria_current(at, endpoint, section))
        for title, at in NAVIGATION_PAGES
    ]


def _aria_current(entry_endpoint: str, endpoint: str, current_section: str) -> str:
    if entry_endpoint == endpoint:
        return "page"
    return "true" if entry_endpoint.rpartition(".")[0] == current_section else ""


bp = Blueprint("inspector", __name__, template_folder="templates")
for page in (
    live_page, event_page, flow_page, profiles_page, journeys_page, workspace_page, tester_page, checks_page, import_page, scenarios_page,
    settings_page, change_stream, team_page,
):  # fmt: skip
    bp.register_blueprint(page.bp)
bp.after_request(add_security_headers)
rendering.register_template_filters(bp)
forms.register_form_notices(bp)


@bp.context_processor
def build_frame_context() -> dict[str, object]:
    """What the template around every page shows: without a sandbox, nothing of any."""
    sandbox = current_sandbox()
    id = sandbox.record.id if sandbox else DEFAULT_SANDBOX_ID
    return {
        "navigation": build_navigation(request.endpoint or "") if sandbox else (),
        "workspace": current_services().workspace if sandbox else None,
        "sandbox": id if id != DEFAULT_SANDBOX_ID else None,
        "all_sandboxes": team_page_path(),
        "version": STATIC_VERSION,
    }


@bp.get("/static/<version>/<path:name>")
def serve_static_file(version: str, name: str) -> Response:
    """A script or style; its address changes with the content of any, so that it may be kept."""
    answer = STATIC_FILES.build_response(name)
    if version == STATIC_VERSION:
        answer.cache_control.max_age = 365 * 24 * 3600
        answer.cache_control.immutable = True
    return answer


@bp.errorhandler(EmulatorError)
def show_emulator_error(error: EmulatorError) -> Response:
    """A page that says what, where and what to do."""
    status = error.status if isinstance(error, AccessDenied) else 400
    status = 503 if isinstance(error, TemporarilyUnavailable) else status
    answer = _render_error_page(status, error.what, error.where, error.remedy)
    return add_password_challenge(answer) if isinstance(error, AuthenticationRequired) else answer


@bp.errorhandler(DatabaseUnavailable)
def show_database_error(error: DatabaseUnavailable) -> Response:
    """The same without the database: the page needs none."""
    what = "the database is away" if error.is_server_unreachable else "the database cannot be used"
    return _render_error_page(503, what, error.reason, error.remedy)


@bp.errorhandler(HTTPException)
@bp.errorhandler(404)  # or `nowhere` would have it
def show_http_error(error: HTTPException) -> Response:
    """The same for what Flask and Werkzeug refuse."""
    status = error.code or 500
    what, remedy = ERROR_TEXTS.get(status, (error.description or error.name, ""))
    return _render_error_page(status, what, request.path, remedy)


@bp.app_errorhandler(404)
def show_not_found(error: HTTPException) -> Response:
    """A page for who opens an address that nothing has; JSON for programs."""
    reader = request.accept_mimetypes.best_match(("application/json", "text/html"))
    if request.blueprints or reader != "text/html":
        return handle_http_error(error)
    return add_security_headers(show_http_error(error))


def _render_error_page(status: int, what: str, where: str, remedy: str) -> Response:
    context = {"what": what, "where": where, "remedy": remedy, "way": _choose_next_link(status)}
    answer = Response(render_template("inspector/fault.html", **context), status)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _choose_next_link(status: int) -> tuple[str, str]:
    """What to follow from a page that tells of a fault: its title, and where it leads."""
    if status == 503 and request.method == "GET":
        return "Try again", ""
    if current_sandbox():
        return "All messages", url_for("inspector.live.show_messages")
    return "All sandboxes", team_page_path()
