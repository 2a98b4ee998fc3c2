"""What a database cannot do now and may later, and what to do about it."""

import re
import sqlite3
from collections.abc import Mapping

DATABASE_GONE_CODES = ("42P01", "3F000")  # PostgreSQL has no such table, or no such schema
FORBIDDEN_CODE = "42501"  # PostgreSQL does not let the user do it
URL_ESCAPING_HINT = (
    "In a user, password or option, write % as %25, @ as %40, : as %3A, / as %2F and # as %23."
)
RECOVER_FILE_HINT = "Move the file away; `sqlite3 FILE .recover` may save what is in it."
# SQLite's numbers, and PostgreSQL's states.
HINTS_BY_CODE: Mapping[int | str, str] = {
    sqlite3.SQLITE_BUSY: "Stop the program that holds the database.",
    sqlite3.SQLITE_LOCKED: "Stop the program that holds the database.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable.",
    sqlite3.SQLITE_IOERR: "Look at the disk, and the space left on it.",
    sqlite3.SQLITE_FULL: "Free space on the disk.",
    sqlite3.SQLITE_CANTOPEN: "Name a file in a folder you may write to, or use --db :memory:.",
    sqlite3.SQLITE_CORRUPT: RECOVER_FILE_HINT,
    sqlite3.SQLITE_NOTADB: RECOVER_FILE_HINT,
    "55P03": "Another emulator on it is still at work; see that what it delivers to answers.",
    FORBIDDEN_CODE: (
        "Let the user in its address own the tables, and GRANT it CREATE on the database and the"
        " schema, or let it own these, too."
    ),
    **dict.fromkeys(DATABASE_GONE_CODES, "The sandbox was deleted meanwhile."),
}
FEWER_CONNECTIONS_HINT = (
    "or have fewer sandboxes or processes; docs/operations.md says how many connections they take."
)
SERVER_STARTING_PATTERN = "is starting up|is shutting down|not yet accepting connections"
# Who is refused a connection is given no state, only words: those of PostgreSQL and its library.
HINTS_BY_MESSAGE_PATTERN: Mapping[str, str] = {
    "sorry, too many clients|remaining connection slots": (
        f"Raise max_connections of the server, {FEWER_CONNECTIONS_HINT}"
    ),
    "too many connections for role": (
        "Raise the limit of the user in its address, as with ALTER ROLE … CONNECTION LIMIT,"
        f" {FEWER_CONNECTIONS_HINT}"
    ),
    "too many connections for database": (
        f"Raise the limit of the database, as with ALTER DATABASE … CONNECTION LIMIT, {FEWER_CONNECTIONS_HINT}"
    ),
    'role ".*" does not exist|database ".*" does not exist': (
        "See that the user and the database that its address names exist on that server."
    ),
    "password authentication failed|no password supplied": (
        "See to the user and the password in its address, or to the password in ~/.pgpass."
        f" {URL_ESCAPING_HINT}"
    ),
    "no pg_hba.conf entry|(?:peer|ident) authentication failed": (
        "See to the user, host and database in its address, or have the server's pg_hba.conf let"
        " them in."
    ),
    "is not permitted to log in|permission denied for database": (
        "Have the server let the user in its address connect to that database, or name another."
    ),
    f"{SERVER_STARTING_PATTERN}|in recovery mode": "Wait until the server takes connections.",
    "unsupported startup parameter": (
        "Name the server itself, not a pooler before it: a connection is told its sandbox by"
        " options, which that does not hand on."
    ),
    "invalid sslmode value": (
        "Give sslmode in its address as disable, allow, prefer, require, verify-ca or verify-full."
    ),
    "invalid .* value|bad value for|unrecognized configuration parameter": (
        "Correct that option of its address, or leave it out."
    ),
    "root certificate file|certificate verify failed": (
        "Name the file with the server's root certificate as sslrootcert in its address."
    ),
    "server does not support SSL": "Leave sslmode out of its address, or have the server use TLS.",
    "invalid connection option|invalid URI query parameter": "Leave it out of its address.",
}
# What a driver says of a server that is not there, or not yet, or went away meanwhile.
SERVER_UNREACHABLE_PATTERN = (
    "connection refused|no such file or directory|timeout expired|connection timeout"
    "|failed to resolve host|could not translate host name|no route to host|is unreachable"
    "|server closed the connection|connection is lost|connection reset|terminating connection"
    f"|{SERVER_STARTING_PATTERN}"
)
UNREACHABLE_HINT = "See that the database can be reached."


def find_hint(error: object) -> str:
    """What to do about *reason*, a driver's error."""
    if known := HINTS_BY_CODE.get(error_code(error)):
        return known
    told = first_line(error)
    found = (
        advice for words, advice in HINTS_BY_MESSAGE_PATTERN.items() if re.search(words, told, re.I)
    )
    return next(found, UNREACHABLE_HINT)


def is_server_unreachable(message: str) -> bool:
    """Whether a driver's message says that there is no server, or that it hung up."""
    return re.search(SERVER_UNREACHABLE_PATTERN, message, re.I) is not None


def error_code(error: object) -> int | str:
    """PostgreSQL's state or SQLite's number, without its finer shades, for *reason*; else 0."""
    state: str | None = getattr(error, "sqlstate", None)
    return state or getattr(error, "sqlite_errorcode", 0) & 0xFF


def first_line(error: object) -> str:
    """The first line of a driver's message, which says what; others have advice of its own."""
    return str(error).partition("\n")[0]
