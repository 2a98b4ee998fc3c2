"""One attempt: a request handed over, and what came of it."""

from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.capture.records import DeliveryAttempt
from segment_insider_emulator.clock import Clock, Stopwatch, format_iso_utc
from segment_insider_emulator.delivery.senders import NoResponse, Sender
from segment_insider_emulator.http import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """An attempt and its answer.

    Args:
        code: What Segment files the failure under, an HTTP status or the name of a fault; None
            when the request was delivered.
        silence: Why nothing answered; None when something did.
    """

    attempt: DeliveryAttempt
    response: HttpResponse | None
    error_code: str | None
    transport_error: str | None = None


def send_attempt(
    sender: Sender,
    clock: Clock,
    stopwatch: Stopwatch,
    request: HttpRequest,
    attempt_number: int = 1,
    due_at: datetime | None = None,
) -> AttemptResult:
    """Hand *request* over.

    Args:
        stopwatch: Measures how long it takes: the clock may stand still, or be moved meanwhile.
        number: Of the attempt, from 1.
        at: When it was due, if that is not now.
    """
    when = format_iso_utc(due_at or clock())
    started = stopwatch()
    try:
        response = sender(request)
    except NoResponse as silence:
        tried = DeliveryAttempt(
            attempt_number, when, _to_milliseconds(stopwatch() - started), None, silence.code
        )
        return AttemptResult(tried, None, silence.code, str(silence))
    tried = DeliveryAttempt(
        attempt_number, when, _to_milliseconds(stopwatch() - started), response.status
    )
    delivered = 200 <= response.status < 300
    return AttemptResult(tried, response, None if delivered else str(response.status))


def _to_milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
