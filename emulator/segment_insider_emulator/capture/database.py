"""The database all captures live in: SQLite by default, opened once per emulator."""

import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary, WeakSet

from sqlalchemy import (
    URL,
    BigInteger,
    Connection,
    Engine,
    Integer,
    MetaData,
    Text,
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

from segment_insider_emulator.capture import postgres
from segment_insider_emulator.capture.database_file import REMEDY, DatabaseFile, FileLost
from segment_insider_emulator.capture.memory import in_memory
from segment_insider_emulator.capture.migration import migrate, recognise
from segment_insider_emulator.capture.remedies import (
    ESCAPE,
    FORBIDDEN,
    GONE,
    REMEDIES,
    code,
    is_away,
    line,
    remedy,
)
from segment_insider_emulator.errors import EmulatorError, Unavailable

__all__ = [
    "Engine",
    "Gone",
    "JsonText",
    "StorageFault",
    "Whole",
    "address",
    "claimed",
    "close",
    "connect",
    "is_memory",
    "metadata",
    "transaction",
]

metadata = MetaData()
# 64 bits, which SQLite calls INTEGER: only so does it number rows.
Whole = BigInteger().with_variant(Integer, "sqlite")


class JsonText(Text):
    """The type of a column whose text is JSON: exports have the value that it stands for."""


_closed: WeakSet[Engine] = WeakSet()
_files: WeakKeyDictionary[Engine, DatabaseFile] = WeakKeyDictionary()
_open: ContextVar[Connection | None] = ContextVar("open", default=None)

PRAGMAS = (
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
LAST = {"pool_use_lifo": True}
PSYCOPG = "postgresql+psycopg"
# As hosting providers have it, and SQLAlchemy, for which it is another driver.
POSTGRESQL = ("postgres", "postgresql")
KINDS = ("sqlite", "sqlite+pysqlite", PSYCOPG)
CHOICE = (
    "Give a file, such as --db emulator.db, or :memory:,"
    " or a PostgreSQL database: postgresql://USER:PASSWORD@HOST/DATABASE."
)
NO_DRIVER = (
    "Install the driver with the extra: pip install 'segment-insider-emulator[postgres]';"
    " or give a file, such as --db emulator.db."
)


class StorageFault(Unavailable):
    """The database cannot be used now: locked, full, read-only, damaged, or out of connections.

    Args:
        reason: The driver's error.
    """

    def __init__(self, reason: object) -> None:
        self.reason = line(reason)
        self.is_away = is_away(self.reason)
        advice = f"{remedy(reason)} What was not acknowledged may be sent again."
        super().__init__(f"the database cannot be used ({self.reason})", "", advice)


class DatabaseFileLost(StorageFault):
    """The SQLite file was deleted, replaced or cut short while it was served."""

    def __init__(self, reason: FileLost, path: Path) -> None:
        super().__init__(f"the file {path.name}: {reason}")
        self.remedy = REMEDY


class Gone(StorageFault):
    """The sandbox was ended, by this process or another."""


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
    with _begun(engine) as connection:
        before = _open.set(connection)
        try:
            yield connection
        finally:
            _open.reset(before)


@contextmanager
def claimed(engine: Engine, names: Collection[str]) -> Iterator[None]:
    """Wait until no other process that shares the database has claimed any of *names*, then keep
    them for the block, which may take long: others write meanwhile. A database that is not
    PostgreSQL is not shared.

    Raises: StorageFault, when another keeps them for longer than postgres.LONG_PATIENCE.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with _begun(engine) as connection:
        postgres.claim(connection, names)
        yield


@contextmanager
def undone(engine: Engine) -> Iterator[None]:
    """Whatever the block writes, in this thread, is gone after it.

    Raises: StorageFault, when the database cannot be used.
    """
    try:
        with transaction(engine):
            yield
            raise _Undo
    except _Undo:
        pass


@contextmanager
def _begun(engine: Engine) -> Iterator[Connection]:
    """A transaction of its own, whatever else the thread has open."""
    if engine in _closed:
        raise Gone("it was closed")
    try:
        with engine.begin() as connection:
            yield connection
            if file := _files.get(engine):
                file.check_connection(connection)
    except FileLost as error:
        raise DatabaseFileLost(error, _files[engine].path) from error
    except TimeoutError as error:
        raise StorageFault(error) from error
    except DBAPIError as error:
        raise _told(engine, error.orig) or error from error
    except engine.dialect.loaded_dbapi.Error as error:  # of a prepared statement
        raise _told(engine, error) or error from error


def check_file(engine: Engine) -> None:
    """Check that the SQLite file of *engine* is still there; other databases have none.

    Raises: DatabaseFileLost.
    """
    if file := _files.get(engine):
        try:
            file.check()
        except FileLost as error:
            raise DatabaseFileLost(error, file.path) from error


class _Undo(Exception):
    """Ends a transaction that was never to be kept."""


def _told(engine: Engine, error: BaseException | None) -> StorageFault | None:
    """*error* of the driver as a fault that passes, as what is forbidden does once it is granted;
    None where it does not."""
    if code(error) in GONE:
        return Gone(error)
    passes = _passes(engine, error) or code(error) == FORBIDDEN
    return StorageFault(error) if passes else None


def _passes(engine: Engine, error: BaseException | None) -> bool:
    """Whether a retry may help, as it does not for a statement that does not fit the tables."""
    if isinstance(error, sqlite3.Error):
        return code(error) in REMEDIES
    driver = engine.dialect.loaded_dbapi
    return isinstance(error, (driver.OperationalError, driver.InterfaceError))


def connect(url: str) -> Engine:
    """Open *url*, and make its tables or bring them to their present shape.

    Args:
        url: Of SQLite or PostgreSQL, as SQLAlchemy or a hosting provider writes it; a path to an
            SQLite file; or ":memory:".
    Raises: Unavailable, when the database cannot be opened or written now; EmulatorError, when it
        never can, is of a later version of the emulator, or an SQLite file of another program.
    """
    if is_memory(url):
        return in_memory(metadata)
    engine = _engine(url)
    shown = url if engine.dialect.name == "sqlite" else _without_secrets(engine.url)
    path = file_path(engine.url)
    file = DatabaseFile(path) if path else None
    if file and "uri" not in engine.url.query:
        file.create()
    with ExitStack() as undo:
        undo.callback(engine.dispose)
        try:
            _prepare(engine, shown)
        except SQLAlchemyError as error:
            reason = error.__cause__ or error
            kind = Unavailable if _passes(engine, reason) else EmulatorError
            what = f"the database cannot be opened ({line(reason)})"
            raise kind(what, shown, remedy(reason)) from error
        if file:
            _files[engine] = file
            file.watch(engine)
        undo.pop_all()
    return engine


def _without_secrets(url: URL) -> str:
    """*url* without user, password and options, of which one may be a password, too."""
    return re.sub("//.*@", "//…@", url.set(query={}).render_as_string())


def _prepare(engine: Engine, shown: str) -> None:
    if engine.dialect.name == "sqlite":
        recognise(engine, shown)
        engine.dispose()  # its connections are not tuned, which would change the file
        event.listen(engine, "connect", _tune_sqlite)
    else:
        postgres.tune(engine)
    migrate(engine, metadata, shown)


def address(url: str) -> str:
    """*url*, where it is the path of an SQLite file, as SQLAlchemy writes one."""
    return url if "://" in url else f"sqlite:///{url}"


def is_memory(url: str) -> bool:
    """Whether a database of this *url* lives as long as its engine."""
    return url in (":memory:", "sqlite://", "sqlite:///:memory:")


def close(engine: Engine) -> None:
    """Let go of the database for good: whoever still asks for it meets a StorageFault."""
    _closed.add(engine)
    engine.dispose()


def _engine(url: str) -> Engine:
    whole = address(url)
    shown = f"{whole.partition(':')[0]}:…"  # the rest may hold a password
    try:
        named = make_url(whole)
        if named.drivername in POSTGRESQL:
            named = named.set(drivername=PSYCOPG)
        if named.drivername not in KINDS:
            raise EmulatorError("captures cannot go to a database of this kind", shown, CHOICE)
        if named.drivername == PSYCOPG and url.count("@") > 1:
            raise ValueError  # the end of a password would be told for a host or a database
        if named.get_backend_name() == "sqlite":
            _refuse_odd_files(named, url)
        told = postgres.arguments(named) if named.drivername == PSYCOPG else LAST
        return create_engine(named, **told)
    except ImportError as error:
        raise EmulatorError(f"the database cannot be used ({error})", shown, NO_DRIVER) from error
    except (ArgumentError, ValueError):  # which say what of it they cannot read: maybe a password
        raise EmulatorError("its address cannot be read", shown, f"{CHOICE} {ESCAPE}") from None


def file_path(url: URL) -> Path | None:
    """Return the file that *url* names, where it is one of SQLite."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    is_uri = "uri" in url.query
    return Path(unquote(urlsplit(url.database).path) if is_uri else url.database).absolute()


def _refuse_odd_files(named: URL, shown: str) -> None:
    """Refuse what SQLite would keep in memory, once for each connection, and half a URI."""
    query, name = dict(named.query), named.database or ""
    if ":memory:" in name or not name or query.get("mode") == "memory" or "vfs" in query:
        raise EmulatorError(
            "this is no file", shown, "For a database in memory, use --db :memory:."
        )
    if name.startswith("file:") and "uri" not in query:
        remedy = "Give the path alone, or write sqlite:///file:PATH?uri=true."
        raise EmulatorError("SQLite reads this as the name of a file", shown, remedy)


def _tune_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection has no type
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
