"""How a person goes through a journey: plain decisions, from what is known to what comes next.

Documented: entering, exiting, dropping and completing, as Insider One's "Anatomy of a Journey"
counts them. Assumed: everything else; docs/assumptions.md lists it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from segment_insider_emulator.capture.journey import JourneyRun, JourneyRunStatus, TrailEntry
from segment_insider_emulator.capture.profile import ProfileEvent
from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.journeys.conditions import (
    Occurrence,
    describe_occurrence,
    matches_trigger,
    serialize_occurrence,
)
from segment_insider_emulator.insider.journeys.definition import JourneyDefinition
from segment_insider_emulator.insider.journeys.visiting import VisitContext, visit_element


def start_run(
    journey: JourneyDefinition, profile_id: str, occurrence: Occurrence, now: datetime
) -> tuple[JourneyRun, list[TrailEntry], ProfileEvent]:
    """Let a person in.

    Returns: The run, due at once; the first entry of its trail; and the `journey_entered` event
        that Insider One writes to the profile (documented, as is `journey_id`).
    """
    params = {"journey_id": journey.id, "journey_campaign_name": journey.name}
    at = format_iso_utc(now)
    entered_event = ProfileEvent("journey_entered", "journey_entered", at, at, params, at)
    mark_event = occurrence if isinstance(occurrence, ProfileEvent) else entered_event
    run = JourneyRun(
        journey.id, profile_id, now, mark_event.fingerprint, journey.first_step_path, now
    )
    what = f"entered because of {describe_occurrence(occurrence)}"
    if journey.ignored_date_parameters:
        what += f"; a starter ignores date parameters: {', '.join(journey.ignored_date_parameters)}"
    return (
        run,
        [TrailEntry(now, "entered", what, details=serialize_occurrence(occurrence))],
        entered_event,
    )


def select_events_since_entry(
    run: JourneyRun, events: Sequence[ProfileEvent]
) -> tuple[ProfileEvent, ...]:
    """Those of a profile's *events*, oldest first, that were stored after the run's entry.

    Order decides within one instant, time where a retention has taken the mark away. Assumed: the
    other products of the call that started the run, each an event of its own, are not since entry.
    """
    marks = [at for at, event in enumerate(events) if event.fingerprint == run.mark]
    starting_events = {(events[at].name, events[at].occurred_at) for at in marks}
    later_events = events[marks[-1] + 1 :] if marks else events
    return tuple(
        event
        for event in later_events
        if event.received_at >= format_iso_utc(run.entered_at)
        and (event.name, event.occurred_at) not in starting_events
    )


def handle_occurrence(
    journey: JourneyDefinition, run: JourneyRun, occurrence: Occurrence, now: datetime
) -> tuple[JourneyRun, list[TrailEntry]]:
    """Let a run notice what happened: goals first, because an exit may be one."""
    entries = []
    is_in_progress = run.status == "in_progress"
    if is_in_progress or (run.watched_until and now <= run.watched_until):
        for name, trigger in journey.goals.items():
            if name not in run.goals and matches_trigger(trigger, occurrence):
                what = f"reached the goal {name}: {describe_occurrence(occurrence)}"
                details = {"goal": name, **serialize_occurrence(occurrence)}
                entries.append(TrailEntry(now, "goal", what, details=details))
                run = replace(run, goals=(*run.goals, name))
    if is_in_progress and any(matches_trigger(cause, occurrence) for cause in journey.exits):
        what = f"left because of {describe_occurrence(occurrence)}"
        run, entry = end_run(run, "exited", what, now)
        entries.append(replace(entry, details=serialize_occurrence(occurrence)))
    return run, entries


def advance_run(
    journey: JourneyDefinition, run: JourneyRun, context: VisitContext
) -> tuple[JourneyRun, list[TrailEntry]]:
    """Take a run that is due from its element to the next wait, or to its end."""
    assert run.due_at is not None  # only a run in progress is due
    at, step_path, entries = run.due_at, run.element, []
    while step_path is not None:
        visit = visit_element(journey.elements[step_path], context, at)
        entries.append(visit.entry)
        if visit.entry.kind == "would_send":
            run = replace(run, watched_until=at + journey.attribution_window)
        if visit.due_at:
            return replace(run, element=visit.next_step_path, due_at=visit.due_at), entries
        if visit.drop_reason:
            run, entry = end_run(run, "dropped", visit.drop_reason, at)
            return run, [*entries, entry]
        step_path = visit.next_step_path
    run, entry = end_run(run, "completed", "reached the end of the journey", at)
    return run, [*entries, entry]


def end_run(
    run: JourneyRun, status: JourneyRunStatus, reason: str, ended_at: datetime
) -> tuple[JourneyRun, TrailEntry]:
    """End a run. Assumed: only one that has completed still gets the credit for goals."""
    assert status != "in_progress"
    watched_until = run.watched_until if status == "completed" else None
    ended_run = replace(
        run,
        status=status,
        due_at=None,
        element=None,
        ended_at=ended_at,
        watched_until=watched_until,
    )
    return ended_run, TrailEntry(ended_at, status, f"{status}: {reason}")
