"""A reverse proxy of a few lines that serves an emulator below a path."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

_HOP_HEADERS = ("connection", "transfer-encoding", "keep-alive")
_TIMEOUT_S = 60


@dataclass(frozen=True)
class _Route:
    host: str  # of the emulator, with its port
    path: str
    strips_path: bool
    sends_prefix: bool


class _Handler(BaseHTTPRequestHandler):
    route: _Route

    def forward(self) -> None:
        if not f"{self.path}/".startswith(f"{self.route.path}/"):
            self.send_error(404)  # another application of this host
            return
        connection = HTTPConnection(self.route.host, timeout=_TIMEOUT_S)
        try:
            self._forward_to(connection)
        except OSError:
            self.close_connection = True  # the browser or the emulator has gone
        finally:
            connection.close()

    do_GET = do_POST = do_DELETE = do_PUT = forward

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def _forward_to(self, connection: HTTPConnection) -> None:
        route, path = self.route, self.path
        if route.strips_path:
            path = path.removeprefix(route.path) or "/"
        headers = {
            **dict(self.headers),
            "Host": route.host,
            "X-Forwarded-Host": self.headers["Host"],
            "X-Forwarded-Proto": "http",
        }
        if route.sends_prefix:
            headers["X-Forwarded-Prefix"] = route.path
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection.request(self.command, path, body, headers)
        answer = connection.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name not in _HOP_HEADERS:
                self.send_header(name, value)
        self.end_headers()
        while part := answer.read1(65536):
            self.wfile.write(part)


@contextmanager
def run_proxy(
    upstream: str, path: str, *, strips_path: bool, sends_prefix: bool = True
) -> Iterator[str]:
    """Serve *upstream* at *path* during the block; yields the URL below which it is then.

    Args:
        strips_path: Whether the proxy removes *path* from the addresses it forwards.
        sends_prefix: Whether it names *path* in X-Forwarded-Prefix.
    """
    route = _Route(urlsplit(upstream).netloc, path, strips_path, sends_prefix)
    handler = type("Handler", (_Handler,), {"route": route})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{path}"
    finally:
        server.shutdown()
        server.server_close()
