"""Interception: calls of unchanged code to Segment and Insider One reach an emulator.

`requests`, urllib3, httpx and aiohttp keep their own connections and bodies; only the address of a
call changes. Calls to other hosts go out as usual.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from unittest.mock import patch
from urllib.parse import urlsplit

from requests import PreparedRequest, Session
from urllib3 import HTTPConnectionPool, PoolManager

from segment_insider_emulator.config import INSIDER_ONE_HOSTS, SEGMENT_HOSTS
from segment_insider_scenarios.running_emulator import RunningEmulator
from segment_insider_scenarios.transport import InProcessAdapter

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route
    from responses import RequestsMock

INTERCEPTED_HOSTS: Final = (*SEGMENT_HOSTS, *INSIDER_ONE_HOSTS)
_HOSTS_PATTERN: Final = "|".join(map(re.escape, INTERCEPTED_HOSTS))
HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
ENCODING_HEADERS = (
    "Content-Encoding",
    "Content-Length",
    "Transfer-Encoding",
)  # of what is read already

_HEADERS_POSITION: Final = 2  # of the arguments after the URL, in urllib3's urlopen

_CallbackResponse: TypeAlias = tuple[int, dict[str, str], bytes]


@contextmanager
def intercepting(emulator: RunningEmulator) -> "Iterator[RequestsMock]":
    """Lead all Python calls to Segment and Insider One to *emulator* during the block.

    These are calls by `requests`, urllib3, httpx and aiohttp. Calls to other hosts, and by other
    libraries, are not changed.
    """
    # Imported here because most tests intercept nothing.
    from responses import RequestsMock

    session = emulator.client.session

    def answer_from_emulator(request: PreparedRequest) -> _CallbackResponse:
        return _forward_request(session, emulator.url, request)

    with ExitStack() as stack:
        target = _InterceptionTarget(emulator, stack)
        _patch_urllib3(target, stack)
        for library, patch_library in (("httpx", _patch_httpx), ("aiohttp", _patch_aiohttp)):
            if find_spec(library):
                patch_library(target, stack)
        # Not all hosts are talked to, and what goes elsewhere is no business of the emulator.
        mock = stack.enter_context(RequestsMock(assert_all_requests_are_fired=False))
        mock.add_passthru(re.compile(rf"^https?://(?!({_HOSTS_PATTERN})([:/]|$))"))
        for method in HTTP_METHODS:
            for host in INTERCEPTED_HOSTS:
                address = re.compile(rf"^https?://{re.escape(host)}(:\d+)?/")
                mock.add_callback(method, address, callback=answer_from_emulator)
        yield mock


@contextmanager
def intercepting_browser(
    emulator: RunningEmulator, browser: "Page | BrowserContext"
) -> Iterator[None]:
    """Lead the calls of an unchanged page to Segment and Insider One to *emulator*.

    The page may be served at https and keep its production write key.

    Args:
        browser: A page or a context of Playwright's sync API.
    """
    pattern = re.compile(rf"^https?://({_HOSTS_PATTERN})(:\d+)?/")
    with ExitStack() as stack:
        target = _InterceptionTarget(emulator, stack)

        def answer_from_emulator(route: "Route") -> None:
            url = route.request.url
            # The emulator then names the host that the page asked for, in settings and scripts.
            headers = {**route.request.all_headers(), "host": urlsplit(url).netloc}
            with _closed_page_ignored():
                route.fulfill(response=route.fetch(url=target.redirect_url(url), headers=headers))

        browser.route(pattern, answer_from_emulator)
        try:
            yield
        finally:
            with _closed_page_ignored():
                browser.unroute(pattern, answer_from_emulator)


@contextmanager
def _closed_page_ignored() -> Iterator[None]:
    """Ignore that a page was closed, perhaps while a call of it was on its way."""
    from playwright.sync_api import Error

    try:
        yield
    except Error as error:
        if not re.search("closed|disposed", str(error)):
            raise


class _InterceptionTarget:
    """Where intercepted calls go: an emulator at a port, which is opened for the first call.

    Args:
        stack: Closes the port at the end of the interception.
    """

    def __init__(self, emulator: RunningEmulator, stack: ExitStack) -> None:
        self._emulator, self._stack = emulator, stack

    def redirect_url(self, url: str) -> str:
        """Return the emulator's URL for one of Segment or Insider One."""
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        # Addresses that the emulator gave have its path already.
        path = parts.path.removeprefix(urlsplit(self.url).path)
        return f"{self.url}{path}{query}"

    @cached_property
    def url(self) -> str:
        """Return the emulator's base URL at a port, without a slash at the end."""
        emulator_url = self._emulator.url
        adapter = self._emulator.client.session.get_adapter(emulator_url)
        if not isinstance(adapter, InProcessAdapter):
            return emulator_url.rstrip("/")
        # Imported here because most tests open no port.
        from segment_insider_emulator.web.server import serve_app_in_thread

        served = self._stack.enter_context(serve_app_in_thread(adapter.app))
        return served + urlsplit(emulator_url).path.rstrip("/")


