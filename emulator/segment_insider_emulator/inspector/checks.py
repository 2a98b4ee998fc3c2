"""The Checks page: what lint and drift say of the workspace as it is now."""

from typing import NamedTuple

from flask import Blueprint, request

from segment_insider_emulator.inspector.current import document
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.parts import parts
from segment_insider_emulator.workspace.drift import Drift, drift
from segment_insider_emulator.workspace.drift.departure import EFFECTS, Departure
from segment_insider_emulator.workspace.finding import SEVERITIES
from segment_insider_emulator.workspace.lint import lint

WORKSPACE = "the workspace"


class Told(NamedTuple):
    """A departure, and the mappings that have it in these words."""

    departure: Departure
    mappings: list[str]


bp = Blueprint("checks", __name__, url_prefix="/workspace/checks")

TRAFFIC = 200  # captured events that drift looks at


@bp.get("")
def page() -> str:
    """Findings and departures; `notes` shows also those that need nothing done."""
    own = parts()
    now = document(own)
    recent, _ = own.store.overview.latest(TRAFFIC)
    traffic = [each.normalised for each in reversed(recent) if each.normalised]
    found = drift(now, traffic)
    departures = found.departures if isinstance(found, Drift) else []
    findings = lint(now)
    return render(
        "checks.html",
        findings=findings,
        severities={each: sum(f.severity == each for f in findings) for each in SEVERITIES},
        drift=found if isinstance(found, Drift) else None,
        told=_told(found) if isinstance(found, Drift) else [],
        effects={each: sum(d.effect == each for d in departures) for each in EFFECTS},
        replaces=isinstance(found, Drift) and any(table.replaces for table in found.tables),
        looked_at=len(traffic),
        notes="notes" in request.args,
    )


def _told(found: Drift) -> list[Told]:
    """Each departure once, the worst first."""
    told: dict[tuple[str, str], Told] = {}
    for table in found.tables:
        for each in table.departures:
            one = told.setdefault((each.effect, each.what), Told(each, []))
            one.mappings.append(table.subscription or WORKSPACE)
    return sorted(told.values(), key=lambda one: EFFECTS.index(one.departure.effect))
