"""The HTTP server (uvicorn's protocol): in the foreground, or in a thread for tests and the demo.

One event loop reads and writes all connections; requests are run in threads.
"""

import asyncio
import os
import signal
import ssl
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread
from types import FrameType
from typing import Final, NamedTuple

import uvicorn
from flask import Flask

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.web.http_connection import Connections, HttpConnection
from segment_insider_emulator.web.long_requests import ONE_CALL_AT_A_TIME, StreamSlots
from segment_insider_emulator.web.reverse_proxy import ReverseProxy, create_reverse_proxy
from segment_insider_emulator.web.wsgi_bridge import CallLane, RequestThreads, WsgiBridge

IDLE_TIMEOUT_S: Final = 120  # of a connection whose client neither sends nor reads
# For running requests after the server is stopped; senders without a response send again.
_ACCEPT_TIME_S: Final = 0.02  # some turns of the event loop
STOP_TIMEOUT_S: Final = 5.0
_BACKLOG: Final = 1024
# Neither side of a TLS connection may keep the other waiting for longer.
_TLS_HANDSHAKE_TIMEOUT_S: Final = 10.0
_TLS_SHUTDOWN_TIMEOUT_S: Final = 1.0


class _Running(NamedTuple):
    """A server that accepts requests.

    Args:
        urls: One for each address that it listens at.
        stop: Stops it; can be called in any thread and in a signal handler.
    """

    urls: tuple[str, ...]
    stop: Callable[[], None]


class _Address(NamedTuple):
    """Where to listen.

    Args:
        port: 0 takes any free one.
        option_names: Options that set the address, for the error message.
        tls: Set if it speaks https.
    """

    host: str
    port: int
    option_names: str
    tls: ssl.SSLContext | None = None


