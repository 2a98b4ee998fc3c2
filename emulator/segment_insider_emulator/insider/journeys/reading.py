"""Journeys and their runs as the control API shows them."""

from collections.abc import Mapping, Sequence

from segment_insider_emulator.capture.journey import STATUSES, Entry, Run
from segment_insider_emulator.capture.journeys import Tally
from segment_insider_emulator.clock import iso
from segment_insider_emulator.insider.journeys.definition import (
    Channel,
    Check,
    CheckReachability,
    Element,
    Journey,
    Wait,
)
from segment_insider_emulator.types import JSONObject

SIMULATED = "This emulator's small model of Architect, not an Architect run: see docs/journeys.md."

_KINDS = {
    Wait: "wait",
    Check: "check",
    CheckReachability: "check_reachability",
    Channel: "channel",
}


def journey_json(journey: Journey, tally: Tally) -> JSONObject:
    """{"id", "name", "counters", "goals", "elements", "definition"}, counted as Architect does."""
    statuses = {status: tally.statuses.get(status, 0) for status in STATUSES}
    return {
        "id": journey.id,
        "name": journey.name,
        "counters": {"entered": sum(statuses.values()), **statuses},
        "goals": {name: tally.goals.get(name, 0) for name in journey.goals},
        "elements": [_element(each, tally.elements) for each in journey.elements.values()],
        "definition": journey.document,
    }


def run_json(run: Run, trail: Sequence[Entry]) -> JSONObject:
    """{"id", "journey_id", "profile_id", "status", ..., "trail": [{"at", "kind", "what", ...}]}."""
    return {
        "id": run.id,
        "journey_id": run.journey_id,
        "profile_id": run.profile_id,
        "status": run.status,
        "entered_at": iso(run.entered_at),
        "waits_until": iso(run.due_at) if run.due_at else None,
        "ended_at": iso(run.ended_at) if run.ended_at else None,
        "goals": list(run.goals),
        "trail": [_entry(entry) for entry in trail],
    }


def _entry(entry: Entry) -> JSONObject:
    return {
        "at": iso(entry.at),
        "kind": entry.kind,
        "what": entry.what,
        "element": entry.element,
        "details": entry.details,
    }


def _element(element: Element, counted: Mapping[tuple[str | None, str], int]) -> JSONObject:
    """Every arrival leaves one entry, whose kind says what came of it."""
    kinds = {kind: count for (place, kind), count in counted.items() if place == element.place}
    shown = {
        "element": element.place,
        "kind": _KINDS[type(element)],
        "arrived": sum(kinds.values()),
    }
    if not isinstance(element, Channel):
        return shown
    return {
        **shown,
        "channel": element.channel,
        "reachable": kinds.get("would_send", 0) + kinds.get("skipped", 0),
        "dropped": kinds.get("held_back", 0),
        "skipped": kinds.get("skipped", 0),
    }
