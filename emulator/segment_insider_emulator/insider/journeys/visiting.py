"""What becomes of a person at one element of a journey.

Documented: unreachable people are dropped, the same e-mail is skipped within half an hour, and an
empty not-reachable path drops; the opt-ins of the moment decide. Assumed: so does the address.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from segment_insider_emulator.capture.journey import Entry
from segment_insider_emulator.capture.profile import ProfileEvent
from segment_insider_emulator.clock import iso
from segment_insider_emulator.duration import words
from segment_insider_emulator.insider.journeys.conditions import (
    attribute_holds,
    happened,
    matches,
    text,
    told,
)
from segment_insider_emulator.insider.journeys.definition import (
    AttributeCondition,
    Channel,
    Check,
    CheckReachability,
    Did,
    Element,
    Wait,
)
from segment_insider_emulator.insider.reach import CHANNELS, reach
from segment_insider_emulator.types import JSON

SAME_EMAIL = timedelta(minutes=30)  # documented


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a person when a run goes on; looked up where an element asks for it.

    Args:
        attributes: By place.
        events: Gives those since entry, oldest first.
        sent: Gives place of a channel -> when it last sent to this person.
    """

    attributes: Mapping[str, JSON]
    events: Callable[[], Sequence[ProfileEvent]]
    sent: Callable[[], Mapping[str, datetime]]


@dataclass(frozen=True, slots=True)
class Visit:
    """What became of a person at one element; *due_at* is set where it has to wait."""

    entry: Entry
    next: str | None
    due_at: datetime | None = None
    dropped: str = ""  # why, when it is


def visit(element: Element, facts: Facts, at: datetime) -> Visit:
    """Let a person who arrives at *at* pass *element*."""
    if isinstance(element, Wait):
        until = at + element.length
        what = f"waits {words(element.length)}, until {iso(until)}"
        entry = Entry(at, "waiting", what, element.place, {"until": iso(until)})
        return Visit(entry, element.next, due_at=until)
    if isinstance(element, Check):
        return _check(element, facts, at)
    if isinstance(element, CheckReachability):
        return _check_reachability(element, facts, at)
    return _channel(element, facts, at)


def _check(element: Check, facts: Facts, at: datetime) -> Visit:
    matching, why = _verdict(element.condition, facts)
    details = {"path": "matching" if matching else "not_matching", "why": why}
    what = f"checked: {why}, so {'' if matching else 'not '}matching"
    entry = Entry(at, "checked", what, element.place, details)
    return Visit(entry, element.matching if matching else element.not_matching)


def _verdict(condition: Did | AttributeCondition, facts: Facts) -> tuple[bool, str]:
    if isinstance(condition, AttributeCondition):
        verdict = attribute_holds(condition, facts.attributes)
        value = facts.attributes.get(condition.place)
        shown = "absent" if value is None else text(value)
        return verdict, f"{condition.place} is {shown} where the check asks {told(condition)}"
    found = next((each for each in facts.events() if matches(condition.condition, each)), None)
    if found:
        return condition.expected, f"{happened(found)} is since entry"
    return not condition.expected, f"no {told(condition.condition)} since entry"


def _check_reachability(element: CheckReachability, facts: Facts, at: datetime) -> Visit:
    why = _unreachable(element.channel, facts)
    path = "not_reachable" if why else "reachable"
    reason = f": {', '.join(why)}" if why else ""
    what = f"checked: {element.channel} is {path.replace('_', ' ')}{reason}"
    details = {"path": path, "channel": element.channel, "why": why}
    entry = Entry(at, "checked", what, element.place, details)
    if why and element.not_reachable is None:
        # Documented: the empty not-reachable path drops people, every other one completes.
        return Visit(entry, None, dropped=f"{element.channel} does not reach this person")
    return Visit(entry, element.not_reachable if why else element.reachable)


def _channel(element: Channel, facts: Facts, at: datetime) -> Visit:
    channel, message = element.channel, element.message
    details: dict[str, JSON] = {"channel": channel, "message": message}
    if why := _unreachable(channel, facts):
        what = f"{channel} is held back: {', '.join(why)}"
        entry = Entry(at, "held_back", what, element.place, {**details, "why": why})
        return Visit(entry, None, dropped=f"{channel} does not reach this person")
    last = facts.sent().get(element.place)
    if channel == "email" and last and at - last < SAME_EMAIL:
        what = (
            f"email is skipped: {message} was sent at {iso(last)}, {words(SAME_EMAIL)} or less ago"
        )
        return Visit(Entry(at, "skipped", what, element.place, details), element.next)
    address = facts.attributes[CHANNELS[channel][0]]
    what = f"would send {channel} to {address}: {message}"
    details["address"] = address
    return Visit(Entry(at, "would_send", what, element.place, details), element.next)


def _unreachable(channel: str, facts: Facts) -> list[str]:
    """Why *channel* does not reach the person now; nothing when it does."""
    why: list[str] = reach(facts.attributes)[channel]["why"]
    return why
