"""Comparison of two messages, value by value: their events and their requests."""

from collections.abc import Iterator
from typing import NamedTuple

from segment_insider_emulator.inspector.json_tree import redact_secrets
from segment_insider_emulator.json_text import parse_json_or_text
from segment_insider_emulator.mapping import Destination, InsiderRequest
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject

TIME_AND_ID_NAMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt", "messageId")


class ComparedValue(NamedTuple):
    """The values of two compared JSON documents at one path; None if a document has none there."""

    path: str
    left: JSON
    right: JSON

    @property
    def is_different(self) -> bool:
        """Return whether the two compared values differ; true and 1 are different."""
        return type(self.left) is not type(self.right) or bool(self.left != self.right)

    @property
    def is_time_or_id(self) -> bool:
        """Return whether the value is a time or an id that any two messages have of their own."""
        return self.path.rpartition(".")[2] in TIME_AND_ID_NAMES


class ValueComparison(NamedTuple):
    """A comparison of two JSON documents: a title and the values at each path."""

    title: str
    compared_values: list[ComparedValue]

    @property
    def differences(self) -> list[ComparedValue]:
        """Return the compared values that differ."""
        return [line for line in self.compared_values if line.is_different]

    @property
    def content_differences(self) -> list[ComparedValue]:
        """Return the differences that are not times and ids of each message."""
        return [line for line in self.differences if not line.is_time_or_id]

    @property
    def difference_count(self) -> int:
        """Return the number of compared values that differ."""
        return len(self.differences)


def compare_messages(left: MessageRecord, right: MessageRecord) -> Iterator[ValueComparison]:
    """Compare two messages: their Segment events, then the upsert of each subscription."""
    yield compare_values("Event", left.normalised or left.sent, right.normalised or right.sent)
    names = dict.fromkeys(
        delivery.subscription for message in (left, right) for delivery in message.deliveries
    )
    for name in names:
        yield compare_values(
            name, _get_sent_upsert_body(left, name), _get_sent_upsert_body(right, name)
        )


def compare_single_and_batch_requests(
    event: JSONObject, destination: JSONObject
) -> Iterator[ValueComparison]:
    """Compare for the event page each subscription's request for *event* alone and in a batch."""
    for subscription in Destination(destination).subscriptions:
        single = subscription.build_request(event)
        if single is None:
            continue
        batch_result = subscription.build_batch_request([event])
        alone = single.json if isinstance(single, InsiderRequest) else single._asdict()
        in_batch = (
            batch_result.request.json
            if batch_result.request
            else _mapping_failure_to_json(batch_result.results[0])
        )
        yield compare_values(subscription.name, alone, in_batch)


def compare_values(title: str, left: JSON, right: JSON) -> ValueComparison:
    """Compare two JSON documents at every path that either one has."""
    have, other = (dict(iter_leaves(value)) if value is not None else {} for value in (left, right))
    paths = dict.fromkeys([*have, *other])
    return ValueComparison(
        title, [ComparedValue(path, have.get(path), other.get(path)) for path in paths]
    )


def _get_sent_upsert_body(message: MessageRecord, subscription_name: str) -> JSON:
    matching_deliveries = (
        delivery for delivery in message.deliveries if delivery.subscription == subscription_name
    )
    return next(
        (
            redact_secrets(parse_json_or_text(delivery.request.body))
            for delivery in matching_deliveries
            if delivery.request
        ),
        None,
    )


def _mapping_failure_to_json(result: object) -> JSON:
    return result._asdict() if hasattr(result, "_asdict") else str(result)
