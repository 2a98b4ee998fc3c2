"""The inspector's addresses: a blueprint a page, and what all pages have in common."""

from flask import Blueprint, Response, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from segment_insider_emulator.answers import ERROR_TEXTS, RETRY_AFTER_S, handle_http_error
from segment_insider_emulator.capture.database import DatabaseUnavailable
from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.guard import (
    AccessDenied,
    AuthenticationRequired,
    add_password_challenge,
)
from segment_insider_emulator.inspector import (
    checks,
    event,
    flows,
    forms,
    imports,
    journeys,
    live,
    profiles,
    scenarios,
    settings,
    shown,
    stream,
    team,
    testing,
    workspace,
)
from segment_insider_emulator.inspector.addresses import team_page_path
from segment_insider_emulator.inspector.assets import STATIC_FILES, STATIC_VERSION
from segment_insider_emulator.inspector.headers import add_security_headers
from segment_insider_emulator.inspector.navigation import build_navigation
from segment_insider_emulator.parts import current_services
from segment_insider_emulator.sandboxes import DEFAULT_SANDBOX_ID, current_sandbox

bp = Blueprint("inspector", __name__, template_folder="templates")
for page in (
    live, event, flows, profiles, journeys, workspace, testing, checks, imports, scenarios,
    settings, stream, team,
):  # fmt: skip
    bp.register_blueprint(page.bp)
bp.after_request(add_security_headers)
shown.register_template_filters(bp)
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
