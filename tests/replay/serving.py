"""A file server that holds back what it is told to: so a run can be caught in the middle."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Event, Thread

_RANGE = re.compile(r"bytes=(\d+)-(\d+)?")


class FileServer(ThreadingHTTPServer):
    """Serves *files* by name. GETs of names in *held* wait until `release` is set.

    Args:
        asked: The names of those GETs, as they come.
    """

    daemon_threads = True

    def __init__(self, files: Mapping[str, bytes], held: set[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.held = files, held
        self.asked: Queue[str] = Queue()
        self.release = Event()

    def address(self, name: str) -> str:
        """Where a file is."""
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients are killed on purpose."""


@contextmanager
def serving(files: Mapping[str, bytes], held: set[str]) -> Iterator[FileServer]:
    """A server while the block lasts."""
    server = FileServer(files, held)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_HEAD(self) -> None:
        content = self.server.files[self.path.lstrip("/")]
        self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        if name in self.server.held:
            self.server.asked.put(name)
            self.server.release.wait(60)
        content = self.server.files[name]
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        start, end = (
            (int(wanted[1]), int(wanted[2] or len(content))) if wanted else (0, len(content))
        )
        piece = content[start : end + 1]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(piece)))
        self.send_header("Content-Range", f"bytes {start}-{start + len(piece) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(piece)

    def log_message(self, format: str, *args: object) -> None:
        """Tests say for themselves what they saw."""
