"""What captured traffic contains: events by name, the paths they have, and who reads them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from segment_insider_emulator.mapping.destination import Destination
from segment_insider_emulator.mapping.explanation import EventExplanation, explain_event
from segment_insider_emulator.mapping.subscription import InsiderRequest, MappingFailure
from segment_insider_emulator.mapping.tracing import iter_leaves
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, LocatedSubscription

# Explaining is slow; events of one name have much the same properties.
MAX_EXPLAINED_EVENTS = 200
_LIST_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class EventTally:
    """How many events have something, and the first that has."""

    count: int = 0
    first_event: JSONObject = field(default_factory=dict)

    def add_event(self, event: JSONObject) -> None:
        if not self.count:
            self.first_event = event
        self.count += 1


@dataclass(slots=True)
class SubscriptionStats:
    """What one subscription took.

    Args:
        present: Paths that some event has a value at, e.g. "properties.products[].sku".
        empty: Paths that some event has null or an empty text at.
        unread: Paths that the app said and that no mapping read, with a value.
        failures: By Segment's message.
        users: Users that were made of events, each with its event.
    """

    event_count: int = 0
    present_paths: set[str] = field(default_factory=set)
    empty_paths: set[str] = field(default_factory=set)
    unread_paths: dict[str, EventTally] = field(default_factory=lambda: defaultdict(EventTally))
    failures: dict[str, EventTally] = field(default_factory=lambda: defaultdict(EventTally))
    sent_users: list[tuple[JSONObject, JSONObject]] = field(default_factory=list)


@dataclass(slots=True)
class TrafficStats:
    """The traffic as a whole.

    Args:
        taken: By the place of the subscription.
        together: Names of events by the places of two or more subscriptions that take them.
        not_taken: By what people call the event.
    """

    by_subscription: dict[str, SubscriptionStats]
    multiple_deliveries: dict[tuple[str, str, tuple[str, ...]], EventTally]
    unhandled_events: dict[str, EventTally]


def count_traffic(context: AnalysisContext, traffic: Sequence[JSONObject]) -> TrafficStats:
    """Count and explain the traffic."""
    destination = Destination(context.workspace.destination | {"enabled": True})
    counted = TrafficStats(
        {each.path: SubscriptionStats() for each in context.subscriptions},
        defaultdict(EventTally),
        defaultdict(EventTally),
    )
    seen: Counter[tuple[str, str]] = Counter()
    for event in traffic:
        name = label_event(event)
        takers = [each for each in context.subscriptions if each.matches(event)]
        if not takers:
            counted.unhandled_events[name].add_event(event)
        if len(takers) > 1:
            places = tuple(each.path for each in takers)
            counted.multiple_deliveries[(str(event.get("type")), name, places)].add_event(event)
        kind = (str(event.get("type")), name)
        seen[kind] += 1
        explanation = (
            explain_event(destination, event) if seen[kind] <= MAX_EXPLAINED_EVENTS else None
        )
        _add_event_to_stats(counted, takers, event, explanation)
    return counted


def label_event(event: JSONObject) -> str:
    """What people call an event: the name of a track call, else its type."""
    name = event.get("event")
    return (
        name if event.get("type") == "track" and isinstance(name, str) else str(event.get("type"))
    )


def _add_event_to_stats(
    stats: TrafficStats,
    subscriptions: list[LocatedSubscription],
    event: JSONObject,
    explanation: EventExplanation | None,
) -> None:
    present = set(list_filled_paths(event))
    values = dict(iter_leaves(event))
    empty = {remove_indexes(path) for path, value in values.items() if value is None or value == ""}
    for placed in subscriptions:
        taken = stats.by_subscription[placed.path]
        taken.event_count += 1
        taken.present_paths |= present
        taken.empty_paths |= empty
        result = placed.subscription.build_request(event)
        if isinstance(result, MappingFailure):
            taken.failures[result.message].add_event(event)
        elif isinstance(result, InsiderRequest) and explanation:
            taken.sent_users.append((result.json["users"][0], event))
    if subscriptions and explanation:
        # Told once, where it would be mapped: at the subscription made for the event.
        narrowest = next(
            (each for each in subscriptions if each.action_slug != "trackEvent"), subscriptions[0]
        )
        unread = stats.by_subscription[narrowest.path].unread_paths
        filled = [path for path in explanation.dropped if values[path] not in (None, "", [], {})]
        for path in dict.fromkeys(map(remove_indexes, filled)):
            unread[path].add_event(event)


def list_filled_paths(event: JSONObject) -> Iterator[str]:
    """Every path with a value; the items of a list share theirs."""
    for path, value in iter_leaves(event):
        if value is not None and value != "":
            yield remove_indexes(path)


def remove_indexes(path: str) -> str:
    """*path* in any entry of a list, e.g. "properties.products[].sku"."""
    return _LIST_INDEX.sub("[]", path)
