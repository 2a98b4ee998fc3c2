"""Senders of upsert requests: to the emulated Insider One API or to a real account."""

import errno
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Timer
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import check_header_validity

from segment_insider_emulator.clock import Clock, Stopwatch, format_iso_utc
from segment_insider_emulator.storage.records import DeliveryAttempt
from segment_insider_emulator.types import HttpRequest, HttpResponse

PARTNER_HEADER, TOKEN_HEADER = "x-partner-name", "x-request-token"
REDACTED_MARK = "…"
RESPONSE_TIMEOUT_S = 10.0  # seconds; Segment gives a destination 10,000 ms
MAX_RESPONSE_BYTES = 1_000_000  # bytes that are read of a body
# Error numbers of Python -> names of Node.js.
NODE_ERROR_CODES = {
    errno.ECONNREFUSED: "ECONNREFUSED",
    errno.ECONNRESET: "ECONNRESET",
    errno.EPIPE: "ECONNRESET",
    errno.ECONNABORTED: "ECONNABORTED",
    errno.EHOSTUNREACH: "EHOSTUNREACH",
    errno.ENETUNREACH: "EHOSTUNREACH",
    errno.ETIMEDOUT: "ETIMEDOUT",
}


@dataclass(frozen=True, slots=True)
class RealAccount:
    """URL and credentials of a real Insider One account.

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
    """Return request headers with a shortened token, safe to store or show.

    The first two characters stay, to distinguish two keys.
    """
    return {
        name: f"{value[:2]}{REDACTED_MARK}" if name.lower() == TOKEN_HEADER else value
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


@dataclass(frozen=True, slots=True)
class RemoteSender:
    """Sends requests to the Insider One API at *base_url* instead of the destination's host.

    Args:
        timeout_s: Seconds for the whole response, however slowly it arrives.
    """

    base_url: str
    timeout_s: float = RESPONSE_TIMEOUT_S

    def __call__(self, request: HttpRequest, /) -> HttpResponse:
        session = requests.Session()
        session.trust_env = False  # no proxy and no .netrc may change the request
        adapter = _DeadlineAdapter()
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        try:
            with (
                adapter.limit_response_time(self.timeout_s),
                session,
                session.request(
                    request.method,
                    self.base_url + request.path,
                    data=request.body,
                    headers=dict(request.headers),
                    timeout=self.timeout_s,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(response.status_code, _read_response_body(response), headers)
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
            # Only the name, without the cause: both quote the value, which may be a key.
            names = ", ".join(_find_invalid_header_names(request.headers))
            reason = (
                f"the value of {names} is not valid in an HTTP header: "
                "check it for spaces and special characters"
            )
            raise NoResponse(reason, "UNKNOWN_ERROR") from None
        except requests.Timeout as error:
            reason = f"no answer from {self._url_without_password} in {self.timeout_s:g} s"
            raise NoResponse(reason, "ETIMEDOUT") from error
        except requests.RequestException as error:
            reason = (
                f"the request failed: {self._url_without_password}: {_list_error_chain(error)[-1]}"
            )
            raise NoResponse(reason, _get_nodejs_error_code(error)) from error

    @property
    def _url_without_password(self) -> str:
        """The base URL of the remote Insider One API without user and password."""
        parts = urlsplit(self.base_url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class _DeadlineAdapter(HTTPAdapter):
    """HTTP adapter with a deadline for the whole response, not only for each read."""

    def __init__(self) -> None:
        self._is_expired = False
        self._sockets: list[socket.socket] = []
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = partial(self._open_connection, pool.ConnectionCls)
        return pool

    @contextmanager
    def limit_response_time(self, seconds: float) -> Iterator[None]:
        """Close open HTTP connections *seconds* after the block starts. Raises: Timeout.

        Raises: Timeout, when it was.
        """
        timer = Timer(seconds, self._close_sockets)
        timer.daemon = True
        timer.start()
        try:
            yield
        except requests.RequestException as error:
            if self._is_expired:
                raise requests.Timeout from error
            raise
        finally:
            timer.cancel()
        if self._is_expired:  # a response without a length looks complete
            raise requests.Timeout

    def _open_connection(
        self, connection_class: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        connection = connection_class(*args, **kwargs)
        connect = connection.connect

        def connect_and_store_socket() -> None:
            connect()
            # Stored here: a connection drops its socket before the response is read to its end.
            self._sockets.append(connection.sock)
            if self._is_expired:
                self._close_sockets()

        connection.connect = connect_and_store_socket
        return connection

    def _close_sockets(self) -> None:
        self._is_expired = True
        for open_socket in self._sockets:
            # Not the TLS shutdown: it would drop the cipher of the reading thread.
            with suppress(OSError):
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)


def _find_invalid_header_names(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of *headers* with values that are not valid in HTTP."""
    for name, value in headers.items():
        try:
            check_header_validity((name, value))
            value.encode("latin-1")
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
            yield name


def _read_response_body(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(65_536):
        body += chunk
        if len(body) >= MAX_RESPONSE_BYTES:
            break
    return bytes(body[:MAX_RESPONSE_BYTES])


def _list_error_chain(error: BaseException) -> list[BaseException]:
    """Return *error* and the errors that caused it, the root cause last."""

    def iterate_error_chain(current: BaseException | None) -> Iterator[BaseException]:
        while current:
            yield current
            current = current.__context__

    return list(iterate_error_chain(error))


def _get_nodejs_error_code(error: BaseException) -> str:
    """Return Node.js's error code for a failed HTTP request, else UNKNOWN_ERROR."""
    causes = _list_error_chain(error)
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return "EAI_AGAIN" if cause.errno == socket.EAI_AGAIN else "ENOTFOUND"
        if isinstance(cause, OSError) and cause.errno in NODE_ERROR_CODES:
            return NODE_ERROR_CODES[cause.errno]
    connection_errors = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
    is_tls_error = isinstance(error, requests.exceptions.SSLError)
    return (
        "ECONNRESET"
        if isinstance(error, connection_errors) and not is_tls_error
        else "UNKNOWN_ERROR"
    )


@dataclass(frozen=True, slots=True)
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
