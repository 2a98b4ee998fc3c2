"""Which requests some messages make. Pure: nothing is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from segment_insider_emulator.delivery.batching import Terms
from segment_insider_emulator.mapping import Destination, Failure, Request, Subscription, outcome
from segment_insider_emulator.mapping.subscription import FAULTS
from segment_insider_emulator.segment.message import Message
from segment_insider_emulator.types import JSONObject


class Member(NamedTuple):
    """A message that a request speaks for.

    Args:
        failure: Why the request leaves it out; None when it does not.
        position: Of its user in the request.
    """

    message: Message
    failure: Failure | None = None
    position: int = 0


class Planned(NamedTuple):
    """One request, or none when every member failed before there could be one."""

    subscription: Subscription
    request: Request | None
    members: tuple[Member, ...]
    batched: bool = False


def plan(destination: Destination, messages: Sequence[Message]) -> list[Planned]:
    """The requests that *messages* make, in the order in which their first events came.

    A message may be in several, one for each subscription that takes it.
    """
    collected: list[Planned | _Collected] = []
    open_batches: dict[tuple[int, bytes], _Collected] = {}
    for message in messages:
        for subscription in destination.candidates(message.event):
            terms = Terms.of(subscription.mapping)
            if terms and _takes(subscription, message.event):
                key = (id(subscription), terms.kind(subscription, message.event))
                size = len(orjson.dumps(message.event))
                batch = open_batches.get(key)
                if batch is None or not batch.has_room(size):
                    batch = open_batches[key] = _Collected(subscription, terms)
                    collected.append(batch)
                batch.add(message, size)
            elif made := outcome(subscription, message.event):
                member = Member(message, made.failure)
                collected.append(Planned(subscription, made.request, (member,)))
    return [each.planned() if isinstance(each, _Collected) else each for each in collected]


@dataclass(slots=True)
class _Collected:
    """A batch while it is filled."""

    subscription: Subscription
    terms: Terms
    messages: list[Message] = field(default_factory=list)
    bytes: int = 0

    def has_room(self, size: int) -> bool:
        fits = self.bytes + size <= self.terms.size_bytes
        return fits and len(self.messages) < self.terms.size

    def add(self, message: Message, size: int) -> None:
        self.messages.append(message)
        self.bytes += size

    def planned(self) -> Planned:
        made = self.subscription.deliver_batch([each.event for each in self.messages])
        members = tuple(_members(self.messages, made.results))
        return Planned(self.subscription, made.request, members, batched=True)


def _members(messages: Sequence[Message], results: Sequence[Failure | str]) -> Iterator[Member]:
    position = 0
    for message, result in zip(messages, results, strict=True):
        if isinstance(result, Failure):
            yield Member(message, result)
        else:
            yield Member(message, None, position)
            position += 1


def _takes(subscription: Subscription, event: JSONObject) -> bool:
    """Whether *event* joins a batch. One that a trigger cannot decide fails by itself.

    Assumed: the published package would let it fail the whole batch it was handed, but Segment
    matches before it collects.
    """
    try:
        return subscription.matches(event)
    except FAULTS:
        return False
