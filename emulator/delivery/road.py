"""An event's way through the destination: subscriptions in order, each request out, all kept."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from emulator.capture.records import Answer, Attempt, Captured, Delivery, SentRequest, Verdict
from emulator.capture.store import Store
from emulator.clock import Clock, iso
from emulator.delivery.claims import Claims
from emulator.delivery.integrations import switched_off
from emulator.delivery.senders import Sender, Unanswered
from emulator.delivery.verdict import Judgement, judge, worst
from emulator.http import HttpRequest, HttpResponse
from emulator.mapping import Destination, Outcome, Request
from emulator.segment.message import Message

log = logging.getLogger(__name__)

DUPLICATE = "duplicate messageId"
DISABLED = "the destination is turned off in the workspace"
FILTERED = "the event's integrations object switches the destination off"
NOT_SUBSCRIBED = "no enabled subscription matches this event"


class Road:
    """Carries messages from the source to Insider One, and keeps what happened to each."""

    def __init__(
        self, destination: Destination, sender: Sender, store: Store, clock: Clock
    ) -> None:
        self._destination = destination
        self._sender = sender
        self._store = store
        self._clock = clock
        self._claims = Claims()

    def carry(self, messages: list[Message]) -> None:
        """Deliver what is new in *messages* and keep all of them, before returning.

        Raises: StorageFault, when nothing could be kept; the caller must not acknowledge then.
        """
        message_ids = {message.message_id for message in messages}
        with self._claims.hold(message_ids):
            seen = self._store.seen(message_ids)
            captured = []
            for message in messages:
                captured.append(self._captured(message, message.message_id in seen))
                if not message.rejection:
                    seen.add(message.message_id)
            self._store.record(captured)

    def _captured(self, message: Message, duplicate: bool) -> Captured:
        if message.rejection:
            detail = f": {message.detail}" if message.detail else ""
            return _captured(message, "rejected", message.rejection + detail)
        if duplicate:
            return _captured(message, "rejected", DUPLICATE)
        if not self._destination.enabled:
            return _captured(message, "disabled", DISABLED)
        if switched_off(message.event.get("integrations")):
            return _captured(message, "filtered", FILTERED)
        outcomes = self._destination.outcomes(message.event)
        deliveries = tuple(self._delivery(message, outcome) for outcome in outcomes)
        if not deliveries:
            return _captured(message, "not_subscribed", NOT_SUBSCRIBED)
        verdict = worst(delivery.verdict for delivery in deliveries)
        reasons = [delivery.reason for delivery in deliveries if delivery.verdict == verdict]
        return _captured(message, verdict, reasons[0] or message.detail, deliveries)

    def _delivery(self, message: Message, outcome: Outcome) -> Delivery:
        judgement, attempts, response = self._attempted(outcome)
        log.info(
            "delivered event=%s action=%s verdict=%s",
            message.event.get("event"),
            outcome.subscription.action_slug,
            judgement.verdict,
        )
        return Delivery(
            message_id=message.message_id,
            event=_text(message.event.get("event")),
            subscription=outcome.subscription.name,
            action_slug=outcome.subscription.action_slug,
            verdict=judgement.verdict,
            reason=judgement.reason,
            attempts=attempts,
            request=_shown(outcome.request) if outcome.request else None,
            response=_answer(response) if response else None,
            findings=judgement.findings,
        )

    def _attempted(
        self, outcome: Outcome
    ) -> tuple[Judgement, tuple[Attempt, ...], HttpResponse | None]:
        request, failure = outcome.request, outcome.failure
        if request is None:
            return Judgement("failed", failure.message.strip() if failure else None), (), None
        response = None
        started = self._clock()
        try:
            response = self._sender(_wire(request))
            judgement = judge(response)
        except Unanswered as error:
            judgement = Judgement("failed", str(error))
        took = (self._clock() - started) / timedelta(milliseconds=1)
        attempt = Attempt(1, iso(started), took, response.status if response else None)
        return judgement, (attempt,), response


def _captured(
    message: Message,
    verdict: Verdict,
    reason: str | None,
    deliveries: tuple[Delivery, ...] = (),
) -> Captured:
    call: Mapping[str, Any] = message.event or message.sent
    return Captured(
        message_id=message.message_id,
        type=message.type,
        event=_text(call.get("event")),
        user_id=_text(call.get("userId")),
        anonymous_id=_text(call.get("anonymousId")),
        received_at=message.received_at,
        verdict=verdict,
        reason=reason,
        sent=message.sent,
        normalised=message.event,
        deliveries=deliveries,
        source=message.source,
    )


def _text(value: object) -> str | None:
    """*value* where it is text: an SDK may send anything under any name."""
    return value if isinstance(value, str) else None


def _wire(request: Request) -> HttpRequest:
    path = urlsplit(request.url).path
    return HttpRequest(request.method, path, request.headers, request.body)


def _answer(response: HttpResponse) -> Answer:
    return Answer(response.status, response.body.decode(errors="replace"))


def _shown(request: Request) -> SentRequest:
    """*request* without its secret, so that a database or a screenshot can be passed on."""
    headers = {
        name: f"{value[:2]}…" if name.lower() == "x-request-token" else value
        for name, value in request.headers.items()
    }
    return SentRequest(request.method, request.url, headers, request.body.decode())
