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

from segment_insider_emulator.errors import Unavailable

AT_ONCE: Final = 4  # of one process, until they are sent
_CHUNK: Final = 256 * 1024  # bytes between two looks at whether the client is still there
_free = BoundedSemaphore(AT_ONCE)


class ClientGone(Unavailable):
    """The client has closed its connection: nobody reads the answer."""


class _Spool:
    """A temporary file that gives its place back when it is closed."""

    def __init__(self) -> None:
        if not _free.acquire(blocking=False):
            what = f"{AT_ONCE} large answers are being sent, and no more at once"
            raise Unavailable(what, request.path, "Ask again when one of them is done.")
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # open until it is sent
        self.close = weakref.finalize(self, _give_back, file)  # once, at the latest when unused
        self.read, self.write, self.seek, self.tell = file.read, file.write, file.seek, file.tell


def _give_back(file: IO[bytes]) -> None:
    file.close()
    _free.release()


def large_answer(parts: Iterable[bytes], mimetype: str) -> Response:
    """Answer with *parts*, one after the other.

    Raises: Unavailable, when enough such answers are under way, or the client is gone.
    """
    spool = _Spool()
    try:
        size = _write(spool, parts)
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


def _write(spool: _Spool, parts: Iterable[bytes]) -> int:
    is_gone: Callable[[], bool] = request.environ.get("waitress.client_disconnected", bool)
    size = looked_at = 0
    for part in parts:
        size += spool.write(part)
        if size - looked_at > _CHUNK:
            looked_at = size
            if is_gone():
                raise ClientGone("the client is gone", request.path)
    return size
