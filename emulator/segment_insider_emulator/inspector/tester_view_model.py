"""View model of the Tester page: an event's result, and an edited mapping compared to its old."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.drift.traffic_stats import remove_list_indexes
from segment_insider_emulator.analysis.drift.unsent_properties import (
    UnmappedProperty,
    explain_unmapped_properties,
    keep_one_property_per_path,
)
from segment_insider_emulator.analysis.lint import lint_document
from segment_insider_emulator.analysis.lint.mapping_rules import DIRECTIVE_OPTIONS
from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.insider.validation import UserValidationError, validate_user
from segment_insider_emulator.inspector.mapping_failures import (
    FailureCause,
    describe_failure_causes,
)
from segment_insider_emulator.mapping.catalog import DestinationAction
from segment_insider_emulator.mapping.destination import (
    Destination,
    InsiderRequest,
    MappingFailure,
    Subscription,
    compile_subscription,
)
from segment_insider_emulator.mapping.directives import DIRECTIVES
from segment_insider_emulator.mapping.explanation import (
    ConditionCheck,
    SubscriptionTrace,
    explain_event,
)
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.mapping.rejected_values import find_rejected_values
from segment_insider_emulator.types import JSON, JSONObject

# Captured events that an edit is compared with, in addition to the current one.
MAX_COMPARED_EVENTS = 300
# Changed requests that are shown; further ones are only counted.
MAX_LISTED_CHANGES = 5


@dataclass(frozen=True, slots=True)
class SubscriptionTestResult:
    """The result of testing one subscription with an event.

    Args:
        number: 1 for the first of the destination.
        unmet_conditions: Conditions of the trigger that do not hold.
        request_body: Of the request; None when none is made.
        rejections: Why Insider One would answer 200 and take nothing.
    """

    number: int
    name: str
    action_slug: str
    enabled: bool
    matched: bool
    unmet_conditions: tuple[ConditionCheck, ...]
    failure: MappingFailure | None
    request_body: JSON
    rejections: tuple[UserValidationError, ...]
    trace: SubscriptionTrace
    failure_causes: tuple[FailureCause, ...] = ()


@dataclass(frozen=True, slots=True)
class EventTestResult:
    """View model of the inspector's Event Tester: results of all subscriptions for one event.

    Args:
        unmapped_properties: What no enabled subscription reads, by its path without numbers.
    """

    event: JSONObject
    subscription_results: tuple[SubscriptionTestResult, ...]
    unmapped_properties: Mapping[str, UnmappedProperty]


@dataclass(frozen=True, slots=True)
class RequestValueChange:
    """One value of a request that an edited mapping changes; None means absent."""

    path: str
    before: JSON
    after: JSON


@dataclass(frozen=True, slots=True)
class RequestComparison:
    """The request for one event before and after a mapping edit; a text if there is no request."""

    event: JSONObject
    before: JSON
    after: JSON
    changes: tuple[RequestValueChange, ...]


def evaluate_event(
    document: JSONObject,
    event: JSONObject,
    options: InsiderAccountOptions,
    trigger_event: JSONObject | None = None,
) -> EventTestResult:
    """Evaluate an event with every subscription, including disabled ones; send nothing.

    Args:
        document: The workspace.
        event: As destinations are handed it.
        trigger_event: The event that triggers see, if an insert function changed it.
    """
    destination = document["destination"]
    subscriptions = destination["subscriptions"]
    every = [{**subscription, "enabled": True} for subscription in subscriptions]
    explanation = explain_event(
        Destination({**destination, "subscriptions": every}), event, trigger_event
    )
    results = tuple(
        _evaluate_subscription(
            number, given, account, destination["settings"], (event, trigger_event), options
        )
        for number, (given, account) in enumerate(
            zip(subscriptions, explanation.accounts, strict=True), 1
        )
    )
    read_paths = {
        path
        for result in results
        if result.enabled and result.matched
        for origin in result.trace.origins
        for path in origin.read
    }
    read_paths |= {
        path
        for result in results
        if result.enabled
        for check in result.trace.conditions
        for path in check.read
    }
    value_paths = [
        path for part in ("properties", "traits") for path in _iter_leaf_value_paths(event, part)
    ]
    unread = explain_unmapped_properties(
        build_context(document), event, [path for path in value_paths if path not in read_paths]
    )
    return EventTestResult(event, results, keep_one_property_per_path(unread))


def compare_edited_subscription(
    current_subscription: JSONObject,
    edited_subscription: JSONObject,
    settings: JSONObject,
    events: Sequence[JSONObject],
) -> Iterator[RequestComparison]:
    """Yield a comparison for each event whose request the edited subscription changes.

    Args:
        current_subscription, edited_subscription: The subscription as it is, and as edited.
    Raises: EmulatorError, when it cannot be compiled.
    """
    old, new = (
        compile_subscription(current_subscription, settings),
        compile_subscription(edited_subscription, settings),
    )
    for event in events:
        sent, would_be = (
            _build_request_or_reason(old, event),
            _build_request_or_reason(new, event),
        )
        if sent != would_be:
            yield RequestComparison(
                event, sent, would_be, tuple(_iter_request_value_changes(sent, would_be))
            )


NO_MATCH_TEXT = "does not match"
NO_MAPPING_TEXT = "no mapping sends it"


def compare_destinations(
    before: JSONObject, after: JSONObject, events: Sequence[JSONObject]
) -> Iterator[tuple[int, str, RequestComparison]]:
    """Compare the requests of two destinations for *events*.

    Yields: Index of the event, name of the subscription, and the requests, where they differ.
    """
    for name, old, new in _pair_changed_subscriptions(before, after):
        for index, event in enumerate(events):
            sent, would_be = (
                _build_request_or_reason(subscription, event) if subscription else NO_MAPPING_TEXT
                for subscription in (old, new)
            )
            if sent != would_be and not _sends_nothing(sent, would_be):
                changes = tuple(_iter_request_value_changes(sent, would_be))
                yield index, name, RequestComparison(event, sent, would_be, changes)


def _sends_nothing(*requests: JSON) -> bool:
    return all(request in (NO_MATCH_TEXT, NO_MAPPING_TEXT) for request in requests)


def _pair_changed_subscriptions(
    before: JSONObject, after: JSONObject
) -> Iterator[tuple[str, Subscription | None, Subscription | None]]:
    """Yield name, old and new form of each subscription that differs; None where it is off."""
    old, new = _index_enabled_subscriptions(before), _index_enabled_subscriptions(after)
    for key in {**old, **new}:
        if old.get(key) != new.get(key):
            yield (
                key[0],
                compile_subscription(old[key], before["settings"]) if key in old else None,
                compile_subscription(new[key], after["settings"]) if key in new else None,
            )


def _index_enabled_subscriptions(
    destination: JSONObject,
) -> dict[tuple[str, str, int], JSONObject]:
    """Return the enabled subscriptions by name, action, and number among those alike."""
    counts: Counter[tuple[str, str]] = Counter()
    indexed = {}
    for subscription in destination["subscriptions"] if destination["enabled"] else ():
        name = (subscription["name"], subscription["actionSlug"])
        if subscription.get("enabled", True):
            indexed[(*name, counts[name])] = subscription
        counts[name] += 1
    return indexed


def _evaluate_subscription(
    number: int,
    subscription: JSONObject,
    trace: SubscriptionTrace,
    settings: JSONObject,
    events: tuple[JSONObject, JSONObject | None],
    options: InsiderAccountOptions,
) -> SubscriptionTestResult:
    event, trigger_event = events
    compiled = compile_subscription(subscription, settings)
    result = compiled.build_request(event, trigger_event)
    body = result.json if isinstance(result, InsiderRequest) else None
    refusals = (
        tuple(fault for user in body["users"] for fault in validate_user(user, options))
        if body
        else ()
    )
    return SubscriptionTestResult(
        number,
        trace.subscription,
        trace.action_slug,
        subscription.get("enabled", True),
        trace.matched,
        tuple(condition for condition in trace.conditions if not condition.holds),
        trace.failure,
        body,
        refusals,
        trace,
        describe_failure_causes(find_rejected_values(compiled, event)) if trace.failure else (),
    )


def _iter_leaf_value_paths(event: JSONObject, section: str) -> Iterator[str]:
    if isinstance(event.get(section), dict):
        yield from (path for path, _ in iter_leaves(event[section], section) if path != section)


def _build_request_or_reason(subscription: Subscription, event: JSONObject) -> JSON:
    result = subscription.build_request(event)
    if isinstance(result, InsiderRequest):
        return result.json
    return f"fails: {result.message}" if result else NO_MATCH_TEXT


def _iter_request_value_changes(before: JSON, after: JSON) -> Iterator[RequestValueChange]:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    old, new = dict(iter_leaves(before)), dict(iter_leaves(after))
    for at in {**old, **new}:
        # An empty object that gets members, or loses them, is shown by its members.
        if old.get(at) != new.get(at) and {} not in (old.get(at), new.get(at)):
            yield RequestValueChange(at, old.get(at), new.get(at))


MAX_COMPLETED_PATHS = 500
MAX_PATH_LENGTH = 200
LIST_END = re.compile(r"\[\]")
_MAPPING_PLACE = re.compile(r"destination\.subscriptions\[0\](?: '.*?')?\.(settings|trigger)\.?")


def build_completions(action: DestinationAction, events: Iterable[JSONObject | None]) -> JSONObject:
    """Return what the editor of a mapping completes.

    Returns: Fields of the action, members of its fields, directives and their options, and the
    paths of captured *events*.
    """
    paths: dict[str, None] = {}
    for event in events:
        for path, _ in iter_leaves(event or {}):
            general_path = remove_list_indexes(path)
            if len(path) <= MAX_PATH_LENGTH:
                paths[general_path] = None
                # A list of objects is completed as a whole, too.
                paths.update(
                    {general_path[: match.end()]: None for match in LIST_END.finditer(general_path)}
                )
        if len(paths) > MAX_COMPLETED_PATHS:
            break
    return {
        "fields": [field.key for field in action.fields],
        "members": {
            field.key: [member.key for member in field.properties]
            for field in action.fields
            if field.properties
        },
        "directives": list(DIRECTIVES),
        "options": DIRECTIVE_OPTIONS,
        "paths": sorted(paths)[:MAX_COMPLETED_PATHS],
    }


def list_mapping_findings(document: JSONObject) -> list[JSONObject]:
    """Return the lint findings about the mapping of a document's only subscription.

    Returns: Objects with place in the mapping, message, and severity "error" or "warning".
    """
    found = []
    for finding in lint_document(document):
        place = _MAPPING_PLACE.match(finding.where)
        if place and finding.severity != "note":
            is_mapping = place[1] == "settings"
            message = f"{finding.what}. {finding.remedy}"
            found.append(
                {
                    "place": finding.where[place.end() :] if is_mapping else "",
                    "message": message if is_mapping else f"Trigger: {message}",
                    "severity": finding.severity,
                }
            )
    return found
