"""The Live page: every message as it comes, newest first."""

from flask import Blueprint

from emulator.inspector.rendering import render

bp = Blueprint("live", __name__)


@bp.get("/")
def page() -> str:
    """What arrived, newest first."""
    return render("live.html")
