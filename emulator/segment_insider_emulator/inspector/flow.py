"""What flows where: event names, through subscriptions, to what Insider One gets, by verdict."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson

from segment_insider_emulator.capture.records import Captured, Delivery, Verdict
from segment_insider_emulator.insider.catalog import display_name, stored_name
from segment_insider_emulator.types import JSON

PROFILE = "Profile attributes"
NO_REQUEST = "No request"
# Where a message ends that no subscription gets.
ENDS: dict[str, str] = {
    "rejected": "Rejected by Segment",
    "filtered": "Filtered",
    "not_subscribed": "Not subscribed",
    "disabled": "Destination off",
}
MORE = (
    "Other events",
    "Other subscriptions",
    "Other events",
)  # what the rest of a column is called


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
        most: Boxes of one column; the rarer ones share the last.
    """
    made: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        made.setdefault(delivery.message_id, []).append(delivery)
    counted: Counter[tuple[Node, Node, Verdict]] = Counter()
    for message in messages:
        counted.update(_ways(message, made))
    return [Link(*way, count) for way, count in _lumped(counted, most).items()]


def _ways(
    message: Captured, made: Mapping[str, list[Delivery]]
) -> Iterator[tuple[Node, Node, Verdict]]:
    event = _event(message)
    # A duplicate shares its id with what was delivered, and led to nothing itself.
    own = made.get(message.message_id, []) if message.verdict not in ENDS else []
    if not own:
        yield event, Node(1, ENDS.get(message.verdict, NO_REQUEST)), message.verdict
    for delivery in own:
        subscription = Node(1, delivery.subscription, ("subscription", delivery.subscription))
        yield event, subscription, delivery.verdict
        for target in _received(delivery):
            yield subscription, target, delivery.verdict


def _lumped(
    counted: Counter[tuple[Node, Node, Verdict]], most: int
) -> Counter[tuple[Node, Node, Verdict]]:
    """The same with at most *most* boxes in a column."""
    sizes: Counter[Node] = Counter()
    for (source, target, _), count in counted.items():
        sizes[source] += count
        sizes[target] += count
    shown: set[Node] = set()
    for column in range(len(MORE)):
        nodes = [node for node, _ in sizes.most_common() if node.column == column]
        shown.update(nodes if len(nodes) <= most else nodes[: most - 1])
    lumped: Counter[tuple[Node, Node, Verdict]] = Counter()
    for (source, target, verdict), count in counted.items():
        lumped[_shown(source, shown), _shown(target, shown), verdict] += count
    return lumped


def _shown(node: Node, shown: set[Node]) -> Node:
    return node if node in shown else Node(node.column, MORE[node.column])


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
