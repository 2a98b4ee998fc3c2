"""Whoever cannot use a database is told what to do about it."""

import sqlite3

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.database import DatabaseUnavailable, open_database
from segment_insider_emulator.storage.database_errors import UNREACHABLE_HINT, find_hint

AT = 'connection failed: connection to server at "127.0.0.1", port 5432 failed: '
FEWER = (
    "or have fewer sandboxes or processes; docs/operations.md says how many connections they take."
)
CONNECTIONS = f"Raise max_connections of the server, {FEWER}"
EXISTS = "See that the user and the database that its address names exist on that server."
ESCAPE = "In a user, password or option, write % as %25, @ as %40, : as %3A, / as %2F and # as %23."
PASSWORD = (
    f"See to the user and the password in its address, or to the password in ~/.pgpass. {ESCAPE}"
)
LET_IN = (
    "See to the user, host and database in its address, or have the server's pg_hba.conf let them"
    " in."
)
ALLOW = "Have the server let the user in its address connect to that database, or name another."
NO_POOLER = (
    "Name the server itself, not a pooler before it: a connection is told its sandbox by options,"
    " which that does not hand on."
)
NO_TLS = "Leave sslmode out of its address, or have the server use TLS."
OPTION = "Correct that option of its address, or leave it out."
ROOT = "Name the file with the server's root certificate as sslrootcert in its address."
WAIT = "Wait until the server takes connections."


@pytest.mark.parametrize(
    ("told", "advice"),
    [
        ("FATAL:  sorry, too many clients already", CONNECTIONS),
        (
            "FATAL:  remaining connection slots are reserved for non-replication superuser"
            " connections",
            CONNECTIONS,
        ),
        (
            'FATAL:  too many connections for role "ada"',
            "Raise the limit of the user in its address, as with ALTER ROLE … CONNECTION LIMIT,"
            f" {FEWER}",
        ),
        (
            'FATAL:  too many connections for database "team"',
            f"Raise the limit of the database, as with ALTER DATABASE … CONNECTION LIMIT, {FEWER}",
        ),
        ('FATAL:  role "ada" does not exist', EXISTS),
        ('FATAL:  database "team" does not exist', EXISTS),
        ('FATAL:  password authentication failed for user "ada"', PASSWORD),
        ("fe_sendauth: no password supplied", PASSWORD),
        (
            'FATAL:  no pg_hba.conf entry for host "10.0.0.7", user "ada", database "x", SSL off',
            LET_IN,
        ),
        ('FATAL:  Peer authentication failed for user "ada"', LET_IN),
        ('FATAL:  role "ada" is not permitted to log in', ALLOW),
        (
            'FATAL:  permission denied for database "team"\nDETAIL:  User does not have CONNECT',
            ALLOW,
        ),
        ("FATAL:  unsupported startup parameter: options", NO_POOLER),
        (
            'invalid sslmode value: "bogus"',
            "Give sslmode in its address as disable, allow, prefer, require, verify-ca or"
            " verify-full.",
        ),
        ('invalid channel_binding value: "maybe"', OPTION),
        ('FATAL:  unrecognized configuration parameter "nothing"', OPTION),
        ('root certificate file "/root/.postgresql/root.crt" does not exist', ROOT),
        ("SSL error: certificate verify failed", ROOT),
        ("server does not support SSL, but SSL was required", NO_TLS),
        ("FATAL:  the database system is starting up", WAIT),
        ("FATAL:  the database system is shutting down", WAIT),
        ("FATAL:  the database system is in recovery mode", WAIT),
        ("FATAL:  the database system is not yet accepting connections", WAIT),
        ("Connection refused\n\tIs the server running on that host?", UNREACHABLE_HINT),
        ("server closed the connection unexpectedly", UNREACHABLE_HINT),
    ],
)
def test_words_of_a_server_that_refuses(told: str, advice: str) -> None:
    assert find_hint(OSError(AT + told)) == advice
    assert (
        DatabaseUnavailable(AT + told).remedy
        == f"{advice} What was not acknowledged may be sent again."
    )


def test_a_number_of_sqlite_is_known_with_its_finer_shades() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    assert find_hint(error) == "Look at the disk, and the space left on it."


@pytest.mark.parametrize(
    "kind", ["mysql", "mysql+pymysql", "mssql", "postgresql+asyncpg", "oracle", "https"]
)
def test_a_database_of_another_kind_is_refused_with_those_that_there_are(kind: str) -> None:
    with pytest.raises(EmulatorError) as refusal:
        open_database(f"{kind}://ada:secret@127.0.0.1:3306/team")
    assert str(refusal.value) == (
        f"{kind}:…: captures cannot go to a database of this kind. "
        "Give a file, such as --db emulator.db, or :memory:,"
        " or a PostgreSQL database: postgresql://USER:PASSWORD@HOST/DATABASE."
    )


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "postgresql+psycopg"])
@pytest.mark.parametrize(
    "secret", ["ada:secret@127.0.0.1:1/team", "127.0.0.1:1/team?user=ada&password=secret"]
)
def test_an_address_is_taken_as_a_hosting_provider_writes_it_and_shown_without_its_secrets(
    kind: str, secret: str
) -> None:
    with pytest.raises(EmulatorError) as refusal:
        open_database(f"{kind}://{secret}")
    at = "//…@" if "@127" in secret else "//"
    assert str(refusal.value) == (
        f"postgresql+psycopg:{at}127.0.0.1:1/team: the database cannot be opened"
        ' (connection failed: connection to server at "127.0.0.1", port 1 failed: Connection'
        " refused)."
        " See that the database can be reached."
    )


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("postgres://ada:sec@ret@127.0.0.1:1/team", id="a password with @"),
        pytest.param("postgres://ada:sec@r/et@127.0.0.1:1/team", id="with @ and /"),
        pytest.param("postgres://ada:sec@re:t@127.0.0.1:1/team", id="with @ and :"),
        pytest.param("postgres://ada:s@cr:e/t@127.0.0.1:1/team", id="with all three"),
        pytest.param("postgres://ada:sec@re?t@127.0.0.1:1/team", id="with @ and ?"),
        pytest.param("postgres://ada:secret@127.0.0.1:port/team", id="no number for a port"),
        pytest.param("postgres://127.0.0.1/team?port=secret", id="nor in an option"),
        pytest.param("sqlite://ada:secret@127.0.0.1/team", id="a file at a host"),
        pytest.param("://secret", id="no kind"),
    ],
)
def test_of_an_address_that_cannot_be_read_nothing_is_told_but_its_kind(address: str) -> None:
    with pytest.raises(EmulatorError) as refusal:
        open_database(address)
    assert str(refusal.value) == (
        f"{address.partition(':')[0]}:…: its address cannot be read."
        " Give a file, such as --db emulator.db, or :memory:,"
        " or a PostgreSQL database: postgresql://USER:PASSWORD@HOST/DATABASE."
        f" {ESCAPE}"
    )


def test_an_option_that_the_driver_does_not_know_is_told() -> None:
    with pytest.raises(EmulatorError) as refusal:
        open_database("postgres://ada:secret@127.0.0.1:1/team?pgbouncer=true")
    assert str(refusal.value) == (
        "postgresql+psycopg://…@127.0.0.1:1/team: the database cannot be opened"
        ' (invalid connection option "pgbouncer"). Leave it out of its address.'
    )
