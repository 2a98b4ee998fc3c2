"""Answers as large as the database: few at a time, written to a file and sent from there.

A thread is busy only while the file is written; the server sends it as fast as its client reads,
and closes it when that is done or the client is gone.
"""

import tempfile
import weakref
from collections.abc import Callable, Iterable
from threading import BoundedSemaphore
from typing import IO, Final

from flask import Response, request
from werkzeug.wsgi import wrap_file

from segment_insider_emulator.errors import TemporarilyUnavailable

MAX_LARGE_RESPONSES: Final = 4  # of one process, until they are sent
_DISCONNECT_CHECK_BYTES: Final = (
    256 * 1024
)  # bytes between two looks at whether the client is still there
_large_response_slots = BoundedSemaphore(MAX_LARGE_RESPONSES)


class ClientDisconnected(TemporarilyUnavailable):
    """The client has closed its connection: nobody reads the answer."""


class _ResponseFile:
    """A temporary file that gives its place back when it is closed."""

    def __init__(self) -> None:
        if not _large_response_slots.acquire(blocking=False):
            what = f"{MAX_LARGE_RESPONSES} large answers are being sent, and no more at once"
            raise TemporarilyUnavailable(what, request.path, "Ask again when one of them is done.")
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # open until it is sent
        self.close = weakref.finalize(
            self, _close_and_release, file
        )  # once, at the latest when unused
        self.read, self.write, self.seek, self.tell = file.read, file.write, file.seek, file.tell


def _close_and_release(file: IO[bytes]) -> None:
    file.close()
    _large_response_slots.release()


def send_large_response(chunks: Iterable[bytes], mimetype: str) -> Response:
    """Answer with *parts*, one after the other.

    Raises: Unavailable, when enough such answers are under way, or the client is gone.
    """
    spool = _ResponseFile()
    try:
        size = _write_chunks(spool, chunks)
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    answer = Response(
        wrap_file(request.environ, spool),  # type: ignore[arg-type]  # a file as far as it is read
        mimetype=mimetype,
        direct_passthrough=True,
    )
    answer.content_length = size
    return answer


def _write_chunks(file: _ResponseFile, chunks: Iterable[bytes]) -> int:
    is_gone: Callable[[], bool] = request.environ.get("waitress.client_disconnected", bool)
    size = looked_at = 0
    for part in chunks:
        size += file.write(part)
        if size - looked_at > _DISCONNECT_CHECK_BYTES:
            looked_at = size
            if is_gone():
                raise ClientDisconnected("the client is gone", request.path)
    return size
