"""How a person goes through a journey: plain decisions, from what is known to what comes next.

Documented: entering, exiting, dropping and completing, as Insider One's "Anatomy of a Journey"
counts them. Assumed: everything else; docs/assumptions.md lists it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from segment_insider_emulator.capture.journey import Entry, Run, Status
from segment_insider_emulator.capture.profile import ProfileEvent
from segment_insider_emulator.clock import iso
from segment_insider_emulator.insider.journeys.conditions import (
    Happening,
    happened,
    happening_json,
    matches,
)
from segment_insider_emulator.insider.journeys.definition import Journey
from segment_insider_emulator.insider.journeys.visiting import Facts, visit


def enter(
    journey: Journey, profile_id: str, because: Happening, now: datetime
) -> tuple[Run, list[Entry], ProfileEvent]:
    """Let a person in.

    Returns: The run, due at once; the first entry of its trail; and the `journey_entered` event
        that Insider One writes to the profile (documented, as is `journey_id`).
    """
    params = {"journey_id": journey.id, "journey_campaign_name": journey.name}
    at = iso(now)
    entered = ProfileEvent("journey_entered", "journey_entered", at, at, params, at)
    mark = because if isinstance(because, ProfileEvent) else entered
    run = Run(journey.id, profile_id, now, mark.fingerprint, journey.first, now)
    what = f"entered because of {happened(because)}"
    if journey.ignored:
        what += f"; a starter ignores date parameters: {', '.join(journey.ignored)}"
    return run, [Entry(now, "entered", what, details=happening_json(because))], entered


def since_entry(run: Run, events: Sequence[ProfileEvent]) -> tuple[ProfileEvent, ...]:
    """Those of a profile's *events*, oldest first, that were stored after the run's entry.

    Order decides within one instant, time where a retention has taken the mark away. Assumed: the
    other products of the call that started the run, each an event of its own, are not since entry.
    """
    marks = [at for at, event in enumerate(events) if event.fingerprint == run.mark]
    siblings = {(events[at].name, events[at].occurred_at) for at in marks}
    after = events[marks[-1] + 1 :] if marks else events
    return tuple(
        event
        for event in after
        if event.received_at >= iso(run.entered_at)
        and (event.name, event.occurred_at) not in siblings
    )


def hear(
    journey: Journey, run: Run, happening: Happening, now: datetime
) -> tuple[Run, list[Entry]]:
    """Let a run notice what happened: goals first, because an exit may be one."""
    entries = []
    inside = run.status == "in_progress"
    if inside or (run.watched_until and now <= run.watched_until):
        for name, cause in journey.goals.items():
            if name not in run.goals and matches(cause, happening):
                what = f"reached the goal {name}: {happened(happening)}"
                details = {"goal": name, **happening_json(happening)}
                entries.append(Entry(now, "goal", what, details=details))
                run = replace(run, goals=(*run.goals, name))
    if inside and any(matches(cause, happening) for cause in journey.exits):
        what = f"left because of {happened(happening)}"
        run, entry = end(run, "exited", what, now)
        entries.append(replace(entry, details=happening_json(happening)))
    return run, entries


def go_on(journey: Journey, run: Run, facts: Facts) -> tuple[Run, list[Entry]]:
    """Take a run that is due from its element to the next wait, or to its end."""
    assert run.due_at is not None  # only a run in progress is due
    at, place, entries = run.due_at, run.element, []
    while place is not None:
        made = visit(journey.elements[place], facts, at)
        entries.append(made.entry)
        if made.entry.kind == "would_send":
            run = replace(run, watched_until=at + journey.attribution)
        if made.due_at:
            return replace(run, element=made.next, due_at=made.due_at), entries
        if made.dropped:
            run, entry = end(run, "dropped", made.dropped, at)
            return run, [*entries, entry]
        place = made.next
    run, entry = end(run, "completed", "reached the end of the journey", at)
    return run, [*entries, entry]


def end(run: Run, status: Status, why: str, at: datetime) -> tuple[Run, Entry]:
    """End a run. Assumed: only one that has completed still gets the credit for goals."""
    assert status != "in_progress"
    watched = run.watched_until if status == "completed" else None
    ended = replace(
        run, status=status, due_at=None, element=None, ended_at=at, watched_until=watched
    )
    return ended, Entry(at, status, f"{status}: {why}")
