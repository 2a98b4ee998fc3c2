"""One attempt: a request handed over, and what came of it."""

from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.capture.records import Attempt
from segment_insider_emulator.clock import Clock, Stopwatch, iso
from segment_insider_emulator.delivery.senders import Sender, Unanswered
from segment_insider_emulator.http import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class Exchange:
    """An attempt and its answer.

    Args:
        code: What Segment files the failure under, an HTTP status or the name of a fault; None
            when the request was delivered.
        silence: Why nothing answered; None when something did.
    """

    attempt: Attempt
    response: HttpResponse | None
    code: str | None
    silence: str | None = None


def attempt(
    sender: Sender,
    clock: Clock,
    stopwatch: Stopwatch,
    request: HttpRequest,
    number: int = 1,
    at: datetime | None = None,
) -> Exchange:
    """Hand *request* over.

    Args:
        stopwatch: Measures how long it takes: the clock may stand still, or be moved meanwhile.
        number: Of the attempt, from 1.
        at: When it was due, if that is not now.
    """
    when = iso(at or clock())
    started = stopwatch()
    try:
        response = sender(request)
    except Unanswered as silence:
        tried = Attempt(number, when, _milliseconds(stopwatch() - started), None, silence.code)
        return Exchange(tried, None, silence.code, str(silence))
    tried = Attempt(number, when, _milliseconds(stopwatch() - started), response.status)
    delivered = 200 <= response.status < 300
    return Exchange(tried, response, None if delivered else str(response.status))


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
