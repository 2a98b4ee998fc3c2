"""Size of a database: row counts, bytes in use, and bytes on disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, reduce
from operator import add
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Select,
    Table,
    bindparam,
    func,
    literal,
    select,
    text,
)

from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.schema import (
    deliveries,
    forgotten_message_ids,
    messages,
    metadata,
)

SQLITE_FILE_SUFFIXES = ("", "-wal", "-shm")
PUBLIC_URL_OPTIONS = ("host", "port", "options")  # others of a URL may be secret
MAX_SAMPLE_BYTES: Final = 16 * 1024 * 1024  # read of one table, about
ROW_OVERHEAD_BYTES: Final = 28  # of a row's header and its place on the page
SELECT_OLDEST_RECEIVED_AT = select(messages.c.received_at).order_by(messages.c.id).limit(1)
_SELECT_TABLE_FILE_SIZES = text(
    """
    SELECT relname, pg_relation_size(pg_class.oid) AS heap,
           pg_total_relation_size(pg_class.oid) AS whole
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = current_schema() AND relkind = 'r'
    """
)


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """Measured size of a database: counts of rows, and bytes.

    Args:
        remembered: Ids of deleted messages that are still used to drop duplicates.
        oldest: When the oldest message was received, ISO 8601; None without messages.
        used_bytes: Without free space; on PostgreSQL the size of the rows, estimated for large
            tables.
        file_bytes: On disk, free space and WAL files included; None in memory.
    """

    messages: int
    deliveries: int
    remembered: int
    oldest: str | None
    used_bytes: int
    file_bytes: int | None


@dataclass(frozen=True, slots=True)
class StorageReport:
    """Report on the database of one sandbox: where it is, its bytes, and its rows by table.

    Args:
        kind: "sqlite" or "postgresql".
        address: The URL without its password.
        bytes: Bytes in use.
        rows: Row count by table.
    """

    kind: str
    address: str
    bytes: int
    rows: dict[str, int]


def measure_database_size(engine: Engine) -> DatabaseSize:
    """Measure the rows and bytes of the database of *engine*. Raises: DatabaseUnavailable."""
    with transaction(engine) as connection:
        return DatabaseSize(
            messages=_count_rows(connection, messages),
            deliveries=_count_rows(connection, deliveries),
            remembered=_count_rows(connection, forgotten_message_ids),
            oldest=connection.scalar(SELECT_OLDEST_RECEIVED_AT),
            used_bytes=measure_used_bytes(connection),
            file_bytes=measure_postgres_disk_bytes(connection)
            if _is_postgres(connection)
            else _measure_sqlite_file_bytes(engine),
        )


def build_storage_report(engine: Engine) -> StorageReport:
    """Report the address, size and row counts of a database. Raises: DatabaseUnavailable."""
    with transaction(engine) as connection:
        rows = {table.name: _count_rows(connection, table) for table in metadata.sorted_tables}
        used_bytes = measure_used_bytes(connection)
    return StorageReport(engine.dialect.name, _redact_database_url(engine.url), used_bytes, rows)


def measure_used_bytes(connection: Connection) -> int:
    """Return the bytes that a database uses for its rows, without free space in its files."""
    if _is_postgres(connection):
        return estimate_postgres_row_bytes(connection)
    pages, free_pages, page_size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free_pages) * page_size


def estimate_postgres_row_bytes(
    connection: Connection, max_sample_bytes: int = MAX_SAMPLE_BYTES
) -> int:
    """Estimate the bytes of all rows of a PostgreSQL schema, without indexes and free space.

    Files do not show it: deleted rows leave free space in them, and no file shrinks.

    Args:
        max_sample_bytes: Of a larger table, a sample of this size is measured and scaled up.
    """
    row_bytes = 0.0
    for file in connection.execute(_SELECT_TABLE_FILE_SIZES).all():
        if file.heap and file.relname in metadata.tables:
            percent = min(100.0, 100.0 * max_sample_bytes / file.heap)
            statement = _build_row_size_selects()[file.relname]
            row_bytes += (connection.scalar(statement, {"percent": percent}) or 0) * 100 / percent
    return round(row_bytes)


def measure_postgres_disk_bytes(connection: Connection) -> int:
    """Return the bytes of a PostgreSQL schema's files, indexes and free space included."""
    return sum(int(file.whole) for file in connection.execute(_SELECT_TABLE_FILE_SIZES))


def _count_rows(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _measure_sqlite_file_bytes(engine: Engine) -> int | None:
    path = engine.url.database
    if not path:
        return None
    files = [Path(path + suffix) for suffix in SQLITE_FILE_SUFFIXES]
    return sum(file.stat().st_size for file in files if file.exists())


@cache
def _build_row_size_selects() -> Mapping[str, Select[Any]]:
    return {name: _build_row_size_select(table) for name, table in metadata.tables.items()}


def _build_row_size_select(table: Table) -> Select[Any]:
    # The seed selects the same pages each time: a varying estimate would delete too much.
    pages = table.tablesample(func.system(bindparam("percent")), seed=bindparam("seed", 1))
    columns = [func.coalesce(func.pg_column_size(column), 0) for column in pages.c]
    return select(func.sum(reduce(add, columns, literal(ROW_OVERHEAD_BYTES))))


def _redact_database_url(url: URL) -> str:
    options = {name: value for name, value in url.query.items() if name in PUBLIC_URL_OPTIONS}
    return url.set(query=options).render_as_string()


def _is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
