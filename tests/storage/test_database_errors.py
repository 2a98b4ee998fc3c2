"""Advice for database errors."""

import sqlite3

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.database import DatabaseUnavailable, open_database
from segment_insider_emulator.storage.database_errors import UNREACHABLE_HINT, find_error_advice

AT = 'connection failed: connection to server at "127.0.0.1", port 5432 failed: '
FEWER = (
    "or use fewer sandboxes or processes; docs/operations.md says how many connections they need."
)
CONNECTIONS = f"Raise max_connections of the server, {FEWER}"
EXISTS = "Check that the user and the database of the database URL exist on the server."
ESCAPE = "In a user, password or option, write % as %25, @ as %40, : as %3A, / as %2F and # as %23."
PASSWORD = (
    f"Correct the user and the password in the database URL, or the password in ~/.pgpass. {ESCAPE}"
)
PG_HBA = (
    "Correct the user, host and database in the database URL, or allow them in the server's"
    " pg_hba.conf."
)
ALLOW = "Allow the database URL's user to connect to that database, or name another user."
NO_POOLER = (
    "Name the server itself, not a connection pooler: a connection gets its sandbox's schema as a"
    " startup option, which the pooler does not pass on."
)
NO_TLS = "Remove sslmode from the database URL, or enable TLS on the server."
OPTION = "Correct or remove that option of the database URL."
ROOT = "Name the file of the server's root certificate as sslrootcert in the database URL."
WAIT = "Wait until the server accepts connections."


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("FATAL:  sorry, too many clients already", CONNECTIONS),
        (
            "FATAL:  remaining connection slots are reserved for non-replication superuser"
            " connections",
            CONNECTIONS,
        ),
        (
            'FATAL:  too many connections for role "ada"',
            "Raise the limit of the database URL's user, e.g. with ALTER ROLE … CONNECTION LIMIT,"
            f" {FEWER}",
        ),
        (
            'FATAL:  too many connections for database "team"',
            "Raise the limit of the database, e.g. with ALTER DATABASE … CONNECTION LIMIT,"
            f" {FEWER}",
        ),
        ('FATAL:  role "ada" does not exist', EXISTS),
        ('FATAL:  database "team" does not exist', EXISTS),
        ('FATAL:  password authentication failed for user "ada"', PASSWORD),
        ("fe_sendauth: no password supplied", PASSWORD),
        (
            'FATAL:  no pg_hba.conf entry for host "10.0.0.7", user "ada", database "x", SSL off',
            PG_HBA,
        ),
        ('FATAL:  Peer authentication failed for user "ada"', PG_HBA),
        ('FATAL:  role "ada" is not permitted to log in', ALLOW),
        (
            'FATAL:  permission denied for database "team"\nDETAIL:  User does not have CONNECT',
            ALLOW,
        ),
        ("FATAL:  unsupported startup parameter: options", NO_POOLER),
        (
            'invalid sslmode value: "bogus"',
            "Set sslmode in the database URL to disable, allow, prefer, require, verify-ca or"
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
def test_a_message_of_the_server_has_a_hint(message: str, hint: str) -> None:
    assert find_error_advice(OSError(AT + message)) == hint
    assert (
        DatabaseUnavailable(AT + message).remedy
        == f"{hint} Unacknowledged messages may be sent again."
    )


def test_an_extended_result_code_of_sqlite_has_the_hint_of_its_primary_code() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    assert find_error_advice(error) == "Check the disk and its free space."


@pytest.mark.parametrize(
    "kind", ["mysql", "mysql+pymysql", "mssql", "postgresql+asyncpg", "oracle", "https"]
)
def test_an_unsupported_kind_of_database_is_refused_with_the_supported_ones(kind: str) -> None:
    with pytest.raises(EmulatorError) as refusal:
        open_database(f"{kind}://ada:secret@127.0.0.1:3306/team")
    assert str(refusal.value) == (
        f"{kind}:…: this kind of database is not supported. "
        "Give a file, such as --db emulator.db, or :memory:,"
        " or a PostgreSQL database: postgresql://USER:PASSWORD@HOST/DATABASE."
    )


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "postgresql+psycopg"])
@pytest.mark.parametrize(
    "secret", ["ada:secret@127.0.0.1:1/team", "127.0.0.1:1/team?user=ada&password=secret"]
)
def test_a_hosting_providers_url_is_accepted_and_shown_without_secrets(
    kind: str, secret: str
) -> None:
    with pytest.raises(EmulatorError) as refusal:
        open_database(f"{kind}://{secret}")
    at = "//…@" if "@127" in secret else "//"
    assert str(refusal.value) == (
        f"postgresql+psycopg:{at}127.0.0.1:1/team: the database cannot be opened"
        ' (connection failed: connection to server at "127.0.0.1", port 1 failed: Connection'
        " refused)."
        " Check that the database can be reached."
    )


@pytest.mark.parametrize(
    "url",
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
def test_an_invalid_url_is_shown_as_its_scheme_only(url: str) -> None:
    with pytest.raises(EmulatorError) as refusal:
        open_database(url)
    assert str(refusal.value) == (
        f"{url.partition(':')[0]}:…: invalid database URL."
        " Give a file, such as --db emulator.db, or :memory:,"
        " or a PostgreSQL database: postgresql://USER:PASSWORD@HOST/DATABASE."
        f" {ESCAPE}"
    )


def test_an_unknown_option_of_a_url_is_reported() -> None:
    with pytest.raises(EmulatorError) as refusal:
        open_database("postgres://ada:secret@127.0.0.1:1/team?pgbouncer=true")
    assert str(refusal.value) == (
        "postgresql+psycopg://…@127.0.0.1:1/team: the database cannot be opened"
        ' (invalid connection option "pgbouncer"). Remove it from the database URL.'
    )
