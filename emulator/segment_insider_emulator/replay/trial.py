"""One event through a workspace, up to what the Insider One endpoint would say of its requests.

Left out is what depends on other events: message ids that came before, batches, limits of calls,
profiles and journeys.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.delivery.event_names import EventNameChecker
from segment_insider_emulator.delivery.gate import compile_filter_chain
from segment_insider_emulator.delivery.gate import verdict_for_rejection as verdict_of
from segment_insider_emulator.delivery.planning import PlannedRequest, plan_requests
from segment_insider_emulator.delivery.road import NOT_SUBSCRIBED_REASON
from segment_insider_emulator.delivery.verdict import worst_verdict
from segment_insider_emulator.insider.endpoint import parse_body
from segment_insider_emulator.insider.identity import build_identity_rules
from segment_insider_emulator.insider.replies import RequestRejected as Answered
from segment_insider_emulator.insider.segment_platform import is_from_segment
from segment_insider_emulator.insider.upsert import parse_users, require_user_list
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.replay import reasons
from segment_insider_emulator.replay.reasons import EventReason
from segment_insider_emulator.segment.limits import MAX_EVENT_BYTES
from segment_insider_emulator.segment.message import Message
from segment_insider_emulator.segment.message_id import generate_message_id
from segment_insider_emulator.segment.normalise import normalise_call
from segment_insider_emulator.segment.notes import list_sender_warnings, warn_of_lost_characters
from segment_insider_emulator.segment.rules import (
    DiscardReason,
    event_too_large,
    find_discard_reason,
)
from segment_insider_emulator.segment.times import parse_iso_time
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace

PROFILE_UPDATE_NAME = "(profile update)"
# Numbers may take more room as Segment writes them; no line grows more than that.
_MAX_SIZE_GROWTH = 8


class DeliveryResult(NamedTuple):
    """What one subscription made of an event.

    Args:
        body: Of the request; None when there is none.
        received: Names of the events that Insider One would store; PROFILE_UPDATE for a user that
            is taken and brings none.
    """

    subscription: str
    action_slug: str
    verdict: Verdict
    reasons: tuple[EventReason, ...] = ()
    request_body: bytes | None = None
    stored_events: tuple[str, ...] = ()


class EventResult(NamedTuple):
    """What became of one event.

    Args:
        received_at: Of the event, or the time of the dry run where it has none.
        reason: Why there are no deliveries; None when there are.
        notes: What in the event itself does not do what its sender thinks.
    """

    verdict: Verdict
    received_at: datetime
    reason: EventReason | None = None
    deliveries: tuple[DeliveryResult, ...] = ()
    warnings: tuple[EventReason, ...] = ()

    @property
    def has_loss(self) -> bool:
        """Whether the event is lost, or a part of it."""
        if self.reason and self.reason.lost:
            return True
        return any(reason.lost for each in self.deliveries for reason in each.reasons)


@dataclass(frozen=True, slots=True)
class EvaluationClocks:
    """The times that a dry run goes by.

    Args:
        now: When an event arrives that does not say when it did.
        insider: What Insider One's clock shows; None for the time at which each event arrived.
    """

    now: datetime
    insider_now: datetime | None = None


class EventEvaluator:
    """A workspace, compiled once for many events."""

    def __init__(self, workspace: Workspace, clocks: EvaluationClocks) -> None:
        source = workspace.document.get("source", {})
        self._filter_chain = compile_filter_chain(
            source,
            workspace.destination,
            workspace.tracking_plan,
            options=workspace.segment_options,
        )
        self._destination = Destination(workspace.destination)
        self._event_name_checker = EventNameChecker(
            self._destination, self._filter_chain.tracking_plan_events
        )
        self._options = workspace.insider_options
        self._identity_rules = build_identity_rules(
            workspace.identifiers, workspace.insider_options
        )
        self._clocks = clocks

    def evaluate(self, call: JSONObject, line_bytes: int, random_bytes: bytes) -> EventResult:
        """Try *call*.

        Args:
            call: As a destination was handed it or, without receivedAt, as an SDK sent it.
            size: Bytes of its line.
            chance: 16 bytes, which make the id of a call that has none.
        """
        arrived = parse_iso_time(call.get("receivedAt"))
        received_at = arrived or self._clocks.now
        if why := self._discard_reason(call, line_bytes, is_archived=arrived is not None):
            return EventResult("rejected", received_at, why)
        sender_warnings = [*warn_of_lost_characters(call)]
        if arrived is None:
            sender_warnings = list_sender_warnings(call, received_at)
            assigned_id = call.get("messageId") or generate_message_id(received_at, random_bytes)
            sent = {name: value for name, value in call.items() if name != "writeKey"}
            call = normalise_call(sent, assigned_id, received_at)
        filter_result = self._filter_chain.filter_event(call, enabled=self._destination.enabled)
        if filter_result.rejection:
            verdict, text = verdict_of(filter_result.rejection)
            return EventResult(verdict, received_at, reasons.reason_for_filter(verdict, text))
        sender_warnings += self._event_name_checker.find_warnings(filter_result.event)
        noted = tuple(map(reasons.reason_for_warning, sender_warnings))
        at = self._clocks.insider_now or received_at
        message = Message(
            str(call.get("messageId")), call["type"], "", "", call, filter_result.event
        )
        deliveries = tuple(
            self._evaluate_request(each, at) for each in plan_requests(self._destination, [message])
        )
        if not deliveries:
            stopped = reasons.reason_for_filter("not_subscribed", NOT_SUBSCRIBED_REASON)
            return EventResult("not_subscribed", received_at, stopped, warnings=noted)
        verdict = worst_verdict(each.verdict for each in deliveries)
        if noted and verdict == "accepted":
            verdict = "warning"
        return EventResult(verdict, received_at, None, deliveries, noted)

    def _discard_reason(
        self, call: JSONObject, line_bytes: int, *, is_archived: bool
    ) -> EventReason | None:
        # An archive has what Segment took, and more was written to it than was sent.
        if (
            not is_archived
            and line_bytes * _MAX_SIZE_GROWTH > MAX_EVENT_BYTES
            and event_too_large(call)
        ):
            detail = f"The event has more than {MAX_EVENT_BYTES:,} bytes. Send less in one event."
            return reasons.reason_for_discard(DiscardReason("bad_request", detail))
        discard = find_discard_reason(call)
        return reasons.reason_for_discard(discard) if discard else None

    def _evaluate_request(self, planned: PlannedRequest, insider_now: datetime) -> DeliveryResult:
        name, slug = planned.subscription.name, planned.subscription.action_slug
        (member,) = planned.members
        if planned.request is None or member.failure:
            failure = (
                (reasons.reason_for_mapping_failure(member.failure),) if member.failure else ()
            )
            return DeliveryResult(name, slug, "failed", failure)
        verdict, why, received = self._evaluate_upsert(planned.request.body, insider_now)
        return DeliveryResult(name, slug, verdict, why, planned.request.body, received)

    def _evaluate_upsert(
        self, body: bytes, insider_now: datetime
    ) -> tuple[Verdict, tuple[EventReason, ...], tuple[str, ...]]:
        try:
            upsert = parse_body(body)
            users = require_user_list(upsert)
        except Answered as refusal:
            return "failed", (reasons.reason_for_rejected_request(refusal),), ()
        accepted_users, refused = parse_users(
            users,
            self._identity_rules,
            self._options,
            insider_now,
            skip_hook=False,
            from_segment=is_from_segment(upsert),
        )
        why = [
            reason
            for index, faults in refused.items()
            for reason in reasons.reasons_for_rejected_user(faults, users[index])
        ]
        received: list[str] = []
        for user in accepted_users:
            sent = users[int(user.where.rpartition(".")[2])]
            why += reasons.reasons_for_findings(user, sent)
            received += [event.name for _, event in user.events]
            if not sent.get("events"):
                received.append(PROFILE_UPDATE_NAME)
        verdict: Verdict = "dropped" if refused else "warning" if why else "accepted"
        return verdict, tuple(dict.fromkeys(why)), tuple(received)
