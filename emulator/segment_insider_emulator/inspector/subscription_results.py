"""Results of subscriptions for one event: those that matched it, and those that did not."""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import TypeAlias

import orjson

from segment_insider_emulator.analysis.drift.deviations import fold_path_spelling
from segment_insider_emulator.analysis.drift.traffic import has_value_at_path
from segment_insider_emulator.analysis.drift.traffic_stats import (
    list_paths_with_value,
    remove_list_indexes,
)
from segment_insider_emulator.analysis.drift.unsent_properties import explain_empty_properties
from segment_insider_emulator.analysis.mapping_paths import (
    LITERAL_MARKER,
    list_event_paths_of_value,
    list_mapped_values,
)
from segment_insider_emulator.inspector.json_tree import ValueMark
from segment_insider_emulator.inspector.mapping_failures import (
    FailureCause,
    describe_failure_causes,
    suggest_failure_edits,
)
from segment_insider_emulator.json_text import parse_json_or_text
from segment_insider_emulator.mapping import Destination, InsiderRequest
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.explanation import SubscriptionTrace
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.mapping.rejected_values import find_rejected_values
from segment_insider_emulator.mapping.value_origins import ValueOrigin
from segment_insider_emulator.storage.records import DeliveryRecord
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.edits import WorkspaceEdit

SubscriptionKey: TypeAlias = tuple[str, str]  # subscription name and action slug
_EVENT_CONDITION = re.compile(r'event = "([^"]*)"')
_PLAIN_NAME = re.compile(r'[^"\\]{1,200}')
_DOTTED_INDEX = re.compile(r"\.(\d+)(?=\.|$)")


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
    """A subscription that did not take a message's event, and the reason.

    Args:
        edit: The edit after which it takes the event; None when it is probably not meant to.
    """

    name: str
    action_slug: str
    reason: str
    is_enabled: bool
    edit: WorkspaceEdit | None = None


def match_subscriptions(
    traces: list[SubscriptionTrace],
    deliveries: tuple[DeliveryRecord, ...],
    compiled: Destination,
    destination: JSONObject,
    event: JSONObject,
) -> tuple[MatchedSubscription, ...]:
    """Return the subscriptions that matched an event, each with its request and result.

    Args:
        traces: What the current mappings do with the event.
        deliveries: What became of it when it arrived.
    """
    numbers = _map_subscriptions_to_numbers(destination)
    return tuple(
        replace(
            matched,
            subscription_number=numbers.get(
                (matched.trace.subscription, matched.trace.action_slug)
            ),
            unsent_notes=tuple(explain_empty_properties(matched.trace, event)) if event else (),
            failure_causes=_find_failure_causes(matched.trace, compiled, destination, event),
        )
        for matched in _pair_traces_with_deliveries(
            traces, deliveries, _find_unfilled_fields(compiled, event)
        )
    )


def list_skipped_subscriptions(
    traces: list[SubscriptionTrace], destination: JSONObject
) -> tuple[SkippedSubscription, ...]:
    """Return the subscriptions that did not match an event: by their triggers, then disabled."""
    return (
        *_find_unmatched_subscriptions(traces, destination),
        *_find_disabled_subscriptions(destination),
    )


def _find_failure_causes(
    trace: SubscriptionTrace, compiled: Destination, destination: JSONObject, event: JSONObject
) -> tuple[FailureCause, ...]:
    """Return why a subscription's mapping fails, each cause with the edits that convert it."""
    name = (trace.subscription, trace.action_slug)
    number = _map_subscriptions_to_numbers(destination).get(name)
    causes = next(
        (
            describe_failure_causes(find_rejected_values(subscription, event))
            for subscription in compiled.subscriptions
            if trace.failure and (subscription.name, subscription.action_slug) == name
        ),
        (),
    )
    return tuple(
        cause._replace(edits=suggest_failure_edits(cause, number - 1, destination, event))
        if number
        else cause
        for cause in causes
    )


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


def _pair_traces_with_deliveries(
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


def _find_unmatched_subscriptions(
    traces: list[SubscriptionTrace], destination: JSONObject
) -> Iterator[SkippedSubscription]:
    numbers = _map_subscriptions_to_numbers(destination)
    for account in traces:
        if not account.matched and not account.failure:
            number = numbers.get((account.subscription, account.action_slug))
            yield SkippedSubscription(
                account.subscription,
                account.action_slug,
                describe_unmet_conditions(account),
                True,
                _suggest_trigger_edit(account, number - 1, destination) if number else None,
            )


def _suggest_trigger_edit(
    trace: SubscriptionTrace, index: int, destination: JSONObject
) -> WorkspaceEdit | None:
    """Return the edit that lets a trigger take the event's name, if only its spelling differs."""
    unmet = [condition for condition in trace.conditions if not condition.holds]
    if not unmet:
        return None
    definition = destination["subscriptions"][index]
    trigger = str(definition.get("trigger", ACTIONS[definition["actionSlug"]].trigger))
    condition, found = unmet[0].condition, unmet[0].found
    name = _EVENT_CONDITION.fullmatch(condition)
    if name is None or not isinstance(found, str) or not _PLAIN_NAME.fullmatch(found):
        return None
    is_respelled = fold_path_spelling(name[1]) == fold_path_spelling(found)
    if len(unmet) > 1 or not is_respelled or trigger.count(condition) != 1:
        return None
    both = f'({condition} or event = "{found}")'
    return WorkspaceEdit(("subscriptions", index, "trigger"), trigger.replace(condition, both))


def describe_unmet_conditions(trace: SubscriptionTrace) -> str:
    """Return the trigger conditions that an event does not meet, with the event's values."""
    failed = [condition for condition in trace.conditions if not condition.holds]
    return "; ".join(
        f"needs {condition.condition}, but it is "
        + ("absent" if condition.found is None else _truncate_json(condition.found))
        for condition in failed
    )


def _find_disabled_subscriptions(destination: JSONObject) -> Iterator[SkippedSubscription]:
    for index, subscription in enumerate(destination["subscriptions"]):
        if not subscription.get("enabled", True):
            slug = subscription["actionSlug"]
            edit = WorkspaceEdit(("subscriptions", index, "enabled"), True)
            yield SkippedSubscription(
                subscription.get("name", slug), slug, "is disabled", False, edit
            )


def is_request_unchanged(
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


def _truncate_json(value: JSON) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:60]}…"
