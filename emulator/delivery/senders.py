"""The way out: the emulated endpoint itself, or an Insider One account elsewhere."""

from dataclasses import dataclass
from typing import Protocol

import requests

from emulator.http import HttpRequest, HttpResponse

TIMEOUT = 10.0  # seconds; Segment gives a destination 10,000 ms
LARGEST_ANSWER = 1_000_000  # bytes kept of a body


class Sender(Protocol):
    """Hands one request over. The emulated endpoint's own `answer` is one.

    Raises: Unanswered, when nothing came back.
    """

    def __call__(self, request: HttpRequest, /) -> HttpResponse: ...


class Unanswered(Exception):
    """A request that met no answer; its text is the reason, for people."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Sends to *base_url* in place of the host that the destination has built in."""

    base_url: str
    timeout: float = TIMEOUT

    def __call__(self, request: HttpRequest, /) -> HttpResponse:
        try:
            with requests.request(
                request.method,
                self.base_url + request.path,
                data=request.body,
                headers=dict(request.headers),
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return HttpResponse(answer.status_code, _body(answer), headers)
        except requests.Timeout as error:
            raise Unanswered(f"no answer from {self.base_url} in {self.timeout:g} s") from error
        except requests.RequestException as error:
            raise Unanswered(f"nothing came back from {self.base_url}: {_cause(error)}") from error


def _body(answer: requests.Response) -> bytes:
    kept = bytearray()
    for chunk in answer.iter_content(65_536):
        kept += chunk
        if len(kept) >= LARGEST_ANSWER:
            break
    return bytes(kept[:LARGEST_ANSWER])


def _cause(error: BaseException) -> str:
    """The innermost words: the layers above it repeat the address and name their objects."""
    while error.__context__:
        error = error.__context__
    return str(error)
