"""Explanations of an event: which subscriptions matched, where values come from, what was dropped.

This module does not run when events are delivered.
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

# The data of the app; the rest of an event is Segment's envelope.
_APP_DATA_KEYS = ("properties", "traits")


@dataclass(frozen=True, slots=True)
class ConditionCheck:
    """Result of one condition of a trigger for an event.

    Args:
        found: The value of the event; None also when there is none.
        read: The path of the event that the condition reads; empty when the event lacks it.
    """

    condition: str
    holds: bool
    found: JSON
    read: list[str]


@dataclass(frozen=True, slots=True)
class SubscriptionTrace:
    """Explanation of what one subscription did with an event."""

    subscription: str
    action_slug: str
    matched: bool
    conditions: list[ConditionCheck]
    failure: MappingFailure | None
    origins: list[ValueOrigin]


@dataclass(frozen=True, slots=True)
class EventExplanation:
    """Explanation of what all subscriptions did with an event.

    Args:
        accounts: One trace for each subscription.
        dropped: Properties and traits that no request depends on.
        deciding: Properties and traits that decide something, e.g. in a trigger, and are not sent.
    """

    message_id: str | None
    accounts: list[SubscriptionTrace]
    dropped: list[str]
    deciding: list[str]


class UnmappedPathsResult(NamedTuple):
    """Event paths that no request depends on, and whether any subscription matches the event."""

    has_matching_subscription: bool
    paths: list[str]


def explain_event(
    destination: Destination, event: JSONObject, trigger_event: JSONObject | None = None
) -> EventExplanation:
    """Explain what every subscription does with *event*; nothing is sent.

    Args:
        trigger_event: The event that triggers see, if an insert function changed it.
    """
    present_paths = {path for path, _ in iter_leaves(event)}
    traces = [
        _trace_subscription(subscription, event, present_paths, trigger_event or event)
        for subscription in destination.subscriptions
    ]
    origins = [origin for trace in traces for origin in trace.origins]
    read_paths = {path for origin in origins for path in origin.read}
    sent_paths = {
        path for origin in origins for path in {*origin.read}.difference(origin.decided_by)
    }
    checks = [check for trace in traces for check in trace.conditions]
    deciding_paths = read_paths.union(path for check in checks for path in check.read) - sent_paths
    return EventExplanation(
        event.get("messageId"),
        traces,
        _list_app_data_paths(
            event, lambda path: path not in read_paths and path not in deciding_paths
        ),
        _list_app_data_paths(event, lambda path: path in deciding_paths),
    )


def find_unmapped_event_paths(destination: Destination, event: JSONObject) -> UnmappedPathsResult:
    """Find the event paths that no request depends on, as `explain_event` does, but faster."""
    matching = [
        subscription
        for subscription in destination.subscriptions
        if subscription.build_request(event) is not None
    ]
    read_paths = set[str]()
    for subscription in destination.subscriptions:
        read_paths.update(
            path for check in _check_conditions(subscription.trigger, event) for path in check.read
        )
    for subscription in matching:
        if _does_subscription_match(subscription, event):
            read_paths |= find_read_paths(subscription, event)
    return UnmappedPathsResult(
        bool(matching), _list_app_data_paths(event, lambda path: path not in read_paths)
    )


def _list_app_data_paths(event: JSONObject, is_included: Callable[[str], bool]) -> list[str]:
    paths = (
        path
        for key in _APP_DATA_KEYS
        if isinstance(event.get(key), dict)
        for path, _ in iter_leaves(event[key], key)
        if path != key
    )
    return [path for path in paths if is_included(path)]


def _trace_subscription(
    subscription: Subscription,
    event: JSONObject,
    present_paths: Set[str],
    trigger_event: JSONObject,
) -> SubscriptionTrace:
    result = subscription.build_request(event, trigger_event)
    failure = result if isinstance(result, MappingFailure) else None
    matched = result is not None and _does_subscription_match(subscription, trigger_event)
    return SubscriptionTrace(
        subscription.name,
        subscription.action_slug,
        matched,
        list(_check_conditions(subscription.trigger, trigger_event)),
        failure,
        find_value_origins(subscription, event, present_paths) if matched else [],
    )


def _does_subscription_match(subscription: Subscription, event: JSONObject) -> bool:
    try:
        return subscription.matches(event)
    except EmptyGroupError:
        return False


def _check_conditions(trigger: JSON, event: JSONObject) -> Iterator[ConditionCheck]:
    try:
        group = parse_trigger(trigger) if isinstance(trigger, str) else TriggerGroup("and", ())
    except TriggerError:
        return
    event_value = TracedValue.from_event(event)
    for condition in _iter_group_conditions(group):
        traced = reduce(TracedValue.get_member, (condition.root, *condition.path), event_value)
        yield ConditionCheck(
            str(condition),
            condition.is_met(event),
            None if traced.value is MISSING else traced.value,
            sorted(
                traced.own_source_paths - {traced.event_path}
                if traced.value is MISSING
                else traced.own_source_paths
            ),
        )


def _iter_group_conditions(group: TriggerGroup) -> Iterator[TriggerCondition]:
    for child in group.children:
        if isinstance(child, TriggerCondition):
            yield child
        elif child is not None:
            yield from _iter_group_conditions(child)
