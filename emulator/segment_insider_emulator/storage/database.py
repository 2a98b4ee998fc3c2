"""Databases in memory, each a copy of one that has the tables."""

import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary, WeakSet

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    MetaData,
    QueuePool,
    StaticPool,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    SQLAlchemyError,
    TimeoutError,
)

from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.storage import postgres
from segment_insider_emulator.storage.database_errors import (
    DATABASE_GONE_CODES,
    FORBIDDEN_CODE,
    HINTS_BY_CODE,
    URL_ESCAPING_HINT,
    error_code,
    find_hint,
    first_line,
    is_server_unreachable,
)
from segment_insider_emulator.storage.database_file import (
    FILE_LOST_HINT,
    DatabaseFile,
    FileCheckFailed,
)
from segment_insider_emulator.storage.migrations import migrate, refuse_foreign_file
from segment_insider_emulator.storage.schema import metadata

MEMORY_URL = "sqlite://"


def create_in_memory_database(metadata: MetaData) -> Engine:
    """A new database with the tables of *metadata*, in a few hundred microseconds.

    It shares its dialect and its statements with all the others: SQLAlchemy takes a millisecond to
    put one statement into words, and would do so for each database anew.
    """
    template = _create_template_database(metadata)

    def copied() -> Any:  # SQLAlchemy's type of a DBAPI connection is its own
        made = sqlite3.connect(":memory:", check_same_thread=False)
        with template.lock:
            template.connection.backup(made)
        return made

    # One connection, lent to one thread at a time: a second one would be an empty database.
    pool = QueuePool(copied, pool_size=1, max_overflow=0)
    words = {"compiled_cache": template.compiled_cache}
    return Engine(pool, template.engine.dialect, make_url(MEMORY_URL), execution_options=words)


class _TemplateDatabase(NamedTuple):
    """What databases in memory have in common."""

    engine: Engine
    connection: sqlite3.Connection  # the only one of the engine
    lock: Lock
    compiled_cache: dict[Any, Any]  # few: they are constants


@cache
def _create_template_database(metadata: MetaData) -> _TemplateDatabase:
    engine = create_engine(
        MEMORY_URL, poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    migrate(engine, metadata, ":memory:")
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return _TemplateDatabase(engine, raw, Lock(), {})


__all__ = [
    "DatabaseClosed",
    "DatabaseUnavailable",
    "Engine",
    "advisory_locks",
    "close_database",
    "is_in_memory_url",
    "open_database",
    "to_sqlalchemy_url",
    "transaction",
]

_closed_engines: WeakSet[Engine] = WeakSet()
_files_by_engine: WeakKeyDictionary[Engine, DatabaseFile] = WeakKeyDictionary()
_open_connection: ContextVar[Connection | None] = ContextVar("open", default=None)
SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",  # survives the death of the process; a power cut may take the last ones
    "busy_timeout=5000",  # milliseconds
    # The place of an event in a dozen indexes is anywhere in the file: with 2 MB of it at hand, as
    # SQLite has it, each takes longer. But each of up to 15 connections has so much to itself: at
    # 16 MB half an hour of traffic took 450 MB of memory.
    "cache_size=-4000",  # KB
    # Where every 4 MB are written twice, each event takes a tenth longer.
    "wal_autocheckpoint=4000",  # pages of 4 KB
)
# The connection that was used last has the most of the file at hand.
SQLITE_POOL_OPTIONS = {"pool_use_lifo": True}
PSYCOPG_DRIVER = "postgresql+psycopg"
# As hosting providers have it, and SQLAlchemy, for which it is another driver.
POSTGRESQL_URL_SCHEMES = ("postgres", "postgresql")
SUPPORTED_DRIVERS = ("sqlite", "sqlite+pysqlite", PSYCOPG_DRIVER)
SUPPORTED_URLS_HINT = (
    "Give a file, such as --db emulator.db, or :memory:,"
    " or a PostgreSQL database: postgresql://USER:PASSWORD@HOST/DATABASE."
)
MISSING_DRIVER_HINT = (
    "Install the driver with the extra: pip install 'segment-insider-emulator[postgres]';"
    " or give a file, such as --db emulator.db."
)


