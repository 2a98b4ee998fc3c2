"""Sender of upsert requests to a real account, with `requests`, which is slow to import."""

import errno
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import check_header_validity

from segment_insider_emulator.delivery.senders import RESPONSE_TIMEOUT_S, NoResponse
from segment_insider_emulator.types import HttpRequest, HttpResponse

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
        """Return the base URL of the remote Insider One API without user and password."""
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
