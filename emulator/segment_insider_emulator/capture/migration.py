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

from segment_insider_emulator.capture.postgres import LOCK
from segment_insider_emulator.capture.steps import STEPS, Step
from segment_insider_emulator.errors import EmulatorError

VERSION = 1 + len(STEPS)
APPLICATION = LOCK  # marks an SQLite file as the emulator's, whatever its tables are called
# Where a database that is no file keeps its version; a file has a place for it in its head.
_kept = Table("schema_version", MetaData(), Column("version", Integer, nullable=False))


def recognise(engine: Engine, url: str) -> None:
    """Refuse an SQLite file that another program made, or a later version, and leave it as it is.

    Raises: EmulatorError.
    """
    with engine.connect() as connection:
        if _version(connection) is None:
            return
        if _pragma(connection, "application_id") != APPLICATION:
            what = "this is the database of another program"
            raise EmulatorError(what, url, "Name another file.")
        _refuse_newer(_version(connection), url)


def migrate(engine: Engine, metadata: MetaData, url: str, steps: Sequence[Step] = STEPS) -> None:
    """Give the database of *engine* the tables of this version, in one transaction.

    Args:
        url: For the error message.
    Raises: EmulatorError, when a later version of the emulator made it.
    """
    _know_all_tables()
    with _alone(engine) as connection:
        found = _version(connection)
        _refuse_newer(found, url)
        if found is None:
            metadata.create_all(connection, checkfirst=False)
        else:
            for step in steps[found - 1 :]:
                step(connection)
        # Even where nothing has changed: a disk that takes nothing is to be told at the start.
        _stamp(connection)


def _know_all_tables() -> None:
    """A database has all tables, whichever modules the program that makes it has asked for."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        import_module(f"segment_insider_emulator.capture.{module.name}")


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other process has at the same time, table changes included."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            # Another process may be at it, and a large table takes its time.
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        yield connection


def _version(connection: Connection) -> int | None:
    """The version of the tables; None when there are none yet."""
    tables = inspect(connection).get_table_names()
    if connection.dialect.name == "sqlite":
        return _pragma(connection, "user_version") if tables else None
    return connection.scalar(select(_kept.c.version)) if _kept.name in tables else None


def _stamp(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION}")
        connection.exec_driver_sql(f"PRAGMA user_version={VERSION}")
        return
    _kept.create(connection, checkfirst=True)
    connection.execute(delete(_kept))
    connection.execute(insert(_kept), [{"version": VERSION}])


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def _refuse_newer(found: int | None, url: str) -> None:
    if found is not None and found > VERSION:
        what = f"a later version of the emulator made this database ({found}, not {VERSION})"
        raise EmulatorError(what, url, "Install that version, or name another database.")
