"""Requests carried to an emulator in this process: no socket, no thread, no waiting."""

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.util import SKIP_HEADER
from werkzeug.test import EnvironBuilder, run_wsgi_app

FRAMING_HEADERS = ("Transfer-Encoding", "Content-Length")


class NoProxyAdapter(HTTPAdapter):
    """An adapter of `requests` that follows no proxy of the environment.

    Proxies of companies do not reach this machine, and an emulator elsewhere is reached by the
    control client without one.
    """

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send *request* to the host that it names."""
        return super().send(request, *args, **{**options, "proxies": None})


class InProcessAdapter(HTTPAdapter):
    """An adapter of `requests` that hands each request to *app* and gives its answer back.

    Args:
        host: What the application takes for its own name, whatever the URL says; None is the URL's.
    """

    def __init__(self, app: Flask, host: str | None = None) -> None:
        super().__init__()
        self._app, self._host = app, host

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer of the application; what concerns the network has no meaning here."""
        url, body = urlsplit(str(request.url)), _request_body(request.body)
        builder = EnvironBuilder(
            url.path,
            base_url=f"{url.scheme}://{self._host or url.netloc}",
            method=str(request.method),
            query_string=url.query,
            headers=_request_headers(request),
            input_stream=BytesIO(body),
            content_length=len(body),
        )
        chunks, status, headers = run_wsgi_app(self._app, builder.get_environ(), buffered=True)
        code, _, reason = status.partition(" ")
        answer = HTTPResponse(
            BytesIO(b"".join(chunks)),
            HTTPHeaderDict(list(headers)),
            int(code),
            reason=reason,
            preload_content=False,
            request_url=request.url,
        )
        return self.build_response(request, answer)


def _request_headers(request: PreparedRequest) -> list[tuple[str, str]]:
    named = [
        (name, value.decode("latin-1") if isinstance(value, bytes) else value)
        for name, value in request.headers.items()
    ]
    # How a body would be cut up on the wire; here it is whole.
    return [each for each in named if each[1] != SKIP_HEADER and each[0] not in FRAMING_HEADERS]


def _request_body(body: Any) -> bytes:
    """What `requests` has made of a body: text, bytes, a file, or chunks."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes):
        return body
    if hasattr(body, "read"):
        return _request_body(body.read())
    chunks: Iterable[str | bytes] = body
    return b"".join(_request_body(chunk) for chunk in chunks)
