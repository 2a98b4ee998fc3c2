"""The page that a team comes to first: its sandboxes."""

from flask import Blueprint, Response, request

from emulator.errors import EmulatorError
from emulator.inspector import forms
from emulator.inspector.addresses import pages
from emulator.inspector.forms import Mistake, mistake
from emulator.inspector.rendering import render
from emulator.sandboxes import create, seen
from emulator.teams import caller
from emulator.workspace import PRESETS

bp = Blueprint("team", __name__, url_prefix="/team")


@bp.get("")
def page() -> str:
    """The caller's sandboxes, and a form for one more."""
    return _page()


@bp.post("")
def create_sandbox() -> Response | str:
    """Create a sandbox; the page after shows its key once."""
    try:
        return created_as_asked("inspector.team.page")
    except EmulatorError as error:
        return _page(mistake("sandboxes", error))


def created_as_asked(endpoint: str) -> Response:
    """Create the sandbox that the form asks for, and go to *endpoint*, which shows its key once.

    Raises: EmulatorError, when it cannot be made.
    """
    form = request.form
    made = create(id=form.get("id", "").strip() or None, workspace=form.get("workspace") or None)
    notice = f"The sandbox {made.described.id} was created"
    return forms.done(notice, endpoint, secret=made.described.key)


def _page(wrong: Mistake | None = None) -> str:
    team = caller().team
    return render(
        "team.html",
        team=team and team.name,
        sandboxes=seen(),
        pages=pages,
        workspaces=PRESETS,
        deletes=False,
        create_at=request.script_root + request.path,
        mistake=wrong,
    )
