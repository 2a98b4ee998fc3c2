"""View model of the Journeys pages: a journey's elements as a tree, with people at each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from segment_insider_emulator.clock import format_duration
from segment_insider_emulator.insider.journey_definition import (
    AttributeCondition,
    ChannelElement,
    CheckElement,
    JourneyDefinition,
    JourneyElement,
    ReachabilityElement,
    WaitElement,
    describe_condition,
)
from segment_insider_emulator.storage.journeys import JourneyCounts
from segment_insider_emulator.storage.records import JourneyRun, TrailEntry

CHANNEL_NAMES = {"email": "e-mail", "sms": "SMS", "whatsapp": "WhatsApp", "web_push": "web push"}
STATUS_TITLES = {
    "in_progress": "In progress",
    "completed": "Completed",
    "exited": "Exited",
    "dropped": "Dropped",
}
# Arrival at a channel -> the verdict whose icon it uses; icons mean the same on all pages.
ARRIVAL_ICONS = {
    "would_send": "accepted",
    "held_back": "dropped",
    "skipped": "filtered",
    "dropped": "dropped",
}


@dataclass(frozen=True, slots=True)
class JourneyBranchView:
    """One branch of a journey's check on the page, e.g. "not reachable"; it may be empty."""

    title: str
    elements: tuple["JourneyElementView", ...]


@dataclass(frozen=True, slots=True)
class JourneyElementView:
    """One element of a journey on the page, with its counts of people and outcomes.

    Args:
        place: In the workspace file, e.g. "steps[1].reachable[0]".
        outcome_texts: What became of who arrived, e.g. "2 would be sent".
        waiting_count: How many wait here now.
    """

    place: str
    kind: str
    title: str
    arrived_count: int
    waiting_count: int
    outcome_texts: tuple[str, ...]
    branches: tuple[JourneyBranchView, ...] = ()


@dataclass(frozen=True, slots=True)
class JourneyViewModel:
    """View model of one journey: entry and exit rules, counts and elements."""

    id: int
    name: str
    starter_text: str
    reentry_text: str
    exit_texts: tuple[str, ...]
    goal_counts: Mapping[str, int]
    entered_count: int
    status_counts: Mapping[str, int]
    elements: tuple[JourneyElementView, ...]


@dataclass(frozen=True, slots=True)
class JourneyRunView:
    """One person's run through a journey on the page, with the time until its next step."""

    run: JourneyRun
    person_name: str
    status_title: str
    due_text: str | None
    trail: tuple[TrailEntry, ...]


def build_journey_view_model(
    journey: JourneyDefinition, tally: JourneyCounts, waiting_counts: Mapping[str, int]
) -> JourneyViewModel:
    """Build the view model of one journey for its page.

    Args:
        waiting_counts: Place of an element -> how many wait there now.
    """
    segment = " and ".join(
        describe_condition(condition) for condition in journey.segment_conditions
    )
    period = (
        "once"
        if journey.reentry_period is None
        else f"again after {format_duration(journey.reentry_period)}"
    )
    return JourneyViewModel(
        id=journey.id,
        name=journey.name,
        starter_text=describe_condition(journey.starter) + (f", if {segment}" if segment else ""),
        reentry_text=period,
        exit_texts=tuple(describe_condition(exit_condition) for exit_condition in journey.exits),
        goal_counts={name: tally.goals.get(name, 0) for name in journey.goals},
        entered_count=sum(tally.statuses.values()),
        status_counts={name: tally.statuses.get(name, 0) for name in STATUS_TITLES},
        elements=_build_element_chain(journey, journey.first_step_path, tally, waiting_counts),
    )


def build_run_view(
    run: JourneyRun, trail: list[TrailEntry], person_name: str, now: datetime
) -> JourneyRunView:
    """Build what the page shows of one person's run through a journey."""
    due = None
    if run.due_at:
        seconds = timedelta(seconds=ceil((run.due_at - now).total_seconds()))
        due = f"in {format_duration(seconds)}" if seconds else "now"
    return JourneyRunView(run, person_name, STATUS_TITLES[run.status], due, tuple(trail))


def _build_element_chain(
    journey: JourneyDefinition,
    place: str | None,
    tally: JourneyCounts,
    waiting_counts: Mapping[str, int],
) -> tuple[JourneyElementView, ...]:
    steps = []
    while place is not None:
        element = journey.elements[place]
        steps.append(_build_element_view(journey, element, tally, waiting_counts))
        place = (
            element.next_step_path if isinstance(element, WaitElement | ChannelElement) else None
        )
    return tuple(steps)


def _build_element_view(
    journey: JourneyDefinition,
    element: JourneyElement,
    tally: JourneyCounts,
    waiting_counts: Mapping[str, int],
) -> JourneyElementView:
    kinds = {kind: n for (place, kind), n in tally.elements.items() if place == element.step_path}
    kind, title, ways = _describe_journey_element(element)
    return JourneyElementView(
        element.step_path,
        kind,
        title,
        arrived_count=sum(kinds.values()),
        waiting_count=waiting_counts.get(element.step_path, 0),
        outcome_texts=tuple(_describe_send_outcome_counts(kinds)),
        branches=tuple(
            JourneyBranchView(name, _build_element_chain(journey, first, tally, waiting_counts))
            for name, first in ways.items()
        ),
    )


def _describe_journey_element(element: JourneyElement) -> tuple[str, str, Mapping[str, str | None]]:
    """Return kind, title and branches of a journey element, for the page."""
    match element:
        case WaitElement(length=length):
            return "wait", f"Wait {format_duration(length)}", {}
        case ChannelElement(channel=channel, message=message):
            return "channel", f"Send {CHANNEL_NAMES.get(channel, channel)}: {message}", {}
        case ReachabilityElement(channel=channel, reachable=yes, not_reachable=no):
            ways = {"reachable": yes, "not reachable": no}
            return "check", f"Reachable by {CHANNEL_NAMES.get(channel, channel)}?", ways
        case CheckElement(condition=condition, matching=yes, not_matching=no):
            if isinstance(condition, AttributeCondition):
                asked = describe_condition(condition)
            else:
                did = "did" if condition.must_have_happened else "did not do"
                asked = f"{did} {describe_condition(condition.event)} since entry"
            return "check", f"{asked}?", {"yes": yes, "no": no}


def _describe_send_outcome_counts(outcome_counts: Mapping[str, int]) -> list[str]:
    outcome_phrases = {
        "would_send": "would be sent",
        "held_back": "not sent",
        "skipped": "skipped, just sent",
    }
    return [
        f"{outcome_counts[kind]} {what}"
        for kind, what in outcome_phrases.items()
        if outcome_counts.get(kind)
    ]
