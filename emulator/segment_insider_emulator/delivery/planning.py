"""Planning of the requests for some messages, in batches or one by one, without sending them.

Source: Segment, action-destinations, "Batching"; batches of at most 1,000 events or 4 MB, formed
for each destination, mapping and combination of the batch keys' values. (documented)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import orjson

from segment_insider_emulator.mapping import (
    Destination,
    InsiderRequest,
    MappingFailure,
    Subscription,
    evaluate_subscription,
)
from segment_insider_emulator.mapping.destination import MAPPING_ERRORS
from segment_insider_emulator.segment.ingest import Message
from segment_insider_emulator.types import JSON, JSONObject

MAX_EVENTS_PER_REQUEST = 1000  # also the maximum of users in one request to Insider One
MAX_REQUEST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Batch settings of one subscription's mapping.

    Args:
        max_events: Most events of a batch.
        max_bytes: Most bytes of their JSON; a larger event is sent alone.
        key_fields: Fields of the action; events with different values do not share a batch.
    """

    max_events: int = MAX_EVENTS_PER_REQUEST
    max_bytes: int = MAX_REQUEST_BYTES
    key_fields: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, mapping: JSONObject) -> Self | None:
        """Read the batch settings of a subscription's *mapping*; None when batching is disabled.

        Assumed: the nearest valid number is used for a number out of range.
        """
        if mapping.get("enable_batching") not in (True, "true"):
            return None
        keys = mapping.get("batch_keys")
        return cls(
            _clamp_batch_setting(mapping.get("batch_size"), MAX_EVENTS_PER_REQUEST),
            _clamp_batch_setting(mapping.get("batch_bytes"), MAX_REQUEST_BYTES),
            tuple(key for key in keys if isinstance(key, str)) if isinstance(keys, list) else (),
        )

    def compute_batch_key(self, subscription: Subscription, event: JSONObject) -> bytes:
        """Return an event's batch key; only events with equal keys share a batch."""
        if not self.key_fields:
            return b""
        try:
            values = subscription.resolve_field_values(event)
        except MAPPING_ERRORS:
            return b""  # the failure is reported when the batch is built
        return orjson.dumps([values.get(key) for key in self.key_fields], default=str)


def _clamp_batch_setting(value: JSON, maximum: int) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return maximum
    return min(max(value, 1), maximum)


class BatchMember(NamedTuple):
    """A message in a planned request to Insider One.

    Args:
        failure: Why the request leaves it out; None when it does not.
        user_index: Index of its user in the request.
    """

    message: Message
    failure: MappingFailure | None = None
    user_index: int = 0


class PlannedRequest(NamedTuple):
    """A planned request to Insider One; its request is None when every mapping failed."""

    subscription: Subscription
    request: InsiderRequest | None
    members: tuple[BatchMember, ...]
    is_batched: bool = False


def plan_requests(destination: Destination, messages: Sequence[Message]) -> list[PlannedRequest]:
    """Plan the requests to Insider One for *messages*, in the order of their first events.

    A message is in several requests when several subscriptions match it.
    """
    collected: list[PlannedRequest | _OpenBatch] = []
    open_batches: dict[tuple[int, bytes], _OpenBatch] = {}
    for message in messages:
        trigger_event = message.trigger_event
        for subscription in destination.preselect_subscriptions(trigger_event or message.event):
            mapping = subscription.mapping
            terms = BatchSettings.from_mapping(mapping) if "enable_batching" in mapping else None
            if terms and _can_join_batch(subscription, trigger_event or message.event):
                key = (id(subscription), terms.compute_batch_key(subscription, message.event))
                size = len(orjson.dumps(message.event))
                batch = open_batches.get(key)
                if batch is None or not batch.has_room_for_event(size):
                    batch = open_batches[key] = _OpenBatch(subscription, terms)
                    collected.append(batch)
                batch.add_message(message, size)
            elif outcome := evaluate_subscription(subscription, message.event, trigger_event):
                member = BatchMember(message, outcome.failure)
                collected.append(PlannedRequest(subscription, outcome.request, (member,)))
    return [
        entry.build_request() if isinstance(entry, _OpenBatch) else entry for entry in collected
    ]


@dataclass(slots=True)
class _OpenBatch:
    """A batch of events that can take more events."""

    subscription: Subscription
    settings: BatchSettings
    messages: list[Message] = field(default_factory=list)
    size_bytes: int = 0

    def has_room_for_event(self, event_bytes: int) -> bool:
        fits = self.size_bytes + event_bytes <= self.settings.max_bytes
        return fits and len(self.messages) < self.settings.max_events

    def add_message(self, message: Message, event_bytes: int) -> None:
        self.messages.append(message)
        self.size_bytes += event_bytes

    def build_request(self) -> PlannedRequest:
        batch_outcome = self.subscription.build_batch_request(
            [message.event for message in self.messages],
            [message.trigger_event or message.event for message in self.messages],
        )
        members = tuple(_build_batch_members(self.messages, batch_outcome.results))
        return PlannedRequest(self.subscription, batch_outcome.request, members, is_batched=True)


def _build_batch_members(
    messages: Sequence[Message], results: Sequence[MappingFailure | str]
) -> Iterator[BatchMember]:
    position = 0
    for message, result in zip(messages, results, strict=True):
        if isinstance(result, MappingFailure):
            yield BatchMember(message, result)
        else:
            yield BatchMember(message, None, position)
            position += 1


def _can_join_batch(subscription: Subscription, event: JSONObject) -> bool:
    """Return whether *event* can join a batch; no, if its trigger does not match or fails."""
    try:
        return subscription.matches(event)
    except MAPPING_ERRORS:
        return False
