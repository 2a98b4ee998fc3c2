"""The Event page: the road of one message."""

from flask import Blueprint, abort

from emulator.harness.queries import ID
from emulator.inspector.rendering import render
from emulator.parts import parts

bp = Blueprint("event", __name__)


@bp.get(f"/messages/{ID}")
def page(id: int) -> str:
    """One message."""
    found = parts().store.message(id) or abort(404)
    return render("event.html", "requests", message=found)
