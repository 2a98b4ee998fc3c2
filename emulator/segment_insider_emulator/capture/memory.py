"""Databases in memory, each a copy of one that has the tables."""

import sqlite3
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

from sqlalchemy import Engine, MetaData, QueuePool, StaticPool, create_engine, make_url

from segment_insider_emulator.capture.migration import migrate

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
