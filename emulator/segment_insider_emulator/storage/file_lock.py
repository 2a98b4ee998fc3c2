"""Who serves an SQLite file: one process, since two would not know of each other."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.database import (
    is_in_memory_url,
    sqlite_file_path,
    to_sqlalchemy_url,
)

LOCK_TIMEOUT_S = 1.0  # seconds; one that was killed a moment ago may not be gone yet
LOCK_RETRY_INTERVAL_S = 0.05  # seconds between two looks
FILE_IN_USE_HINT = (
    "Stop that one, name another file with --db, or let both share a PostgreSQL database."
)


@contextmanager
def lock_database_file(url: str) -> Iterator[None]:
    """Serve the database of *url* alone during the block, if it is an SQLite file.

    The lock is that of a file beside it, of which who is refused reads the process: SQLite's own
    locks end when any descriptor of the database is closed. It ends with the process, however that
    ends. Where there are no such locks, as on Windows, or the file cannot be made, nobody is
    refused.
    Raises: EmulatorError, when another process serves it.
    """
    file = _resolve_database_file(url)
    with ExitStack() as held:
        if file:
            _acquire_lock(file.with_name(f"{file.name}-lock"), url, held)
        yield


def _resolve_database_file(url: str) -> Path | None:
    """The SQLite file that *url* names; links to it name the same."""
    try:
        path = None if is_in_memory_url(url) else sqlite_file_path(make_url(to_sqlalchemy_url(url)))
    except ArgumentError:
        return None  # which whoever opens it tells
    return path and path.resolve()


def _acquire_lock(lock_path: Path, url: str, exit_stack: ExitStack) -> None:
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    with suppress(ImportError, OSError):
        while (taken := _try_lock(lock_path)) is None:
            if time.monotonic() > deadline:
                what = f"another emulator serves this SQLite file{_describe_lock_owner(lock_path)}"
                raise EmulatorError(what, url, FILE_IN_USE_HINT)
            time.sleep(LOCK_RETRY_INTERVAL_S)
        exit_stack.callback(_release_lock, lock_path, taken)


def _try_lock(lock_path: Path) -> IO[str] | None:
    """The file *lock*, locked; None where another process has it."""
    import fcntl  # which Windows has not

    with ExitStack() as undo:
        file = undo.enter_context(lock_path.open("a+"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        if not _is_same_file(
            lock_path, file
        ):  # who had it has removed it, and a third may have made it anew
            return None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        undo.pop_all()
        return file


def _is_same_file(path: Path, file: IO[str]) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _describe_lock_owner(lock_path: Path) -> str:
    """The process that has the lock, where it is known by now."""
    with suppress(OSError):
        said = lock_path.read_text(errors="replace")
        return f" (process {said})" if said.isdecimal() and len(said) < 20 else ""
    return ""


def _release_lock(lock_path: Path, lock_file: IO[str]) -> None:
    with lock_file, suppress(OSError):
        lock_path.unlink()
