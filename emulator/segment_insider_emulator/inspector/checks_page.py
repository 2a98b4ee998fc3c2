"""The Checks page: what lint and drift say of the workspace as it is now."""

from typing import NamedTuple

from flask import Blueprint, request

from segment_insider_emulator.analysis.drift import DriftReport, find_drift
from segment_insider_emulator.analysis.drift.deviations import DEVIATION_EFFECTS, PreviewedDeviation
from segment_insider_emulator.analysis.lint import lint_document
from segment_insider_emulator.inspector.rendering import render_page
from segment_insider_emulator.inspector.workspace_page import current_workspace_document
from segment_insider_emulator.web.services import current_services
from segment_insider_emulator.workspace.validation import SEVERITIES

WHOLE_WORKSPACE_LABEL = "the workspace"


class GroupedDeparture(NamedTuple):
    """A departure, and the mappings that have it in these words."""

    departure: PreviewedDeviation
    mappings: list[str]


bp = Blueprint("checks", __name__, url_prefix="/workspace/checks")

MAX_TRAFFIC_EVENTS = 200  # captured events that drift looks at


@bp.get("")
def show_checks() -> str:
    """Findings and departures; `notes` shows also those that need nothing done."""
    services = current_services()
    workspace_document = current_workspace_document(services)
    recent, _ = services.store.list_latest(MAX_TRAFFIC_EVENTS)
    traffic = [each.normalised for each in reversed(recent) if each.normalised]
    drift_result = find_drift(workspace_document, traffic)
    departures = drift_result.deviations if isinstance(drift_result, DriftReport) else []
    findings = lint_document(workspace_document)
    return render_page(
        "checks.html",
        findings=findings,
        severities={each: sum(f.severity == each for f in findings) for each in SEVERITIES},
        drift=drift_result if isinstance(drift_result, DriftReport) else None,
        told=_group_departures(drift_result) if isinstance(drift_result, DriftReport) else [],
        effects={each: sum(d.effect == each for d in departures) for each in DEVIATION_EFFECTS},
        replaces=isinstance(drift_result, DriftReport)
        and any(table.replaces_mapping for table in drift_result.tables),
        looked_at=len(traffic),
        notes="notes" in request.args,
    )


def _group_departures(drift_result: DriftReport) -> list[GroupedDeparture]:
    """Each departure once, the worst first."""
    groups: dict[tuple[str, str], GroupedDeparture] = {}
    for table in drift_result.tables:
        for departure in table.deviations:
            group = groups.setdefault(
                (departure.effect, departure.what), GroupedDeparture(departure, [])
            )
            group.mappings.append(table.subscription_name or WHOLE_WORKSPACE_LABEL)
    return sorted(groups.values(), key=lambda one: DEVIATION_EFFECTS.index(one.departure.effect))
