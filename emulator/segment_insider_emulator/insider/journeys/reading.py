"""Journeys and their runs as the control API shows them."""

from collections.abc import Mapping, Sequence

from segment_insider_emulator.capture.journey import JOURNEY_RUN_STATUSES, JourneyRun, TrailEntry
from segment_insider_emulator.capture.journeys import JourneyCounts
from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.journeys.definition import (
    ChannelElement,
    CheckElement,
    JourneyDefinition,
    JourneyElement,
    ReachabilityElement,
    WaitElement,
)
from segment_insider_emulator.types import JSONObject

SIMULATION_NOTICE = (
    "This emulator's small model of Architect, not an Architect run: see docs/journeys.md."
)

_ELEMENT_KINDS = {
    WaitElement: "wait",
    CheckElement: "check",
    ReachabilityElement: "check_reachability",
    ChannelElement: "channel",
}


def serialize_journey(journey: JourneyDefinition, tally: JourneyCounts) -> JSONObject:
    """{"id", "name", "counters", "goals", "elements", "definition"}, counted as Architect does."""
    statuses = {status: tally.statuses.get(status, 0) for status in JOURNEY_RUN_STATUSES}
    return {
        "id": journey.id,
        "name": journey.name,
        "counters": {"entered": sum(statuses.values()), **statuses},
        "goals": {name: tally.goals.get(name, 0) for name in journey.goals},
        "elements": [
            _serialize_element(each, tally.elements) for each in journey.elements.values()
        ],
        "definition": journey.document,
    }


def serialize_run(run: JourneyRun, trail: Sequence[TrailEntry]) -> JSONObject:
    """{"id", "journey_id", "profile_id", "status", ..., "trail": [{"at", "kind", "what", ...}]}."""
    return {
        "id": run.id,
        "journey_id": run.journey_id,
        "profile_id": run.profile_id,
        "status": run.status,
        "entered_at": format_iso_utc(run.entered_at),
        "waits_until": format_iso_utc(run.due_at) if run.due_at else None,
        "ended_at": format_iso_utc(run.ended_at) if run.ended_at else None,
        "goals": list(run.goals),
        "trail": [_serialize_trail_entry(entry) for entry in trail],
    }


def _serialize_trail_entry(entry: TrailEntry) -> JSONObject:
    return {
        "at": format_iso_utc(entry.at),
        "kind": entry.kind,
        "what": entry.what,
        "element": entry.element,
        "details": entry.details,
    }


def _serialize_element(
    element: JourneyElement, entry_counts: Mapping[tuple[str | None, str], int]
) -> JSONObject:
    """Every arrival leaves one entry, whose kind says what came of it."""
    counts_by_kind = {
        kind: count for (place, kind), count in entry_counts.items() if place == element.step_path
    }
    serialized = {
        "element": element.step_path,
        "kind": _ELEMENT_KINDS[type(element)],
        "arrived": sum(counts_by_kind.values()),
    }
    if not isinstance(element, ChannelElement):
        return serialized
    return {
        **serialized,
        "channel": element.channel,
        "reachable": counts_by_kind.get("would_send", 0) + counts_by_kind.get("skipped", 0),
        "dropped": counts_by_kind.get("held_back", 0),
        "skipped": counts_by_kind.get("skipped", 0),
    }
