"""Migrations of the database's tables: from an empty or older database to this version.

A change to a table is made twice: in `schema`, from which new databases are created, and in a
migration at the end of MIGRATIONS, for existing ones. A migration is written in SQL or with tables
of its own, never with those of `schema`, which change later. Never change a released migration.

    def m012_message_times(connection: Connection) -> None:
        connection.execute(DDL("CREATE INDEX messages_received ON messages (received_at)"))
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
)

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.postgres import ADVISORY_LOCK_ID
from segment_insider_emulator.storage.schema import (
    MESSAGE_COUNT_TRIGGERS,
    PROFILE_HISTORY_MERGED_INDEX,
    metadata,
)

Migration: TypeAlias = Callable[[Connection], None]


def m002_scenario_runs(connection: Connection) -> None:
    """Migration 2: add table `scenario_runs`."""
    Table(
        "scenario_runs",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("run", Text, nullable=False),
        sqlite_autoincrement=True,
    ).create(connection)


def m003_sandboxes(connection: Connection) -> None:
    """Migration 3: add table `sandboxes`."""
    required = ("workspace", "write_key", "account", "key", "created_at")
    Table(
        "sandboxes",
        MetaData(),
        Column("id", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in required),
    ).create(connection)


def m004_message_search_indexes(connection: Connection) -> None:
    """Migration 4: add indexes for message search, and column `deliveries.changes`."""
    for name in ("event", "user_id", "anonymous_id", "verdict"):
        connection.exec_driver_sql(f"CREATE INDEX ix_messages_{name} ON messages ({name})")
    for statement in (
        "CREATE INDEX messages_counted ON messages (received_at, verdict)",
        "CREATE INDEX deliveries_taken ON deliveries (subscription, message_id)",
        "ALTER TABLE deliveries ADD COLUMN changes TEXT",
    ):
        connection.exec_driver_sql(statement)


def m005_forgotten_message_ids(connection: Connection) -> None:
    """Migration 5: add table `forgotten` with the ids of messages that retention deleted."""
    Table(
        "forgotten",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("message_id", Text, nullable=False, index=True),
        Column("received_at", Text, nullable=False, index=True),
        sqlite_autoincrement=True,
    ).create(connection)


def m006_sandbox_team(connection: Connection) -> None:
    """Migration 6: add column `sandboxes.team`."""
    connection.exec_driver_sql("ALTER TABLE sandboxes ADD COLUMN team TEXT")


def m007_shared_state(connection: Connection) -> None:
    """Migration 7: add table `shared` with states that processes share."""
    Table(
        "shared",
        MetaData(),
        Column("name", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("revision", "state")),
    ).create(connection)


def m008_message_counts(connection: Connection) -> None:
    """Migration 8: add table `message_counts` and the triggers that update it."""
    Table(
        "message_counts",
        MetaData(),
        Column("second", Text, primary_key=True),
        Column("verdict", Text, primary_key=True),
        Column("number", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
        sqlite_with_rowid=False,
    ).create(connection)
    connection.exec_driver_sql(
        "INSERT INTO message_counts SELECT substr(received_at, 1, 19), verdict, count(*)"
        " FROM messages GROUP BY substr(received_at, 1, 19), verdict"
    )
    for statement in MESSAGE_COUNT_TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def m009_sandbox_used_at(connection: Connection) -> None:
    """Migration 9: add column `sandboxes.used_at`."""
    connection.exec_driver_sql("ALTER TABLE sandboxes ADD COLUMN used_at TEXT")


def m010_queued_message_begin_count(connection: Connection) -> None:
    """Migration 10: add column `waiting.begun`, how many processes began to deliver a message."""
    column_type = "INTEGER" if connection.dialect.name == "sqlite" else "BIGINT"
    connection.exec_driver_sql(f"ALTER TABLE waiting ADD COLUMN begun {column_type}")


def m011_profile_history(connection: Connection) -> None:
    """Migration 11: add table `profile_history`, and link deliveries to it."""
    big_integer = BigInteger().with_variant(Integer, "sqlite")
    history = Table(
        "profile_history",
        MetaData(),
        Column("id", big_integer, primary_key=True),
        Column("profile_id", Text, nullable=False),
        Column("number", big_integer, nullable=False),
        Column("at", Text, nullable=False),
        Column("changes", Text, nullable=False),
        Column("state", Text),
        Column("merged_into", Text),
        sqlite_autoincrement=True,
    )
    history.create(connection)
    column_type = "INTEGER" if connection.dialect.name == "sqlite" else "BIGINT"
    for statement in (
        "CREATE UNIQUE INDEX profile_history_of ON profile_history (profile_id, number)",
        PROFILE_HISTORY_MERGED_INDEX,
        f"ALTER TABLE profiles ADD COLUMN change_count {column_type}",
        "ALTER TABLE deliveries ADD COLUMN profile_id TEXT",
        f"ALTER TABLE deliveries ADD COLUMN profile_change {column_type}",
        "CREATE INDEX deliveries_of_profile ON deliveries (profile_id, profile_change)",
    ):
        connection.exec_driver_sql(statement)


# The first one leads from version 1 to version 2.
MIGRATIONS: tuple[Migration, ...] = (
    m002_scenario_runs,
    m003_sandboxes,
    m004_message_search_indexes,
    m005_forgotten_message_ids,
    m006_sandbox_team,
    m007_shared_state,
    m008_message_counts,
    m009_sandbox_used_at,
    m010_queued_message_begin_count,
    m011_profile_history,
)
SCHEMA_VERSION = 1 + len(MIGRATIONS)
SQLITE_APPLICATION_ID = ADVISORY_LOCK_ID  # marks a file as the emulator's
# PostgreSQL's place for the version; SQLite has one in the file's header.
_schema_version = Table("schema_version", MetaData(), Column("version", Integer, nullable=False))


def refuse_foreign_sqlite_file(engine: Engine, display_url: str) -> None:
    """Refuse an SQLite file that another program or a later version created; change nothing.

    Raises: EmulatorError.
    """
    with engine.connect() as connection:
        version = _read_schema_version(connection)
        if version is None:
            return
        if _read_sqlite_pragma(connection, "application_id") != SQLITE_APPLICATION_ID:
            what = "another program created this database"
            raise EmulatorError(what, display_url, "Name another file.")
        _refuse_newer_schema_version(version, display_url)


def migrate_database(
    engine: Engine, display_url: str, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Create the tables of an empty database, or migrate older ones, in one transaction.

    Args:
        display_url: For the error message.
    Raises: EmulatorError, when a later version of the emulator created the database.
    """
    with _begin_exclusive_transaction(engine) as connection:
        version = _read_schema_version(connection)
        _refuse_newer_schema_version(version, display_url)
        if version is None:
            metadata.create_all(connection, checkfirst=False)
        else:
            for migration in migrations[version - 1 :]:
                migration(connection)
        # Written even if unchanged, so that a read-only or full disk is reported at the start.
        _write_schema_version(connection)


@contextmanager
def _begin_exclusive_transaction(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that excludes all other writers, even for DDL."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            # Another process may be migrating a large table: wait without a timeout.
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK_ID})")
        yield connection


def _read_schema_version(connection: Connection) -> int | None:
    """Return the version of a database's tables; None for an empty database."""
    tables = inspect(connection).get_table_names()
    if connection.dialect.name == "sqlite":
        return _read_sqlite_pragma(connection, "user_version") if tables else None
    if _schema_version.name not in tables:
        return None
    return connection.scalar(select(_schema_version.c.version))


def _write_schema_version(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id={SQLITE_APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA_VERSION}")
        return
    _schema_version.create(connection, checkfirst=True)
    connection.execute(delete(_schema_version))
    connection.execute(insert(_schema_version), [{"version": SCHEMA_VERSION}])


def _read_sqlite_pragma(connection: Connection, pragma: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())


def _refuse_newer_schema_version(version: int | None, display_url: str) -> None:
    if version is not None and version > SCHEMA_VERSION:
        versions = f"({version}, not {SCHEMA_VERSION})"
        what = f"a later version of the emulator created this database {versions}"
        raise EmulatorError(what, display_url, "Install that version, or name another database.")