class DatabaseUnavailable(TemporarilyUnavailable):
    """The database cannot be used now: locked, full, read-only, damaged, or out of connections.

    Args:
        reason: The driver's error.
    """

    def __init__(self, reason: object) -> None:
        self.reason = first_line(reason)
        self.is_server_unreachable = is_server_unreachable(self.reason)
        advice = f"{find_hint(reason)} What was not acknowledged may be sent again."
        super().__init__(f"the database cannot be used ({self.reason})", "", advice)


class DatabaseFileLost(DatabaseUnavailable):
    """The SQLite file was deleted, replaced or cut short while it was served."""

    def __init__(self, reason: FileCheckFailed, path: Path) -> None:
        super().__init__(f"the file {path.name}: {reason}")
        self.remedy = FILE_LOST_HINT


class DatabaseClosed(DatabaseUnavailable):
    """The sandbox was ended, by this process or another."""


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, undone by an exception.

    Inside another of the same thread it is a part of that one: all is kept or nothing.
    Raises: StorageFault, when the database cannot be used.
    """
    outer = _open_connection.get()
    if outer is not None and outer.engine is engine:
        yield outer
        return
    with _begin_transaction(engine) as connection:
        before = _open_connection.set(connection)
        try:
            yield connection
        finally:
            _open_connection.reset(before)


@contextmanager
def advisory_locks(engine: Engine, lock_names: Collection[str]) -> Iterator[None]:
    """Wait until no other process that shares the database has claimed any of *names*, then keep
    them for the block, which may take long: others write meanwhile. A database that is not
    PostgreSQL is not shared.

    Raises: StorageFault, when another keeps them for longer than postgres.LONG_PATIENCE.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with _begin_transaction(engine) as connection:
        postgres.acquire_named_locks(connection, lock_names)
        yield


@contextmanager
def rollback_transaction(engine: Engine) -> Iterator[None]:
    """Whatever the block writes, in this thread, is gone after it.

    Raises: StorageFault, when the database cannot be used.
    """
    try:
        with transaction(engine):
            yield
            raise _RollbackRequest
    except _RollbackRequest:
        pass


