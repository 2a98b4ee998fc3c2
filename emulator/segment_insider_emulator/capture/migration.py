"""Making the tables of a new database, and bringing those of an older one to the present shape."""

import pkgutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    delete,
    insert,
    inspect,
    select,
)

from segment_insider_emulator.capture.postgres import ADVISORY_LOCK_ID
from segment_insider_emulator.capture.steps import MIGRATIONS, Migration
from segment_insider_emulator.errors import EmulatorError

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
        import_module(f"segment_insider_emulator.capture.{module.name}")


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
