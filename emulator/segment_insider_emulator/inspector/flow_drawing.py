"""The flow as a drawing: boxes in three columns, and bands between them as wide as they count."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.inspector.flow import Link, Node

WIDTH = 1150
COLUMNS = (230.0, 540.0, 850.0)  # left edges of the boxes
BOX = 12.0  # width of one
TALLEST = 460.0  # of the column that has the most, without its gaps
THINNEST = 1.5  # of a band, so that a single event is seen beside thousands
GAP = 18.0
TOP = 30.0


@dataclass(frozen=True, slots=True)
class Box:
    """A node in its place. Its label stands left of the first column, else right of the box."""

    node: Node
    x: float
    y: float
    height: float
    count: int

    @property
    def label_x(self) -> float:
        return self.x - 8 if self.node.column == 0 else self.x + BOX + 8

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Band:
    """A link as the middle line of a band, an SVG path."""

    link: Link
    path: str
    width: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes and bands; a band is drawn below the boxes."""

    boxes: tuple[Box, ...]
    bands: tuple[Band, ...]
    height: float
    width: int = WIDTH


def draw(links: Sequence[Link]) -> Drawing:
    """Place *links*: the boxes with the most at the top, bands in the order of their boxes."""
    columns: list[list[Node]] = [[], [], []]
    for node in _nodes(links):
        columns[node.column].append(node)
    scale = TALLEST / max((_size(links, nodes) for nodes in columns), default=1) if links else 1
    heights = {node: _height(links, node, scale) for nodes in columns for node in nodes}
    boxes: dict[Node, Box] = {}
    for nodes in columns:
        y = TOP
        for node in sorted(nodes, key=lambda each: -heights[each]):
            count = max(_counts(links, node))
            boxes[node] = Box(node, COLUMNS[node.column], y, heights[node], count)
            y += heights[node] + GAP
    bottom = max((box.y + box.height for box in boxes.values()), default=TOP)
    return Drawing(tuple(boxes.values()), tuple(_bands(links, boxes, scale)), bottom + GAP)


def _nodes(links: Iterable[Link]) -> list[Node]:
    return list(dict.fromkeys(node for link in links for node in (link.source, link.target)))


def _counts(links: Iterable[Link], node: Node) -> tuple[int, int]:
    """How much comes in and how much goes out: one order becomes an event for each product."""
    return (
        sum(link.count for link in links if link.target == node),
        sum(link.count for link in links if link.source == node),
    )


def _size(links: Sequence[Link], nodes: Iterable[Node]) -> int:
    return sum(max(_counts(links, node)) for node in nodes) or 1


def _thickness(count: int, scale: float) -> float:
    return max(count * scale, THINNEST)


def _height(links: Sequence[Link], node: Node, scale: float) -> float:
    coming = sum(_thickness(link.count, scale) for link in links if link.target == node)
    going = sum(_thickness(link.count, scale) for link in links if link.source == node)
    return max(coming, going)


def _bands(links: Iterable[Link], boxes: dict[Node, Box], scale: float) -> list[Band]:
    used: defaultdict[tuple[Node, bool], float] = defaultdict(float)
    bands = []
    for link in sorted(links, key=lambda each: (boxes[each.source].y, boxes[each.target].y)):
        width = _thickness(link.count, scale)
        start, end = boxes[link.source], boxes[link.target]
        y1 = start.y + used[link.source, True] + width / 2
        y2 = end.y + used[link.target, False] + width / 2
        used[link.source, True] += width
        used[link.target, False] += width
        bands.append(Band(link, _curve(start.x + BOX, y1, end.x, y2), width))
    return bands


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (x1 + x2) / 2
    return f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def verdicts(links: Iterable[Link]) -> list[Verdict]:
    """The verdicts of *links*, for the legend."""
    return list(dict.fromkeys(link.verdict for link in links))
