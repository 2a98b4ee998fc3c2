"""What an attempt makes of the deliveries that its request carries."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from segment_insider_emulator.capture.records import (
    BatchPosition,
    DeliveryRecord,
    RecordedRequest,
    RecordedResponse,
    UpsertRecord,
    Verdict,
)
from segment_insider_emulator.delivery.account import RealAccount, redact_headers
from segment_insider_emulator.delivery.exchange import AttemptResult
from segment_insider_emulator.delivery.planning import BatchMember, PlannedRequest
from segment_insider_emulator.delivery.shares import request_for_user, response_for_user
from segment_insider_emulator.delivery.verdict import (
    ResponseVerdict,
    classify_response,
    read_profile_changes,
    worst_verdict,
)
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.mapping import InsiderRequest, MappingFailure

INTERNAL_ERROR_CODE = "INTERNAL"  # Segment's name for what ended without a status


def build_pending_deliveries(
    planned: PlannedRequest, real_account: RealAccount | None = None
) -> list[DeliveryRecord]:
    """The deliveries of *planned* before its first attempt; those without a request have failed."""
    request = planned.request
    if request is None:
        return [_build_pending_delivery(planned, member) for member in planned.members]
    sent = redact_request(request, real_account)
    if not planned.is_batched:
        return [_build_pending_delivery(planned, member, sent) for member in planned.members]
    body, size = request.json, sum(member.failure is None for member in planned.members)
    return [
        _build_pending_delivery(planned, member)
        if member.failure
        else _build_pending_delivery(
            planned,
            member,
            replace(sent, body=request_for_user(body, member.user_index)),
            BatchPosition(size, member.user_index),
        )
        for member in planned.members
    ]


def apply_attempt(
    delivery: DeliveryRecord, attempt_result: AttemptResult, due_at: str | None
) -> DeliveryRecord:
    """*delivery* after one more attempt.

    Args:
        due_at: When the next one is made; None when this was the last.
    """
    response = attempt_result.response
    if response and delivery.batch:
        response = response_for_user(response, delivery.batch.position)
    attempts = (*delivery.attempts, attempt_result.attempt)
    judgement = (
        classify_response(response)
        if response
        else ResponseVerdict("failed", attempt_result.transport_error)
    )
    verdict, reason = judgement.verdict, judgement.reason
    if due_at:
        verdict = "retrying"
        reason = f"{reason}; attempt {len(attempts)}, the next is due at {due_at}"
    elif attempt_result.error_code and len(attempts) > 1:
        reason = f"given up after {len(attempts)} attempts: {reason}"
    return replace(
        delivery,
        verdict=verdict,
        reason=reason,
        code=attempt_result.error_code,
        attempts=attempts,
        response=record_response(response) if response else None,
        findings=judgement.findings,
        changes=read_profile_changes(response) if response else None,
    )


def build_upsert_record(
    planned: PlannedRequest,
    request: RecordedRequest,
    attempt_result: AttemptResult,
    due_at: str | None,
) -> UpsertRecord:
    """What is kept of *planned* and its *request* besides deliveries, after the first attempt."""
    return UpsertRecord(
        uuid4().hex,
        request,
        record_response(attempt_result.response) if attempt_result.response else None,
        (attempt_result.attempt,),
        due_at,
        planned.is_batched,
        {member.message.message_id: member.message.detail for member in planned.members},
    )


def summarise_deliveries(
    deliveries: Sequence[DeliveryRecord], warning: str | None
) -> tuple[Verdict, str | None]:
    """The verdict and reason of a message from those of its deliveries.

    Args:
        note: What does not do what the sender of the message thinks; it is a warning at least.
    """
    verdict = worst_verdict(delivery.verdict for delivery in deliveries)
    reason = next(each.reason for each in deliveries if each.verdict == verdict)
    if warning and verdict == "accepted":
        verdict = "warning"
    texts = [text for text in (reason, warning) if text]
    # A reason of several sentences ends with a full stop, and a semicolon cannot follow that.
    return verdict, "; ".join([*(text.rstrip(".") for text in texts[:-1]), *texts[-1:]]) or None


def redact_request(
    request: InsiderRequest, real_account: RealAccount | None = None
) -> RecordedRequest:
    """*request* as it is really sent, without its secret."""
    url, headers = request.url, request.headers
    if real_account:
        url, headers = real_account.request_url(url), real_account.with_credentials(headers)
    return RecordedRequest(request.method, url, redact_headers(headers), request.body.decode())


def record_response(response: HttpResponse) -> RecordedResponse:
    """*response* as it is kept."""
    return RecordedResponse(response.status, response.body.decode(errors="replace"))


def _build_pending_delivery(
    planned: PlannedRequest,
    member: BatchMember,
    request: RecordedRequest | None = None,
    batch: BatchPosition | None = None,
) -> DeliveryRecord:
    name = member.message.sent.get("event")  # a filter may have taken it out of the event
    failure = member.failure
    return DeliveryRecord(
        message_id=member.message.message_id,
        event=name if isinstance(name, str) else None,
        subscription=planned.subscription.name,
        action_slug=planned.subscription.action_slug,
        verdict="failed" if failure else "retrying",
        reason=failure.message.strip() if failure else None,
        request=request,
        code=_failure_code(failure) if failure else None,
        batch=batch,
    )


def _failure_code(failure: MappingFailure) -> str:
    return INTERNAL_ERROR_CODE if failure.code is None else str(failure.code)
