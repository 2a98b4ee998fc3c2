"""The inspector's addresses: a blueprint a page, and what all pages have in common."""

from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import HTTPException

from emulator.answers import FAULTS
from emulator.errors import EmulatorError, Unavailable
from emulator.guard import Refused, Unauthorised, challenge
from emulator.inspector import (
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
from emulator.inspector.addresses import all_sandboxes
from emulator.inspector.assets import STATIC, VERSION
from emulator.inspector.headers import protect
from emulator.inspector.navigation import entries
from emulator.parts import parts
from emulator.sandboxes import DEFAULT, addressed

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


@bp.errorhandler(HTTPException)
def refused(error: HTTPException) -> Response:
    """The same for what Flask and Werkzeug refuse."""
    status = error.code or 500
    what, remedy = FAULTS.get(status, (error.description or error.name, ""))
    return _fault(status, what, request.path, remedy)


def _fault(status: int, what: str, where: str, remedy: str) -> Response:
    page = render_template("inspector/fault.html", what=what, where=where, remedy=remedy)
    return Response(page, status)
