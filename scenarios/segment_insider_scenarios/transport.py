"""Sending of requests to an emulator: a web shop with Segment's SDK, adapters of `requests`."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from importlib import import_module
from io import BytesIO
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from flask import Flask
from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.util import SKIP_HEADER
from werkzeug.test import EnvironBuilder, run_wsgi_app

from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.client_http import (
    RetryBudget,
    build_connection_error,
    parse_error_response,
)
from segment_insider_scenarios.shopper import SegmentCall, Shopper

MIN_CALL_INTERVAL = timedelta(milliseconds=50)  # between two calls, also with a stopped clock


class _SegmentCallFailure(NamedTuple):
    """Record of a scenario's SDK call that Segment did not accept, with the response if any."""

    error: EmulatorError
    response: Response | None = None


@cache
def load_sdk() -> Any:
    """Import Segment's SDK, the module `segment.analytics`.

    It imports `jwt`, and with it all of `cryptography`, for a sign-in that the shop does not use.
    """
    sys.modules.setdefault("jwt", _ModuleOnFirstUse("jwt"))
    import segment.analytics  # type: ignore[import-untyped]  # ships no types

    return segment.analytics


class _ModuleOnFirstUse(ModuleType):
    """Module that is imported when something of it is used.

    importlib's LazyLoader does not delay it: Python reads an attribute at each `import`.
    """

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


class SegmentShop:
    """Simulated web shop with one Segment source; uses the published SDK against the emulator.

    Args:
        host: Base URL of the emulator or sandbox.
        sleep: Waits before a retry of a 503 response.
    """

    def __init__(
        self, host: str, write_key: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._host = host
        self._sleep = sleep
        self._last_sent_at = datetime.now(UTC)
        # All clients of the SDK share one session that cannot be replaced.
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(host))
        sessions = load_sdk().request._session
        if origin not in sessions.adapters:
            sessions.mount(origin, NoProxyAdapter())
        # In sync mode without a thread: the call has been answered when the method returns.
        self._sdk: Any = load_sdk().Client(write_key, host=host, sync_mode=True)

    def send(
        self, shopper: Shopper, *calls: SegmentCall, context: JSONObject | None = None
    ) -> None:
        """Send the shopper's calls to Segment in order; all are answered on return.

        Args:
            context: Of the calls, beside what the SDK adds.
        Raises: EmulatorError, when the emulator does not answer or refuses a call.
        """
        for call in calls:
            retries = RetryBudget(self._sleep)
            while failure := self._try_send_call(shopper, call, context or {}):
                if failure.response is None or not retries.wait_if_retryable(failure.response):
                    raise failure.error

    def _try_send_call(
        self, shopper: Shopper, call: SegmentCall, context: JSONObject
    ) -> _SegmentCallFailure | None:
        """Send a scenario call with the SDK; return its failure, without the write key, or None."""
        try:
            self._send_with_timestamp(shopper, call, context)
        except RequestException as error:
            return _SegmentCallFailure(build_connection_error(self._host, error))
        except load_sdk().request.APIError as error:
            answer: Response | None = getattr(error, "response", None)  # older SDKs keep none
            # An injected fault looks like Segment's own error and is not retried.
            if answer is not None and isinstance(
                error_in_response := parse_error_response(answer), TemporarilyUnavailable
            ):
                return _SegmentCallFailure(error_in_response, answer)
            remedy = "Check that the emulator runs at this address."
            return _SegmentCallFailure(
                EmulatorError(f"the SDK could not send: {error}", self._host, remedy)
            )
        return None

    def _send_with_timestamp(
        self, shopper: Shopper, call: SegmentCall, context: JSONObject
    ) -> None:
        started_at = datetime.now(UTC)
        # Insider One stores equal events with one timestamp only once, so calls get distinct times.
        at = max(started_at, self._last_sent_at + MIN_CALL_INTERVAL)
        self._call_sdk(
            call,
            user_id=shopper.user_id,
            anonymous_id=shopper.anonymous_id,
            timestamp=at,
            context=dict(context),  # the SDK adds to it
        )
        # Segment corrects the time of a call by its delay, which is at most this.
        self._last_sent_at = at + (datetime.now(UTC) - started_at)

    def _call_sdk(self, call: SegmentCall, **sender: Any) -> None:
        match call.kind:
            case "identify":
                self._sdk.identify(traits=call.body, **sender)
            case "track":
                self._sdk.track(event=call.name, properties=call.body, **sender)
            case "page":
                self._sdk.page(name=call.name, properties=call.body, **sender)
            case "screen":
                self._sdk.screen(name=call.name, properties=call.body, **sender)
            case "group":
                self._sdk.group(group_id=call.name, traits=call.body, **sender)
            case "alias":
                del sender["anonymous_id"]
                self._sdk.alias(previous_id=call.name, **sender)


