"""Who serves an SQLite file: one process, since two would not know of each other."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from segment_insider_emulator.capture.database import address, file_path, is_memory
from segment_insider_emulator.errors import EmulatorError

PATIENCE = 1.0  # seconds; one that was killed a moment ago may not be gone yet
LOOK = 0.05  # seconds between two looks
REMEDY = "Stop that one, name another file with --db, or let both share a PostgreSQL database."


@contextmanager
def occupied(url: str) -> Iterator[None]:
    """Serve the database of *url* alone during the block, if it is an SQLite file.

    The lock is that of a file beside it, of which who is refused reads the process: SQLite's own
    locks end when any descriptor of the database is closed. It ends with the process, however that
    ends. Where there are no such locks, as on Windows, or the file cannot be made, nobody is
    refused.
    Raises: EmulatorError, when another process serves it.
    """
    file = _file(url)
    with ExitStack() as held:
        if file:
            _take(file.with_name(f"{file.name}-lock"), url, held)
        yield


def _file(url: str) -> Path | None:
    """The SQLite file that *url* names; links to it name the same."""
    try:
        path = None if is_memory(url) else file_path(make_url(address(url)))
    except ArgumentError:
        return None  # which whoever opens it tells
    return path and path.resolve()


def _take(lock: Path, url: str, held: ExitStack) -> None:
    deadline = time.monotonic() + PATIENCE
    with suppress(ImportError, OSError):
        while (taken := _tried(lock)) is None:
            if time.monotonic() > deadline:
                what = f"another emulator serves this SQLite file{_named(lock)}"
                raise EmulatorError(what, url, REMEDY)
            time.sleep(LOOK)
        held.callback(_leave, lock, taken)


def _tried(lock: Path) -> IO[str] | None:
    """The file *lock*, locked; None where another process has it."""
    import fcntl  # which Windows has not

    with ExitStack() as undo:
        file = undo.enter_context(lock.open("a+"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        if not _is_at(lock, file):  # who had it has removed it, and a third may have made it anew
            return None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        undo.pop_all()
        return file


def _is_at(path: Path, file: IO[str]) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _named(lock: Path) -> str:
    """The process that has the lock, where it is known by now."""
    with suppress(OSError):
        said = lock.read_text(errors="replace")
        return f" (process {said})" if said.isdecimal() and len(said) < 20 else ""
    return ""


def _leave(lock: Path, taken: IO[str]) -> None:
    with taken, suppress(OSError):
        lock.unlink()
