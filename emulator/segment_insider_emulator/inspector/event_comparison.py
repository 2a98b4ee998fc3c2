"""Two values side by side: two events and their upserts, or one event alone and in a batch."""

from collections.abc import Iterator
from typing import NamedTuple

from segment_insider_emulator.inspector.event_view_model import parse_json_or_text
from segment_insider_emulator.mapping import Destination, InsiderRequest
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject


class ComparedValue(NamedTuple):
    """One path with both values; None is nothing."""

    path: str
    left: JSON
    right: JSON

    @property
    def is_different(self) -> bool:
        """Whether they are not the same; true is not 1."""
        return type(self.left) is not type(self.right) or bool(self.left != self.right)


class ValueComparison(NamedTuple):
    """Two values under a title, line by line."""

    title: str
    compared_values: list[ComparedValue]

    @property
    def difference_count(self) -> int:
        """How many lines differ."""
        return sum(line.is_different for line in self.compared_values)


def compare_messages(left: MessageRecord, right: MessageRecord) -> Iterator[ValueComparison]:
    """Two messages as destinations were handed them, and the upserts of each subscription."""
    yield compare_values("Event", left.normalised or left.sent, right.normalised or right.sent)
    names = dict.fromkeys(each.subscription for one in (left, right) for each in one.deliveries)
    for name in names:
        yield compare_values(name, _get_upsert_body(left, name), _get_upsert_body(right, name))


def compare_single_and_batch(
    event: JSONObject, destination: JSONObject
) -> Iterator[ValueComparison]:
    """What each subscription makes of *event* alone, and of a batch that holds it alone."""
    for subscription in Destination(destination).subscriptions:
        single = subscription.build_request(event)
        if single is None:
            continue
        batch_result = subscription.build_batch_request([event])
        alone = single.json if isinstance(single, InsiderRequest) else single._asdict()
        in_batch = (
            batch_result.request.json
            if batch_result.request
            else _failure_to_json(batch_result.results[0])
        )
        yield compare_values(subscription.name, alone, in_batch)


def compare_values(title: str, left: JSON, right: JSON) -> ValueComparison:
    """Every path of either value, in order; None has none."""
    have, other = (dict(iter_leaves(each)) if each is not None else {} for each in (left, right))
    paths = dict.fromkeys([*have, *other])
    return ValueComparison(
        title, [ComparedValue(path, have.get(path), other.get(path)) for path in paths]
    )


def _get_upsert_body(message: MessageRecord, subscription_name: str) -> JSON:
    matching_deliveries = (
        each for each in message.deliveries if each.subscription == subscription_name
    )
    return next(
        (parse_json_or_text(each.request.body) for each in matching_deliveries if each.request),
        None,
    )


def _failure_to_json(result: object) -> JSON:
    return result._asdict() if hasattr(result, "_asdict") else str(result)
