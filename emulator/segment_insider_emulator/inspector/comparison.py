"""Two values side by side: two events and their upserts, or one event alone and in a batch."""

from collections.abc import Iterator
from typing import NamedTuple

from segment_insider_emulator.capture.records import Captured
from segment_insider_emulator.inspector.event_road import parsed
from segment_insider_emulator.mapping import Destination, Request
from segment_insider_emulator.mapping.tracing import leaves
from segment_insider_emulator.types import JSON, JSONObject


class Line(NamedTuple):
    """One path with both values; None is nothing."""

    path: str
    left: JSON
    right: JSON

    @property
    def differs(self) -> bool:
        """Whether they are not the same; true is not 1."""
        return type(self.left) is not type(self.right) or bool(self.left != self.right)


class Compared(NamedTuple):
    """Two values under a title, line by line."""

    title: str
    lines: list[Line]

    @property
    def differences(self) -> int:
        """How many lines differ."""
        return sum(line.differs for line in self.lines)


def events(left: Captured, right: Captured) -> Iterator[Compared]:
    """Two messages as destinations were handed them, and the upserts of each subscription."""
    yield compared("Event", left.normalised or left.sent, right.normalised or right.sent)
    names = dict.fromkeys(each.subscription for one in (left, right) for each in one.deliveries)
    for name in names:
        yield compared(name, _upsert(left, name), _upsert(right, name))


def batch(event: JSONObject, destination: JSONObject) -> Iterator[Compared]:
    """What each subscription makes of *event* alone, and of a batch that holds it alone."""
    for each in Destination(destination).subscriptions:
        single = each.deliver(event)
        if single is None:
            continue
        together = each.deliver_batch([event])
        alone = single.json if isinstance(single, Request) else single._asdict()
        in_batch = together.request.json if together.request else _failure(together.results[0])
        yield compared(each.name, alone, in_batch)


def compared(title: str, left: JSON, right: JSON) -> Compared:
    """Every path of either value, in order; None has none."""
    have, other = (dict(leaves(each)) if each is not None else {} for each in (left, right))
    paths = dict.fromkeys([*have, *other])
    return Compared(title, [Line(path, have.get(path), other.get(path)) for path in paths])


def _upsert(message: Captured, subscription: str) -> JSON:
    own = (each for each in message.deliveries if each.subscription == subscription)
    return next((parsed(each.request.body) for each in own if each.request), None)


def _failure(result: object) -> JSON:
    return result._asdict() if hasattr(result, "_asdict") else str(result)
