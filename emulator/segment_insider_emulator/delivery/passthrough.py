"""Pass-through to a real Insider One account, which records differences of its responses."""

from segment_insider_emulator import __version__
from segment_insider_emulator.clock import Clock, format_iso_utc
from segment_insider_emulator.delivery.retries import is_retryable_error_code
from segment_insider_emulator.delivery.senders import (
    TOKEN_HEADER,
    RealAccount,
    Sender,
    redact_headers,
)
from segment_insider_emulator.json_text import describe_json_differences, parse_json_or_text
from segment_insider_emulator.shared_state import StateGuardFactory, create_process_local_guard
from segment_insider_emulator.storage.records import REDACTED_MARK
from segment_insider_emulator.storage.reports import ResponseDifferenceStore
from segment_insider_emulator.types import HttpRequest, HttpResponse, JSONObject

MIN_SECRET_LENGTH = 4  # characters; anything shorter would take ordinary words out of an answer


class PassThroughSender:
    """Sends to a real account and records how its responses differ from the emulated ones.

    Responses that Segment would retry are not compared: they are about load, not about the
    contract. The emulated account does not get these requests.
    """

    def __init__(
        self,
        real_sender: Sender,
        emulated_sender: Sender,
        account: RealAccount,
        differences: ResponseDifferenceStore,
        clock: Clock,
        guard_factory: StateGuardFactory = create_process_local_guard,
    ) -> None:
        self._real_sender, self._emulated_sender = real_sender, emulated_sender
        self._account = account
        self._differences = differences
        self._clock = clock
        self._compared_count = 0
        self._guard = guard_factory("compared", self)

    @property
    def compared_response_count(self) -> int:
        """Return the number of real responses compared with emulated ones since the start."""
        return self._compared_count

    def __call__(self, request: HttpRequest, /) -> HttpResponse:
        headers = self._account.add_credentials_to_headers(request.headers)
        sent = HttpRequest(request.method, request.path, headers, request.body)
        secrets = [headers.get(TOKEN_HEADER, ""), request.headers.get(TOKEN_HEADER, "")]
        response = redact_secrets_in_response(secrets, self._real_sender(sent))
        if not is_retryable_error_code(str(response.status)):
            self._record_differences(
                sent, response, redact_secrets_in_response(secrets, self._emulated_sender(request))
            )
        return response

    def export_state(self) -> JSONObject:
        """Return the number of compared responses for other processes: {"compared": count}."""
        return {"compared": self._compared_count}

    def load_state(self, state: JSONObject) -> None:
        """Load the number of compared responses that another process exported."""
        self._compared_count = state["compared"]

    def _record_differences(
        self,
        sent_request: HttpRequest,
        real_response: HttpResponse,
        emulated_response: HttpResponse,
    ) -> None:
        with self._guard.lock_for_update:
            self._compared_count += 1
        expected, actual = (
            _parse_response_json(real_response),
            _parse_response_json(emulated_response),
        )
        differences = list(describe_json_differences(expected, actual, "answer"))
        if not differences:
            return
        document: JSONObject = {
            "name": f"{sent_request.method} {sent_request.path} answered {real_response.status}",
            "about": "A real account and the emulated one answered the same request differently.",
            "emulator": __version__,
            "request": {
                "method": sent_request.method,
                "url": self._account.url + sent_request.path,
                "headers": redact_headers(sent_request.headers),
                "json": parse_json_or_text(sent_request.body),
            },
            "expect": expected,
            "actual": actual,
            "differences": differences,
        }
        self._differences.record_difference(
            "\n".join(differences), format_iso_utc(self._clock()), document
        )


def redact_secrets_in_response(secrets: list[str], response: HttpResponse) -> HttpResponse:
    """Return the HTTP *response* with every occurrence of *secrets* redacted."""
    body, headers = response.body, dict(response.headers)
    for secret in secrets:
        if len(secret) >= MIN_SECRET_LENGTH:
            body = body.replace(secret.encode(), REDACTED_MARK.encode())
            headers = {
                name: value.replace(secret, REDACTED_MARK) for name, value in headers.items()
            }
    return HttpResponse(response.status, body, headers)


def _parse_response_json(response: HttpResponse) -> JSONObject:
    return {"status": response.status, "json": parse_json_or_text(response.body)}
