"""The stations of a message's road: what was sent, who took it, what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from segment_insider_emulator.capture.records import DeliveryRecord, MessageRecord
from segment_insider_emulator.inspector.json_view import ValueMark
from segment_insider_emulator.mapping.explanation import SubscriptionTrace
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.drift.dropped import UnmappedProperty, group_list_entries


@dataclass(frozen=True, slots=True)
class UnfilledField:
    """A field of a mapping that got no value, for the event has nothing where it reads.

    Args:
        is_empty: Whether the event has null or an empty text there.
    """

    field: str
    source_paths: tuple[str, ...]
    is_source_empty: bool = False


@dataclass(frozen=True, slots=True)
class MatchedSubscription:
    """One subscription that took the event.

    Args:
        delivery: What became of it; None when this destination took it only after a change.
        marks: Of the upsert, by path.
        number: Its place among the destination's, 1 for the first; None when it is gone.
        unsent: What of the event gave no value, a sentence each.
    """

    trace: SubscriptionTrace
    delivery: DeliveryRecord | None
    marks: Mapping[str, ValueMark]
    request_body: JSON
    response_body: JSON
    unfilled_fields: tuple[UnfilledField, ...] = ()
    subscription_number: int | None = None
    unsent_notes: tuple[str, ...] = ()

    def find_unfilled_field(self, finding_path: str) -> UnfilledField | None:
        """The field that should have made what a finding misses at *where*."""
        *place, field_name = finding_path.split(".")
        if _has_value_at(self.request_body, (*place, field_name)):
            return None  # the finding is about the value that was sent
        return next(
            (each for each in self.unfilled_fields if each.field.split(".")[-1] == field_name), None
        )


def _has_value_at(body: JSON, path_steps: tuple[str, ...]) -> bool:
    """Check whether *body* has a value at *place*, such as users, 0, attributes, gender."""
    for step in path_steps:
        if isinstance(body, dict) and step in body:
            body = body[step]
        elif isinstance(body, list) and _is_list_index(step) and int(step) < len(body):
            body = body[int(step)]
        else:
            return False
    return True


def _is_list_index(step: str) -> bool:
    # A name of the shop's own may have any number of digits; int() refuses thousands of them.
    return step.isdecimal() and len(step) < 20


@dataclass(frozen=True, slots=True)
class SkippedSubscription:
    """One subscription that did not take it, and why."""

    name: str
    action_slug: str
    reason: str
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class EventViewModel:
    """All of it.

    Args:
        added: Path -> value of what Segment put into the event.
        changed: Path -> (as sent, as destinations got it).
        removed: Paths that destinations did not get.
        is_current: Whether the mappings are still those that made the requests.
        deciding: What decides something and is not sent, a sentence each.
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
        """What is dropped, told once of all entries of a list: unnumbered path -> the first."""
        return group_list_entries(self.unmapped_values)

    @property
    def findings(self) -> list[tuple[JSONObject, UnfilledField | None]]:
        """What Insider One found, and the field that should have made what it misses.

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
    def profile_change_counts(self) -> tuple[int, int]:
        """How many attributes and how many events of profiles it changed or added."""
        deliveries = (each.delivery for each in self.matched_subscriptions if each.delivery)
        changes = [change for each in deliveries for change in each.changes or ()]
        return sum(len(c["attributes"]) for c in changes), sum(len(c["events"]) for c in changes)
