"""Why an event made the requests it made: matched or not, each value's origin, what got lost.

Nothing here runs when events are delivered.
"""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

from segment_insider_emulator.mapping.destination import Destination, MappingFailure, Subscription
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.path_tracking import TracedValue, iter_leaves
from segment_insider_emulator.mapping.triggers import (
    EmptyGroupError,
    TriggerCondition,
    TriggerError,
    TriggerGroup,
    parse_trigger,
)
from segment_insider_emulator.mapping.value_origins import (
    ValueOrigin,
    find_read_paths,
    find_value_origins,
)
from segment_insider_emulator.types import JSON, JSONObject

# What an app says of its own; the rest of an event is Segment's envelope.
_APP_DATA_KEYS = ("properties", "traits")


@dataclass(frozen=True, slots=True)
class ConditionCheck:
    """One condition of a trigger.

    Args:
        found: What the event has there; None also for nothing.
        read: The path of the event that the condition looks at; empty when it is not there.
    """

    condition: str
    holds: bool
    found: JSON
    read: list[str]


@dataclass(frozen=True, slots=True)
class SubscriptionTrace:
    """What one subscription made of the event."""

    subscription: str
    action_slug: str
    matched: bool
    conditions: list[ConditionCheck]
    failure: MappingFailure | None
    origins: list[ValueOrigin]


@dataclass(frozen=True, slots=True)
class EventExplanation:
    """What all subscriptions made of the event.

    Args:
        dropped: Properties and traits that have no influence on any request.
        deciding: Those that decide something, such as a trigger, and are themselves not sent.
    """

    message_id: str | None
    accounts: list[SubscriptionTrace]
    dropped: list[str]
    deciding: list[str]


class UnreadPaths(NamedTuple):
    """Whether any subscription takes the event, and the paths without influence on a request."""

    has_matching_subscription: bool
    paths: list[str]


def explain_event(destination: Destination, event: JSONObject) -> EventExplanation:
    """Account for every subscription and every property of *event*; nothing is sent."""
    present = {path for path, _ in iter_leaves(event)}
    accounts = [_trace_subscription(each, event, present) for each in destination.subscriptions]
    origins = [origin for account in accounts for origin in account.origins]
    read = {path for origin in origins for path in origin.read}
    valued = {path for origin in origins for path in {*origin.read}.difference(origin.decided_by)}
    conditions = [check for account in accounts for check in account.conditions]
    deciding = read.union(path for check in conditions for path in check.read) - valued
    return EventExplanation(
        event.get("messageId"),
        accounts,
        _list_app_paths(event, lambda path: path not in read and path not in deciding),
        _list_app_paths(event, lambda path: path in deciding),
    )


def find_unread_paths(destination: Destination, event: JSONObject) -> UnreadPaths:
    """Return what `explain` says of the properties that got lost, and nothing else."""
    takers = [each for each in destination.subscriptions if each.build_request(event) is not None]
    read = set[str]()
    for subscription in destination.subscriptions:
        read.update(
            path for check in _check_conditions(subscription.trigger, event) for path in check.read
        )
    for subscription in takers:
        if _is_matched(subscription, event):
            read |= find_read_paths(subscription, event)
    return UnreadPaths(bool(takers), _list_app_paths(event, lambda path: path not in read))


def _list_app_paths(event: JSONObject, is_included: Callable[[str], bool]) -> list[str]:
    paths = (
        path
        for part in _APP_DATA_KEYS
        if isinstance(event.get(part), dict)
        for path, _ in iter_leaves(event[part], part)
        if path != part
    )
    return [path for path in paths if is_included(path)]


def _trace_subscription(
    subscription: Subscription, event: JSONObject, present_paths: Set[str]
) -> SubscriptionTrace:
    result = subscription.build_request(event)
    failure = result if isinstance(result, MappingFailure) else None
    matched = result is not None and _is_matched(subscription, event)
    return SubscriptionTrace(
        subscription.name,
        subscription.action_slug,
        matched,
        list(_check_conditions(subscription.trigger, event)),
        failure,
        find_value_origins(subscription, event, present_paths) if matched else [],
    )


def _is_matched(subscription: Subscription, event: JSONObject) -> bool:
    try:
        return subscription.matches(event)
    except EmptyGroupError:
        return False


def _check_conditions(trigger: JSON, event: JSONObject) -> Iterator[ConditionCheck]:
    try:
        group = parse_trigger(trigger) if isinstance(trigger, str) else TriggerGroup("and", ())
    except TriggerError:
        return
    source = TracedValue.from_event(event)
    for condition in _iter_conditions(group):
        found = reduce(TracedValue.get_member, (condition.root, *condition.path), source)
        yield ConditionCheck(
            str(condition),
            condition.is_met(event),
            None if found.value is MISSING else found.value,
            sorted(
                found.own_source_paths - {found.event_path}
                if found.value is MISSING
                else found.own_source_paths
            ),
        )


def _iter_conditions(group: TriggerGroup) -> Iterator[TriggerCondition]:
    for child in group.children:
        if isinstance(child, TriggerCondition):
            yield child
        elif child is not None:
            yield from _iter_conditions(child)