def _patch_urllib3(target: _InterceptionTarget, stack: ExitStack) -> None:
    send, pools = HTTPConnectionPool.urlopen, stack.enter_context(PoolManager())

    def urlopen(pool: HTTPConnectionPool, method: str, url: str, *args: Any, **options: Any) -> Any:
        if pool.host not in INTERCEPTED_HOSTS:
            return send(pool, method, url, *args, **options)
        redirected = target.redirect_url(url)
        if pool.host in INSIDER_ONE_HOSTS and len(args) < _HEADERS_POSITION:
            options["headers"] = {**(options.get("headers") or pool.headers), "Host": pool.host}
        return send(pools.connection_from_url(redirected), method, redirected, *args, **options)

    stack.enter_context(patch.object(HTTPConnectionPool, "urlopen", urlopen))


def _patch_httpx(target: _InterceptionTarget, stack: ExitStack) -> None:
    import httpx

    send, send_async = (
        httpx.HTTPTransport.handle_request,
        httpx.AsyncHTTPTransport.handle_async_request,
    )
    # A transport of the client may lead to a company's proxy, which cannot reach this machine.
    direct = stack.enter_context(httpx.HTTPTransport())

    def handle(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        if request.url.host not in INTERCEPTED_HOSTS:
            return send(transport, request)
        request.url = httpx.URL(target.redirect_url(str(request.url)))
        return send(direct, request)

    async def handle_async(
        transport: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        if request.url.host not in INTERCEPTED_HOSTS:
            return await send_async(transport, request)
        request.url = httpx.URL(target.redirect_url(str(request.url)))
        # One for each call, as its connections belong to an event loop that ends before the block.
        async with httpx.AsyncHTTPTransport() as direct_async:
            answer = await send_async(direct_async, request)
            body = b"".join([chunk async for chunk in answer.aiter_raw()])
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=httpx.ByteStream(body),
            extensions={"http_version": b"HTTP/1.1"},
        )

    stack.enter_context(patch.object(httpx.HTTPTransport, "handle_request", handle))
    stack.enter_context(
        patch.object(httpx.AsyncHTTPTransport, "handle_async_request", handle_async)
    )


def _patch_aiohttp(target: _InterceptionTarget, stack: ExitStack) -> None:
    import aiohttp
    from aiohttp.helpers import get_env_proxy_for_url

    # The method that all calls of a session go through; there is no public one for that.
    send: Callable[..., Any] = aiohttp.ClientSession._request

    async def request(session: aiohttp.ClientSession, method: str, url: Any, **options: Any) -> Any:
        full_url = session._build_url(url)
        if full_url.host in INTERCEPTED_HOSTS:
            headers = {**(options.get("headers") or {}), "Host": str(full_url.host)}
            url, options["headers"] = target.redirect_url(str(full_url)), headers
            options["proxy"] = None
        return await send(session, method, url, **options)

    def find_proxy_of_others(url: Any) -> Any:
        if str(url).startswith(target.url):
            raise LookupError  # which means none: a company's proxy cannot reach this machine
        return get_env_proxy_for_url(url)

    stack.enter_context(patch.object(aiohttp.ClientSession, "_request", request))
    stack.enter_context(patch("aiohttp.client.get_env_proxy_for_url", find_proxy_of_others))


def _forward_request(
    session: Session, emulator_url: str, request: PreparedRequest
) -> _CallbackResponse:
    headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
    host = urlsplit(str(request.url)).hostname
    if host in INSIDER_ONE_HOSTS:
        headers["Host"] = host  # their paths can be Segment's, such as /v1/send
    answer = session.request(
        str(request.method), emulator_url + request.path_url, data=request.body, headers=headers,
        allow_redirects=False,
    )  # fmt: skip
    headers_to_return = {
        name: value for name, value in answer.headers.items() if name not in ENCODING_HEADERS
    }
    return answer.status_code, headers_to_return, answer.content
