"""What an attempt makes of the deliveries that its request carries."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from segment_insider_emulator.capture.records import (
    Answer,
    Batch,
    Delivery,
    SentRequest,
    Upsert,
    Verdict,
)
from segment_insider_emulator.delivery.account import RealAccount, redacted
from segment_insider_emulator.delivery.exchange import Exchange
from segment_insider_emulator.delivery.planning import Member, Planned
from segment_insider_emulator.delivery.shares import answer_of, user_of
from segment_insider_emulator.delivery.verdict import Judgement, changes, judge, worst
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.mapping import Failure, Request

INTERNAL = "INTERNAL"  # Segment's name for what ended without a status


def drafted(planned: Planned, real: RealAccount | None = None) -> list[Delivery]:
    """The deliveries of *planned* before its first attempt; those without a request have failed."""
    request = planned.request
    if request is None:
        return [_draft(planned, member) for member in planned.members]
    sent = shown(request, real)
    if not planned.batched:
        return [_draft(planned, member, sent) for member in planned.members]
    body, size = request.json, sum(member.failure is None for member in planned.members)
    return [
        _draft(planned, member)
        if member.failure
        else _draft(
            planned,
            member,
            replace(sent, body=user_of(body, member.position)),
            Batch(size, member.position),
        )
        for member in planned.members
    ]


def answered(delivery: Delivery, exchange: Exchange, due_at: str | None) -> Delivery:
    """*delivery* after one more attempt.

    Args:
        due_at: When the next one is made; None when this was the last.
    """
    response = exchange.response
    if response and delivery.batch:
        response = answer_of(response, delivery.batch.position)
    attempts = (*delivery.attempts, exchange.attempt)
    judgement = judge(response) if response else Judgement("failed", exchange.silence)
    verdict, reason = judgement.verdict, judgement.reason
    if due_at:
        verdict = "retrying"
        reason = f"{reason}; attempt {len(attempts)}, the next is due at {due_at}"
    elif exchange.code and len(attempts) > 1:
        reason = f"given up after {len(attempts)} attempts: {reason}"
    return replace(
        delivery,
        verdict=verdict,
        reason=reason,
        code=exchange.code,
        attempts=attempts,
        response=answer(response) if response else None,
        findings=judgement.findings,
        changes=changes(response) if response else None,
    )


def kept(
    planned: Planned,
    request: SentRequest,
    exchange: Exchange,
    due_at: str | None,
) -> Upsert:
    """What is kept of *planned* and its *request* besides deliveries, after the first attempt."""
    return Upsert(
        uuid4().hex,
        request,
        answer(exchange.response) if exchange.response else None,
        (exchange.attempt,),
        due_at,
        planned.batched,
        {member.message.message_id: member.message.detail for member in planned.members},
    )


def summary(deliveries: Sequence[Delivery], note: str | None) -> tuple[Verdict, str | None]:
    """The verdict and reason of a message from those of its deliveries.

    Args:
        note: What does not do what the sender of the message thinks; it is a warning at least.
    """
    verdict = worst(delivery.verdict for delivery in deliveries)
    reason = next(each.reason for each in deliveries if each.verdict == verdict)
    if note and verdict == "accepted":
        verdict = "warning"
    texts = [text for text in (reason, note) if text]
    # A reason of several sentences ends with a full stop, and a semicolon cannot follow that.
    return verdict, "; ".join([*(text.rstrip(".") for text in texts[:-1]), *texts[-1:]]) or None


def shown(request: Request, real: RealAccount | None = None) -> SentRequest:
    """*request* as it is really sent, without its secret."""
    url, headers = request.url, request.headers
    if real:
        url, headers = real.address(url), real.headers(headers)
    return SentRequest(request.method, url, redacted(headers), request.body.decode())


def answer(response: HttpResponse) -> Answer:
    """*response* as it is kept."""
    return Answer(response.status, response.body.decode(errors="replace"))


def _draft(
    planned: Planned,
    member: Member,
    request: SentRequest | None = None,
    batch: Batch | None = None,
) -> Delivery:
    name = member.message.sent.get("event")  # a filter may have taken it out of the event
    failure = member.failure
    return Delivery(
        message_id=member.message.message_id,
        event=name if isinstance(name, str) else None,
        subscription=planned.subscription.name,
        action_slug=planned.subscription.action_slug,
        verdict="failed" if failure else "retrying",
        reason=failure.message.strip() if failure else None,
        request=request,
        code=_code(failure) if failure else None,
        batch=batch,
    )


def _code(failure: Failure) -> str:
    return INTERNAL if failure.code is None else str(failure.code)
