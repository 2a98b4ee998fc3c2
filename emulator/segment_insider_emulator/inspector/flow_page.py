"""Flow page of the inspector: a diagram of which Segment events become which Insider One events."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from flask import Blueprint

from segment_insider_emulator.insider.catalog import get_event_display_name, resolve_event_alias
from segment_insider_emulator.inspector.rendering import render_page
from segment_insider_emulator.storage.records import DeliveryRecord, MessageRecord, Verdict
from segment_insider_emulator.types import JSON
from segment_insider_emulator.web.services import current_services

PROFILE_NODE_TITLE = "Profile attributes"
NO_REQUEST_TITLE = "No request"
# Titles of messages that no subscription receives, by verdict.
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
)  # titles of the merged rare boxes, by column


@dataclass(frozen=True, slots=True)
class FlowNode:
    """One node of the flow diagram: an event name, a subscription or an Insider One event.

    Column 0 is event names, 1 subscriptions, 2 Insider One events.

    Args:
        filter_parameter: What to filter by: the event's name or type, or the subscription's; None
            for an end.
    """

    column: int
    title: str
    filter_parameter: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FlowLink:
    """The number of messages or events between two nodes of the flow diagram, with one verdict."""

    source: FlowNode
    target: FlowNode
    verdict: Verdict
    count: int


def build_flow_links(
    messages: Iterable[MessageRecord],
    deliveries: Iterable[DeliveryRecord],
    max_nodes_per_column: int = 14,
) -> list[FlowLink]:
    """Count the messages and events between each pair of nodes of the flow diagram.

    Args:
        deliveries: Those of *messages*.
        max_nodes_per_column: Boxes of one column; the rarer ones share the last.
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
    # A duplicate shares its id with the delivered message, but has no deliveries itself.
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
        for target in _iter_insider_event_nodes(delivery):
            yield subscription, target, delivery.verdict


def _merge_rare_nodes(
    link_counts: Counter[tuple[FlowNode, FlowNode, Verdict]], max_nodes_per_column: int
) -> Counter[tuple[FlowNode, FlowNode, Verdict]]:
    """Merge the rarest nodes of each column of the flow diagram into one "other" node."""
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


def _iter_insider_event_nodes(delivery: DeliveryRecord) -> Iterator[FlowNode]:
    """Yield a node for each Insider One event of a delivery, or one for attributes alone."""
    if delivery.request is None:
        yield FlowNode(2, NO_REQUEST_TITLE)
        return
    for user in _parse_upsert_users(delivery.request.body):
        names = [
            event.get("event_name") for event in user.get("events") or [] if type(event) is dict
        ]
        yield from (
            FlowNode(2, get_event_display_name(resolve_event_alias(str(name)))) for name in names
        )
        if not names:
            yield FlowNode(2, PROFILE_NODE_TITLE)


