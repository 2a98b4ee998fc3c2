"""Opening and closing of databases, SQLite by default, and transactions on them."""

import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from threading import Lock
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet, finalize

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    QueuePool,
    StaticPool,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError, TimeoutError

from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.storage import postgres
from segment_insider_emulator.storage.database_errors import (
    URL_ESCAPING_HINT,
    DatabaseClosed,
    DatabaseFileLost,
    DatabaseUnavailable,
    find_error_advice,
    get_first_line_of_driver_error,
    is_transient_error,
    translate_driver_error,
)
from segment_insider_emulator.storage.database_file import (
    DatabaseFile,
    get_sqlite_file_path,
    is_in_memory_url,
    to_sqlalchemy_url,
)
from segment_insider_emulator.storage.migrations import migrate_database, refuse_foreign_sqlite_file
from segment_insider_emulator.storage.query_execution import (
    HAS_WRITTEN_KEY,
    DriverSession,
    install_write_hook,
    open_session,
)

__all__ = [
    "DatabaseClosed",
    "DatabaseFileLost",
    "DatabaseUnavailable",
    "Engine",
    "check_sqlite_file_is_same",
    "close_database",
    "hold_advisory_locks",
    "is_in_memory_url",
    "open_database",
    "open_rollback_transaction",
    "transaction",
]

_closed_engines: WeakSet[Engine] = WeakSet()
_files_by_engine: WeakKeyDictionary[Engine, DatabaseFile] = WeakKeyDictionary()

MEMORY_URL = "sqlite://"
SQLITE_PRAGMAS = (
    # Of a new file; others keep their size. An event changes some 25 pages, most of them in a few
    # bytes, and a message fills a page of 4 KB, the default, to three quarters.
    "page_size=2048",
    "journal_mode=WAL",
    "synchronous=NORMAL",  # survives the end of the process; a power cut may lose the last commits
    "busy_timeout=5000",  # milliseconds
    # An event's entries in a dozen indexes are anywhere in the file: with SQLite's default of 2 MB
    # each takes longer. But each of up to 15 connections has its own cache: at 16 MB, half an hour
    # of traffic took 450 MB of memory.
    "cache_size=-4000",  # KB
    # Checkpoints every 4 MB, the default, make each event a tenth slower.
    "wal_autocheckpoint=8000",  # pages
)
# The connection that was used last has the most of the file in its cache.
SQLITE_POOL_OPTIONS = {"pool_use_lifo": True}
PSYCOPG_DRIVER = "postgresql+psycopg"
# As hosting providers write it; for SQLAlchemy, "postgresql" is another driver.
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


def transaction(engine: Engine) -> AbstractContextManager[Connection]:
    """Run a with block in one database transaction; it commits, or rolls back on an exception.

    A nested call in the same thread joins the outer transaction.
    Raises: DatabaseUnavailable.
    """
    outer = get_open_connection(engine)
    return _open_transaction(engine) if outer is None else nullcontext(outer)


def get_open_connection(engine: Engine) -> Connection | None:
    """Return the connection of this thread's open transaction on a database; None if none is."""
    session = open_session.get()
    return session.connection if session and session.connection.engine is engine else None


@contextmanager
def _open_transaction(engine: Engine) -> Iterator[Connection]:
    with _begin_transaction(engine) as connection:
        token = open_session.set(DriverSession(connection))
        try:
            yield connection
        finally:
            open_session.reset(token)


@contextmanager
def open_rollback_transaction(engine: Engine) -> Iterator[None]:
    """Run a with block in a database transaction that is always rolled back.

    Raises: DatabaseUnavailable.
    """
    try:
        with transaction(engine):
            yield
            raise _RollbackRequest
    except _RollbackRequest:
        pass


