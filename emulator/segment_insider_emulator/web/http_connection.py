"""One HTTP connection of the server (uvicorn, httptools): strict framing, limits, idle clients."""

import asyncio
import logging
from collections import deque
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

logger = logging.getLogger(__name__)

MAX_HEADER_BYTES: Final = 256 * 1024  # of one request, or of what surrounds a chunk of its body
MAX_CONNECTIONS: Final = 800  # that are read at the same time; others wait until one of these ends
_TLS_HANDSHAKE: Final = b"\x16\x03"  # the first bytes of a client that speaks TLS


class Connections(ServerState):
    """All connections of one server, and those above MAX_CONNECTIONS, which are not read yet."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: deque[HttpConnection] = deque()


class _RequestRefused(Exception):
    """Raised in the parser, which stops there."""


class HttpConnection(HttpToolsProtocol):
    """An HTTP/1.1 connection that refuses ambiguous requests, and closes when its client is idle.

    Source: RFC 9112, 6.1: a request with both lengths may be request smuggling, and HTTP/1.0 has no
    Transfer-Encoding. The parser refuses the first; this class refuses the second.
    """

    server_state: Connections

    def connection_made(  # type: ignore[override]  # as in uvicorn
        self, transport: asyncio.Transport
    ) -> None:
        """Read from the client, unless too many connections are open."""
        super().connection_made(transport)
        self._refused_status: HTTPStatus | None = None  # sent after the responses before it
        self._unfinished_bytes = 0  # received since the last complete head or part of a body
        if len(self.connections) > MAX_CONNECTIONS:
            transport.pause_reading()
            self.server_state.waiting.append(self)
        else:
            self._close_when_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Read from one of the connections that wait."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        if self.server_state.waiting:
            waiting = self.server_state.waiting.popleft()
            waiting.transport.resume_reading()
            waiting._close_when_idle()

    def data_received(self, data: bytes) -> None:
        """Parse *data*; refuse what cannot be parsed, and a head that is too large."""
        if not self.flow.write_paused:  # what a client sends is no sign that it reads
            self._unset_keepalive_if_required()
        self._unfinished_bytes += len(data)
        try:
            self._parse(data)
        except HttpParserError:
            if data.startswith(_TLS_HANDSHAKE):
                _log_tls_client(self.transport.get_extra_info("peername")[0])
            self._refuse(self._refused_status or HTTPStatus.BAD_REQUEST)
            return
        if self._unfinished_bytes > MAX_HEADER_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._waits_for_client():
            self._close_when_idle()

    def on_headers_complete(self) -> None:
        """Refuse framing that another server could read differently."""
        self._unfinished_bytes = 0
        encodings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if encodings and self.parser.get_http_version() == "1.0":
            self._refused_status = HTTPStatus.BAD_REQUEST
        elif encodings not in ([], [b"chunked"]) or self.parser.get_method() == b"CONNECT":
            self._refused_status = HTTPStatus.NOT_IMPLEMENTED
        if self._refused_status:
            raise _RequestRefused
        if self.parser.should_upgrade():
            return  # it is parsed again
        # For the WSGI bridge, which has to see a disconnect and to close connections.
        self.scope["state"]["transport"] = self.transport
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Add *body* to the request."""
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Complete the request."""
        self._unfinished_bytes = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Continue with the next request, or send the refusal that waited for this response."""
        super().on_response_complete()
        if self._refused_status and not self.pipeline:
            self._refuse(self._refused_status)

    def pause_writing(self) -> None:
        """Close the connection if its client does not read."""
        super().pause_writing()
        self._close_when_idle()

    def resume_writing(self) -> None:
        """Continue to write."""
        self._unset_keepalive_if_required()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection of an idle client."""
        if self.flow.write_paused:
            self.transport.abort()  # it would never read the rest
        super().timeout_keep_alive_handler()

    def _parse(self, data: bytes) -> None:
        """Parse *data*, with requests for an upgrade as if they asked for none.

        The parser leaves out the body of such a request: Java's HttpClient, for example, sends
        events with `Upgrade: h2c`. Source: RFC 9110, 7.8: a server may ignore the header.
        """
        while data:
            try:
                self.parser.feed_data(data)
                data = b""
            except HttpParserUpgrade as upgrade:
                lines = [b"%b: %b\r\n" % line for line in self.headers if line[0] != b"upgrade"]
                head = (self.parser.get_method(), b" ", self.url, b" HTTP/1.1\r\n", *lines)
                data = b"".join(head) + b"\r\n" + data[upgrade.args[0] :]

    def _waits_for_client(self) -> bool:
        if self.transport.is_closing() or self._refused_status or self.flow.write_paused:
            return False
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _close_when_idle(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer *status* and close the connection, after the responses to complete requests."""
        self._refused_status = status
        cycle = self.cycle
        if cycle and not cycle.response_complete and not cycle.more_body:
            self.transport.pause_reading()
            return
        text = f"{status.value} {status.phrase}\n".encode()
        head = f"content-type: text/plain\r\ncontent-length: {len(text)}\r\nconnection: close\r\n"
        self.transport.write(STATUS_LINE[status] + head.encode() + b"\r\n" + text)
        self.transport.close()


@lru_cache(maxsize=64)  # once for each client: it tries again with every event
def _log_tls_client(address: str) -> None:
    logger.warning(
        "%s: a client asked for https at the port for http: use http:// in its address, or serve "
        "with --tls and use the https address",
        address,
    )
