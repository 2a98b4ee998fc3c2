"""Team page of the inspector: lists a team's sandboxes."""

from flask import Blueprint, Response, request

from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.inspector import rendering
from segment_insider_emulator.inspector.rendering import (
    RejectedForm,
    build_rejected_form,
    get_sandbox_pages_path,
    get_team_page_path,
    render_page,
)
from segment_insider_emulator.web.access import current_caller
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.sandbox_routing import (
    create_sandbox_for_caller,
    current_sandbox,
    delete_accessible_sandbox,
    list_accessible_sandboxes,
)
from segment_insider_emulator.workspace import PRESET_NAMES

bp = Blueprint("team", __name__, url_prefix="/team")


@bp.get("")
def show_team_sandboxes() -> str:
    """Serve the Team page: the user's sandboxes and a form to create one."""
    return _render_team_page()


@bp.post("")
def create_sandbox_view() -> Response | str:
    """Handle the form on the Team page that creates a sandbox; show its key once."""
    try:
        return create_sandbox_from_form("inspector.team.show_team_sandboxes")
    except EmulatorError as error:
        return _render_team_page(build_rejected_form("sandboxes", error))


@bp.post("/<id>/delete")
def delete_sandbox_view(id: str) -> Response | str:
    """Handle the button on the Team page that deletes a sandbox and all its data."""
    try:
        return delete_sandbox_and_redirect(id, "inspector.team.show_team_sandboxes")
    except ConflictError as error:
        return _render_team_page(build_rejected_form("sandboxes", error))


def create_sandbox_from_form(endpoint: str) -> Response:
    """Create the sandbox of a submitted form and redirect to a page that shows its key once.

    Raises: EmulatorError, when it cannot be created.
    """
    form = request.form
    sandbox = create_sandbox_for_caller(
        id=form.get("id", "").strip() or None, workspace=form.get("workspace") or None
    )
    notice = f"Sandbox {sandbox.record.id} was created"
    return rendering.redirect_to_endpoint(notice, endpoint, secret=sandbox.record.key)


def delete_sandbox_and_redirect(id: str, endpoint: str) -> Response:
    """Delete a sandbox and redirect to *endpoint*, or from its own pages to the Team page.

    Raises: EmulatorError, when it cannot be deleted.
    """
    current = current_sandbox()
    delete_accessible_sandbox(id)
    notice = f"Sandbox {id} was deleted"
    if current and current.record.id == id:
        return rendering.redirect_to_path(
            notice, get_team_page_path(), get_sandbox_pages_path(DEFAULT_SANDBOX_ID) or "/"
        )
    return rendering.redirect_to_endpoint(notice, endpoint)


def build_sandbox_list_context() -> dict[str, object]:
    """Return the template variables of the sandbox list, with the team's limit of sandboxes."""
    team, sandboxes = current_caller().team, list_accessible_sandboxes()
    count_text = f"{len(sandboxes):,}"
    if team:
        owned_count = sum(sandbox.record.id != DEFAULT_SANDBOX_ID for sandbox in sandboxes)
        count_text = f"{owned_count:,} of {team.sandbox_limit:,}"
    return {"team": team and team.name, "sandboxes": sandboxes, "counted": count_text}


def _render_team_page(rejected_form: RejectedForm | None = None) -> str:
    return render_page(
        "team.html",
        **build_sandbox_list_context(),
        pages=get_sandbox_pages_path,
        workspaces=PRESET_NAMES,
        default=DEFAULT_SANDBOX_ID,
        forms_of="inspector.team",
        rejected_form=rejected_form,
    )