@contextmanager
def hold_advisory_locks(engine: Engine, lock_names: Collection[str]) -> Iterator[None]:
    """Hold PostgreSQL's advisory locks *lock_names* in a with block; other writers are not blocked.

    Only PostgreSQL databases are shared by processes; for others this does nothing.

    Raises: DatabaseUnavailable, when a lock is not free within postgres.LONG_LOCK_TIMEOUT_S.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with _begin_transaction(engine) as connection:
        postgres.acquire_named_locks(connection, lock_names)
        yield


@contextmanager
def _begin_transaction(engine: Engine) -> Iterator[Connection]:
    """Begin a separate database transaction, even if the thread has another one open."""
    if engine in _closed_engines:
        raise DatabaseClosed("it was closed")
    try:
        with engine.connect() as connection, connection.begin():
            connection.info.pop(HAS_WRITTEN_KEY, None)  # left by a migration
            yield connection
            if file := _files_by_engine.get(engine):
                file.check_after_transaction(connection)
    except TimeoutError as error:
        raise DatabaseUnavailable(error) from error
    except DBAPIError as error:
        raise translate_driver_error(engine, error.orig) or error from error
    except engine.dialect.loaded_dbapi.Error as error:  # of a compiled statement
        raise translate_driver_error(engine, error) or error from error


class _RollbackRequest(Exception):
    """Raised to roll back a transaction that must not be committed."""


def check_sqlite_file_is_same(engine: Engine) -> None:
    """Check that the SQLite file of *engine* is still the one it opened; other databases have none.

    Raises: DatabaseFileLost.
    """
    if file := _files_by_engine.get(engine):
        file.check_identity_and_size()


def close_database(engine: Engine) -> None:
    """Close a database for good; later transactions on it raise DatabaseClosed."""
    _closed_engines.add(engine)
    engine.dispose()


def open_database(url: str) -> Engine:
    """Open the database at *url*, and create or migrate its tables.

    Args:
        url: An SQLAlchemy or hosting provider's URL of SQLite or PostgreSQL; a path to an SQLite
            file; or ":memory:".
    Raises: TemporarilyUnavailable, when it cannot be opened or written now; EmulatorError, when it
        never can, or when a later version of the emulator or another program created it.
    """
    if is_in_memory_url(url):
        engine = create_in_memory_database()
        install_write_hook(engine)
        return engine
    engine = _create_engine(url)
    display_url = url if engine.dialect.name == "sqlite" else _redact_url(engine.url)
    path = get_sqlite_file_path(engine.url)
    file = DatabaseFile(path) if path else None
    if file and "uri" not in engine.url.query:
        file.create_file_if_missing()
    with ExitStack() as on_error:
        on_error.callback(engine.dispose)
        try:
            _prepare_database(engine, display_url)
        except SQLAlchemyError as error:
            reason = error.__cause__ or error
            error_class = (
                TemporarilyUnavailable if is_transient_error(engine, reason) else EmulatorError
            )
            what = f"the database cannot be opened ({get_first_line_of_driver_error(reason)})"
            raise error_class(what, display_url, find_error_advice(reason)) from error
        if file:
            _files_by_engine[engine] = file
            file.install_connection_check(engine)
        on_error.pop_all()
    return engine


def create_in_memory_database() -> Engine:
    """Create an in-memory SQLite database with all tables, within a few hundred microseconds.

    It is a copy of a template, and shares its dialect and compiled statements: compiling takes
    SQLAlchemy a millisecond per statement.
    """
    template = _create_template_database()

    def copy_template() -> Any:  # SQLAlchemy's type of a DBAPI connection is its own
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        # Python 3.13 warns of a connection that was never closed.
        finalize(pool, copy.close).atexit = False
        with template.lock:
            template.connection.backup(copy)
        return copy

    # One connection, lent to one thread at a time: a second one would be an empty database.
    pool = QueuePool(copy_template, pool_size=1, max_overflow=0)
    options = {"compiled_cache": template.compiled_cache}
    return Engine(pool, template.engine.dialect, make_url(MEMORY_URL), execution_options=options)


class _TemplateDatabase(NamedTuple):
    """The template that all in-memory databases are copied from, and what they share with it."""

    engine: Engine
    connection: sqlite3.Connection  # the engine's only one
    lock: Lock
    compiled_cache: dict[Any, Any]  # few: statements are constants


@cache
def _create_template_database() -> _TemplateDatabase:
    arguments = {"check_same_thread": False}
    engine = create_engine(MEMORY_URL, poolclass=StaticPool, connect_args=arguments)
    migrate_database(engine, ":memory:")
    with engine.connect() as connection:
        driver_connection = connection.connection.driver_connection
    assert isinstance(driver_connection, sqlite3.Connection)
    return _TemplateDatabase(engine, driver_connection, Lock(), {})


def _create_engine(path_or_url: str) -> Engine:
    full_url = to_sqlalchemy_url(path_or_url)
    display_url = f"{full_url.partition(':')[0]}:…"  # the rest may contain a password
    try:
        url = make_url(full_url)
        if url.drivername in POSTGRESQL_URL_SCHEMES:
            url = url.set(drivername=PSYCOPG_DRIVER)
        if url.drivername not in SUPPORTED_DRIVERS:
            what = "this kind of database is not supported"
            raise EmulatorError(what, display_url, SUPPORTED_URLS_HINT)
        if url.drivername == PSYCOPG_DRIVER and path_or_url.count("@") > 1:
            raise ValueError  # the end of a password would appear as the host or the database
        if url.get_backend_name() == "sqlite":
            _refuse_sqlite_url_without_file(url, path_or_url)
        is_postgres = url.drivername == PSYCOPG_DRIVER
        arguments = postgres.build_engine_arguments(url) if is_postgres else SQLITE_POOL_OPTIONS
        return create_engine(url, **arguments)
    except ImportError as error:
        what = f"the database cannot be used ({error})"
        raise EmulatorError(what, display_url, MISSING_DRIVER_HINT) from error
    except (ArgumentError, ValueError):  # their text may contain a part of the password
        hint = f"{SUPPORTED_URLS_HINT} {URL_ESCAPING_HINT}"
        raise EmulatorError("invalid database URL", display_url, hint) from None


def _refuse_sqlite_url_without_file(url: URL, display_url: str) -> None:
    """Refuse SQLite URLs that mean memory instead of a file, and incomplete URIs.

    SQLite would open a separate in-memory database for each connection.
    """
    query, name = dict(url.query), url.database or ""
    if ":memory:" in name or not name or query.get("mode") == "memory" or "vfs" in query:
        hint = "For a database in memory, use --db :memory:."
        raise EmulatorError("this is not a file", display_url, hint)
    if name.startswith("file:") and "uri" not in query:
        hint = "Give only the path, or write sqlite:///file:PATH?uri=true."
        raise EmulatorError("SQLite reads this as the name of a file", display_url, hint)


def _prepare_database(engine: Engine, display_url: str) -> None:
    if engine.dialect.name == "sqlite":
        refuse_foreign_sqlite_file(engine, display_url)
        engine.dispose()  # these connections have no pragmas, which would change the file
        event.listen(engine, "connect", _set_sqlite_pragmas)
    else:
        postgres.install_connection_hooks(engine)
    install_write_hook(engine)
    migrate_database(engine, display_url)


def _set_sqlite_pragmas(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection has no type
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _redact_url(url: URL) -> str:
    """Return *url* without user, password and options."""
    return re.sub("//.*@", "//…@", url.set(query={}).render_as_string())
