"""What flows where: event names, through subscriptions, to what Insider One gets, by verdict."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson

from segment_insider_emulator.capture.records import DeliveryRecord, MessageRecord, Verdict
from segment_insider_emulator.insider.catalog import get_event_display_name, resolve_event_alias
from segment_insider_emulator.types import JSON

PROFILE_NODE_TITLE = "Profile attributes"
NO_REQUEST_TITLE = "No request"
# Where a message ends that no subscription gets.
UNDELIVERED_TITLES: dict[str, str] = {
    "rejected": "Rejected by Segment",
    "filtered": "Filtered",
    "not_subscribed": "Not subscribed",
    "disabled": "Destination off",
}
OTHER_TITLES = (
    "Other events",
    "Other subscriptions",
    "Other events",
)  # what the rest of a column is called


@dataclass(frozen=True, slots=True)
class FlowNode:
    """One box of a column: 0 for event names, 1 for subscriptions, 2 for what Insider One gets.

    Args:
        key: What to filter by: the event's name or type, or the subscription's; None for an end.
    """

    column: int
    title: str
    filter_parameter: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FlowLink:
    """So many messages, or events of them, went from one box to another with one verdict."""

    source: FlowNode
    target: FlowNode
    verdict: Verdict
    count: int


def count_flow_links(
    messages: Iterable[MessageRecord],
    deliveries: Iterable[DeliveryRecord],
    max_nodes_per_column: int = 14,
) -> list[FlowLink]:
    """Count what went where.

    Args:
        deliveries: Those of *messages*.
        most: Boxes of one column; the rarer ones share the last.
    """
    deliveries_by_message: dict[str, list[DeliveryRecord]] = {}
    for delivery in deliveries:
        deliveries_by_message.setdefault(delivery.message_id, []).append(delivery)
    link_counts: Counter[tuple[FlowNode, FlowNode, Verdict]] = Counter()
    for message in messages:
        link_counts.update(_iter_message_links(message, deliveries_by_message))
    return [
        FlowLink(*way, count)
        for way, count in _merge_rare_nodes(link_counts, max_nodes_per_column).items()
    ]


def _iter_message_links(
    message: MessageRecord, deliveries_by_message: Mapping[str, list[DeliveryRecord]]
) -> Iterator[tuple[FlowNode, FlowNode, Verdict]]:
    event = _build_event_node(message)
    # A duplicate shares its id with what was delivered, and led to nothing itself.
    message_deliveries = (
        deliveries_by_message.get(message.message_id, [])
        if message.verdict not in UNDELIVERED_TITLES
        else []
    )
    if not message_deliveries:
        yield (
            event,
            FlowNode(1, UNDELIVERED_TITLES.get(message.verdict, NO_REQUEST_TITLE)),
            message.verdict,
        )
    for delivery in message_deliveries:
        subscription = FlowNode(1, delivery.subscription, ("subscription", delivery.subscription))
        yield event, subscription, delivery.verdict
        for target in _iter_received_nodes(delivery):
            yield subscription, target, delivery.verdict


def _merge_rare_nodes(
    link_counts: Counter[tuple[FlowNode, FlowNode, Verdict]], max_nodes_per_column: int
) -> Counter[tuple[FlowNode, FlowNode, Verdict]]:
    """The same with at most *most* boxes in a column."""
    sizes: Counter[FlowNode] = Counter()
    for (source, target, _), count in link_counts.items():
        sizes[source] += count
        sizes[target] += count
    listed_nodes: set[FlowNode] = set()
    for column in range(len(OTHER_TITLES)):
        nodes = [node for node, _ in sizes.most_common() if node.column == column]
        listed_nodes.update(
            nodes if len(nodes) <= max_nodes_per_column else nodes[: max_nodes_per_column - 1]
        )
    merged_counts: Counter[tuple[FlowNode, FlowNode, Verdict]] = Counter()
    for (source, target, verdict), count in link_counts.items():
        merged_counts[
            _replace_rare_node(source, listed_nodes),
            _replace_rare_node(target, listed_nodes),
            verdict,
        ] += count
    return merged_counts


def _replace_rare_node(node: FlowNode, listed_nodes: set[FlowNode]) -> FlowNode:
    return node if node in listed_nodes else FlowNode(node.column, OTHER_TITLES[node.column])


def _build_event_node(message: MessageRecord) -> FlowNode:
    if message.type == "track" and message.event:
        return FlowNode(0, message.event, ("event", message.event))
    kind = message.type or "no type"
    return FlowNode(0, f"{kind} calls", ("type", kind) if message.type else None)


def _iter_received_nodes(delivery: DeliveryRecord) -> Iterator[FlowNode]:
    """What arrives, or would have: each event of the request, or the attributes without one."""
    if delivery.request is None:
        yield FlowNode(2, NO_REQUEST_TITLE)
        return
    for user in _parse_users(delivery.request.body):
        names = [each.get("event_name") for each in user.get("events") or [] if type(each) is dict]
        yield from (
            FlowNode(2, get_event_display_name(resolve_event_alias(str(name)))) for name in names
        )
        if not names:
            yield FlowNode(2, PROFILE_NODE_TITLE)


def _parse_users(body: str) -> list[JSON]:
    try:
        users = orjson.loads(body)["users"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []
    return [each for each in users if isinstance(each, dict)] if isinstance(users, list) else []
