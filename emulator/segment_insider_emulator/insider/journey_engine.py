"""Rules of Insider One journeys: start, advance and end a run, visit elements, count goals.

Pure functions: they neither read nor write the store. Documented: entering, exiting, dropping and
completing, as Insider One's "Anatomy of a Journey" counts them; unreachable people are dropped,
the same e-mail is skipped within 30 minutes, and an empty not-reachable path drops; the current
opt-ins decide. Assumed: the current address decides as well; docs/assumptions.md lists the rest.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
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
    format_as_json,
    matches_attribute_condition,
    matches_journey_trigger,
    serialize_occurrence,
)
from segment_insider_emulator.insider.profile_changes import ProfileChange
from segment_insider_emulator.insider.profile_json import ADDRESS_ATTRIBUTES, check_reachability
from segment_insider_emulator.storage.records import (
    JourneyRun,
    JourneyRunStatus,
    ProfileEvent,
    TrailEntry,
)
from segment_insider_emulator.types import JSON, record

SAME_EMAIL_INTERVAL = timedelta(minutes=30)  # documented


@record
class ElementVisitContext:
    """What journey elements may ask about the person; events and sends are loaded when needed.

    Args:
        attributes: Path -> value.
        load_events_since_entry: Returns the events since entry, oldest first.
        load_last_send_times: Returns path of a channel -> time of its last message to the person.
    """

    attributes: Mapping[str, JSON]
    load_events_since_entry: Callable[[], Sequence[ProfileEvent]]
    load_last_send_times: Callable[[], Mapping[str, datetime]]


@record
class ElementVisitResult:
    """The outcome of one journey element for one person; *due_at* is set for a wait."""

    entry: TrailEntry
    next_step_path: str | None
    due_at: datetime | None = None
    drop_reason: str = ""  # empty if the person is not dropped


def visit_journey_element(
    element: JourneyElement, context: ElementVisitContext, visited_at: datetime
) -> ElementVisitResult:
    """Apply a journey element to a person who arrives there at *visited_at*."""
    if isinstance(element, WaitElement):
        due_at = visited_at + element.length
        until = format_iso_utc(due_at)
        what = f"waits {format_duration(element.length)}, until {until}"
        entry = TrailEntry(visited_at, "waiting", what, element.step_path, {"until": until})
        return ElementVisitResult(entry, element.next_step_path, due_at=due_at)
    if isinstance(element, CheckElement):
        return _visit_check_element(element, context, visited_at)
    if isinstance(element, ReachabilityElement):
        return _visit_channel_reachability_element(element, context, visited_at)
    return _visit_channel_element(element, context, visited_at)


def _visit_check_element(
    element: CheckElement, context: ElementVisitContext, visited_at: datetime
) -> ElementVisitResult:
    is_matching, reason = _evaluate_check_condition(element.condition, context)
    details = {"path": "matching" if is_matching else "not_matching", "why": reason}
    what = f"checked: {reason}, so {'' if is_matching else 'not '}matching"
    entry = TrailEntry(visited_at, "checked", what, element.step_path, details)
    return ElementVisitResult(entry, element.matching if is_matching else element.not_matching)


def _evaluate_check_condition(
    condition: SinceEntryCondition | AttributeCondition, context: ElementVisitContext
) -> tuple[bool, str]:
    if isinstance(condition, AttributeCondition):
        is_matching = matches_attribute_condition(condition, context.attributes)
        path = condition.attribute_path
        value = context.attributes.get(path)
        value_text = "absent" if value is None else format_as_json(value)
        return is_matching, f"{path} is {value_text}; condition: {describe_condition(condition)}"
    for event in context.load_events_since_entry():
        if matches_journey_trigger(condition.event, event):
            reason = f"{describe_occurrence(event)}, after entry"
            return condition.must_have_happened, reason
    return not condition.must_have_happened, f"no {describe_condition(condition.event)} since entry"


def _visit_channel_reachability_element(
    element: ReachabilityElement, context: ElementVisitContext, visited_at: datetime
) -> ElementVisitResult:
    reasons = _list_unreachable_reasons(element.channel, context)
    path = "not_reachable" if reasons else "reachable"
    reason = f": {', '.join(reasons)}" if reasons else ""
    what = f"checked: {element.channel} is {path.replace('_', ' ')}{reason}"
    details = {"path": path, "channel": element.channel, "why": reasons}
    entry = TrailEntry(visited_at, "checked", what, element.step_path, details)
    if reasons and element.not_reachable is None:
        # Documented: an empty not-reachable path drops people; any other empty path completes.
        return ElementVisitResult(
            entry, None, drop_reason=f"{element.channel} cannot reach this person"
        )
    return ElementVisitResult(entry, element.not_reachable if reasons else element.reachable)


def _visit_channel_element(
    element: ChannelElement, context: ElementVisitContext, visited_at: datetime
) -> ElementVisitResult:
    channel, message, step_path = element.channel, element.message, element.step_path
    details: dict[str, JSON] = {"channel": channel, "message": message}
    if reasons := _list_unreachable_reasons(channel, context):
        details["why"] = reasons
        what = f"{channel} is not sent: {', '.join(reasons)}"
        entry = TrailEntry(visited_at, "held_back", what, step_path, details)
        return ElementVisitResult(entry, None, drop_reason=f"{channel} cannot reach this person")
    last_sent_at = context.load_last_send_times().get(step_path)
    if channel == "email" and last_sent_at and visited_at - last_sent_at < SAME_EMAIL_INTERVAL:
        what = (
            f"email is skipped: {message} was sent at {format_iso_utc(last_sent_at)}, "
            f"{format_duration(SAME_EMAIL_INTERVAL)} or less ago"
        )
        entry = TrailEntry(visited_at, "skipped", what, step_path, details)
        return ElementVisitResult(entry, element.next_step_path)
    address = context.attributes[ADDRESS_ATTRIBUTES[channel]]
    details["address"] = address
    what = f"would send {channel} to {address}: {message}"
    entry = TrailEntry(visited_at, "would_send", what, step_path, details)
    return ElementVisitResult(entry, element.next_step_path)


def _list_unreachable_reasons(channel: str, context: ElementVisitContext) -> list[str]:
    """List why *channel* cannot reach the person of a journey now; empty when it can."""
    reasons: list[str] = check_reachability(context.attributes)[channel]["why"]
    return reasons


class JourneyOccurrenceFilter:
    """Selects the events and attribute updates that can start, exit or score journeys."""

    def __init__(self, journeys: Iterable[JourneyDefinition]) -> None:
        self._journeys_by_event: dict[str, list[JourneyDefinition]] = {}
        self._journeys_by_attribute: dict[str, list[JourneyDefinition]] = {}
        for journey in journeys:
            event_names: set[str] = set()
            attribute_paths: set[str] = set()
            for trigger in (journey.starter, *journey.exits, *journey.goals.values()):
                if isinstance(trigger, EventCondition):
                    event_names.update(trigger.event_names)
                else:
                    attribute_paths.add(trigger.attribute_path)
            for name in event_names:
                self._journeys_by_event.setdefault(name, []).append(journey)
            for path in attribute_paths:
                self._journeys_by_attribute.setdefault(path, []).append(journey)

    def list_journeys_with_trigger(self, occurrence: Occurrence) -> Sequence[JourneyDefinition]:
        """List the journeys, in order, with a trigger for the event or attribute of *occurrence*.

        For all others it changes nothing.
        """
        if isinstance(occurrence, ProfileEvent):
            return self._journeys_by_event.get(occurrence.name, ())
        return self._journeys_by_attribute.get(occurrence.attribute_path, ())

    def select_relevant_occurrences(self, change: ProfileChange) -> list[Occurrence]:
        """Select the events and attribute updates of *change* that matter to some journey.

        Assumed: attributes are written before events.
        """
        updates = [
            AttributeUpdate(path, old_value, new_value)
            for path, (old_value, new_value) in change.attribute_changes.items()
            if path in self._journeys_by_attribute
        ]
        return [
            *updates,
            *(event for event in change.events if event.name in self._journeys_by_event),
        ]


def start_journey_run(
    journey: JourneyDefinition, profile_id: str, occurrence: Occurrence, now: datetime
) -> tuple[JourneyRun, list[TrailEntry], ProfileEvent]:
    """Start a run of *journey*: the person enters it.

    Returns: The run, due at once; the first entry of its trail; and the `journey_entered` event
        that Insider One writes to the profile (documented, as is `journey_id`).
    """
    params = {"journey_id": journey.id, "journey_campaign_name": journey.name}
    at = format_iso_utc(now)
    entered_event = ProfileEvent("journey_entered", "journey_entered", at, at, params, at)
    mark_event = occurrence if isinstance(occurrence, ProfileEvent) else entered_event
    mark = mark_event.fingerprint
    run = JourneyRun(journey.id, profile_id, now, mark, journey.first_step_path, now)
    what = f"entered because of {describe_occurrence(occurrence)}"
    if journey.ignored_date_parameters:
        what += f"; a starter ignores date parameters: {', '.join(journey.ignored_date_parameters)}"
    entry = TrailEntry(now, "entered", what, details=serialize_occurrence(occurrence))
    return run, [entry], entered_event


def select_events_since_entry(
    run: JourneyRun, events: Sequence[ProfileEvent]
) -> tuple[ProfileEvent, ...]:
    """Select the *events*, oldest first, that were stored after the person entered the journey.

    Events after the mark count; if the mark has expired, the time decides. Assumed: further
    products of the call that started the run are events of the same time and do not count.
    """
    mark_indexes = [index for index, event in enumerate(events) if event.fingerprint == run.mark]
    starting_events = {(events[index].name, events[index].occurred_at) for index in mark_indexes}
    later_events = events[mark_indexes[-1] + 1 :] if mark_indexes else events
    return tuple(
        event
        for event in later_events
        if event.received_at >= format_iso_utc(run.entered_at)
        and (event.name, event.occurred_at) not in starting_events
    )


def apply_occurrence_to_run(
    journey: JourneyDefinition, run: JourneyRun, occurrence: Occurrence, now: datetime
) -> tuple[JourneyRun, list[TrailEntry]]:
    """Apply an event or attribute update to a journey run: count goals first, then exits."""
    entries = []
    is_in_progress = run.status == "in_progress"
    if is_in_progress or (run.watched_until and now <= run.watched_until):
        for name, trigger in journey.goals.items():
            if name not in run.goals and matches_journey_trigger(trigger, occurrence):
                what = f"reached the goal {name}: {describe_occurrence(occurrence)}"
                details = {"goal": name, **serialize_occurrence(occurrence)}
                entries.append(TrailEntry(now, "goal", what, details=details))
                run = replace(run, goals=(*run.goals, name))
    if is_in_progress and any(
        matches_journey_trigger(trigger, occurrence) for trigger in journey.exits
    ):
        run, entry = end_journey_run(run, "exited", describe_occurrence(occurrence), now)
        entries.append(replace(entry, details=serialize_occurrence(occurrence)))
    return run, entries


def advance_journey_run(
    journey: JourneyDefinition, run: JourneyRun, context: ElementVisitContext
) -> tuple[JourneyRun, list[TrailEntry]]:
    """Move a due journey run forward to its next wait or to its end."""
    assert run.due_at is not None  # only a run in progress is due
    at, step_path, entries = run.due_at, run.element, []
    while step_path is not None:
        visit = visit_journey_element(journey.elements[step_path], context, at)
        entries.append(visit.entry)
        if visit.entry.kind == "would_send":
            run = replace(run, watched_until=at + journey.attribution_window)
        if visit.due_at:
            return replace(run, element=visit.next_step_path, due_at=visit.due_at), entries
        if visit.drop_reason:
            run, entry = end_journey_run(run, "dropped", visit.drop_reason, at)
            return run, [*entries, entry]
        step_path = visit.next_step_path
    run, entry = end_journey_run(run, "completed", "reached the end of the journey", at)
    return run, [*entries, entry]


def end_journey_run(
    run: JourneyRun, status: JourneyRunStatus, reason: str, ended_at: datetime
) -> tuple[JourneyRun, TrailEntry]:
    """End a journey run with *status*.

    Assumed: only a completed run still counts goals.
    """
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
