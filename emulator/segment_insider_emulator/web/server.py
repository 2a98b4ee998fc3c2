"""Web server (waitress) of the emulator: in the foreground, or in a thread."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import BoundedSemaphore, Thread
from types import FrameType
from typing import TYPE_CHECKING, Any, Never

from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ThreadedTaskDispatcher

from segment_insider_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_STREAMS = 6  # event streams, which last until the page is closed; each uses a thread
MAX_WAITING_REQUESTS = 8  # requests that wait for an event; each uses a thread
THREAD_COUNT = 16 + MAX_STREAMS + MAX_WAITING_REQUESTS
MAX_CONNECTIONS = 800  # at the same time: a hundred slow clients must not block all others
THREAD_START_TIMEOUT_S = 5.0  # until all threads have started
MAX_BODY_BYTES = (
    64 * 1024 * 1024
)  # the application answers smaller bodies over its own limits in JSON


class StreamSlots:
    """Limited slots for long-running event streams, each of which occupies a server thread.

    The server puts them into the WSGI environment, as `emulator.streams`.
    """

    def __init__(self, max_streams: int = MAX_STREAMS) -> None:
        self._slots = BoundedSemaphore(max_streams)
        self.is_closing = False  # whether streams must end because the server stops

    def acquire_slot(self) -> bool:
        """Acquire a slot for an event stream if one is free; `release_slot` returns it."""
        return self._slots.acquire(blocking=False)

    def release_slot(self) -> None:
        """Release a slot for an event stream that `acquire_slot` returned."""
        self._slots.release()


class _StrictFramingParser(HTTPRequestParser):
    """HTTP request parser of the server that rejects ambiguous body lengths.

    Source: RFC 9112, 6.1: a request with both lengths may be request smuggling, and HTTP/1.0 has no
    Transfer-Encoding. waitress uses one of the two and ignores the other.
    """

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # waitress does not catch either
            raise ParsingError("The address or the Content-Length cannot be read.") from error
        if "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("Transfer-Encoding needs HTTP/1.1.")
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Send Content-Length or Transfer-Encoding, not both.")


class _StrictFramingChannel(HTTPChannel):
    parser_class = _StrictFramingParser


def serve_app(
    app: Flask,
    host: str,
    port: int,
    on_ready: Callable[[str], None],
    trusted_proxy: str | None = None,
) -> None:
    """Serve a Flask *app* in the foreground until Ctrl-C or SIGTERM.

    Args:
        port: 0 takes any free one.
        on_ready: Called with the base URL when the server accepts requests.
        trusted_proxy: Address of the proxy whose X-Forwarded-For names the client.
    Raises: EmulatorError, when the server cannot listen on *host* and *port*.
    """
    _raise_open_file_limit()
    streams = StreamSlots()
    server = _create_listening_server(
        app, host, port, {}, streams, "--host and --port", trusted_proxy
    )

    def stop_on_signal(_signal: int, _frame: FrameType | None) -> Never:
        streams.is_closing = True
        raise SystemExit

    for signal_number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(signal_number) is not signal.SIG_IGN:
            signal.signal(signal_number, stop_on_signal)
    on_ready(_build_server_base_url(host, server))
    # Ends on SystemExit. Running requests have waitress's 5 seconds to finish;
    # senders without an answer by then must send again.
    server.run()
    server.close()


@contextmanager
def serve_app_in_thread(
    app: Flask, port: int = 0, trusted_proxy: str | None = None
) -> Iterator[str]:
    """Serve a Flask *app* on 127.0.0.1 during a with block; yields its base URL."""
    sockets: dict[int, Any] = {}
    streams = StreamSlots()
    server = _create_listening_server(
        app, "127.0.0.1", port, sockets, streams, "--port", trusted_proxy
    )
    thread = Thread(target=server.run, name="emulator", daemon=True)
    thread.start()
    try:
        yield _build_server_base_url("127.0.0.1", server)
    finally:
        streams.is_closing = True
        server.task_dispatcher.shutdown()
        # The loop owns its sockets: it must close them itself, and ends when none is left.
        with suppress(OSError):  # the loop may have closed the trigger already
            server.trigger.pull_trigger(partial(wasyncore.close_all, sockets))
        thread.join()


def _raise_open_file_limit() -> None:
    """Raise the limit of open files: a connection needs one, a sandbox three."""
    with suppress(ImportError, OSError, ValueError):  # not available or not allowed on every system
        import resource

        _, maximum = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (maximum, maximum))


def _create_listening_server(
    app: Flask,
    host: str,
    port: int,
    sockets: dict[int, Any],
    streams: StreamSlots,
    option_names: str,
    trusted_proxy: str | None,
) -> Any:
    """Create a listening server. It is untyped: one of two classes.

    Args:
        option_names: Options that set the address, for the error message.
    """

    def wsgi_app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["emulator.streams"] = streams
        return app(environ, start_response)

    try:
        server = create_server(
            wsgi_app,
            sockets,
            host=host,
            port=port,
            threads=THREAD_COUNT,
            # Keeps reading while it answers, and so notices that a stream's page was closed.
            channel_request_lookahead=1,
            connection_limit=MAX_CONNECTIONS,
            asyncore_use_poll=True,  # select would fail beyond 1,024 files
            max_request_body_size=MAX_BODY_BYTES,
            clear_untrusted_proxy_headers=True,
            trusted_proxy=trusted_proxy,
            trusted_proxy_headers={"x-forwarded-for"} if trusted_proxy else set(),
            ident="emulator",
        )
    except (OSError, ValueError) as error:
        wasyncore.close_all(sockets)  # those opened before the error
        what = getattr(error, "strerror", None) or str(error)
        remedy = f"Choose another with {option_names}, or stop the program that uses it."
        raise EmulatorError(
            f"cannot listen on this address ({what})", f"{host}:{port}", remedy
        ) from error
    for socket in sockets.values():
        if isinstance(socket, BaseWSGIServer):
            socket.channel_class = _StrictFramingChannel
    _wait_until_threads_idle(server.task_dispatcher)
    return server


def _wait_until_threads_idle(dispatcher: ThreadedTaskDispatcher) -> None:
    """Wait until all server threads are idle, so that waitress does not warn of queued tasks."""
    end = time.monotonic() + THREAD_START_TIMEOUT_S
    while dispatcher.active_count and time.monotonic() < end:
        time.sleep(0.001)


def _build_server_base_url(host: str, server: Any) -> str:
    name = f"[{host}]" if ":" in host else host
    listening = getattr(server, "effective_listen", None)
    return f"http://{name}:{listening[0][1] if listening else server.effective_port}"
