"""A file server that delays some files, so that a run can be interrupted in the middle."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Event, Thread

_RANGE = re.compile(r"bytes=(\d+)-(\d+)?")


class FileServer(ThreadingHTTPServer):
    """Serves *files* by name. GETs of *delayed* names wait until `release` is set.

    Args:
        delayed_gets: Names of those GETs in order of arrival.
    """

    daemon_threads = True

    def __init__(self, files: Mapping[str, bytes], delayed: set[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.delayed = files, delayed
        self.delayed_gets: Queue[str] = Queue()
        self.release = Event()

    def get_url(self, name: str) -> str:
        """Return the URL of a file."""
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients are killed on purpose."""


@contextmanager
def serve_files(files: Mapping[str, bytes], delayed: set[str]) -> Iterator[FileServer]:
    """Run a file server during the block."""
    server = FileServer(files, delayed)
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
        if name in self.server.delayed:
            self.server.delayed_gets.put(name)
            self.server.release.wait(60)
        content = self.server.files[name]
        byte_range = _RANGE.fullmatch(self.headers.get("Range", ""))
        start, end = (
            (int(byte_range[1]), int(byte_range[2] or len(content)))
            if byte_range
            else (0, len(content))
        )
        piece = content[start : end + 1]
        self.send_response(206 if byte_range else 200)
        self.send_header("Content-Length", str(len(piece)))
        self.send_header("Content-Range", f"bytes {start}-{start + len(piece) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(piece)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""
