"""Database errors: exceptions for the emulator's users, with advice for each driver error."""

import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine

from segment_insider_emulator.errors import TemporarilyUnavailable

DATABASE_GONE_CODES = ("42P01", "3F000")  # PostgreSQL has no such table, or no such schema
FORBIDDEN_CODE = "42501"  # PostgreSQL's insufficient_privilege
URL_ESCAPING_HINT = (
    "In a user, password or option, write % as %25, @ as %40, : as %3A, / as %2F and # as %23."
)
RECOVER_FILE_HINT = "Move the file away; `sqlite3 FILE .recover` may save its rows."
# By SQLite's result codes and PostgreSQL's SQLSTATEs.
HINTS_BY_CODE: Mapping[int | str, str] = {
    sqlite3.SQLITE_BUSY: "Stop the other program that uses the database.",
    sqlite3.SQLITE_LOCKED: "Stop the other program that uses the database.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable.",
    sqlite3.SQLITE_IOERR: "Check the disk and its free space.",
    sqlite3.SQLITE_FULL: "Free space on the disk.",
    sqlite3.SQLITE_CANTOPEN: "Name a file in a folder that you may write to, or use --db :memory:.",
    sqlite3.SQLITE_CORRUPT: RECOVER_FILE_HINT,
    sqlite3.SQLITE_NOTADB: RECOVER_FILE_HINT,
    "55P03": "Another emulator uses the database; check that its deliveries get responses.",
    FORBIDDEN_CODE: (
        "Make the user of the database URL the owner of the tables, and GRANT it CREATE on the"
        " database and the schema, or make it the owner of these, too."
    ),
    **dict.fromkeys(DATABASE_GONE_CODES, "The sandbox was deleted."),
}
FEWER_CONNECTIONS_HINT = (
    "or use fewer sandboxes or processes; docs/operations.md says how many connections they need."
)
SERVER_STARTING_PATTERN = "is starting up|is shutting down|not yet accepting connections"
# A refused connection has no SQLSTATE, only a message of PostgreSQL or its library.
HINTS_BY_MESSAGE_PATTERN: Mapping[str, str] = {
    "sorry, too many clients|remaining connection slots": (
        f"Raise max_connections of the server, {FEWER_CONNECTIONS_HINT}"
    ),
    "too many connections for role": (
        "Raise the limit of the database URL's user, e.g. with ALTER ROLE … CONNECTION LIMIT,"
        f" {FEWER_CONNECTIONS_HINT}"
    ),
    "too many connections for database": (
        "Raise the limit of the database, e.g. with ALTER DATABASE … CONNECTION LIMIT,"
        f" {FEWER_CONNECTIONS_HINT}"
    ),
    'role ".*" does not exist|database ".*" does not exist': (
        "Check that the user and the database of the database URL exist on the server."
    ),
    "password authentication failed|no password supplied": (
        "Correct the user and the password in the database URL, or the password in ~/.pgpass."
        f" {URL_ESCAPING_HINT}"
    ),
    "no pg_hba.conf entry|(?:peer|ident) authentication failed": (
        "Correct the user, host and database in the database URL, or allow them in the server's"
        " pg_hba.conf."
    ),
    "is not permitted to log in|permission denied for database": (
        "Allow the database URL's user to connect to that database, or name another user."
    ),
    f"{SERVER_STARTING_PATTERN}|in recovery mode": "Wait until the server accepts connections.",
    "unsupported startup parameter": (
        "Name the server itself, not a connection pooler: a connection gets its sandbox's schema as"
        " a startup option, which the pooler does not pass on."
    ),
    "invalid sslmode value": (
        "Set sslmode in the database URL to disable, allow, prefer, require, verify-ca or"
        " verify-full."
    ),
    "invalid .* value|bad value for|unrecognized configuration parameter": (
        "Correct or remove that option of the database URL."
    ),
    "root certificate file|certificate verify failed": (
        "Name the file of the server's root certificate as sslrootcert in the database URL."
    ),
    "server does not support SSL": (
        "Remove sslmode from the database URL, or enable TLS on the server."
    ),
    "invalid connection option|invalid URI query parameter": "Remove it from the database URL.",
}
# Messages of a driver when the server is down, not up yet, or closed the connection.
SERVER_UNREACHABLE_PATTERN = (
    "connection refused|no such file or directory|timeout expired|connection timeout"
    "|failed to resolve host|could not translate host name|no route to host|is unreachable"
    "|server closed the connection|connection is lost|connection reset|terminating connection"
    f"|{SERVER_STARTING_PATTERN}"
)
UNREACHABLE_HINT = "Check that the database can be reached."


class DatabaseUnavailable(TemporarilyUnavailable):
    """Error when the database cannot be used now, e.g. locked, full, damaged or unreachable.

    Args:
        reason: The driver's error.
    """

    def __init__(self, reason: object) -> None:
        self.reason = get_first_line_of_driver_error(reason)
        self.is_server_unreachable = is_server_unreachable(self.reason)
        remedy = f"{find_error_advice(reason)} Unacknowledged messages may be sent again."
        super().__init__(f"the database cannot be used ({self.reason})", "", remedy)


class DatabaseFileLost(DatabaseUnavailable):
    """Error when the SQLite file was deleted, replaced or truncated while in use."""

    def __init__(self, reason: str, path: Path) -> None:
        super().__init__(f"the file {path.name}: {reason}")
        self.remedy = (
            "Stop the emulator, restore the file if you have a copy, and start again;"
            " until then nothing is stored."
        )


class DatabaseClosed(DatabaseUnavailable):
    """Error when the database of a sandbox was closed or deleted, by this process or another."""


def translate_driver_error(
    engine: Engine, error: BaseException | None
) -> DatabaseUnavailable | None:
    """Return a driver error as DatabaseUnavailable if it may pass, else None.

    Missing permissions may pass: they may be granted.
    """
    if get_driver_error_code(error) in DATABASE_GONE_CODES:
        return DatabaseClosed(error)
    may_pass = is_transient_error(engine, error) or get_driver_error_code(error) == FORBIDDEN_CODE
    return DatabaseUnavailable(error) if may_pass else None


def is_transient_error(engine: Engine, error: BaseException | None) -> bool:
    """Return whether the same SQL may succeed later, after a database driver's *error*."""
    if isinstance(error, sqlite3.Error):
        return get_driver_error_code(error) in HINTS_BY_CODE
    driver = engine.dialect.loaded_dbapi
    return isinstance(error, (driver.OperationalError, driver.InterfaceError))


def find_error_advice(error: object) -> str:
    """Return what people should do about a database driver's *error*."""
    if hint := HINTS_BY_CODE.get(get_driver_error_code(error)):
        return hint
    message = get_first_line_of_driver_error(error)
    hints = (
        hint
        for pattern, hint in HINTS_BY_MESSAGE_PATTERN.items()
        if re.search(pattern, message, re.I)
    )
    return next(hints, UNREACHABLE_HINT)


def is_server_unreachable(message: str) -> bool:
    """Return whether a driver's error message means that the database server is unreachable."""
    return re.search(SERVER_UNREACHABLE_PATTERN, message, re.I) is not None


def get_driver_error_code(error: object) -> int | str:
    """Return PostgreSQL's SQLSTATE or SQLite's primary result code of *error*; else 0."""
    state: str | None = getattr(error, "sqlstate", None)
    return state or getattr(error, "sqlite_errorcode", 0) & 0xFF


def get_first_line_of_driver_error(error: object) -> str:
    """Return the first line of a database driver's error; later lines are its own hints."""
    return str(error).partition("\n")[0]
