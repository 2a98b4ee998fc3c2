"""The database all captures live in: SQLite by default, opened once per emulator."""

from sqlalchemy import Engine, MetaData, QueuePool, create_engine, event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from emulator.errors import EmulatorError

metadata = MetaData()


def connect(url: str) -> Engine:
    """Open *url* and create the tables that are missing.

    Args:
        url: An SQLAlchemy URL, a path to an SQLite file, or ":memory:".
    Raises: EmulatorError, when the database cannot be opened or written.
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
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
    try:
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


def _tune_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection has no type
    # NORMAL survives the death of the process; only a power cut could lose the last commits.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