def _parse_upsert_users(body: str) -> list[JSON]:
    try:
        users = orjson.loads(body)["users"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []
    return [user for user in users if isinstance(user, dict)] if isinstance(users, list) else []


DRAWING_WIDTH = 1150
COLUMN_LEFT_EDGES = (230.0, 468.0, 906.0)  # left edges of the boxes
# The boxes of subscriptions contain their labels: bands arrive and leave on both of their sides.
BOX_WIDTHS = (12.0, 214.0, 12.0)
MIN_BOX_HEIGHTS = (0.0, 22.0, 0.0)
LABEL_LEFT_EDGES = (0.0, 476.0, 926.0)
LABEL_WIDTHS = (222.0, 198.0, 224.0)
LABEL_HEIGHT = 20.0
MAX_COLUMN_HEIGHT = 460.0  # without gaps
MIN_BAND_WIDTH = 1.5  # keeps a single event visible next to thousands
BOX_GAP = 18.0
TOP_MARGIN = 30.0


@dataclass(frozen=True, slots=True)
class FlowBox:
    """A node of the flow diagram with its position on the page.

    The label of column 0 is on the left of its box, of column 1 in it, of column 2 on the right.
    """

    node: FlowNode
    x: float
    y: float
    height: float
    count: int

    @property
    def width(self) -> float:
        return BOX_WIDTHS[self.node.column]

    @property
    def label_x(self) -> float:
        return LABEL_LEFT_EDGES[self.node.column]

    @property
    def label_y(self) -> float:
        return self.y + (self.height - LABEL_HEIGHT) / 2

    @property
    def label_width(self) -> float:
        return LABEL_WIDTHS[self.node.column]


@dataclass(frozen=True, slots=True)
class FlowBand:
    """A link of the flow diagram as a band; *path* is the SVG path of its center line."""

    link: FlowLink
    path: str
    width: float


@dataclass(frozen=True, slots=True)
class FlowDrawing:
    """Layout of the flow diagram: the positions of boxes, and of bands drawn below them."""

    boxes: tuple[FlowBox, ...]
    bands: tuple[FlowBand, ...]
    height: float
    width: int = DRAWING_WIDTH


def draw_flow(links: Sequence[FlowLink]) -> FlowDrawing:
    """Lay out links as a flow diagram, with the largest boxes at the top."""
    columns: list[list[FlowNode]] = [[], [], []]
    for node in _collect_nodes(links):
        columns[node.column].append(node)
    scale = (
        MAX_COLUMN_HEIGHT
        / max((_count_column_events(links, nodes) for nodes in columns), default=1)
        if links
        else 1
    )
    heights = {node: _compute_box_height(links, node, scale) for nodes in columns for node in nodes}
    boxes: dict[FlowNode, FlowBox] = {}
    for nodes in columns:
        y = TOP_MARGIN
        for node in sorted(nodes, key=lambda node: -heights[node]):
            count = max(_count_incoming_and_outgoing(links, node))
            boxes[node] = FlowBox(node, COLUMN_LEFT_EDGES[node.column], y, heights[node], count)
            y += heights[node] + BOX_GAP
    bottom = max((box.y + box.height for box in boxes.values()), default=TOP_MARGIN)
    return FlowDrawing(
        tuple(boxes.values()), tuple(_lay_out_bands(links, boxes, scale)), bottom + BOX_GAP
    )


def _collect_nodes(links: Iterable[FlowLink]) -> list[FlowNode]:
    return list(dict.fromkeys(node for link in links for node in (link.source, link.target)))


def _count_incoming_and_outgoing(links: Iterable[FlowLink], node: FlowNode) -> tuple[int, int]:
    """Return the incoming and outgoing counts of a node; an order can give several events."""
    return (
        sum(link.count for link in links if link.target == node),
        sum(link.count for link in links if link.source == node),
    )


def _count_column_events(links: Sequence[FlowLink], nodes: Iterable[FlowNode]) -> int:
    return sum(max(_count_incoming_and_outgoing(links, node)) for node in nodes) or 1


def _compute_band_width(count: int, scale: float) -> float:
    return max(count * scale, MIN_BAND_WIDTH)


def _compute_box_height(links: Sequence[FlowLink], node: FlowNode, scale: float) -> float:
    coming = sum(_compute_band_width(link.count, scale) for link in links if link.target == node)
    going = sum(_compute_band_width(link.count, scale) for link in links if link.source == node)
    return max(coming, going, MIN_BOX_HEIGHTS[node.column])


def _lay_out_bands(
    links: Iterable[FlowLink], boxes: dict[FlowNode, FlowBox], scale: float
) -> list[FlowBand]:
    used: defaultdict[tuple[FlowNode, bool], float] = defaultdict(float)
    bands = []
    for link in sorted(links, key=lambda link: (boxes[link.source].y, boxes[link.target].y)):
        width = _compute_band_width(link.count, scale)
        start, end = boxes[link.source], boxes[link.target]
        y1 = start.y + used[link.source, True] + width / 2
        y2 = end.y + used[link.target, False] + width / 2
        used[link.source, True] += width
        used[link.target, False] += width
        bands.append(FlowBand(link, _build_curve_path(start.x + start.width, y1, end.x, y2), width))
    return bands


def _build_curve_path(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (x1 + x2) / 2
    return f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def list_legend_verdicts(links: Iterable[FlowLink]) -> list[Verdict]:
    """Return each verdict of the flow diagram's links once, the worst first, for its legend."""
    return sorted({link.verdict for link in links}, key=WORST_FIRST.index)


bp = Blueprint("flow", __name__, url_prefix="/flow")

MAX_FLOW_MESSAGES = 1000
# Title and columns of the table of each hop.
FLOW_TABLES = (
    ("From Segment to subscriptions", "Segment event", "Subscription"),
    ("From subscriptions to Insider One", "Subscription", "At Insider One"),
)
WORST_FIRST: tuple[Verdict, ...] = (
    *("failed", "dropped", "rejected", "retrying", "warning", "filtered", "not_subscribed"),
    *("disabled", "accepted"),
)


def _sort_worst_first(links: Iterable[FlowLink], column: int) -> list[FlowLink]:
    """Return the links that start in *column*, those with the worst verdict first."""
    starting = [link for link in links if link.source.column == column]
    return sorted(starting, key=lambda link: (WORST_FIRST.index(link.verdict), -link.count))


@bp.get("")
def show_flow() -> str:
    """Serve the Flow page: how the latest messages become Insider One events."""
    messages, deliveries = current_services().store.list_latest_messages(MAX_FLOW_MESSAGES)
    links = build_flow_links(messages, deliveries)
    return render_page(
        "flow.html",
        "flow_now",
        drawing=draw_flow(links),
        tables=[
            (title, columns, _sort_worst_first(links, column))
            for column, (title, *columns) in enumerate(FLOW_TABLES)
        ],
        verdicts=list_legend_verdicts(links),
        looked_at=len(messages),
        is_all=len(messages) < MAX_FLOW_MESSAGES,
    )
