"""A journey as a page draws it: its elements as a tree, and how many people are where."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from segment_insider_emulator.capture.journey import Entry, Run
from segment_insider_emulator.capture.journeys import Tally
from segment_insider_emulator.duration import words
from segment_insider_emulator.insider.journeys.conditions import told
from segment_insider_emulator.insider.journeys.definition import (
    AttributeCondition,
    Channel,
    Check,
    CheckReachability,
    Element,
    Journey,
    Wait,
)

CHANNELS = {"email": "e-mail", "sms": "SMS", "whatsapp": "WhatsApp", "web_push": "web push"}
STATUSES = {
    "in_progress": "In progress",
    "completed": "Completed",
    "exited": "Exited",
    "dropped": "Dropped",
}
# An arrival at a channel -> the verdict whose sign it has: the same signs mean the same everywhere.
SIGNS = {"would_send": "accepted", "held_back": "dropped", "skipped": "filtered"}


@dataclass(frozen=True, slots=True)
class Path:
    """A path below a check, e.g. "if reachable"; one without elements ends the journey."""

    title: str
    elements: tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One element.

    Args:
        place: In the workspace file, e.g. "steps[1].reachable[0]".
        counts: What became of who arrived, e.g. "2 would be sent".
        here: How many wait here now.
    """

    place: str
    kind: str
    title: str
    arrived: int
    here: int
    counts: tuple[str, ...]
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class JourneyPage:
    """One journey: how people come in and leave, its counters and its elements."""

    id: int
    name: str
    starts: str
    eligibility: str
    exits: tuple[str, ...]
    goals: Mapping[str, int]
    entered: int
    statuses: Mapping[str, int]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's way through a journey. *due* is how long until it goes on, in words."""

    run: Run
    name: str
    status: str
    due: str | None
    trail: tuple[Entry, ...]


def journey_page(journey: Journey, tally: Tally, waiting: Mapping[str, int]) -> JourneyPage:
    """What to show of *journey*.

    Args:
        waiting: Place of an element -> how many wait there now.
    """
    segment = " and ".join(told(each) for each in journey.segment)
    period = "once" if journey.period is None else f"again after {words(journey.period)}"
    return JourneyPage(
        id=journey.id,
        name=journey.name,
        starts=told(journey.starter) + (f", if {segment}" if segment else ""),
        eligibility=period,
        exits=tuple(told(each) for each in journey.exits),
        goals={name: tally.goals.get(name, 0) for name in journey.goals},
        entered=sum(tally.statuses.values()),
        statuses={name: tally.statuses.get(name, 0) for name in STATUSES},
        steps=_chain(journey, journey.first, tally, waiting),
    )


def visit(run: Run, trail: list[Entry], name: str, now: datetime) -> Visit:
    """What to show of *run*, which *name* is on."""
    due = None
    if run.due_at:
        seconds = timedelta(seconds=ceil((run.due_at - now).total_seconds()))
        due = f"in {words(seconds)}" if seconds else "now"
    return Visit(run, name, STATUSES[run.status], due, tuple(trail))


def _chain(
    journey: Journey, place: str | None, tally: Tally, waiting: Mapping[str, int]
) -> tuple[Step, ...]:
    steps = []
    while place is not None:
        element = journey.elements[place]
        steps.append(_step(journey, element, tally, waiting))
        place = element.next if isinstance(element, Wait | Channel) else None
    return tuple(steps)


def _step(journey: Journey, element: Element, tally: Tally, waiting: Mapping[str, int]) -> Step:
    kinds = {kind: n for (place, kind), n in tally.elements.items() if place == element.place}
    kind, title, ways = _described(element)
    return Step(
        element.place,
        kind,
        title,
        arrived=sum(kinds.values()),
        here=waiting.get(element.place, 0),
        counts=tuple(_counts(kinds)),
        paths=tuple(
            Path(name, _chain(journey, first, tally, waiting)) for name, first in ways.items()
        ),
    )


def _described(element: Element) -> tuple[str, str, Mapping[str, str | None]]:
    """Kind, title, and the paths that lead on from a check."""
    match element:
        case Wait(length=length):
            return "wait", f"Wait {words(length)}", {}
        case Channel(channel=channel, message=message):
            return "channel", f"Send {CHANNELS.get(channel, channel)}: {message}", {}
        case CheckReachability(channel=channel, reachable=yes, not_reachable=no):
            ways = {"reachable": yes, "not reachable": no}
            return "check", f"Reachable by {CHANNELS.get(channel, channel)}?", ways
        case Check(condition=condition, matching=yes, not_matching=no):
            if isinstance(condition, AttributeCondition):
                asked = told(condition)
            else:
                did = "did" if condition.expected else "did not do"
                asked = f"{did} {told(condition.condition)} since entry"
            return "check", f"{asked}?", {"yes": yes, "no": no}


def _counts(kinds: Mapping[str, int]) -> list[str]:
    said = {
        "would_send": "would be sent",
        "held_back": "held back",
        "skipped": "skipped, just sent",
    }
    return [f"{kinds[kind]} {what}" for kind, what in said.items() if kinds.get(kind)]
