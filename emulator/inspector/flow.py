"""What flows where: event names, through subscriptions, to what Insider One gets, by verdict."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from emulator.capture.records import Captured, Delivery, Verdict
from emulator.insider.catalog import display_name, stored_name
from emulator.types import JSON

PROFILE = "Profile attributes"
NO_REQUEST = "No request"
# Where a message ends that no subscription gets.
ENDS: dict[str, str] = {
    "rejected": "Rejected by Segment",
    "filtered": "Filtered",
    "not_subscribed": "Not subscribed",
    "disabled": "Destination off",
}
MORE = "Other events"


@dataclass(frozen=True, slots=True)
class Node:
    """One box of a column: 0 for event names, 1 for subscriptions, 2 for what Insider One gets.

    Args:
        key: What to filter by: the event's name or type, or the subscription's; None for an end.
    """

    column: int
    title: str
    key: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """So many messages, or events of them, went from one box to another with one verdict."""

    source: Node
    target: Node
    verdict: Verdict
    count: int


def flow(
    messages: Iterable[Captured], deliveries: Iterable[Delivery], most: int = 14
) -> list[Link]:
    """Count what went where.

    Args:
        deliveries: Those of *messages*.
        most: Event names that have a box of their own; the rarer ones share one.
    """
    made: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        made.setdefault(delivery.message_id, []).append(delivery)
    kept = list(messages)
    names = Counter(map(_event, kept))
    shown = {name for name, _ in names.most_common(most if len(names) <= most else most - 1)}
    counted: Counter[tuple[Node, Node, Verdict]] = Counter()
    for message in kept:
        name = _event(message)
        event = name if name in shown else Node(0, MORE)
        # A duplicate shares its id with what was delivered, and led to nothing itself.
        own = made.get(message.message_id, []) if message.verdict not in ENDS else []
        if not own:
            end = Node(1, ENDS.get(message.verdict, NO_REQUEST))
            counted[event, end, message.verdict] += 1
        for delivery in own:
            subscription = Node(1, delivery.subscription, ("subscription", delivery.subscription))
            counted[event, subscription, delivery.verdict] += 1
            for target in _received(delivery):
                counted[subscription, target, delivery.verdict] += 1
    return [Link(*places, count) for places, count in counted.items()]


def _event(message: Captured) -> Node:
    if message.type == "track" and message.event:
        return Node(0, message.event, ("event", message.event))
    kind = message.type or "no type"
    return Node(0, f"{kind} calls", ("type", kind) if message.type else None)


def _received(delivery: Delivery) -> Iterator[Node]:
    """What arrives, or would have: each event of the request, or the attributes without one."""
    if delivery.request is None:
        yield Node(2, NO_REQUEST)
        return
    for user in _users(delivery.request.body):
        names = [each.get("event_name") for each in user.get("events") or [] if type(each) is dict]
        yield from (Node(2, display_name(stored_name(str(name)))) for name in names)
        if not names:
            yield Node(2, PROFILE)


def _users(body: str) -> list[JSON]:
    try:
        users = orjson.loads(body)["users"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []
    return [each for each in users if isinstance(each, dict)] if isinstance(users, list) else []
