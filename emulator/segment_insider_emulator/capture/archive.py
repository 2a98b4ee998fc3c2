"""Everything that one sandbox captured, as rows that go out and come in again."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson
from sqlalchemy import Boolean, Engine, Integer, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError, StatementError

from segment_insider_emulator.capture.database import JsonText, transaction
from segment_insider_emulator.capture.journey_tables import journey_runs, journey_trails
from segment_insider_emulator.capture.postgres import advance_sequence, use_snapshot
from segment_insider_emulator.capture.profile_tables import identifiers, profile_events, profiles
from segment_insider_emulator.capture.tables import (
    deliveries,
    differences,
    forgotten_message_ids,
    messages,
    queued_messages,
    upserts,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject

# Not among them: the InOne panel's keys, and changes of the destination, which hold one.
EXPORTED_TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        messages,
        deliveries,
        upserts,
        queued_messages,
        forgotten_message_ids,
        differences,
        profiles,
        identifiers,
        profile_events,
        journey_runs,
        journey_trails,
    )
}
# Columns whose text is JSON, which goes out as the value it stands for.
_JSON_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(column.name for column in table.c if isinstance(column.type, JsonText))
    for name, table in EXPORTED_TABLES.items()
}
_ROWS_PER_BATCH = 500  # rows read or written at once
MAX_INTEGER = 2**63 - 1


class SandboxArchive:
    """The rows of one sandbox. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def export_rows(self) -> Iterator[tuple[str, JSONObject]]:
        """Name of the table and row, of all tables, as of one moment."""
        with transaction(self._engine) as connection:
            use_snapshot(connection)
            for name, table in EXPORTED_TABLES.items():
                chosen = select(table).order_by(*table.primary_key)
                for row in connection.execute(
                    chosen, execution_options={"yield_per": _ROWS_PER_BATCH}
                ):
                    yield (
                        name,
                        _to_exported_row(
                            name, {str(key): row._mapping[key] for key in row._mapping}
                        ),
                    )

    def replace_rows(self, rows: Iterable[tuple[str, JSONObject]]) -> None:
        """Put *rows*, which `checked` has nothing against, in the place of all there are.

        Raises: EmulatorError, when they contradict each other.
        """
        waiting_rows: dict[str, list[dict[str, Any]]] = {name: [] for name in EXPORTED_TABLES}
        for name, row in rows:
            waiting_rows[name].append(_from_exported_row(name, row))
        with transaction(self._engine) as connection:
            for table in reversed(list(EXPORTED_TABLES.values())):
                connection.execute(delete(table))
            try:
                for name, kept in waiting_rows.items():
                    for start in range(0, len(kept), _ROWS_PER_BATCH):
                        connection.execute(
                            insert(EXPORTED_TABLES[name]), kept[start : start + _ROWS_PER_BATCH]
                        )
                    advance_sequence(connection, EXPORTED_TABLES[name])
            except (IntegrityError, StatementError) as error:
                what = f"rows of {name} contradict each other ({error.orig})"
                raise EmulatorError(what, "body", "Send an export as it came.") from error


def validate_exported_row(table_name: JSON, row: JSON, where: str) -> tuple[str, JSONObject]:
    """One row of an export. Raises: EmulatorError, when this version has no such row."""
    remedy = "Send an export of this version of the emulator, as it came."
    if (
        not isinstance(table_name, str)
        or table_name not in EXPORTED_TABLES
        or not isinstance(row, dict)
    ):
        raise EmulatorError("this is no row of an export", where, remedy)
    columns = EXPORTED_TABLES[table_name].c
    if row.keys() != {column.name for column in columns}:
        raise EmulatorError(f"other columns than {table_name} has", where, remedy)
    for column in columns:
        is_json = column.name in _JSON_COLUMNS.get(table_name, ())
        value = row[column.name]
        if value is None:
            fits = bool(column.nullable)
        elif isinstance(column.type, Boolean):
            fits = isinstance(value, bool)
        elif isinstance(column.type, Integer):
            fits = type(value) is int and 0 < value <= MAX_INTEGER
        else:
            fits = isinstance(value, dict | list if is_json else str)
        if not fits:
            raise EmulatorError("not a value of this column", f"{where}.{column.name}", remedy)
    return table_name, row


def _to_exported_row(table_name: str, row: dict[str, Any]) -> JSONObject:
    for column in _JSON_COLUMNS.get(table_name, ()):
        if row[column] is not None:
            row[column] = orjson.loads(row[column])
    return row


def _from_exported_row(table_name: str, exported: JSONObject) -> dict[str, Any]:
    row = dict(exported)
    for column in _JSON_COLUMNS.get(table_name, ()):
        if row[column] is not None:
            row[column] = orjson.dumps(row[column]).decode()
    return row
