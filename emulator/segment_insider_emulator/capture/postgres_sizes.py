"""How much a PostgreSQL schema holds, and what it takes on the disk.

Deleting frees space within a table and makes no file smaller: by the files nothing would ever fit
again. So rows are measured, of a large table those on some of its pages, at a cost that is bounded.
"""

from collections.abc import Mapping
from functools import cache, reduce
from operator import add
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, bindparam, func, literal, select, text

from segment_insider_emulator.capture.database import metadata

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