def serve_app(
    app: Flask,
    host: str,
    port: int,
    on_ready: Callable[..., None],
    trusted_proxy: str | None = None,
    url_prefix: str = "",
    tls_port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve *app* until Ctrl-C or SIGTERM.

    Args:
        port: 0 takes any free one.
        on_ready: Called with the base URL when the server accepts requests, and with the one of
            https after it, if there is one.
        tls_port: Where to listen for https, if *tls* is set; 0 takes any free one.
        trusted_proxy: Address of the proxy whose X-Forwarded headers are used.
        url_prefix: Path at which a proxy serves *app*, e.g. "/tools/emu".
    Raises: EmulatorError, when the server cannot listen on *host* and *port* or use *url_prefix*.
    """
    _raise_open_file_limit()

    def handle_ready(running: _Running) -> None:
        def stop(_signal: int, _frame: FrameType | None) -> None:
            running.stop()

        for signal_number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(signal_number) is not signal.SIG_IGN:
                signal.signal(signal_number, stop)
        on_ready(*running.urls)

    addresses = [_Address(host, port, "--host and --port")]
    if tls:
        addresses.append(_Address(host, tls_port, "--host and --tls-port", tls))
    proxy = create_reverse_proxy(app, trusted_proxy, url_prefix)
    asyncio.run(_serve_until_stopped(app, addresses, handle_ready, proxy))


@contextmanager
def serve_app_in_thread(
    app: Flask, port: int = 0, trusted_proxy: str | None = None, url_prefix: str = ""
) -> Iterator[str]:
    """Serve *app* on 127.0.0.1 during the with block; yields its base URL."""
    proxy = create_reverse_proxy(app, trusted_proxy, url_prefix)
    started: Future[_Running] = Future()

    def serve() -> None:
        addresses = [_Address("127.0.0.1", port, "--port")]
        try:
            asyncio.run(_serve_until_stopped(app, addresses, started.set_result, proxy))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = Thread(target=serve, name="emulator", daemon=True)
    thread.start()
    running = started.result()
    try:
        yield running.urls[0]
    finally:
        running.stop()
        thread.join()


def _raise_open_file_limit() -> None:
    """Raise the limit of open files: a connection needs one, a sandbox three."""
    with suppress(ImportError, OSError, ValueError):  # not available or not allowed on every system
        import resource

        _, maximum = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (maximum, maximum))


async def _serve_until_stopped(
    app: Flask,
    addresses: Sequence[_Address],
    on_ready: Callable[[_Running], None],
    proxy: ReverseProxy,
) -> None:
    loop = asyncio.get_running_loop()
    threads, streams, connections = RequestThreads(), StreamSlots(), Connections()
    lane = CallLane() if app.config.get(ONE_CALL_AT_A_TIME) else None
    bridge = WsgiBridge(app, threads, streams, lane, proxy)
    servers = [await _listen(bridge, address, connections) for address in addresses]
    for address, server in zip(addresses, tuple(servers), strict=True):
        if address.host == "127.0.0.1":
            # Some programs try only the first address of "localhost", which may be this one.
            twin = address._replace(host="::1", port=server.sockets[0].getsockname()[1])
            with suppress(EmulatorError):  # without IPv6, or used by another program
                servers.append(await _listen(bridge, twin, connections))
    stopping = asyncio.Event()

    def stop() -> None:
        loop.call_soon_threadsafe(stopping.set)

    urls = tuple(
        _build_url(address, server) + proxy.url_prefix
        for address, server in zip(addresses, servers, strict=False)
    )
    on_ready(_Running(urls, stop))
    await stopping.wait()
    streams.is_closing = True
    await _stop_accepting(servers)
    await _finish_requests(connections)
    threads.close()


def _build_url(address: _Address, server: asyncio.Server) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    port = server.sockets[0].getsockname()[1]
    return f"{'https' if address.tls else 'http'}://{host}:{port}"


async def _listen(
    bridge: WsgiBridge, address: _Address, connections: Connections
) -> asyncio.Server:
    """Listen on *address* and accept connections.

    Raises: EmulatorError, when that is not possible.
    """
    config = uvicorn.Config(
        bridge,
        interface="asgi3",
        http=HttpConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # not each request that cannot be parsed
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_TIMEOUT_S,
    )
    config.load()
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(
            partial(HttpConnection, config, connections, {}),
            address.host,
            address.port,
            backlog=_BACKLOG,
            ssl=address.tls,
            ssl_handshake_timeout=_TLS_HANDSHAKE_TIMEOUT_S if address.tls else None,
            ssl_shutdown_timeout=_TLS_SHUTDOWN_TIMEOUT_S if address.tls else None,
        )
    except (OSError, OverflowError) as error:
        # asyncio puts the address into the text, which the message would then repeat.
        text = os.strerror(error.errno or 0) if isinstance(error, OSError) else "Unknown"
        known = not text.startswith("Unknown")  # as for names that cannot be resolved
        what = text if known else getattr(error, "strerror", None) or error
        remedy = f"Choose another with {address.option_names}, or stop the program that uses it."
        raise EmulatorError(
            f"cannot listen on this address ({what})", f"{address.host}:{address.port}", remedy
        ) from error


async def _stop_accepting(servers: Sequence[asyncio.Server]) -> None:
    """Close the listening sockets, once all connections accepted before are known.

    asyncio gives a connection its transport in a later turn of the loop than the one that accepts
    it, and loses it if the server was closed in between.
    """
    with suppress(NotImplementedError):  # on Windows, where accepting is one operation
        for listener in (socket for server in servers for socket in server.sockets):
            asyncio.get_running_loop().remove_reader(listener.fileno())
    await asyncio.sleep(_ACCEPT_TIME_S)
    for server in servers:
        server.close()


async def _finish_requests(connections: Connections) -> None:
    """Close idle connections, and all others when their requests are done or time is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + STOP_TIMEOUT_S
    for connection in list(connections.connections):
        connection.shutdown()
    while (connections.connections or connections.tasks) and loop.time() < end:
        await asyncio.sleep(0.01)
    for connection in list(connections.connections):
        connection.transport.abort()
