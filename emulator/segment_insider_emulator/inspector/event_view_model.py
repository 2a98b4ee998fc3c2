"""View model of the Event page: what each subscription did with one message."""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, TypeAlias

import orjson

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.drift.traffic import has_value_at_path
from segment_insider_emulator.analysis.drift.traffic_stats import (
    list_paths_with_value,
    remove_list_indexes,
)
from segment_insider_emulator.analysis.drift.unsent_properties import (
    UnmappedProperty,
    explain_condition_only_properties,
    explain_empty_properties,
    explain_unmapped_properties,
    keep_one_property_per_path,
)
from segment_insider_emulator.analysis.mapping_paths import (
    LITERAL_MARKER,
    list_event_paths_of_value,
    list_mapped_values,
)
from segment_insider_emulator.inspector.json_tree import ValueMark
from segment_insider_emulator.inspector.mapping_failures import (
    FailureCause,
    describe_failure_causes,
)
from segment_insider_emulator.mapping import Destination, InsiderRequest
from segment_insider_emulator.mapping.explanation import (
    EventExplanation,
    SubscriptionTrace,
    explain_event,
)
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.mapping.rejected_values import find_rejected_values
from segment_insider_emulator.mapping.value_origins import ValueOrigin
from segment_insider_emulator.storage.records import DeliveryRecord, MessageRecord, Verdict
from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class UnfilledField:
    """A mapping field that stays empty, because the event has no value at the paths it reads.

    Args:
        is_source_empty: Whether the event has null or an empty text there.
    """

    field: str
    source_paths: tuple[str, ...]
    is_source_empty: bool = False


@dataclass(frozen=True, slots=True)
class MatchedSubscription:
    """A subscription that matched a message's event, with its request and result.

    Args:
        delivery: What became of it; None when this destination took it only after a change.
        marks: Of the upsert, by path.
        subscription_number: Its place among the destination's, 1 for the first; None when it is
            gone.
        failure_causes: Why the mapping fails.
        unsent_notes: One sentence for each event value that gave no field value.
    """

    trace: SubscriptionTrace
    delivery: DeliveryRecord | None
    marks: Mapping[str, ValueMark]
    request_body: JSON
    response_body: JSON
    unfilled_fields: tuple[UnfilledField, ...] = ()
    subscription_number: int | None = None
    unsent_notes: tuple[str, ...] = ()
    failure_causes: tuple[FailureCause, ...] = ()

    @property
    def is_request_missing(self) -> bool:
        """Return whether the mapping failed, so that no request was made."""
        return bool(self.delivery and not self.delivery.request and self.delivery.reason)

    def get_unmet_requirement(self, field_key: str) -> str:
        """Return what a field's value must be and is not, e.g. "must be a number"; "" if it is."""
        return next(
            (cause.requirement for cause in self.failure_causes if field_key in cause.fields), ""
        )

    def find_unfilled_field(self, finding_path: str) -> UnfilledField | None:
        """Return the mapping field that should fill the value a finding misses; None if unknown."""
        *place, field_name = finding_path.split(".")
        if _has_value_at_path(self.request_body, (*place, field_name)):
            return None  # the finding is about the value that was sent
        return next(
            (field for field in self.unfilled_fields if field.field.split(".")[-1] == field_name),
            None,
        )


def _has_value_at_path(body: JSON, path_steps: tuple[str, ...]) -> bool:
    """Return whether a request body has a value at a path such as users, 0, attributes, gender."""
    for step in path_steps:
        if isinstance(body, dict) and step in body:
            body = body[step]
        elif isinstance(body, list) and _is_list_index(step) and int(step) < len(body):
            body = body[int(step)]
        else:
            return False
    return True


def _is_list_index(step: str) -> bool:
    # A custom name may have any number of digits; int() refuses thousands of them.
    return step.isdecimal() and len(step) < 20


@dataclass(frozen=True, slots=True)
class SkippedSubscription:
    """A subscription whose trigger did not match a message's event, and the reason."""

    name: str
    action_slug: str
    reason: str
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class EventViewModel:
    """View model of the Event page: everything that it shows about one message.

    Args:
        added_values: Path -> value of what Segment put into the event.
        changed_values: Path -> (as sent, as destinations got it).
        removed_paths: Paths that destinations did not get.
        is_current: Whether the current mappings still make the recorded requests.
        decision_notes: One sentence for each property that decides something but is not sent.
    """

    message: MessageRecord
    added_values: Mapping[str, JSON]
    changed_values: Mapping[str, tuple[JSON, JSON]]
    removed_paths: tuple[str, ...]
    matched_subscriptions: tuple[MatchedSubscription, ...]
    skipped_subscriptions: tuple[SkippedSubscription, ...]
    unmapped_values: tuple[UnmappedProperty, ...]
    marks: Mapping[str, ValueMark] = field(default_factory=dict)
    is_current: bool = True
    decision_notes: tuple[str, ...] = ()

    @property
    def unmapped_properties(self) -> dict[str, UnmappedProperty]:
        """Return the event's unmapped properties by path, without list indexes and repetitions."""
        return keep_one_property_per_path(self.unmapped_values)

    @property
    def findings(self) -> list[tuple[JSONObject, UnfilledField | None]]:
        """Return Insider One's findings about the requests, each with its mapping field.

        What decided the message's verdict comes first.
        """
        pairs = [
            (finding, taken.find_unfilled_field(str(finding["where"])))
            for taken in self.matched_subscriptions
            if taken.delivery
            for finding in taken.delivery.findings
        ]
        return sorted(pairs, key=lambda pair: pair[0]["verdict"] != self.message.verdict)

    @property
    def changed_attribute_and_event_counts(self) -> tuple[int, int]:
        """Return how many profile attributes the message changed and profile events it added."""
        deliveries = (
            subscription.delivery
            for subscription in self.matched_subscriptions
            if subscription.delivery
        )
        changes = [change for delivery in deliveries for change in delivery.changes or ()]
        return sum(len(c["attributes"]) for c in changes), sum(len(c["events"]) for c in changes)


