"""What becomes of a person at one element of a journey.

Documented: unreachable people are dropped, the same e-mail is skipped within half an hour, and an
empty not-reachable path drops; the opt-ins of the moment decide. Assumed: so does the address.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from segment_insider_emulator.clock import format_duration, format_iso_utc
from segment_insider_emulator.insider.journey_definition import (
    AttributeCondition,
    AttributeUpdate,
    ChannelElement,
    CheckElement,
    EventCondition,
    JourneyDefinition,
    JourneyElement,
    Occurrence,
    ReachabilityElement,
    SinceEntryCondition,
    WaitElement,
    describe_condition,
    describe_occurrence,
    format_json,
    matches_attribute_condition,
    matches_trigger,
    serialize_occurrence,
)
from segment_insider_emulator.insider.profile_changes import ProfileChange
from segment_insider_emulator.insider.profile_json import CHANNEL_ATTRIBUTES, check_reachability
from segment_insider_emulator.storage.records import (
    JourneyRun,
    JourneyRunStatus,
    ProfileEvent,
    TrailEntry,
)
from segment_insider_emulator.types import JSON

SAME_EMAIL_INTERVAL = timedelta(minutes=30)  # documented


@dataclass(frozen=True, slots=True)
class VisitContext:
    """What is known of a person when a run goes on; looked up where an element asks for it.

    Args:
        attributes: By place.
        events: Gives those since entry, oldest first.
        sent: Gives place of a channel -> when it last sent to this person.
    """

    attributes: Mapping[str, JSON]
    load_events_since_entry: Callable[[], Sequence[ProfileEvent]]
    load_last_send_times: Callable[[], Mapping[str, datetime]]


@dataclass(frozen=True, slots=True)
class VisitResult:
    """What became of a person at one element; *due_at* is set where it has to wait."""

    entry: TrailEntry
    next_step_path: str | None
    due_at: datetime | None = None
    drop_reason: str = ""  # why, when it is


def visit_element(
    element: JourneyElement, context: VisitContext, visited_at: datetime
) -> VisitResult:
    """Let a person who arrives at *at* pass *element*."""
    if isinstance(element, WaitElement):
        waits_until = visited_at + element.length
        what = f"waits {format_duration(element.length)}, until {format_iso_utc(waits_until)}"
        entry = TrailEntry(
            visited_at, "waiting", what, element.step_path, {"until": format_iso_utc(waits_until)}
        )
        return VisitResult(entry, element.next_step_path, due_at=waits_until)
    if isinstance(element, CheckElement):
        return _visit_check(element, context, visited_at)
    if isinstance(element, ReachabilityElement):
        return _visit_reachability_check(element, context, visited_at)
    return _visit_channel(element, context, visited_at)


def _visit_check(element: CheckElement, context: VisitContext, visited_at: datetime) -> VisitResult:
    is_matching, reason = _evaluate_check(element.condition, context)
    details = {"path": "matching" if is_matching else "not_matching", "why": reason}
    what = f"checked: {reason}, so {'' if is_matching else 'not '}matching"
    entry = TrailEntry(visited_at, "checked", what, element.step_path, details)
    return VisitResult(entry, element.matching if is_matching else element.not_matching)


def _evaluate_check(
    condition: SinceEntryCondition | AttributeCondition, context: VisitContext
) -> tuple[bool, str]:
    if isinstance(condition, AttributeCondition):
        is_matching = matches_attribute_condition(condition, context.attributes)
        value = context.attributes.get(condition.attribute_path)
        value_text = "absent" if value is None else format_json(value)
        return (
            is_matching,
            f"{condition.attribute_path} is {value_text} where the check asks {describe_condition(condition)}",
        )
    matching_event = next(
        (
            each
            for each in context.load_events_since_entry()
            if matches_trigger(condition.event, each)
        ),
        None,
    )
    if matching_event:
        return condition.must_have_happened, f"{describe_occurrence(matching_event)} is since entry"
    return not condition.must_have_happened, f"no {describe_condition(condition.event)} since entry"


def _visit_reachability_check(
    element: ReachabilityElement, context: VisitContext, visited_at: datetime
) -> VisitResult:
    reasons = _list_unreachable_reasons(element.channel, context)
    path = "not_reachable" if reasons else "reachable"
    reason = f": {', '.join(reasons)}" if reasons else ""
    what = f"checked: {element.channel} is {path.replace('_', ' ')}{reason}"
    details = {"path": path, "channel": element.channel, "why": reasons}
    entry = TrailEntry(visited_at, "checked", what, element.step_path, details)
    if reasons and element.not_reachable is None:
        # Documented: the empty not-reachable path drops people, every other one completes.
        return VisitResult(entry, None, drop_reason=f"{element.channel} does not reach this person")
    return VisitResult(entry, element.not_reachable if reasons else element.reachable)


def _visit_channel(
    element: ChannelElement, context: VisitContext, visited_at: datetime
) -> VisitResult:
    channel, message = element.channel, element.message
    details: dict[str, JSON] = {"channel": channel, "message": message}
    if why := _list_unreachable_reasons(channel, context):
        what = f"{channel} is held back: {', '.join(why)}"
        entry = TrailEntry(
            visited_at, "held_back", what, element.step_path, {**details, "why": why}
        )
        return VisitResult(entry, None, drop_reason=f"{channel} does not reach this person")
    last_sent_at = context.load_last_send_times().get(element.step_path)
    if channel == "email" and last_sent_at and visited_at - last_sent_at < SAME_EMAIL_INTERVAL:
        what = f"email is skipped: {message} was sent at {format_iso_utc(last_sent_at)}, {format_duration(SAME_EMAIL_INTERVAL)} or less ago"
        return VisitResult(
            TrailEntry(visited_at, "skipped", what, element.step_path, details),
            element.next_step_path,
        )
    address = context.attributes[CHANNEL_ATTRIBUTES[channel][0]]
    what = f"would send {channel} to {address}: {message}"
    details["address"] = address
    return VisitResult(
        TrailEntry(visited_at, "would_send", what, element.step_path, details),
        element.next_step_path,
    )


def _list_unreachable_reasons(channel: str, context: VisitContext) -> list[str]:
    """Why *channel* does not reach the person now; nothing when it does."""
    reasons: list[str] = check_reachability(context.attributes)[channel]["why"]
    return reasons


class OccurrenceFilter:
    """The names of events and the places of attributes that *journeys* start, end or score by."""

    def __init__(self, journeys: Iterable[JourneyDefinition]) -> None:
        triggers = [
            cause
            for journey in journeys
            for cause in (journey.starter, *journey.exits, *journey.goals.values())
        ]
        event_conditions = [cause for cause in triggers if isinstance(cause, EventCondition)]
        self._event_names = {name for cause in event_conditions for name in cause.event_names}
        self._attribute_paths = {
            cause.attribute_path for cause in triggers if not isinstance(cause, EventCondition)
        }

    def select_relevant(self, change: ProfileChange) -> list[Occurrence]:
        """What of *change* may matter. Assumed: attributes count as written before its events."""
        updates = [
            AttributeUpdate(place, *change.attribute_changes[place])
            for place in change.attribute_changes
            if place in self._attribute_paths
        ]
        return [*updates, *(event for event in change.events if event.name in self._event_names)]


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
