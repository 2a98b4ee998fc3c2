"""The flow as a drawing: boxes in three columns, and bands between them as wide as they count."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.inspector.flow import FlowLink, FlowNode

DRAWING_WIDTH = 1150
COLUMN_LEFT_EDGES = (230.0, 540.0, 850.0)  # left edges of the boxes
BOX_WIDTH = 12.0  # width of one
MAX_COLUMN_HEIGHT = 460.0  # of the column that has the most, without its gaps
MIN_BAND_WIDTH = 1.5  # of a band, so that a single event is seen beside thousands
BOX_GAP = 18.0
TOP_MARGIN = 30.0


@dataclass(frozen=True, slots=True)
class FlowBox:
    """A node in its place. Its label stands left of the first column, else right of the box."""

    node: FlowNode
    x: float
    y: float
    height: float
    count: int

    @property
    def label_x(self) -> float:
        return self.x - 8 if self.node.column == 0 else self.x + BOX_WIDTH + 8

    @property
    def center_y(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class FlowBand:
    """A link as the middle line of a band, an SVG path."""

    link: FlowLink
    path: str
    width: float


@dataclass(frozen=True, slots=True)
class FlowDrawing:
    """Boxes and bands; a band is drawn below the boxes."""

    boxes: tuple[FlowBox, ...]
    bands: tuple[FlowBand, ...]
    height: float
    width: int = DRAWING_WIDTH


def draw_flow(links: Sequence[FlowLink]) -> FlowDrawing:
    """Place *links*: the boxes with the most at the top, bands in the order of their boxes."""
    columns: list[list[FlowNode]] = [[], [], []]
    for node in _collect_nodes(links):
        columns[node.column].append(node)
    scale = (
        MAX_COLUMN_HEIGHT / max((_count_column(links, nodes) for nodes in columns), default=1)
        if links
        else 1
    )
    heights = {node: _compute_box_height(links, node, scale) for nodes in columns for node in nodes}
    boxes: dict[FlowNode, FlowBox] = {}
    for nodes in columns:
        y = TOP_MARGIN
        for node in sorted(nodes, key=lambda each: -heights[each]):
            count = max(_count_in_and_out(links, node))
            boxes[node] = FlowBox(node, COLUMN_LEFT_EDGES[node.column], y, heights[node], count)
            y += heights[node] + BOX_GAP
    bottom = max((box.y + box.height for box in boxes.values()), default=TOP_MARGIN)
    return FlowDrawing(
        tuple(boxes.values()), tuple(_place_bands(links, boxes, scale)), bottom + BOX_GAP
    )


def _collect_nodes(links: Iterable[FlowLink]) -> list[FlowNode]:
    return list(dict.fromkeys(node for link in links for node in (link.source, link.target)))


def _count_in_and_out(links: Iterable[FlowLink], node: FlowNode) -> tuple[int, int]:
    """How much comes in and how much goes out: one order becomes an event for each product."""
    return (
        sum(link.count for link in links if link.target == node),
        sum(link.count for link in links if link.source == node),
    )


def _count_column(links: Sequence[FlowLink], nodes: Iterable[FlowNode]) -> int:
    return sum(max(_count_in_and_out(links, node)) for node in nodes) or 1


def _scale_band_width(count: int, scale: float) -> float:
    return max(count * scale, MIN_BAND_WIDTH)


def _compute_box_height(links: Sequence[FlowLink], node: FlowNode, scale: float) -> float:
    coming = sum(_scale_band_width(link.count, scale) for link in links if link.target == node)
    going = sum(_scale_band_width(link.count, scale) for link in links if link.source == node)
    return max(coming, going)


def _place_bands(
    links: Iterable[FlowLink], boxes: dict[FlowNode, FlowBox], scale: float
) -> list[FlowBand]:
    used: defaultdict[tuple[FlowNode, bool], float] = defaultdict(float)
    bands = []
    for link in sorted(links, key=lambda each: (boxes[each.source].y, boxes[each.target].y)):
        width = _scale_band_width(link.count, scale)
        start, end = boxes[link.source], boxes[link.target]
        y1 = start.y + used[link.source, True] + width / 2
        y2 = end.y + used[link.target, False] + width / 2
        used[link.source, True] += width
        used[link.target, False] += width
        bands.append(FlowBand(link, _build_curve_path(start.x + BOX_WIDTH, y1, end.x, y2), width))
    return bands


def _build_curve_path(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (x1 + x2) / 2
    return f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def list_flow_verdicts(links: Iterable[FlowLink]) -> list[Verdict]:
    """The verdicts of *links*, for the legend."""
    return list(dict.fromkeys(link.verdict for link in links))
