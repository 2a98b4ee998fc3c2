"""Delivery of messages to Insider One: filter them, plan and send requests, store the results."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from dataclasses import asdict, replace
from functools import partial
from threading import Condition
from typing import NamedTuple, TypeAlias
from uuid import uuid4

import orjson

from segment_insider_emulator.clock import Clock, Stopwatch, format_iso_utc
from segment_insider_emulator.delivery.fault_injection import FaultInjector
from segment_insider_emulator.delivery.filter_chain import (
    EventNameChecker,
    FilterChain,
    build_filter_report,
    get_verdict_for_rejection,
)
from segment_insider_emulator.delivery.planning import PlannedRequest, plan_requests
from segment_insider_emulator.delivery.results import (
    FindingMarker,
    apply_attempt_result,
    build_pending_deliveries,
    build_upsert_record,
    redact_request,
    summarise_deliveries,
)
from segment_insider_emulator.delivery.retries import (
    RUN_FUNCTION_METHOD,
    UPSERT_PATH,
    RetryPolicy,
    RetryScheduler,
    build_delivery_key,
)
from segment_insider_emulator.delivery.senders import (
    AttemptResult,
    RealAccount,
    Sender,
    build_credential_headers,
    send_delivery_attempt,
)
from segment_insider_emulator.errors import TemporarilyUnavailable
from segment_insider_emulator.filtering.result import (
    DESTINATION_STEP,
    FAILED_STEP,
    RETRY_STEP,
    FilterResult,
    Rejection,
)
from segment_insider_emulator.mapping import Destination, InsiderRequest
from segment_insider_emulator.segment.ingest import Message
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.records import (
    DeliveryAttempt,
    DeliveryRecord,
    MessageRecord,
    RecordedRequest,
    UpsertRecord,
    Verdict,
)
from segment_insider_emulator.types import HttpRequest, HttpResponse, JSONObject
from segment_insider_emulator.workspace.causes import (
    SENDER_WARNING,
    KnownCauseChanges,
    KnownCauses,
    name_text_cause,
)

log = logging.getLogger(__name__)

IN_FLIGHT_TIMEOUT_S = 20.0  # seconds; a thread of the server waits as long
DUPLICATE_REASON = "duplicate messageId"
EMPTY_FILTER_CHAIN = FilterChain()
DEFAULT_RETRY_POLICY = RetryPolicy()
NO_KNOWN_CAUSES = KnownCauses((), KnownCauseChanges())
NO_MATCHING_MAPPING = "NO_MATCHING_MAPPING"  # Segment's code of it, in Delivery Overview
NOT_SUBSCRIBED_REASON = "no enabled subscription matches this event"
# A new message, or the record of a rejected one.
NewMessageOrRecord: TypeAlias = "Message | MessageRecord"


class PassedMessage(NamedTuple):
    """A message that passed all filters of its source and destination.

    Args:
        filter_report: The report of `build_filter_report`.
    """

    message: Message
    filter_report: JSONObject


class PostponedMessage(NamedTuple):
    """A message that waits until a function runs again.

    Args:
        upsert: Has the message itself in place of a request to Insider One.
    """

    record: MessageRecord
    upsert: UpsertRecord


# Argument: names of the locks that a request needs.
TransactionFactory: TypeAlias = Callable[[Collection[str]], AbstractContextManager[object]]


class DeliveryPipeline:
    """Delivers messages of a source to Insider One and stores the results.

    Args:
        transaction: Opens one transaction for everything that the messages of a request write; when
            that may take long, it only locks the given names against other processes.
        known_causes: Make no event a warning.
    """

    def __init__(
        self,
        destination: Destination,
        sender: Sender,
        store: MessageStore,
        clock: Clock,
        filter_chain: FilterChain = EMPTY_FILTER_CHAIN,
        retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY,
        stopwatch: Stopwatch = time.monotonic,
        real_account: RealAccount | None = None,
        transaction: TransactionFactory = lambda names: nullcontext(),
        known_causes: KnownCauses = NO_KNOWN_CAUSES,
    ) -> None:
        self._known_causes = known_causes
        self._filter_chain = filter_chain
        self.replace_destination(destination)
        self._real_account = real_account
        self._sender = sender
        self._store = store
        self._clock = clock
        self._stopwatch = stopwatch
        self.transaction = transaction
        self._in_flight_ids = InFlightIds()
        self.retries = RetryScheduler(
            store.upserts,
            sender,
            clock,
            retry_policy,
            self._build_credential_headers,
            stopwatch,
            transaction,
            self._get_finding_marker,
            self._resume_message,
        )

    def replace_destination(
        self, destination: Destination, disabled_subscriptions: Destination | None = None
    ) -> None:
        """Use another destination, with its settings and mappings, for all later deliveries.

        Args:
            disabled_subscriptions: The same destination with only its disabled subscriptions, to
                name those that would match an event.
        """
        self._destinations = (destination, disabled_subscriptions)
        self._event_name_checker = EventNameChecker(
            destination, self._filter_chain.tracking_plan_events
        )

    def submit_messages(self, messages: Sequence[Message]) -> None:
        """Deliver the new ones of *messages* and store all of them before returning.

        Raises: TemporarilyUnavailable, when nothing could be stored; the caller must not
            acknowledge then.
        """
        with self.deduplicate_messages(messages) as deduplicated:
            records, unsettled = self.deliver_messages(deduplicated)
            self._store.record_messages(records, unsettled)
        if unsettled:
            self.retries.note_due_times(unsettled)

    @contextmanager
    def deduplicate_messages(
        self, messages: Sequence[Message]
    ) -> Iterator[list[NewMessageOrRecord]]:
        """Yield the new messages, and records of the duplicates; reserve the ids."""
        message_ids = {message.message_id for message in messages}
        with self._in_flight_ids.reserve_message_ids(message_ids), self.transaction(message_ids):
            yield _replace_duplicates_by_records(
                messages, self._store.find_known_message_ids(message_ids)
            )

    def deliver_messages_as_dry_run(
        self, messages: Sequence[Message], sender: Sender
    ) -> list[MessageRecord]:
        """Return the records that *messages* would get if they were new; store nothing."""
        pipeline = copy(self)
        pipeline._sender = sender
        return pipeline.deliver_messages(_replace_duplicates_by_records(messages, set()))[0]

    def deliver_messages(
        self, deduplicated: Sequence[NewMessageOrRecord], postponed: UpsertRecord | None = None
    ) -> tuple[list[MessageRecord], list[UpsertRecord]]:
        """Deliver new messages; return all message records and unsettled upserts, store nothing.

        Args:
            postponed: The earlier attempts, when a function runs again for the only message.
        """
        destination, disabled = self._destinations  # read once: it may change during the delivery
        filtered = [
            message
            if isinstance(message, MessageRecord)
            else self._filter_message(message, destination, postponed)
            for message in deduplicated
        ]
        passed = [result.message for result in filtered if isinstance(result, PassedMessage)]
        deliveries: dict[str, list[DeliveryRecord]] = {message.message_id: [] for message in passed}
        unsettled = [result.upsert for result in filtered if isinstance(result, PostponedMessage)]
        for planned in plan_requests(destination, passed):
            planned_deliveries, upsert = self._send_planned_request(planned)
            for delivery in planned_deliveries:
                deliveries[delivery.message_id].append(delivery)
            if upsert:
                unsettled.append(upsert)
        records = [
            result
            if isinstance(result, MessageRecord)
            else result.record
            if isinstance(result, PostponedMessage)
            else _build_delivered_message_record(result, deliveries, disabled)
            for result in filtered
        ]
        return records, unsettled

    def _filter_message(
        self, message: Message, destination: Destination, postponed: UpsertRecord | None
    ) -> PassedMessage | PostponedMessage | MessageRecord:
        original = message
        filter_result = self._filter_chain.filter_event(
            message.event, enabled=destination.enabled, destination=destination
        )
        if filter_result.event is not message.event:
            message = replace(
                message,
                event=filter_result.event,
                trigger_event=filter_result.trigger_event,
            )
        if filter_result.rejection:
            if filter_result.rejection.step == RETRY_STEP:
                return self._postpone_message(original, message, filter_result, postponed)
            return build_message_record(
                message,
                *get_verdict_for_rejection(filter_result.rejection),
                filter_report=build_filter_report(filter_result),
            )
        if warnings := self._event_name_checker.find_event_warnings(message.event):
            texts = (warning.text for warning in warnings)
            detail = " ".join(filter(None, (message.detail, *texts)))
            message = replace(message, detail=detail)
        if message.detail and self._known_causes.find(
            name_text_cause(SENDER_WARNING, message.detail), ""
        ):
            message = replace(message, detail=None)
        return PassedMessage(message, build_filter_report(filter_result))

    def _postpone_message(
        self,
        original: Message,
        message: Message,
        filter_result: FilterResult,
        postponed: UpsertRecord | None,
    ) -> PostponedMessage | MessageRecord:
        """Schedule the next run of a function that asked for it, or give up after four hours.

        Source: Segment, "Functions usage limits": a function that times out is retried for up to
            four hours, as is one that throws RetryError. (documented)
        """
        rejection = filter_result.rejection
        assert rejection is not None
        earlier = postponed.attempts if postponed else ()
        at = postponed.due_at if postponed else None
        duration_ms: float = filter_result.functions[-1]["durationMs"]
        attempt = DeliveryAttempt(
            len(earlier) + 1, at or format_iso_utc(self._clock()), duration_ms, None, rejection.code
        )
        due_at = self.retries.get_next_attempt_time(
            AttemptResult(attempt, None, rejection.code, rejection.detail),
            message.message_id,
            earlier[0].at if earlier else None,
        )
        report = build_filter_report(filter_result)
        if due_at is None:
            reason = f"given up after {attempt.number} attempts: {rejection}"
            stopped = {"filtered_by": {**report["filtered_by"], "step": FAILED_STEP}}
            return build_message_record(message, "failed", reason, filter_report=report | stopped)
        upsert = UpsertRecord(
            uuid4().hex,
            RecordedRequest(RUN_FUNCTION_METHOD, "", {}, orjson.dumps(asdict(original)).decode()),
            None,
            (*earlier, attempt),
            due_at,
            False,
            {message.message_id: message.detail},
        )
        reason = f"attempt {attempt.number} failed, the next is due at {due_at}: {rejection}"
        report["retry"] = upsert.id
        record = build_message_record(message, "retrying", reason, filter_report=report)
        return PostponedMessage(record, upsert)

    def _resume_message(self, postponed: UpsertRecord) -> None:
        """Run the functions again for a message that waits for it, and deliver it if they pass."""
        message = Message(**orjson.loads(postponed.request.body))
        records, unsettled = self.deliver_messages([message], postponed)
        self._store.store_results_of_postponed_message(postponed.id, records, unsettled)
        self.retries.note_due_times(unsettled)

    def _send_planned_request(
        self, planned: PlannedRequest
    ) -> tuple[list[DeliveryRecord], UpsertRecord | None]:
        """Send a planned request once; return its deliveries and the upsert to store, if any."""
        drafts, request = build_pending_deliveries(planned, self._real_account), planned.request
        if request is None:
            return drafts, None
        attempt_result = send_delivery_attempt(
            self._sender, self._clock, self._stopwatch, _to_http_request(request)
        )
        attempted_drafts = [draft for draft in drafts if draft.verdict == "retrying"]
        due_at = None
        if attempt_result.error_code is not None:
            due_at = self.retries.get_next_attempt_time(
                attempt_result, build_delivery_key(attempted_drafts)
            )
        action, status = planned.subscription.action_slug, attempt_result.attempt.status
        log.info("sent action=%s events=%d status=%s", action, len(attempted_drafts), status)
        upsert = None
        if planned.is_batched or due_at:
            upsert = build_upsert_record(
                planned, redact_request(request, self._real_account), attempt_result, due_at
            )
        if upsert:
            attempted_drafts = [replace(draft, upsert=upsert.id) for draft in attempted_drafts]
        attempted = iter(
            [
                apply_attempt_result(draft, attempt_result, due_at, self._get_finding_marker(draft))
                for draft in attempted_drafts
            ]
        )
        # In the order of the events; failed mappings stay as they are.
        return [
            next(attempted) if draft.verdict == "retrying" else draft for draft in drafts
        ], upsert

    def _get_finding_marker(self, delivery: DeliveryRecord) -> FindingMarker:
        """Return what marks a delivery's findings, by the mapping that its subscription has now."""
        return partial(self._mark_findings, delivery)

    def _mark_findings(
        self, delivery: DeliveryRecord, findings: tuple[JSONObject, ...]
    ) -> tuple[JSONObject, ...]:
        mapping: JSONObject = next(
            (
                subscription.mapping
                for subscription in self._destinations[0].subscriptions
                if (subscription.name, subscription.action_slug)
                == (delivery.subscription, delivery.action_slug)
            ),
            {},
        )
        return self._known_causes.mark_findings(findings, delivery.subscription, mapping)

    def _build_credential_headers(self) -> dict[str, str]:
        return build_credential_headers(self._destinations[0].settings)


