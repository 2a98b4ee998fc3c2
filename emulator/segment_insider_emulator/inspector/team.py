"""The page that a team comes to first: its sandboxes."""

from flask import Blueprint, Response, request

from segment_insider_emulator.errors import Conflict, EmulatorError
from segment_insider_emulator.inspector import forms
from segment_insider_emulator.inspector.addresses import all_sandboxes, pages
from segment_insider_emulator.inspector.forms import Mistake, mistake
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.sandboxes import DEFAULT, addressed, create, delete, seen
from segment_insider_emulator.teams import caller
from segment_insider_emulator.workspace import PRESETS

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


@bp.post("/<id>/delete")
def delete_sandbox(id: str) -> Response | str:
    """End a sandbox with all that it holds."""
    try:
        return deleted(id, "inspector.team.page")
    except Conflict as error:
        return _page(mistake("sandboxes", error))


def created_as_asked(endpoint: str) -> Response:
    """Create the sandbox that the form asks for, and go to *endpoint*, which shows its key once.

    Raises: EmulatorError, when it cannot be made.
    """
    form = request.form
    made = create(id=form.get("id", "").strip() or None, workspace=form.get("workspace") or None)
    notice = f"The sandbox {made.described.id} was created"
    return forms.done(notice, endpoint, secret=made.described.key)


def deleted(id: str, endpoint: str) -> Response:
    """End a sandbox, and go to *endpoint* or, from the pages of that one, to those that are left.

    Raises: EmulatorError, when it cannot be ended.
    """
    own = addressed()
    delete(id)
    notice = f"The sandbox {id} was deleted"
    if own and own.described.id == id:
        return forms.moved(notice, all_sandboxes(), pages(DEFAULT) or "/")
    return forms.done(notice, endpoint)


def listed() -> dict[str, object]:
    """What the list of the caller's sandboxes shows: of a team, how many of those it may have."""
    team, theirs = caller().team, seen()
    counted = f"{len(theirs):,}"
    if team:
        own = sum(each.described.id != DEFAULT for each in theirs)
        counted = f"{own:,} of {team.sandboxes:,}"
    return {"team": team and team.name, "sandboxes": theirs, "counted": counted}


def _page(wrong: Mistake | None = None) -> str:
    return render(
        "team.html",
        **listed(),
        pages=pages,
        workspaces=PRESETS,
        default=DEFAULT,
        forms_of="inspector.team",
        mistake=wrong,
    )
