"""The Settings page: faults, limits, sandboxes, storage, version, and what a real account does
differently."""

from flask import Blueprint, Response, abort, request

from segment_insider_emulator import __version__
from segment_insider_emulator.errors import Conflict, EmulatorError
from segment_insider_emulator.inspector import fault_forms, forms
from segment_insider_emulator.inspector.addresses import pages
from segment_insider_emulator.inspector.forms import Mistake, mistake
from segment_insider_emulator.inspector.limits import limits
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.inspector.team import created_as_asked, deleted, listed
from segment_insider_emulator.parts import parts
from segment_insider_emulator.sandboxes import DEFAULT
from segment_insider_emulator.teams import caller
from segment_insider_emulator.workspace import PRESETS

bp = Blueprint("settings", __name__, url_prefix="/settings")

HERE = "inspector.settings.page"
DIFFERENCES = 20


@bp.get("")
def page() -> str:
    """Everything that is neither captured nor mapped."""
    return _page()


@bp.post("/faults/<side>")
def add_fault(side: str) -> Response | str:
    """Let the next requests of one side meet a fault."""
    own, form = parts(), request.form
    if side not in fault_forms.SIDES:
        abort(404)
    try:
        if side == "segment":
            own.segment_faults.add(fault_forms.at_segment(form))
        else:
            own.faults.add(fault_forms.on_the_way(form))
    except EmulatorError as error:
        return _page(mistake(side, error))
    return forms.done("The fault is on", HERE)


@bp.post("/faults/<side>/clear")
def clear_faults(side: str) -> Response:
    """Let nothing go wrong any more on one side."""
    own = parts()
    if side not in fault_forms.SIDES:
        abort(404)
    (own.segment_faults if side == "segment" else own.faults).clear()
    return forms.done("Nothing goes wrong any more", HERE)


@bp.post("/retry")
def retry() -> Response:
    """Deliver what waits and try everything unsettled once, due or not."""
    own = parts()
    own.queue.drain()
    made = own.road.backlog.retry_all()
    return forms.done(f"Requests that were tried again: {made}", HERE)


@bp.post("/sandboxes")
def create_sandbox() -> Response | str:
    """Create a sandbox; the page after shows its key once."""
    try:
        return created_as_asked(HERE)
    except EmulatorError as error:
        return _page(mistake("sandboxes", error))


@bp.post("/sandboxes/<id>/delete")
def delete_sandbox(id: str) -> Response | str:
    """End a sandbox with all that it holds."""
    try:
        return deleted(id, HERE)
    except Conflict as error:
        return _page(mistake("sandboxes", error))


def _page(wrong: Mistake | None = None) -> str:
    own = parts()
    differences, _ = own.differences.list(limit=DIFFERENCES)
    return render(
        "settings.html",
        segment_faults=fault_forms.waiting_at_segment(own.segment_faults),
        way_faults=fault_forms.standing_on_the_way(own.faults),
        presets=fault_forms.PRESETS,
        limits=limits(own.workspace.options),
        **listed(),
        forms_of="inspector.settings",
        default=DEFAULT,
        pages=pages,
        workspaces=PRESETS,
        storage=own.store.overview.storage(),
        names_database=caller().team is None,
        config=own.config,
        version=__version__,
        unsettled=len(own.store.upserts.unsettled()),
        waiting=own.store.waiting.count(),
        pass_through=own.pass_through,
        differences=differences,
        mistake=wrong,
    )
