"""Counts of captured traffic: events, paths with values, failures and sent users."""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.mapping.destination import Destination, InsiderRequest, MappingFailure
from segment_insider_emulator.mapping.explanation import find_unmapped_event_paths
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.types import JSON, JSONObject

# Explaining an event is slow, and events of one name have similar properties.
MAX_EXPLAINED_EVENTS = 200
MIN_COUNTED_EVENTS = 10
_LIST_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class MatchingEventCount:
    """Number of captured events of one kind, and the first such event."""

    count: int = 0
    first_event: JSONObject = field(default_factory=dict)

    def add_event(self, event: JSONObject) -> None:
        """Count *event*, and keep the first one."""
        if not self.count:
            self.first_event = event
        self.count += 1


@dataclass(slots=True)
class SubscriptionStats:
    """Counts over the captured events that one subscription accepts.

    Args:
        event_count: Number of accepted events.
        present_paths: Paths with a value in some event, e.g. "properties.products[].sku".
        empty_paths: Paths with null or an empty text in some event.
        unread_paths: Paths with a value that no mapping read.
        failures: Failed events by Segment's message.
        sent_users: The users sent to Insider One, each with its event.
    """

    event_count: int = 0
    present_paths: set[str] = field(default_factory=set)
    empty_paths: set[str] = field(default_factory=set)
    unread_paths: dict[str, MatchingEventCount] = field(
        default_factory=lambda: defaultdict(MatchingEventCount)
    )
    failures: dict[str, MatchingEventCount] = field(
        default_factory=lambda: defaultdict(MatchingEventCount)
    )
    sent_users: list[tuple[JSONObject, JSONObject]] = field(default_factory=list)


@dataclass(slots=True)
class TrafficStats:
    """Counts over all captured events.

    Args:
        by_subscription: Statistics by the path of the subscription.
        multiple_deliveries: Events that several subscriptions accept, by type, name and the paths
            of the subscriptions.
        unhandled_events: Events that no subscription accepts, by label.
        event_count: How many events were counted.
    """

    by_subscription: dict[str, SubscriptionStats]
    multiple_deliveries: dict[tuple[str, str, tuple[str, ...]], MatchingEventCount]
    unhandled_events: dict[str, MatchingEventCount]
    event_count: int = 0


def collect_traffic_stats(
    context: AnalysisContext, traffic: Sequence[JSONObject], time_budget_s: float | None = None
) -> TrafficStats:
    """Count the captured events and explain what the subscriptions do with them.

    Args:
        time_budget_s: Only the first events, as many as this time allows, but some at least.
    """
    started = time.monotonic()
    destination = Destination(context.workspace.destination | {"enabled": True})
    stats = TrafficStats(
        {subscription.path: SubscriptionStats() for subscription in context.subscriptions},
        defaultdict(MatchingEventCount),
        defaultdict(MatchingEventCount),
    )
    label_counts: Counter[tuple[str, str]] = Counter()
    for event in traffic:
        is_enough = time_budget_s is not None and stats.event_count >= MIN_COUNTED_EVENTS
        if is_enough and time.monotonic() - started > (time_budget_s or 0):
            break
        stats.event_count += 1
        name = get_event_label(event)
        subscriptions = [
            subscription for subscription in context.subscriptions if subscription.matches(event)
        ]
        if not subscriptions:
            stats.unhandled_events[name].add_event(event)
        if len(subscriptions) > 1:
            paths = tuple(subscription.path for subscription in subscriptions)
            stats.multiple_deliveries[(str(event.get("type")), name, paths)].add_event(event)
        kind = (str(event.get("type")), name)
        label_counts[kind] += 1
        is_explained = bool(subscriptions) and label_counts[kind] <= MAX_EXPLAINED_EVENTS
        unread = find_unmapped_event_paths(destination, event).paths if is_explained else None
        _add_event_to_stats(stats, subscriptions, event, unread)
    return stats


def get_event_label(event: JSONObject) -> str:
    """Return the name of a track call, or the type of any other Segment call."""
    name = event.get("event")
    return (
        name if event.get("type") == "track" and isinstance(name, str) else str(event.get("type"))
    )


def _add_event_to_stats(
    stats: TrafficStats,
    subscriptions: list[LocatedSubscription],
    event: JSONObject,
    unread_paths: list[str] | None,
) -> None:
    """Count an event; *unread_paths* is None when it was not explained."""
    present = set(list_paths_with_value(event))
    values = dict(iter_leaves(event))
    empty = {
        remove_list_indexes(path) for path, value in values.items() if value is None or value == ""
    }
    for accepting in subscriptions:
        subscription_stats = stats.by_subscription[accepting.path]
        subscription_stats.event_count += 1
        subscription_stats.present_paths |= present
        subscription_stats.empty_paths |= empty
        result = accepting.subscription.build_request(event)
        if isinstance(result, MappingFailure):
            subscription_stats.failures[result.message].add_event(event)
        elif isinstance(result, InsiderRequest) and unread_paths is not None:
            subscription_stats.sent_users.append((result.json["users"][0], event))
    if subscriptions and unread_paths is not None:
        # Counted once, for the subscription that should map it: the one made for the event.
        narrowest = next(
            (
                subscription
                for subscription in subscriptions
                if subscription.action_slug != "trackEvent"
            ),
            subscriptions[0],
        )
        unread = stats.by_subscription[narrowest.path].unread_paths
        filled = [path for path in unread_paths if not is_empty_value(values[path])]
        for path in dict.fromkeys(map(remove_list_indexes, filled)):
            unread[path].add_event(event)


def list_paths_with_value(event: JSONObject) -> Iterator[str]:
    """Yield every path of an event that has a value; list items share one path."""
    for path, value in iter_leaves(event):
        if value is not None and value != "":
            yield remove_list_indexes(path)


def is_empty_value(value: JSON) -> bool:
    """Return whether a value says nothing: null, or an empty text, list or object."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def remove_list_indexes(path: str) -> str:
    """Replace each list index in an event path by [], e.g. "properties.products[].sku"."""
    return _LIST_INDEX.sub("[]", path)
