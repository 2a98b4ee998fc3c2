"""One attempt: a request handed over, and what came of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from emulator.capture.records import Attempt
from emulator.clock import Clock, iso
from emulator.delivery.senders import Sender, Unanswered
from emulator.http import HttpRequest, HttpResponse


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
    sender: Sender, clock: Clock, request: HttpRequest, number: int = 1, at: datetime | None = None
) -> Exchange:
    """Hand *request* over.

    Args:
        number: Of the attempt, from 1.
        at: When it was due, if that is not now.
    """
    started = clock()
    when = iso(at or started)
    try:
        response = sender(request)
    except Unanswered as silence:
        tried = Attempt(number, when, _milliseconds(clock() - started), None, silence.code)
        return Exchange(tried, None, silence.code, str(silence))
    tried = Attempt(number, when, _milliseconds(clock() - started), response.status)
    delivered = 200 <= response.status < 300
    return Exchange(tried, response, None if delivered else str(response.status))


def _milliseconds(took: timedelta) -> float:
    return took / timedelta(milliseconds=1)
