"""How much a PostgreSQL schema holds, and what it takes on the disk.

Deleting frees space within a table and makes no file smaller: by the files nothing would ever fit
again. So rows are measured, of a large table those on some of its pages, at a cost that is bounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, reduce
from operator import add
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, Table, bindparam, func, literal, select, text

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.schema import (
    deliveries,
    forgotten_message_ids,
    messages,
    metadata,
)

MAX_SAMPLE_BYTES: Final = 16 * 1024 * 1024  # bytes of a table that are read at most, about
ROW_OVERHEAD_BYTES: Final = 28  # bytes of a row's header, and of its place on its page
_SELECT_TABLE_FILE_SIZES = text(
    """
    SELECT relname, pg_relation_size(pg_class.oid) AS heap,
           pg_total_relation_size(pg_class.oid) AS whole
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = current_schema() AND relkind = 'r'
    """
)


def estimate_row_bytes(connection: Connection, max_sample_bytes: int = MAX_SAMPLE_BYTES) -> int:
    """Bytes of the rows that are there, as they are stored, indexes and free space left out.

    Args:
        sample: Of a table that is larger, this many bytes are read and stand for the rest.
    """
    stored = 0.0
    for row in connection.execute(_SELECT_TABLE_FILE_SIZES).all():
        if row.heap and row.relname in metadata.tables:
            percent = min(100.0, 100.0 * max_sample_bytes / row.heap)
            rows = _row_size_statements()[row.relname]
            stored += (connection.scalar(rows, {"percent": percent}) or 0) * 100 / percent
    return round(stored)


def count_disk_bytes(connection: Connection) -> int:
    """Bytes of the files of the schema, with indexes, free space and all."""
    return sum(row.whole for row in connection.execute(_SELECT_TABLE_FILE_SIZES))


@cache
def _row_size_statements() -> Mapping[str, Select[Any]]:
    return {name: _select_row_bytes(table) for name, table in metadata.tables.items()}


def _select_row_bytes(table: Table) -> Select[Any]:
    # The same pages each time they are there: a measure that jumps would forget too much.
    pages = table.tablesample(func.system(bindparam("percent")), seed=bindparam("seed", 1))
    columns = [func.coalesce(func.pg_column_size(column), 0) for column in pages.c]
    return select(func.sum(reduce(add, columns, literal(ROW_OVERHEAD_BYTES))))


SELECT_OLDEST_RECEIVED_AT = select(messages.c.received_at).order_by(messages.c.id).limit(1)
SQLITE_FILE_SUFFIXES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """What a database holds.

    Args:
        remembered: Ids of messages that are gone, and whose duplicates are dropped all the same.
        oldest: When the oldest message was received, ISO 8601; None when there is none.
        used_bytes: What is taken by something; of a PostgreSQL schema what its rows take, of a
            large one about.
        file_bytes: What it takes on the disk, free pages and what is written beside it included;
            None when it is in memory.
    """

    messages: int
    deliveries: int
    remembered: int
    oldest: str | None
    used_bytes: int
    file_bytes: int | None


def measure_database(engine: Engine) -> DatabaseSize:
    """Count. Raises: StorageFault, when the database cannot be used."""
    with transaction(engine) as connection:
        kept, made, remembered = (
            connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (messages, deliveries, forgotten_message_ids)
        )
        oldest, used = connection.scalar(SELECT_OLDEST_RECEIVED_AT), count_used_bytes(connection)
        taken = (
            count_disk_bytes(connection) if _is_postgres(connection) else _count_file_bytes(engine)
        )
    return DatabaseSize(kept, made, remembered, oldest, used, taken)


def count_used_bytes(connection: Connection) -> int:
    """Bytes in use."""
    if _is_postgres(connection):
        return estimate_row_bytes(connection)
    pages, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _count_file_bytes(engine: Engine) -> int | None:
    if not engine.url.database:
        return None
    files = [Path(engine.url.database + end) for end in SQLITE_FILE_SUFFIXES]
    return sum(file.stat().st_size for file in files if file.exists())


def _is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
