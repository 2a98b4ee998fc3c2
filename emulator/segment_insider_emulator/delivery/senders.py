"""The way out: the emulated endpoint itself, or an Insider One account elsewhere."""

import errno
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Timer
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import check_header_validity

from segment_insider_emulator.http import HttpRequest, HttpResponse

TIMEOUT = 10.0  # seconds; Segment gives a destination 10,000 ms
LARGEST_ANSWER = 1_000_000  # bytes kept of a body


class Sender(Protocol):
    """Hands one request over. The emulated endpoint's own `answer` is one.

    Raises: Unanswered, when nothing came back.
    """

    def __call__(self, request: HttpRequest, /) -> HttpResponse: ...


class Unanswered(Exception):
    """A request that met no answer; its text is the reason, for people.

    Args:
        code: Node.js's name of the fault, which Segment shows, e.g. "ECONNRESET".
    """

    def __init__(self, reason: str, code: str) -> None:
        self.code = code
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Remote:
    """Sends to *base_url* in place of the host that the destination has built in.

    Args:
        timeout: Seconds for the whole answer, however slowly it drips.
    """

    base_url: str
    timeout: float = TIMEOUT

    def __call__(self, request: HttpRequest, /) -> HttpResponse:
        session = requests.Session()
        session.trust_env = False  # neither a proxy nor a .netrc may touch what leaves here
        cutting = _Cutting()
        for scheme in ("http://", "https://"):
            session.mount(scheme, cutting)
        try:
            with (
                cutting.after(self.timeout),
                session,
                session.request(
                    request.method,
                    self.base_url + request.path,
                    data=request.body,
                    headers=dict(request.headers),
                    timeout=self.timeout,
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return HttpResponse(answer.status_code, _body(answer), headers)
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
            # Told by name alone, and without the cause: both quote the value, which may be a key.
            names = ", ".join(_unfit(request.headers))
            reason = f"no request can carry the value of {names}: look for blanks and signs in it"
            raise Unanswered(reason, "UNKNOWN_ERROR") from None
        except requests.Timeout as error:
            reason = f"no answer from {self._shown} in {self.timeout:g} s"
            raise Unanswered(reason, "ETIMEDOUT") from error
        except requests.RequestException as error:
            reason = f"nothing came back from {self._shown}: {_causes(error)[-1]}"
            raise Unanswered(reason, _code(error)) from error

    @property
    def _shown(self) -> str:
        """The address without the user and password that it may hold."""
        parts = urlsplit(self.base_url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class _Cutting(HTTPAdapter):
    """Ends its connections at a deadline: the timeout of `requests` is that of each read alone."""

    def __init__(self) -> None:
        self._late = False
        self._sockets: list[socket.socket] = []
        super().__init__()

    def get_connection_with_tls_context(self, *given: Any, **named: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*given, **named)
        pool.ConnectionCls = partial(self._made, pool.ConnectionCls)
        return pool

    @contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        """Cut what is still open after *seconds* of the block. Raises: Timeout, when it was."""
        timer = Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except requests.RequestException as error:
            if self._late:
                raise requests.Timeout from error
            raise
        finally:
            timer.cancel()
        if self._late:  # an answer without a length ends as if it were whole
            raise requests.Timeout

    def _made(self, make: Callable[..., Any], *given: Any, **named: Any) -> Any:
        connection = make(*given, **named)
        connect = connection.connect

        def connected() -> None:
            connect()
            # Kept here: a connection lets go of its socket before the answer is read to its end.
            self._sockets.append(connection.sock)
            if self._late:
                self._cut()

        connection.connect = connected
        return connection

    def _cut(self) -> None:
        self._late = True
        for each in self._sockets:
            # The plain one: that of TLS would drop the cipher under the thread that reads.
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)


def _unfit(headers: Mapping[str, str]) -> Iterator[str]:
    """Names of those of *headers* whose values HTTP cannot carry."""
    for name, value in headers.items():
        try:
            check_header_validity((name, value))
            value.encode("latin-1")
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
            yield name


def _body(answer: requests.Response) -> bytes:
    kept = bytearray()
    for chunk in answer.iter_content(65_536):
        kept += chunk
        if len(kept) >= LARGEST_ANSWER:
            break
    return bytes(kept[:LARGEST_ANSWER])


def _causes(error: BaseException) -> list[BaseException]:
    """*error* and what lies under it: the layers above repeat the address and name objects."""

    def layers(each: BaseException | None) -> Iterator[BaseException]:
        while each:
            yield each
            each = each.__context__

    return list(layers(error))


def _code(error: BaseException) -> str:
    """Node.js's name for what ended a request; a fault that it would not retry is UNKNOWN_ERROR."""
    causes = _causes(error)
    for each in causes:
        if isinstance(each, socket.gaierror):
            return "EAI_AGAIN" if each.errno == socket.EAI_AGAIN else "ENOTFOUND"
        if isinstance(each, OSError) and each.errno in CODES:
            return CODES[each.errno]
    broken = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
    secured = isinstance(error, requests.exceptions.SSLError)
    return "ECONNRESET" if isinstance(error, broken) and not secured else "UNKNOWN_ERROR"


# Python's numbers as Node.js names them.
CODES = {
    errno.ECONNREFUSED: "ECONNREFUSED",
    errno.ECONNRESET: "ECONNRESET",
    errno.EPIPE: "ECONNRESET",
    errno.ECONNABORTED: "ECONNABORTED",
    errno.EHOSTUNREACH: "EHOSTUNREACH",
    errno.ENETUNREACH: "EHOSTUNREACH",
    errno.ETIMEDOUT: "ETIMEDOUT",
}