# Verdicts of messages that no subscription received.
VERDICTS_BEFORE_MAPPING: Final[frozenset[Verdict]] = frozenset(("rejected", "filtered", "disabled"))


_DOTTED_INDEX = re.compile(r"\.(\d+)(?=\.|$)")
MAX_LISTED_VALUES = 200  # added or changed values on the page


def build_event_view_model(
    message: MessageRecord, destination: JSONObject, workspace_document: JSONObject
) -> EventViewModel:
    """Build the view model of a message's Event page, using the current mappings.

    Args:
        workspace_document: The workspace file, for lines that would map what is dropped.
    """
    event, compiled = message.normalised, Destination(destination)
    event_values, sent_values = (
        dict(iter_leaves(event)) if event else {},
        dict(iter_leaves(message.sent)),
    )
    explanation = explain_event(compiled, event) if event else EventExplanation(None, [], [], [])
    numbers = _map_subscriptions_to_numbers(destination)
    matched_subscriptions = tuple(
        replace(
            subscription,
            subscription_number=numbers.get(
                (subscription.trace.subscription, subscription.trace.action_slug)
            ),
            unsent_notes=tuple(explain_empty_properties(subscription.trace, event))
            if event
            else (),
            failure_causes=_find_failure_causes(subscription.trace, compiled, event),
        )
        for subscription in _match_subscriptions(
            explanation.accounts, message.deliveries, _find_unfilled_fields(compiled, event)
        )
    )
    dropped: tuple[UnmappedProperty, ...] = ()
    if (
        matched_subscriptions
        and message.verdict not in VERDICTS_BEFORE_MAPPING
        and explanation.dropped
    ):
        subject = build_context({**workspace_document, "destination": destination})
        dropped = tuple(explain_unmapped_properties(subject, event, explanation.dropped))
    read_paths = {
        path
        for subscription in matched_subscriptions
        for origin in subscription.trace.origins
        for path in origin.read
    }
    marks = {path: ValueMark("read") for path in read_paths}
    return EventViewModel(
        message=message,
        added_values=dict(_list_first_values(event_values, lambda path: path not in sent_values)),
        changed_values={
            path: (sent_values[path], value)
            for path, value in _list_first_values(
                event_values,
                lambda path: sent_values.get(path, event_values[path]) != event_values[path],
            )
        },
        removed_paths=tuple(
            path
            for path, _ in _list_first_values(
                sent_values, lambda path: bool(event) and path not in event_values
            )
        ),
        matched_subscriptions=matched_subscriptions,
        skipped_subscriptions=(
            *_find_unmatched_subscriptions(explanation.accounts),
            *_find_disabled_subscriptions(destination),
        ),
        unmapped_values=dropped,
        marks=marks
        | {
            path: cause.get_mark()
            for subscription in matched_subscriptions
            for cause in subscription.failure_causes
            for path in cause.paths
        }
        | {unmapped.path: ValueMark("dropped", "dropped") for unmapped in dropped},
        is_current=all(
            _is_request_unchanged(subscription, compiled, event)
            for subscription in matched_subscriptions
        ),
        decision_notes=tuple(explain_condition_only_properties(explanation, event))
        if matched_subscriptions
        else (),
    )


def _find_failure_causes(
    trace: SubscriptionTrace, destination: Destination, event: JSONObject
) -> tuple[FailureCause, ...]:
    name = (trace.subscription, trace.action_slug)
    return next(
        (
            describe_failure_causes(find_rejected_values(subscription, event))
            for subscription in destination.subscriptions
            if trace.failure and (subscription.name, subscription.action_slug) == name
        ),
        (),
    )


def _list_first_values(
    values: Mapping[str, JSON], predicate: Callable[[str], bool]
) -> Iterator[tuple[str, JSON]]:
    yield from islice((pair for pair in values.items() if predicate(pair[0])), MAX_LISTED_VALUES)


SubscriptionKey: TypeAlias = tuple[str, str]  # subscription name and action slug


def _map_subscriptions_to_numbers(destination: JSONObject) -> dict[SubscriptionKey, int]:
    """Map each subscription's name and action to its number; of equal ones, the first counts."""
    numbered = enumerate(destination["subscriptions"], start=1)
    numbers: dict[SubscriptionKey, int] = {}
    for number, subscription in numbered:
        numbers.setdefault(
            (subscription.get("name", subscription["actionSlug"]), subscription["actionSlug"]),
            number,
        )
    return numbers