@contextmanager
def _begin_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction of its own, whatever else the thread has open."""
    if engine in _closed_engines:
        raise DatabaseClosed("it was closed")
    try:
        with engine.begin() as connection:
            yield connection
            if file := _files_by_engine.get(engine):
                file.check_after_transaction(connection)
    except FileCheckFailed as error:
        raise DatabaseFileLost(error, _files_by_engine[engine].path) from error
    except TimeoutError as error:
        raise DatabaseUnavailable(error) from error
    except DBAPIError as error:
        raise _translate_error(engine, error.orig) or error from error
    except engine.dialect.loaded_dbapi.Error as error:  # of a prepared statement
        raise _translate_error(engine, error) or error from error


def check_database_file(engine: Engine) -> None:
    """Check that the SQLite file of *engine* is still there; other databases have none.

    Raises: DatabaseFileLost.
    """
    if file := _files_by_engine.get(engine):
        try:
            file.check_identity_and_size()
        except FileCheckFailed as error:
            raise DatabaseFileLost(error, file.path) from error


class _RollbackRequest(Exception):
    """Ends a transaction that was never to be kept."""


def _translate_error(engine: Engine, error: BaseException | None) -> DatabaseUnavailable | None:
    """*error* of the driver as a fault that passes, as what is forbidden does once it is granted;
    None where it does not."""
    if error_code(error) in DATABASE_GONE_CODES:
        return DatabaseClosed(error)
    passes = _is_transient(engine, error) or error_code(error) == FORBIDDEN_CODE
    return DatabaseUnavailable(error) if passes else None


def _is_transient(engine: Engine, error: BaseException | None) -> bool:
    """Whether a retry may help, as it does not for a statement that does not fit the tables."""
    if isinstance(error, sqlite3.Error):
        return error_code(error) in HINTS_BY_CODE
    driver = engine.dialect.loaded_dbapi
    return isinstance(error, (driver.OperationalError, driver.InterfaceError))


def open_database(url: str) -> Engine:
    """Open *url*, and make its tables or bring them to their present shape.

    Args:
        url: Of SQLite or PostgreSQL, as SQLAlchemy or a hosting provider writes it; a path to an
            SQLite file; or ":memory:".
    Raises: Unavailable, when the database cannot be opened or written now; EmulatorError, when it
        never can, is of a later version of the emulator, or an SQLite file of another program.
    """
    if is_in_memory_url(url):
        return create_in_memory_database(metadata)
    engine = _create_engine(url)
    shown = url if engine.dialect.name == "sqlite" else _redact_url(engine.url)
    path = sqlite_file_path(engine.url)
    file = DatabaseFile(path) if path else None
    if file and "uri" not in engine.url.query:
        file.create_if_missing()
    with ExitStack() as undo:
        undo.callback(engine.dispose)
        try:
            _prepare_database(engine, shown)
        except SQLAlchemyError as error:
            reason = error.__cause__ or error
            kind = TemporarilyUnavailable if _is_transient(engine, reason) else EmulatorError
            what = f"the database cannot be opened ({first_line(reason)})"
            raise kind(what, shown, find_hint(reason)) from error
        if file:
            _files_by_engine[engine] = file
            file.start_watching(engine)
        undo.pop_all()
    return engine


def _redact_url(url: URL) -> str:
    """*url* without user, password and options, of which one may be a password, too."""
    return re.sub("//.*@", "//…@", url.set(query={}).render_as_string())


def _prepare_database(engine: Engine, display_url: str) -> None:
    if engine.dialect.name == "sqlite":
        refuse_foreign_file(engine, display_url)
        engine.dispose()  # its connections are not tuned, which would change the file
        event.listen(engine, "connect", _set_sqlite_pragmas)
    else:
        postgres.install_connection_hooks(engine)
    migrate(engine, metadata, display_url)


def to_sqlalchemy_url(path_or_url: str) -> str:
    """*url*, where it is the path of an SQLite file, as SQLAlchemy writes one."""
    return path_or_url if "://" in path_or_url else f"sqlite:///{path_or_url}"


def is_in_memory_url(url: str) -> bool:
    """Whether a database of this *url* lives as long as its engine."""
    return url in (":memory:", "sqlite://", "sqlite:///:memory:")


def close_database(engine: Engine) -> None:
    """Let go of the database for good: whoever still asks for it meets a StorageFault."""
    _closed_engines.add(engine)
    engine.dispose()


def _create_engine(url: str) -> Engine:
    whole = to_sqlalchemy_url(url)
    shown = f"{whole.partition(':')[0]}:…"  # the rest may hold a password
    try:
        named = make_url(whole)
        if named.drivername in POSTGRESQL_URL_SCHEMES:
            named = named.set(drivername=PSYCOPG_DRIVER)
        if named.drivername not in SUPPORTED_DRIVERS:
            raise EmulatorError(
                "captures cannot go to a database of this kind", shown, SUPPORTED_URLS_HINT
            )
        if named.drivername == PSYCOPG_DRIVER and url.count("@") > 1:
            raise ValueError  # the end of a password would be told for a host or a database
        if named.get_backend_name() == "sqlite":
            _refuse_non_file_urls(named, url)
        told = (
            postgres.engine_arguments(named)
            if named.drivername == PSYCOPG_DRIVER
            else SQLITE_POOL_OPTIONS
        )
        return create_engine(named, **told)
    except ImportError as error:
        raise EmulatorError(
            f"the database cannot be used ({error})", shown, MISSING_DRIVER_HINT
        ) from error
    except (ArgumentError, ValueError):  # which say what of it they cannot read: maybe a password
        raise EmulatorError(
            "its address cannot be read", shown, f"{SUPPORTED_URLS_HINT} {URL_ESCAPING_HINT}"
        ) from None


def sqlite_file_path(url: URL) -> Path | None:
    """Return the file that *url* names, where it is one of SQLite."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    is_uri = "uri" in url.query
    return Path(unquote(urlsplit(url.database).path) if is_uri else url.database).absolute()


def _refuse_non_file_urls(url: URL, display_url: str) -> None:
    """Refuse what SQLite would keep in memory, once for each connection, and half a URI."""
    query, name = dict(url.query), url.database or ""
    if ":memory:" in name or not name or query.get("mode") == "memory" or "vfs" in query:
        raise EmulatorError(
            "this is no file", display_url, "For a database in memory, use --db :memory:."
        )
    if name.startswith("file:") and "uri" not in query:
        remedy = "Give the path alone, or write sqlite:///file:PATH?uri=true."
        raise EmulatorError("SQLite reads this as the name of a file", display_url, remedy)


def _set_sqlite_pragmas(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection has no type
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
