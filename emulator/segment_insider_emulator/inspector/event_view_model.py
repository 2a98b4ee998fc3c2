"""View model of the Event page: what became of one message, and what its event lacks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.drift.unsent_properties import (
    UnmappedProperty,
    explain_condition_only_properties,
    explain_moved_values,
    explain_unmapped_properties,
    keep_one_property_per_path,
)
from segment_insider_emulator.filtering.result import FAILED_STEP, RETRY_STEP
from segment_insider_emulator.filtering.transformations import (
    describe_change,
    find_sent_path,
    list_field_prefixes,
)
from segment_insider_emulator.inspector.json_tree import ValueMark
from segment_insider_emulator.inspector.subscription_results import (
    MatchedSubscription,
    SkippedSubscription,
    UnfilledField,
    is_request_unchanged,
    list_skipped_subscriptions,
    match_subscriptions,
)
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import EventExplanation, explain_event
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.storage.records import MessageRecord, Verdict
from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class EventViewModel:
    """View model of the Event page: everything that it shows about one message.

    Args:
        added_values: Path -> value of what Segment put into the event.
        changed_values: Path -> (as sent, as destinations got it).
        removed_paths: Paths that destinations did not get.
        is_current: Whether the current mappings still make the recorded requests.
        decision_notes: One sentence for each property that decides something but is not sent.
        stage_changes: What transformations and functions changed: who, and what in words.
        missed_notes: Name of a mapping, and a sentence about a value that it misses because of one.
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
    stage_changes: tuple[tuple[str, str], ...] = ()
    missed_notes: tuple[tuple[str, str], ...] = ()

    @property
    def is_stopped(self) -> bool:
        """Return whether a filter or a function stopped the event before its mappings."""
        return is_stopped_before_mapping(self.message)

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


def is_stopped_before_mapping(message: MessageRecord) -> bool:
    """Return whether a filter or a function stopped a message before any mapping."""
    stopped_by = (message.filtering or {}).get("filtered_by") or {}
    is_stopped_by_function = stopped_by.get("step") in (FAILED_STEP, RETRY_STEP)
    return message.verdict in VERDICTS_BEFORE_MAPPING or is_stopped_by_function


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
    trigger_event = (message.filtering or {}).get("trigger_event")
    explanation = (
        explain_event(compiled, event, trigger_event)
        if event
        else EventExplanation(None, [], [], [])
    )
    matched_subscriptions = match_subscriptions(
        explanation.accounts, message.deliveries, compiled, destination, event
    )
    dropped: tuple[UnmappedProperty, ...] = ()
    if matched_subscriptions and not is_stopped_before_mapping(message) and explanation.dropped:
        subject = build_context({**workspace_document, "destination": destination})
        dropped = tuple(explain_unmapped_properties(subject, event, explanation.dropped))
    changes = (message.filtering or {}).get("changes", [])
    dropped = tuple(_add_sent_path(unmapped, changes) for unmapped in dropped)
    explained = {
        "event" if change["kind"] == "renamed event" else path
        for change in changes
        for path in (change["field"], change["was"])
    }

    def is_listed_as_change(path: str) -> bool:
        return not explained.isdisjoint(list_field_prefixes(path))

    missed: tuple[tuple[str, str], ...] = ()
    if changes and matched_subscriptions:
        subject = build_context({**workspace_document, "destination": destination})
        missed = tuple(explain_moved_values(subject, event, changes, trigger_event))
    return EventViewModel(
        message=message,
        stage_changes=tuple((change["by"], describe_change(change)) for change in changes),
        missed_notes=missed,
        added_values=dict(
            _list_first_values(
                event_values,
                lambda path: path not in sent_values and not is_listed_as_change(path),
            )
        ),
        changed_values={
            path: (sent_values[path], value)
            for path, value in _list_first_values(
                event_values,
                lambda path: (
                    sent_values.get(path, event_values[path]) != event_values[path]
                    and not is_listed_as_change(path)
                ),
            )
        },
        removed_paths=tuple(
            path
            for path, _ in _list_first_values(
                sent_values,
                lambda path: (
                    bool(event) and path not in event_values and not is_listed_as_change(path)
                ),
            )
        ),
        matched_subscriptions=matched_subscriptions,
        skipped_subscriptions=list_skipped_subscriptions(explanation.accounts, destination),
        unmapped_values=dropped,
        marks=_build_value_marks(matched_subscriptions, dropped, changes),
        is_current=all(
            is_request_unchanged(subscription, compiled, event)
            for subscription in matched_subscriptions
        ),
        decision_notes=tuple(explain_condition_only_properties(explanation, event))
        if matched_subscriptions
        else (),
    )


def _build_value_marks(
    matched_subscriptions: Sequence[MatchedSubscription],
    dropped: Sequence[UnmappedProperty],
    changes: Sequence[JSONObject],
) -> dict[str, ValueMark]:
    """Return the marks of an event's values by path, before and after transformations."""
    marks = {
        path: ValueMark("read")
        for subscription in matched_subscriptions
        for origin in subscription.trace.origins
        for path in origin.read
    }
    marks |= {
        path: cause.get_mark()
        for subscription in matched_subscriptions
        for cause in subscription.failure_causes
        for path in cause.paths
    }
    marks |= {unmapped.path: ValueMark("dropped", "dropped") for unmapped in dropped}
    if changes:
        marks |= {find_sent_path(changes, path)[0]: mark for path, mark in marks.items()}
    return marks


def _add_sent_path(unmapped: UnmappedProperty, changes: Sequence[JSONObject]) -> UnmappedProperty:
    """Say in an unmapped property's explanation where its value was before it was moved."""
    sent_path = find_sent_path(changes, unmapped.path)[0]
    if sent_path in ("", unmapped.path):
        return unmapped
    return replace(unmapped, explanation=f"(sent as {sent_path}) {unmapped.explanation}")


def _list_first_values(
    values: Mapping[str, JSON], predicate: Callable[[str], bool]
) -> Iterator[tuple[str, JSON]]:
    yield from islice((pair for pair in values.items() if predicate(pair[0])), MAX_LISTED_VALUES)
