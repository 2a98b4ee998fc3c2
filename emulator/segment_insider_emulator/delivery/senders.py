"""Senders of upsert requests, credentials of a real account, and one attempt of a delivery."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from segment_insider_emulator.clock import Clock, Stopwatch, format_iso_utc
from segment_insider_emulator.storage.records import DeliveryAttempt, redact_secret
from segment_insider_emulator.types import HttpRequest, HttpResponse, record

PARTNER_HEADER, TOKEN_HEADER = "x-partner-name", "x-request-token"
RESPONSE_TIMEOUT_S = 10.0  # seconds; Segment gives a destination 10,000 ms


@record
class RealAccount:
    """URL and credentials of a real Insider One account that deliveries go to.

    Args:
        url: Its host, optionally with a path before Insider One's own; no slash at the end.
        name: Account name; None: that of the workspace.
        key: API key; None: that of the workspace.
    """

    url: str
    name: str | None = None
    key: str | None = None

    def add_credentials_to_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the request headers with the real account's credentials added."""
        credentials = {PARTNER_HEADER: self.name, TOKEN_HEADER: self.key}
        return {**headers, **{name: value for name, value in credentials.items() if value}}

    def replace_url_host(self, url: str) -> str:
        """Return *url* with the host of this real Insider One account."""
        return self.url + urlsplit(url).path


def build_credential_headers(settings: Mapping[str, str]) -> dict[str, str]:
    """Return Insider One's authentication headers for the destination *settings*."""
    return {PARTNER_HEADER: settings["account_name"], TOKEN_HEADER: settings["ucd_key"]}


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return request headers with a redacted token, safe to store or show."""
    return {
        name: redact_secret(value) if name.lower() == TOKEN_HEADER else value
        for name, value in headers.items()
    }


class Sender(Protocol):
    """Protocol of a sender: sends one request to Insider One and returns the response.

    Raises: NoResponse, when nothing came back.
    """

    def __call__(self, request: HttpRequest, /) -> HttpResponse: ...


class NoResponse(Exception):
    """Error: a request to Insider One got no response; the text is the reason for people.

    Args:
        code: Node.js's name of the fault, which Segment shows, e.g. "ECONNRESET".
    """

    def __init__(self, reason: str, code: str) -> None:
        self.code = code
        super().__init__(reason)


@record
class AttemptResult:
    """Result of one delivery attempt: the response or the network error.

    Args:
        error_code: HTTP status or network error code of a failure; None when the request was
            delivered.
        transport_error: Why there is no response; None when there is one.
    """

    attempt: DeliveryAttempt
    response: HttpResponse | None
    error_code: str | None
    transport_error: str | None = None


def send_delivery_attempt(
    sender: Sender,
    clock: Clock,
    stopwatch: Stopwatch,
    request: HttpRequest,
    attempt_number: int = 1,
    due_at: datetime | None = None,
) -> AttemptResult:
    """Send *request* to Insider One once and measure how long it takes.

    Args:
        stopwatch: Measures how long it takes: the sandbox clock may be frozen or moved.
        attempt_number: Number of the attempt, from 1.
        due_at: When it was due, if that is not now.
    """
    when = format_iso_utc(due_at or clock())
    started = stopwatch()
    try:
        response = sender(request)
    except NoResponse as error:
        attempt = DeliveryAttempt(
            attempt_number, when, _to_milliseconds(stopwatch() - started), None, error.code
        )
        return AttemptResult(attempt, None, error.code, str(error))
    attempt = DeliveryAttempt(
        attempt_number, when, _to_milliseconds(stopwatch() - started), response.status
    )
    is_delivered = 200 <= response.status < 300
    return AttemptResult(attempt, response, None if is_delivered else str(response.status))


def _to_milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
