"""Run a WSGI application in threads behind an ASGI server.

Requests wait for their clients without a thread: a body is complete before the application is
called, and a response is sent when the client reads it.
"""

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager, nullcontext, suppress
from email.utils import formatdate
from functools import lru_cache
from io import BytesIO
from queue import SimpleQueue
from tempfile import SpooledTemporaryFile
from threading import Lock, Thread
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from urllib.parse import unquote_to_bytes

from segment_insider_emulator.web.long_requests import (
    IS_DISCONNECTED_KEY,
    MAX_STREAMS,
    MAX_WAITING_REQUESTS,
    STREAMS_KEY,
    ConnectionCutOff,
    StreamSlots,
)
from segment_insider_emulator.web.reverse_proxy import ReverseProxy

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Task: TypeAlias = tuple["asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]
T = TypeVar("T")

MAX_THREADS: Final = 16 + MAX_STREAMS + MAX_WAITING_REQUESTS
# The application answers smaller bodies over its own limits in JSON.
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
MAX_BODY_IN_MEMORY: Final = 512 * 1024  # bytes; larger ones are kept in a temporary file
MAX_BUFFERED_RESPONSE: Final = 1024 * 1024  # bytes; larger ones are produced as the client reads
# Calls to Segment and Insider One, of which one at a time can write.
_CALL_PATH: Final = re.compile(
    r"(/sandboxes/[^/]+)?/(v1|analytics\.js/v1|api/user/v1|email|sms|whatsapp)/"
)
OVERDUE_S: Final = 0.1  # a call that takes longer does not hold up the next one


class _BodyTooLarge(Exception):
    """The body has more than MAX_BODY_BYTES."""


class _ClientDisconnected(Exception):
    """The client closed the connection within its request."""


class RequestThreads:
    """Threads that run requests, started when needed, and reused.

    They are daemons, unlike those of `ThreadPoolExecutor`: a request that never ends must not keep
    the process from ending.
    """

    def __init__(self, max_threads: int = MAX_THREADS) -> None:
        self._loop = asyncio.get_running_loop()
        self._max_threads = max_threads
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._thread_count = self._unfinished_count = 0

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """Call *function* in a thread and return its result."""
        self._unfinished_count += 1
        if self._thread_count < min(self._unfinished_count, self._max_threads):
            self._thread_count += 1
            name = f"request-{self._thread_count}"
            Thread(target=self._run_tasks, name=name, daemon=True).start()
        future: asyncio.Future[T] = self._loop.create_future()
        self._tasks.put((future, function, args))
        try:
            return await future
        finally:
            self._unfinished_count -= 1

    def close(self) -> None:
        """End the threads, each after its task."""
        for _ in range(self._thread_count):
            self._tasks.put(None)

    def _run_tasks(self) -> None:
        while task := self._tasks.get():
            future, function, args = task
            try:
                settle, outcome = future.set_result, function(*args)
            except BaseException as error:  # noqa: BLE001  # raised again where it is awaited
                settle, outcome = future.set_exception, error
            with suppress(RuntimeError):  # the server has stopped
                self._loop.call_soon_threadsafe(_settle_if_awaited, future, settle, outcome)
            del task, future, settle, outcome  # nothing of a request stays while the thread waits


class CallLane:
    """The order of calls to Segment and Insider One: the next begins when the one before is done.

    They write to one database, one at a time. What they do besides is Python, which one thread at a
    time can run: with several, each call takes more CPU, and none ends sooner.
    """

    def __init__(self) -> None:
        self._lock = Lock()

    @contextmanager
    def enter(self, environ: "WSGIEnvironment") -> Iterator[None]:
        """Wait until the call before is done or overdue; requests that are no calls do not wait."""
        is_call = environ["REQUEST_METHOD"] == "POST" and _CALL_PATH.match(environ["PATH_INFO"])
        is_entered = is_call and self._lock.acquire(timeout=OVERDUE_S)
        try:
            yield
        finally:
            if is_entered:
                self._lock.release()


class WsgiBridge:
    """An ASGI application that calls a WSGI application in threads.

    Args:
        lane: Orders the calls; None lets all run at the same time.
        proxy: The reverse proxy in front of the server, if there is one.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        threads: RequestThreads,
        streams: StreamSlots,
        lane: CallLane | None,
        proxy: ReverseProxy,
    ) -> None:
        self._app, self._threads, self._streams = app, threads, streams
        self._lane, self._proxy = lane, proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        transport: asyncio.Transport = scope["state"]["transport"]
        try:
            body = await _receive_body(scope, receive)
        except _ClientDisconnected:
            return
        except _BodyTooLarge:
            await _send_too_large(send)
            return
        with body:
            environ = build_environ(scope, body, self._proxy)
            environ[STREAMS_KEY] = self._streams
            environ[IS_DISCONNECTED_KEY] = transport.is_closing
            try:
                response = await self._threads.run(self._call_application, environ)
                await self._send_response(response, transport, send)
            except ConnectionCutOff:
                transport.abort()
                await receive()  # returns when the connection is closed

    def _call_application(self, environ: "WSGIEnvironment") -> "_Response":
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            head[:] = status, headers

        with self._lane.enter(environ) if self._lane else nullcontext():
            response = _Response(self._app(environ, start_response), head)
            response.read_body_if_small()
        return response

    async def _send_response(
        self, response: "_Response", transport: asyncio.Transport, send: Send
    ) -> None:
        start = {
            "type": "http.response.start",
            "status": response.status,
            "headers": response.headers,
        }
        if response.chunks is None:
            await send(start)
            await send({"type": "http.response.body", "body": response.body})
            return
        try:
            # The first one before the status, so that it can still cut off the connection.
            chunk = await self._threads.run(next, response.chunks, None)
            await send(start)
            while chunk is not None and not transport.is_closing():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = await self._threads.run(next, response.chunks, None)
            await send({"type": "http.response.body"})
        finally:
            await self._threads.run(response.close)


class _Response:
    """The response of a WSGI application.

    Args:
        iterable: Its body, not iterated yet.
        head: Status and headers, as given to `start_response`.
    """

    def __init__(self, iterable: Iterable[bytes], head: list[Any]) -> None:
        self._iterable = iterable
        self.body = b""
        self.chunks: Iterator[bytes] | None = iter(iterable)
        status, headers = head
        self.status = int(status[:3])
        self.headers = [(b"server", b"emulator"), (b"date", _format_date(int(time.time())))]
        self.headers += [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ]

    def read_body_if_small(self) -> None:
        """Read the whole body and close it, if its Content-Length says that it is small."""
        length = dict(self.headers).get(b"content-length")
        if self.chunks is not None and length and int(length) <= MAX_BUFFERED_RESPONSE:
            try:
                self.body = b"".join(self.chunks)
            finally:
                self.close()
            self.chunks = None

    def close(self) -> None:
        """Close the body: the application frees what it holds for it."""
        if close := getattr(self._iterable, "close", None):
            close()


def build_environ(scope: Scope, body: IO[bytes], proxy: ReverseProxy) -> "WSGIEnvironment":
    """Return the WSGI environment of an ASGI request, per PEP 3333."""
    server_name, server_port = scope["server"]
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "REMOTE_ADDR": scope["client"][0],
        "SERVER_NAME": server_name,
        "SERVER_PORT": str(server_port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    _add_headers(environ, scope["headers"])
    proxy.apply_to_environ(environ)
    return environ


def _add_headers(environ: "WSGIEnvironment", headers: Iterable[tuple[bytes, bytes]]) -> None:
    for raw_name, raw_value in headers:
        # A name with "_" could pass for another one, and of an encoded body the length is known.
        if b"_" in raw_name:
            continue
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        value = raw_value.decode("latin-1")
        if name == "TRANSFER_ENCODING":
            name, value = "CONTENT_LENGTH", str(_measure_size(environ["wsgi.input"]))
        if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = f"HTTP_{name}"
        if name in environ:
            value = f"{environ[name]}{'; ' if name == 'HTTP_COOKIE' else ', '}{value}"
        environ[name] = value


def _measure_size(body: IO[bytes]) -> int:
    size = body.seek(0, 2)
    body.seek(0)
    return size


async def _receive_body(scope: Scope, receive: Receive) -> IO[bytes]:
    """Return the whole body, at its beginning.

    Raises: _BodyTooLarge; _ClientDisconnected.
    """
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if int(length) > MAX_BODY_BYTES:
        raise _BodyTooLarge
    part, has_more = await _receive_part(receive)
    if not has_more:
        return BytesIO(part)
    file = SpooledTemporaryFile(MAX_BODY_IN_MEMORY)  # noqa: SIM115  # open until it is answered
    try:
        while file.write(part) and has_more:
            if file.tell() > MAX_BODY_BYTES:
                raise _BodyTooLarge
            part, has_more = await _receive_part(receive)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def _receive_part(receive: Receive) -> tuple[bytes, bool]:
    """Return a part of the body, and whether there are more."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _ClientDisconnected
    return message["body"], message["more_body"]


async def _send_too_large(send: Send) -> None:
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body"})


def _settle_if_awaited(
    future: "asyncio.Future[Any]", settle: Callable[[Any], None], outcome: object
) -> None:
    if not future.done():  # not cancelled
        settle(outcome)


@lru_cache(1)
def _format_date(seconds: int) -> bytes:
    """Return the Date header, formatted once a second."""
    return formatdate(seconds, usegmt=True).encode()