class InFlightIds:
    """The ids of messages that are being delivered for some request just now.

    Args:
        timeout_s: Seconds that a request waits for an earlier one.
    """

    def __init__(self, timeout_s: float = IN_FLIGHT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._reserved_ids: set[str] = set()
        self._released = Condition()

    @contextmanager
    def reserve_message_ids(self, message_ids: Set[str]) -> Iterator[None]:
        """Wait until no other request delivers *message_ids*, then reserve them for the block.

        Raises: TemporarilyUnavailable, when an earlier request takes longer than a request waits.
        """
        with self._released:
            if not self._released.wait_for(
                lambda: self._reserved_ids.isdisjoint(message_ids), self._timeout_s
            ):
                what = "an earlier request is still delivering the same messages"
                remedy = "Send them again later; check that --insider-url can be reached."
                raise TemporarilyUnavailable(what, "messageId", remedy)
            self._reserved_ids |= message_ids
        try:
            yield
        finally:
            with self._released:
                self._reserved_ids -= message_ids
                self._released.notify_all()


def _explain_not_subscribed(message: Message, disabled: Destination | None) -> str:
    outcomes = disabled.iter_subscription_outcomes(message.event) if disabled else ()
    names = [repr(outcome.subscription.name) for outcome in outcomes if outcome.request]
    return (
        f"{NOT_SUBSCRIBED_REASON}; disabled, {', '.join(names)} would"
        if names
        else NOT_SUBSCRIBED_REASON
    )


def build_message_record(
    message: Message,
    verdict: Verdict,
    reason: str | None,
    deliveries: Sequence[DeliveryRecord] = (),
    filter_report: JSONObject | None = None,
) -> MessageRecord:
    """Build the stored record of *message* with its verdict and deliveries."""
    call = message.sent  # a filter may have removed names and ids from the event
    return MessageRecord(
        message_id=message.message_id,
        type=message.type,
        event=_get_text_or_none(call.get("event")),
        user_id=_get_text_or_none(call.get("userId")),
        anonymous_id=_get_text_or_none(call.get("anonymousId")),
        received_at=message.received_at,
        verdict=verdict,
        reason=reason,
        sent=message.sent,
        normalised=message.event,
        deliveries=tuple(deliveries),
        filtering=filter_report,
        source=message.source,
    )


def _replace_duplicates_by_records(
    messages: Sequence[Message], known_ids: set[str]
) -> list[NewMessageOrRecord]:
    """Return the new messages, and records of the rejected ones; add new ids to *known_ids*."""
    deduplicated: list[NewMessageOrRecord] = []
    for message in messages:
        deduplicated.append(_reject_or_accept_message(message, message.message_id in known_ids))
        if not message.rejection:
            known_ids.add(message.message_id)
    return deduplicated


def _reject_or_accept_message(message: Message, is_duplicate: bool) -> NewMessageOrRecord:
    if message.rejection:
        detail = f": {message.detail}" if message.detail else ""
        return build_message_record(message, "rejected", message.rejection + detail)
    return build_message_record(message, "rejected", DUPLICATE_REASON) if is_duplicate else message


def _build_delivered_message_record(
    filtered: PassedMessage,
    deliveries_by_message: Mapping[str, Sequence[DeliveryRecord]],
    disabled: Destination | None,
) -> MessageRecord:
    message, filtering = filtered
    deliveries = deliveries_by_message[message.message_id]
    if not deliveries:
        reason = "; ".join(
            filter(None, (_explain_not_subscribed(message, disabled), message.detail))
        )
        stopped = {"filtered_by": asdict(Rejection(DESTINATION_STEP, NO_MATCHING_MAPPING, reason))}
        return build_message_record(
            message, "not_subscribed", reason, filter_report=filtering | stopped
        )
    return build_message_record(
        message, *summarise_deliveries(deliveries, message.detail), deliveries, filtering
    )


def _get_text_or_none(value: object) -> str | None:
    """Return *value* when it is text, else None: Segment's SDKs may send any type."""
    return value if isinstance(value, str) else None


def _to_http_request(request: InsiderRequest) -> HttpRequest:
    return HttpRequest(request.method, UPSERT_PATH, request.headers, request.body)


def create_transaction_factory(
    whole_transaction: TransactionFactory,
    locks_only: TransactionFactory,
    fault_injector: FaultInjector | None,
) -> TransactionFactory:
    """Return the factory of a delivery's transaction, which holds only locks if it may be slow.

    Args:
        fault_injector: An active fault may make a request slow. None for a real account, which
            may always be slow.
    """

    def open_transaction(lock_names: Collection[str]) -> AbstractContextManager[object]:
        if fault_injector and not fault_injector.active_faults:
            return whole_transaction(lock_names)
        return locks_only(lock_names)

    return open_transaction


def create_faulty_sender(sender: Sender, fault_injector: FaultInjector) -> Sender:
    """Return a sender that applies the injected faults, if any, and else sends with *sender*."""

    def send_with_active_faults(request: HttpRequest, /) -> HttpResponse:
        if fault_injector.active_faults:
            return fault_injector.send_with_faults(request, sender)
        return sender(request)

    return send_with_active_faults
