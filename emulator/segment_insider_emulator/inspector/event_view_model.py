"""View model of the Event page: what became of one message, and what its event lacks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.drift.unsent_properties import (
    UnmappedProperty,
    explain_condition_only_properties,
    explain_unmapped_properties,
    keep_one_property_per_path,
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
        skipped_subscriptions=list_skipped_subscriptions(explanation.accounts, destination),
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
            is_request_unchanged(subscription, compiled, event)
            for subscription in matched_subscriptions
        ),
        decision_notes=tuple(explain_condition_only_properties(explanation, event))
        if matched_subscriptions
        else (),
    )


def _list_first_values(
    values: Mapping[str, JSON], predicate: Callable[[str], bool]
) -> Iterator[tuple[str, JSON]]:
    yield from islice((pair for pair in values.items() if predicate(pair[0])), MAX_LISTED_VALUES)
