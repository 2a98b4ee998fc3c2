"""Coverage page of the inspector: what of the workspace and the guide traffic has used."""

from itertools import groupby

from flask import Blueprint

from segment_insider_emulator.analysis.coverage import COVERAGE_STATES, CoverageState
from segment_insider_emulator.control_api.coverage import (
    MAX_COVERED_MESSAGES,
    find_current_coverage,
)
from segment_insider_emulator.inspector.rendering import render_page
from segment_insider_emulator.web.services import current_services

bp = Blueprint("coverage", __name__, url_prefix="/coverage")

# State -> the message verdict whose icon and colour it uses.
STATE_SIGNS: dict[CoverageState, str] = {
    "seen and losing something": "failed",
    "never seen": "not_subscribed",
    "seen and right": "accepted",
}


@bp.get("")
def show_coverage() -> str:
    """Serve the Coverage page: a board of events, attributes, identifiers and opt-ins."""
    report = find_current_coverage(current_services())
    groups = [
        # What loses something comes first.
        (group, sorted(rows, key=lambda row: COVERAGE_STATES.index(row.state)))
        for group, rows in groupby(report.rows, key=lambda row: row.group)
    ]
    return render_page(
        "coverage.html",
        report=report,
        groups=groups,
        signs=STATE_SIGNS,
        max_messages=MAX_COVERED_MESSAGES,
    )
