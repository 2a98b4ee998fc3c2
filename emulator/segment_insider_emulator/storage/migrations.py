"""How the tables came to their present shape, in numbered steps.

Whoever changes a table does it twice: in its definition, which new databases are made from, and in
a step at the end of STEPS, for those that are there. A step is written out in SQL or with tables of
its own, never with the definitions: these go on to change, and it must not. A step that somebody
may have taken stays as it is.

    def browsing(connection: Connection) -> None:
        connection.execute(DDL("CREATE INDEX messages_received ON messages (received_at)"))
"""

import pkgutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
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
from segment_insider_emulator.storage.schema import MESSAGE_COUNT_TRIGGERS

Migration: TypeAlias = Callable[[Connection], None]


def m002_scenario_runs(connection: Connection) -> None:
    """What came of Gherkin scenarios."""
    Table(
        "scenario_runs",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("run", Text, nullable=False),
        sqlite_autoincrement=True,
    ).create(connection)


def m003_sandboxes(connection: Connection) -> None:
    """Which sandboxes were created."""
    required = ("workspace", "write_key", "account", "key", "created_at")
    Table(
        "sandboxes",
        MetaData(),
        Column("id", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in required),
    ).create(connection)


def m004_message_search_indexes(connection: Connection) -> None:
    """Ways to find messages among many, and what a delivery changed in profiles."""
    for name in ("event", "user_id", "anonymous_id", "verdict"):
        connection.exec_driver_sql(f"CREATE INDEX ix_messages_{name} ON messages ({name})")
    for statement in (
        "CREATE INDEX messages_counted ON messages (received_at, verdict)",
        "CREATE INDEX deliveries_taken ON deliveries (subscription, message_id)",
        "ALTER TABLE deliveries ADD COLUMN changes TEXT",
    ):
        connection.exec_driver_sql(statement)


def m005_forgotten_message_ids(connection: Connection) -> None:
    """Ids of messages that retention took away."""
    Table(
        "forgotten",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("message_id", Text, nullable=False, index=True),
        Column("received_at", Text, nullable=False, index=True),
        sqlite_autoincrement=True,
    ).create(connection)


def m006_sandbox_team(connection: Connection) -> None:
    """Whose a sandbox is."""
    connection.exec_driver_sql("ALTER TABLE sandboxes ADD COLUMN team TEXT")


def m007_shared_state(connection: Connection) -> None:
    """What processes on one database have in common."""
    Table(
        "shared",
        MetaData(),
        Column("name", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("revision", "state")),
    ).create(connection)


def m008_message_counts(connection: Connection) -> None:
    """How many messages there are by second and verdict, from now on counted by the database."""
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
    """When somebody last asked for a sandbox."""
    connection.exec_driver_sql("ALTER TABLE sandboxes ADD COLUMN used_at TEXT")


def m010_queued_message_begin_count(connection: Connection) -> None:
    """How many processes have begun to deliver a message that waits."""
    kind = "INTEGER" if connection.dialect.name == "sqlite" else "BIGINT"
    connection.exec_driver_sql(f"ALTER TABLE waiting ADD COLUMN begun {kind}")


# The first leads from version 1 to version 2.
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
)

SCHEMA_VERSION = 1 + len(MIGRATIONS)
SQLITE_APPLICATION_ID = (
    ADVISORY_LOCK_ID  # marks an SQLite file as the emulator's, whatever its tables are called
)
# Where a database that is no file keeps its version; a file has a place for it in its head.
_schema_version = Table("schema_version", MetaData(), Column("version", Integer, nullable=False))


def refuse_foreign_file(engine: Engine, display_url: str) -> None:
    """Refuse an SQLite file that another program made, or a later version, and leave it as it is.

    Raises: EmulatorError.
    """
    with engine.connect() as connection:
        if _read_version(connection) is None:
            return
        if _read_pragma(connection, "application_id") != SQLITE_APPLICATION_ID:
            what = "this is the database of another program"
            raise EmulatorError(what, display_url, "Name another file.")
        _refuse_newer_version(_read_version(connection), display_url)


def migrate(
    engine: Engine,
    metadata: MetaData,
    display_url: str,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> None:
    """Give the database of *engine* the tables of this version, in one transaction.

    Args:
        url: For the error message.
    Raises: EmulatorError, when a later version of the emulator made it.
    """
    _import_all_tables()
    with _exclusive_transaction(engine) as connection:
        found = _read_version(connection)
        _refuse_newer_version(found, display_url)
        if found is None:
            metadata.create_all(connection, checkfirst=False)
        else:
            for step in migrations[found - 1 :]:
                step(connection)
        # Even where nothing has changed: a disk that takes nothing is to be told at the start.
        _write_version(connection)


def _import_all_tables() -> None:
    """A database has all tables, whichever modules the program that makes it has asked for."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        import_module(f"segment_insider_emulator.storage.{module.name}")


@contextmanager
def _exclusive_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other process has at the same time, table changes included."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            # Another process may be at it, and a large table takes its time.
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK_ID})")
        yield connection


def _read_version(connection: Connection) -> int | None:
    """The version of the tables; None when there are none yet."""
    tables = inspect(connection).get_table_names()
    if connection.dialect.name == "sqlite":
        return _read_pragma(connection, "user_version") if tables else None
    return (
        connection.scalar(select(_schema_version.c.version))
        if _schema_version.name in tables
        else None
    )


def _write_version(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id={SQLITE_APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA_VERSION}")
        return
    _schema_version.create(connection, checkfirst=True)
    connection.execute(delete(_schema_version))
    connection.execute(insert(_schema_version), [{"version": SCHEMA_VERSION}])


def _read_pragma(connection: Connection, pragma: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())


def _refuse_newer_version(version: int | None, display_url: str) -> None:
    if version is not None and version > SCHEMA_VERSION:
        what = (
            f"a later version of the emulator made this database ({version}, not {SCHEMA_VERSION})"
        )
        raise EmulatorError(what, display_url, "Install that version, or name another database.")
