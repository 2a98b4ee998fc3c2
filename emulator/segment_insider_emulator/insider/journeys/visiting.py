"""What becomes of a person at one element of a journey.

Documented: unreachable people are dropped, the same e-mail is skipped within half an hour, and an
empty not-reachable path drops; the opt-ins of the moment decide. Assumed: so does the address.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from segment_insider_emulator.capture.journey import TrailEntry
from segment_insider_emulator.capture.profile import ProfileEvent
from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.duration import format_duration
from segment_insider_emulator.insider.journeys.conditions import (
    describe_condition,
    describe_occurrence,
    format_json,
    matches_attribute_condition,
    matches_trigger,
)
from segment_insider_emulator.insider.journeys.definition import (
    AttributeCondition,
    ChannelElement,
    CheckElement,
    JourneyElement,
    ReachabilityElement,
    SinceEntryCondition,
    WaitElement,
)
from segment_insider_emulator.insider.reach import CHANNEL_ATTRIBUTES, check_reachability
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