def _find_unfilled_fields(
    destination: Destination, event: JSONObject
) -> dict[SubscriptionKey, tuple[UnfilledField, ...]]:
    present = set(list_paths_with_value(event))
    every = {remove_list_indexes(path) for path, _ in iter_leaves(event)}
    return {
        (subscription.name, subscription.action_slug): tuple(
            _iter_unfilled_fields(subscription.mapping, present, every)
        )
        for subscription in destination.preselect_subscriptions(event)
    }


def _iter_unfilled_fields(
    mapping: JSONObject, present_paths: Set[str], all_paths: Set[str]
) -> Iterator[UnfilledField]:
    for keys in list_mapped_values(mapping):
        read = list_event_paths_of_value(mapping, keys) - {""}
        if (
            read
            and LITERAL_MARKER not in read
            and not any(has_value_at_path(path, present_paths) for path in read)
        ):
            yield UnfilledField(".".join(keys), tuple(sorted(read)), not read.isdisjoint(all_paths))


def _match_subscriptions(
    traces: list[SubscriptionTrace],
    deliveries: tuple[DeliveryRecord, ...],
    unfilled_fields: Mapping[SubscriptionKey, tuple[UnfilledField, ...]],
) -> Iterator[MatchedSubscription]:
    remaining_deliveries = list(deliveries)
    for account in traces:
        if not account.matched and not account.failure:
            continue
        name = (account.subscription, account.action_slug)
        delivery = next(
            (
                delivery
                for delivery in remaining_deliveries
                if (delivery.subscription, delivery.action_slug) == name
            ),
            None,
        )
        if delivery:
            remaining_deliveries.remove(delivery)
        yield replace(
            _build_matched_subscription(account, delivery),
            unfilled_fields=unfilled_fields.get(name, ()),
        )
    for remaining_delivery in remaining_deliveries:  # its mapping was removed or no longer matches
        yield _build_matched_subscription(
            SubscriptionTrace(
                remaining_delivery.subscription, remaining_delivery.action_slug, True, [], None, []
            ),
            remaining_delivery,
        )


def _build_matched_subscription(
    trace: SubscriptionTrace, delivery: DeliveryRecord | None
) -> MatchedSubscription:
    body = parse_json_or_text(delivery.request.body) if delivery and delivery.request else None
    answer = parse_json_or_text(delivery.response.body) if delivery and delivery.response else None
    marks = {
        place: _build_value_origin_mark(origin) for origin in trace.origins for place in origin.at
    }
    for finding in delivery.findings if delivery else ():
        place = _DOTTED_INDEX.sub(r"[\1]", str(finding["where"]))
        known = marks.get(place)
        reads, by = (known.source_paths, known.mapping_field) if known else ((), "")
        marks[place] = ValueMark(str(finding["verdict"]), str(finding["verdict"]), "", reads, by)
    return MatchedSubscription(trace, delivery, marks, body, answer)


def _build_value_origin_mark(origin: ValueOrigin) -> ValueMark:
    source = ", ".join(origin.read) or "fixed value"
    return ValueMark("made", "", f"{source} → {origin.field}", tuple(origin.read), origin.field)


def _find_unmatched_subscriptions(traces: list[SubscriptionTrace]) -> Iterator[SkippedSubscription]:
    for account in traces:
        if not account.matched and not account.failure:
            yield SkippedSubscription(
                account.subscription, account.action_slug, describe_unmet_conditions(account), True
            )


def describe_unmet_conditions(trace: SubscriptionTrace) -> str:
    """Return the trigger conditions that an event does not meet, with the event's values."""
    failed = [condition for condition in trace.conditions if not condition.holds]
    return "; ".join(
        f"needs {condition.condition}, but it is "
        + ("absent" if condition.found is None else _truncate_json(condition.found))
        for condition in failed
    )


def _find_disabled_subscriptions(destination: JSONObject) -> Iterator[SkippedSubscription]:
    for subscription in destination["subscriptions"]:
        if not subscription.get("enabled", True):
            slug = subscription["actionSlug"]
            yield SkippedSubscription(subscription.get("name", slug), slug, "is disabled", False)


def _is_request_unchanged(
    matched: MatchedSubscription, destination: Destination, event: JSONObject
) -> bool:
    """Return whether the current mappings build the same request as the recorded one."""
    if matched.delivery is None or not isinstance(matched.request_body, dict):
        return matched.delivery is not None
    for subscription in destination.subscriptions:
        if (subscription.name, subscription.action_slug) == (
            matched.delivery.subscription,
            matched.delivery.action_slug,
        ):
            result = subscription.build_request(event)
            if (
                isinstance(result, InsiderRequest)
                and result.json["users"] == matched.request_body["users"]
            ):
                return True
    return False


def parse_json_or_text(body: str) -> JSON:
    """Parse a request or response body as JSON; return other bodies unchanged as text."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body


def _truncate_json(value: JSON) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:60]}…"
