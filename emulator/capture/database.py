"""The database all captures live in: SQLite by default, opened once per emulator."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection, Engine, MetaData, QueuePool, create_engine, event, inspect
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError, TimeoutError

from emulator.errors import EmulatorError, Unavailable

metadata = MetaData()
SCHEMA = 2  # one more with every change to a table: a file keeps the number it was made with
_APPLICATION = 0x53494521  # marks an SQLite file as the emulator's, whatever its tables are called
_open: ContextVar[Connection | None] = ContextVar("open", default=None)


class StorageFault(Unavailable):
    """The database cannot be used now: locked, full, read-only, or out of connections."""

    def __init__(self, reason: object) -> None:
        remedy = "Free space or unlock the database; what was not acknowledged may be sent again."
        super().__init__(f"the database cannot be used ({reason})", "", remedy)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, undone by an exception.

    Inside another of the same thread it is a part of that one: all is kept or nothing.
    Raises: StorageFault, when the database cannot be used.
    """
    outer = _open.get()
    if outer is not None and outer.engine is engine:
        yield outer
        return
    try:
        with engine.begin() as connection:
            before = _open.set(connection)
            try:
                yield connection
            finally:
                _open.reset(before)
    except TimeoutError as error:
        raise StorageFault(error) from error
    except OperationalError as error:
        # SQLite's plain "error" is a statement that does not fit the tables: no retry helps.
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            raise
        raise StorageFault(error.orig) from error


def connect(url: str) -> Engine:
    """Open *url* and create the tables that are missing.

    Args:
        url: An SQLAlchemy URL, a path to an SQLite file, or ":memory:".
    Raises: EmulatorError, when the database cannot be opened or written, or is an SQLite file that
        this version of the emulator did not make.
    """
    in_memory = url in (":memory:", "sqlite://", "sqlite:///:memory:")
    if in_memory:
        # One connection, lent to one thread at a time: a second one would be an empty database.
        engine = create_engine(
            "sqlite://",
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            connect_args={"check_same_thread": False},
        )
    else:
        engine = _engine(url if "://" in url else f"sqlite:///{url}")
    try:
        if engine.dialect.name == "sqlite":
            if not in_memory:
                _claim(engine, url)
            event.listen(engine, "connect", _tune_sqlite)
        metadata.create_all(engine)
    except SQLAlchemyError as error:
        raise EmulatorError(
            f"the database cannot be opened ({error.__cause__ or error})",
            url,
            "Name a file in a folder you may write to, or use --db :memory:.",
        ) from error
    return engine


def _engine(url: str) -> Engine:
    try:
        return create_engine(url)
    except (ArgumentError, ImportError) as error:
        raise EmulatorError(
            f"the database cannot be used ({error})",
            f"{url.partition(':')[0]}:…",  # the rest may hold a password
            "Install the driver it names, or give a file, such as --db emulator.db.",
        ) from error


def _claim(engine: Engine, url: str) -> None:
    """Mark an empty file as made by this version; refuse one that something else has made.

    Before the file is tuned, which would change it, and before there are tables: whoever opens it
    at the same moment finds it empty or marked.
    """
    wanted = {"application_id": _APPLICATION, "user_version": SCHEMA}
    with engine.connect() as connection:
        if not inspect(connection).get_table_names():
            for pragma, number in wanted.items():
                connection.exec_driver_sql(f"PRAGMA {pragma}={number}")
        found = {each: connection.exec_driver_sql(f"PRAGMA {each}").scalar() for each in wanted}
    engine.dispose()  # its connections are not tuned
    if found != wanted:
        what = "made by another version of the emulator, or by another program"
        raise EmulatorError(what, url, "Move it away or name another file.")


def _tune_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection has no type
    # NORMAL survives the death of the process; only a power cut could lose the last commits.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
