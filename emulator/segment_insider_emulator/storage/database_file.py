"""The SQLite file: its path and URL, a lock for one process, and checks while it is open.

SQLite continues to write to a deleted file, and none of that can be read after a restart.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.database_errors import DatabaseFileLost

OWNER_ONLY_MODE: Final = 0o600  # customers' data is for the emulator's user alone
SIDE_FILE_SUFFIXES: Final = ("-wal", "-shm")  # SQLite's files next to an open database
_FILE_IDENTITIES_KEY: Final = "file identities"  # in the info of a connection
LOCK_TIMEOUT_S = 1.0  # a killed process may need a moment to end
LOCK_RETRY_INTERVAL_S = 0.05
FILE_IN_USE_HINT = (
    "Stop that one, name another file with --db, or let both share a PostgreSQL database."
)


def to_sqlalchemy_url(path_or_url: str) -> str:
    """Return the SQLAlchemy URL of a path to an SQLite file; other URLs stay unchanged."""
    return path_or_url if "://" in path_or_url else f"sqlite:///{path_or_url}"


def is_in_memory_url(url: str) -> bool:
    """Return whether *url* names an in-memory database."""
    return url in (":memory:", "sqlite://", "sqlite:///:memory:")


def get_sqlite_file_path(url: URL) -> Path | None:
    """Return the path of an SQLite file that *url* names; None for other databases."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    is_uri = "uri" in url.query
    return Path(unquote(urlsplit(url.database).path) if is_uri else url.database).absolute()


class _FileIdentity(NamedTuple):
    device: int
    inode: int


class DatabaseFile:
    """The SQLite file of one engine, checked for deletion and replacement.

    Args:
        path: Absolute path of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._path_text = str(path)  # a Path takes longer to be read than its status
        self._side_files = [str(path) + suffix for suffix in SIDE_FILE_SUFFIXES]
        self._identity: _FileIdentity | None = None
        self._size = 0
        self._lost_reason: str | None = None

    def create_file_if_missing(self) -> None:
        """Create an empty SQLite file if there is none; SQLite itself reports why it cannot."""
        with suppress(OSError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY_MODE))

    def install_connection_check(self, engine: Engine) -> None:
        """Check before each connection of *engine* that the SQLite file is still the same."""
        self._identity = _read_file_identity(self._path_text)
        event.listen(engine, "do_connect", self._check_file_before_connecting)

    def check_identity_and_size(self) -> None:
        """Check that the SQLite file is the one opened, and whole. Raises: DatabaseFileLost."""
        if self._lost_reason:
            raise DatabaseFileLost(self._lost_reason, self.path)
        try:
            status = os.stat(self._path_text)
        except OSError as error:
            reason = "it was deleted or moved, or cannot be accessed"
            raise DatabaseFileLost(reason, self.path) from error
        if _FileIdentity(status.st_dev, status.st_ino) != self._identity:
            raise DatabaseFileLost("another file is in its place", self.path)
        # It never shrinks: the emulator does not run VACUUM.
        if status.st_size < self._size:
            raise DatabaseFileLost("it was truncated or overwritten", self.path)
        self._size = status.st_size

    def check_after_transaction(self, connection: Connection) -> None:
        """Check the SQLite file and its side files after a transaction of *connection*.

        All connections share the side files; a replaced one would split the data.

        Raises: DatabaseFileLost, from then on, since a side file cannot be restored.
        """
        self.check_identity_and_size()
        identities: dict[str, _FileIdentity | None] | None
        identities = connection.info.get(_FILE_IDENTITIES_KEY)
        if identities is None:  # its first transaction has opened them
            identities = {
                side_file: _read_file_identity(side_file) for side_file in self._side_files
            }
            connection.info[_FILE_IDENTITIES_KEY] = identities
            return
        for side_file, identity in identities.items():
            if _read_file_identity(side_file) != identity:
                self._lost_reason = f"{Path(side_file).name} next to it was deleted or replaced"
                raise DatabaseFileLost(self._lost_reason, self.path)

    def _check_file_before_connecting(self, *_: Any) -> None:
        self.check_identity_and_size()


def _read_file_identity(path: str) -> _FileIdentity | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _FileIdentity(status.st_dev, status.st_ino)


@contextmanager
def lock_database_file(path_or_url: str) -> Iterator[None]:
    """Lock the SQLite file of *path_or_url* for this process during the block.

    The lock is on a file next to it that contains the process id: SQLite's own locks end when any
    descriptor of the database is closed. The operating system frees it when the process ends. On
    Windows, or where the lock file cannot be created, nothing is locked.
    Raises: EmulatorError, when another process has it.
    """
    file = _resolve_sqlite_file_path(path_or_url)
    with ExitStack() as exit_stack:
        if file:
            _acquire_file_lock(file.with_name(f"{file.name}-lock"), path_or_url, exit_stack)
        yield


def _resolve_sqlite_file_path(path_or_url: str) -> Path | None:
    """Return the SQLite file of *path_or_url*, links resolved; None for other databases."""
    if is_in_memory_url(path_or_url):
        return None
    try:
        path = get_sqlite_file_path(make_url(to_sqlalchemy_url(path_or_url)))
    except ArgumentError:
        return None  # opening the database reports it
    # `Path.resolve` raises for a loop of links, before Python 3.13.
    return path and Path(os.path.realpath(path))


def _acquire_file_lock(lock_path: Path, display_url: str, exit_stack: ExitStack) -> None:
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    with suppress(ImportError, OSError):
        while (lock_file := _try_to_lock_file(lock_path)) is None:
            if time.monotonic() > deadline:
                what = f"another emulator uses this SQLite file{_describe_lock_owner(lock_path)}"
                raise EmulatorError(what, display_url, FILE_IN_USE_HINT)
            time.sleep(LOCK_RETRY_INTERVAL_S)
        exit_stack.callback(_release_file_lock, lock_path, lock_file)


def _try_to_lock_file(lock_path: Path) -> IO[str] | None:
    """Return the open and locked lock file; None if another process has locked it."""
    import fcntl  # not on Windows

    with ExitStack() as on_error:
        file = on_error.enter_context(lock_path.open("a+"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        # The last owner has removed it, and a third process may have created a new one.
        if not _is_same_file(lock_path, file):
            return None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        on_error.pop_all()
        return file


def _is_same_file(path: Path, file: IO[str]) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _describe_lock_owner(lock_path: Path) -> str:
    """Return " (process N)" for the process that holds the file lock, or "" if unknown."""
    with suppress(OSError):
        text = lock_path.read_text(errors="replace")
        return f" (process {text})" if text.isdecimal() and len(text) < 20 else ""
    return ""


def _release_file_lock(lock_path: Path, lock_file: IO[str]) -> None:
    with lock_file, suppress(OSError):
        lock_path.unlink()
