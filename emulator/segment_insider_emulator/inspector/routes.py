"""The inspector's addresses: a blueprint a page, and what all pages have in common."""

from flask import Blueprint, Response, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from segment_insider_emulator.answers import FAULTS, RETRY_AFTER, http
from segment_insider_emulator.capture.database import StorageFault
from segment_insider_emulator.errors import EmulatorError, Unavailable
from segment_insider_emulator.guard import Refused, Unauthorised, challenge
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
from segment_insider_emulator.inspector.addresses import all_sandboxes
from segment_insider_emulator.inspector.assets import STATIC, VERSION
from segment_insider_emulator.inspector.headers import protect
from segment_insider_emulator.inspector.navigation import entries
from segment_insider_emulator.parts import parts
from segment_insider_emulator.sandboxes import DEFAULT, addressed

bp = Blueprint("inspector", __name__, template_folder="templates")
for page in (
    live, event, flows, profiles, journeys, workspace, testing, checks, imports, scenarios,
    settings, stream, team,
):  # fmt: skip
    bp.register_blueprint(page.bp)
bp.after_request(protect)
shown.register(bp)
forms.register(bp)


@bp.context_processor
def frame() -> dict[str, object]:
    """What the template around every page shows: without a sandbox, nothing of any."""
    own = addressed()
    id = own.described.id if own else DEFAULT
    return {
        "navigation": entries(request.endpoint or "") if own else (),
        "workspace": parts().workspace if own else None,
        "sandbox": id if id != DEFAULT else None,
        "all_sandboxes": all_sandboxes(),
        "version": VERSION,
    }


@bp.get("/static/<version>/<path:name>")
def asset(version: str, name: str) -> Response:
    """A script or style; its address changes with the content of any, so that it may be kept."""
    answer = STATIC.answer(name)
    if version == VERSION:
        answer.cache_control.max_age = 365 * 24 * 3600
        answer.cache_control.immutable = True
    return answer


@bp.errorhandler(EmulatorError)
def misuse(error: EmulatorError) -> Response:
    """A page that says what, where and what to do."""
    status = error.status if isinstance(error, Refused) else 400
    status = 503 if isinstance(error, Unavailable) else status
    answer = _fault(status, error.what, error.where, error.remedy)
    return challenge(answer) if isinstance(error, Unauthorised) else answer


@bp.errorhandler(StorageFault)
def away(error: StorageFault) -> Response:
    """The same without the database: the page needs none."""
    what = "the database is away" if error.is_away else "the database cannot be used"
    return _fault(503, what, error.reason, error.remedy)


@bp.errorhandler(HTTPException)
@bp.errorhandler(404)  # or `nowhere` would have it
def refused(error: HTTPException) -> Response:
    """The same for what Flask and Werkzeug refuse."""
    status = error.code or 500
    what, remedy = FAULTS.get(status, (error.description or error.name, ""))
    return _fault(status, what, request.path, remedy)


@bp.app_errorhandler(404)
def nowhere(error: HTTPException) -> Response:
    """A page for who opens an address that nothing has; JSON for programs."""
    reader = request.accept_mimetypes.best_match(("application/json", "text/html"))
    if request.blueprints or reader != "text/html":
        return http(error)
    return protect(refused(error))


def _fault(status: int, what: str, where: str, remedy: str) -> Response:
    told = {"what": what, "where": where, "remedy": remedy, "way": _way_on(status)}
    answer = Response(render_template("inspector/fault.html", **told), status)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def _way_on(status: int) -> tuple[str, str]:
    """What to follow from a page that tells of a fault: its title, and where it leads."""
    if status == 503 and request.method == "GET":
        return "Try again", ""
    if addressed():
        return "All messages", url_for("inspector.live.page")
    return "All sandboxes", all_sandboxes()