FRAMING_HEADERS = ("Transfer-Encoding", "Content-Length")
REASON_PHRASES = {status.value: status.phrase for status in HTTPStatus}
PLAIN_OPTIONS = frozenset(("params", "data", "headers", "auth", "timeout"))


class NoProxyAdapter(HTTPAdapter):
    """Adapter of `requests` that ignores proxy settings of the environment.

    A company's proxy cannot reach this machine, and the control client uses no proxy either.
    """

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send a `requests` request without a proxy."""
        return super().send(request, *args, **{**options, "proxies": None})


class InProcessAdapter(HTTPAdapter):
    """Adapter of `requests` that calls a WSGI app in this process.

    Args:
        host: Host name for the application; None takes it from the URL.
    """

    def __init__(self, app: Flask, host: str | None = None) -> None:
        super().__init__()
        self.app, self._host = app, host

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Call the WSGI app with a `requests` request and return its response, without network."""
        url, body = urlsplit(str(request.url)), _encode_request_body(request.body)
        builder = EnvironBuilder(
            url.path,
            base_url=f"{url.scheme}://{self._host or url.netloc}",
            method=str(request.method),
            query_string=url.query,
            headers=_build_in_process_headers(request),
            input_stream=BytesIO(body),
            content_length=len(body),
        )
        chunks, status, headers = run_wsgi_app(self.app, builder.get_environ(), buffered=True)
        code = int(status[:3])
        answer = HTTPResponse(
            BytesIO(b"".join(chunks)),
            HTTPHeaderDict(list(headers)),
            code,
            # As the server sends it, whatever the application calls the status.
            reason=REASON_PHRASES.get(code, ""),
            preload_content=False,
            request_url=request.url,
        )
        return self.build_response(request, answer)


class InProcessSession(Session):
    """Session of `requests` whose requests to one WSGI app need no network.

    Plain ones skip what a network asks for: redirects, cookies, proxies, settings of the machine.
    """

    def __init__(self, app: Flask, url: str) -> None:
        super().__init__()
        self._url, self._adapter = url, InProcessAdapter(app)
        self.mount(url, self._adapter)

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> Response:
        """Send a request, as `Session.request` does, and return its response."""
        is_plain = not args and options.keys() <= PLAIN_OPTIONS and url.startswith(self._url)
        if not is_plain or self.cookies:
            return super().request(method, url, *args, **options)
        request = PreparedRequest()
        parameters = urlencode(options.get("params") or {})
        request.method, request.body = method, options.get("data")
        request.url = f"{url}?{parameters}" if parameters else url
        request.headers = CaseInsensitiveDict(options.get("headers") or {})
        request.prepare_auth(options.get("auth"))
        return self._adapter.send(request)


def _build_in_process_headers(request: PreparedRequest) -> list[tuple[str, str]]:
    headers = [
        (name, value.decode("latin-1") if isinstance(value, bytes) else value)
        for name, value in request.headers.items()
    ]
    # The body is passed as a whole, without transfer encoding.
    return [
        (name, value)
        for name, value in headers
        if value != SKIP_HEADER and name not in FRAMING_HEADERS
    ]


def _encode_request_body(body: Any) -> bytes:
    """Return the body of a `requests` request (text, bytes, file or chunks) as bytes."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes):
        return body
    if hasattr(body, "read"):
        return _encode_request_body(body.read())
    chunks: Iterable[str | bytes] = body
    return b"".join(_encode_request_body(chunk) for chunk in chunks)
