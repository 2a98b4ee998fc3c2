"""The SQLite file that an emulator serves: made for its owner alone, and watched while it is open.

SQLite goes on writing to a file that was deleted, and nothing of that can be read after a restart.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, event

OWNER_ONLY_MODE: Final = 0o600  # what customers sent is for the emulator's user to read
SIDE_FILE_SUFFIXES: Final = ("-wal", "-shm")  # of SQLite, beside the file while it is open
_FILE_IDENTITIES_KEY: Final = "file identities"  # in the info of a connection
FILE_LOST_HINT: Final = (
    "Stop the emulator, put the file back if you have it, and start again;"
    " until then nothing is stored."
)


class FileCheckFailed(Exception):
    """The file is no longer the one that was opened; the text says what happened to it."""


class _FileIdentity(NamedTuple):
    device: int
    inode: int


class DatabaseFile:
    """The file of one engine.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._side_files = [path.with_name(path.name + suffix) for suffix in SIDE_FILE_SUFFIXES]
        self._identity: _FileIdentity | None = None
        self._size = 0
        self._lost_reason: str | None = None

    def create_if_missing(self) -> None:
        """Create the empty file if it is missing; SQLite itself reports why it cannot."""
        with suppress(OSError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY_MODE))

    def start_watching(self, engine: Engine) -> None:
        """Note which file is there now, and refuse connections of *engine* to another one."""
        self._identity = self._read_identity(self.path)
        event.listen(engine, "do_connect", self._check_before_connecting)

    def check_identity_and_size(self) -> None:
        """Check that the file is the one that was opened, and whole. Raises: FileLost."""
        if self._lost_reason:
            raise FileCheckFailed(self._lost_reason)
        try:
            found = self.path.stat()
        except OSError as error:
            raise FileCheckFailed("it was deleted or moved away, or cannot be seen") from error
        if (found.st_dev, found.st_ino) != self._identity:
            raise FileCheckFailed("another file is in its place")
        # It never shrinks: nothing here runs VACUUM.
        if found.st_size < self._size:
            raise FileCheckFailed("it was cut short or overwritten")
        self._size = found.st_size

    def check_after_transaction(self, connection: Connection) -> None:
        """Check the file at the end of a transaction, and the side files of *connection*.

        SQLite shares them among all connections; one that was replaced would split them.

        Raises: FileLost, from then on, since a side file cannot be put back.
        """
        self.check_identity_and_size()
        noted: dict[Path, _FileIdentity | None] | None = connection.info.get(_FILE_IDENTITIES_KEY)
        if noted is None:  # its first transaction, which has opened them
            connection.info[_FILE_IDENTITIES_KEY] = {
                side: self._read_identity(side) for side in self._side_files
            }
            return
        for path, identity in noted.items():
            if self._read_identity(path) != identity:
                self._lost_reason = f"{path.name} beside it was deleted or replaced"
                raise FileCheckFailed(self._lost_reason)

    def _check_before_connecting(self, *_: Any) -> None:
        self.check_identity_and_size()

    def _read_identity(self, path: Path) -> _FileIdentity | None:
        try:
            found = path.stat()
        except OSError:
            return None
        return _FileIdentity(found.st_dev, found.st_ino)
