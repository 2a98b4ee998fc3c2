"""Everything that one sandbox captured, as rows that go out and come in again."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson
from sqlalchemy import Boolean, Engine, Integer, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError, StatementError

from segment_insider_emulator.capture.database import JsonText, transaction
from segment_insider_emulator.capture.journey_tables import journey_runs, journey_trails
from segment_insider_emulator.capture.postgres import as_of_one_moment, number_on
from segment_insider_emulator.capture.profile_tables import identifiers, profile_events, profiles
from segment_insider_emulator.capture.tables import (
    deliveries,
    differences,
    forgotten,
    messages,
    upserts,
    waiting,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject

# Not among them: the InOne panel's keys, and changes of the destination, which hold one.
TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        messages,
        deliveries,
        upserts,
        waiting,
        forgotten,
        differences,
        profiles,
        identifiers,
        profile_events,
        journey_runs,
        journey_trails,
    )
}
# Columns whose text is JSON, which goes out as the value it stands for.
_JSON: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(column.name for column in table.c if isinstance(column.type, JsonText))
    for name, table in TABLES.items()
}
_PART = 500  # rows read or written at once
LARGEST_INTEGER = 2**63 - 1


class Archive:
    """The rows of one sandbox. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rows(self) -> Iterator[tuple[str, JSONObject]]:
        """Name of the table and row, of all tables, as of one moment."""
        with transaction(self._engine) as connection:
            as_of_one_moment(connection)
            for name, table in TABLES.items():
                chosen = select(table).order_by(*table.primary_key)
                for row in connection.execute(chosen, execution_options={"yield_per": _PART}):
                    yield name, _shown(name, {str(key): row._mapping[key] for key in row._mapping})

    def replace(self, rows: Iterable[tuple[str, JSONObject]]) -> None:
        """Put *rows*, which `checked` has nothing against, in the place of all there are.

        Raises: EmulatorError, when they contradict each other.
        """
        waiting_rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        for name, row in rows:
            waiting_rows[name].append(_row(name, row))
        with transaction(self._engine) as connection:
            for table in reversed(list(TABLES.values())):
                connection.execute(delete(table))
            try:
                for name, kept in waiting_rows.items():
                    for start in range(0, len(kept), _PART):
                        connection.execute(insert(TABLES[name]), kept[start : start + _PART])
                    number_on(connection, TABLES[name])
            except (IntegrityError, StatementError) as error:
                what = f"rows of {name} contradict each other ({error.orig})"
                raise EmulatorError(what, "body", "Send an export as it came.") from error


def checked(name: JSON, row: JSON, where: str) -> tuple[str, JSONObject]:
    """One row of an export. Raises: EmulatorError, when this version has no such row."""
    remedy = "Send an export of this version of the emulator, as it came."
    if not isinstance(name, str) or name not in TABLES or not isinstance(row, dict):
        raise EmulatorError("this is no row of an export", where, remedy)
    columns = TABLES[name].c
    if row.keys() != {column.name for column in columns}:
        raise EmulatorError(f"other columns than {name} has", where, remedy)
    for column in columns:
        is_json = column.name in _JSON.get(name, ())
        value = row[column.name]
        if value is None:
            fits = bool(column.nullable)
        elif isinstance(column.type, Boolean):
            fits = isinstance(value, bool)
        elif isinstance(column.type, Integer):
            fits = type(value) is int and 0 < value <= LARGEST_INTEGER
        else:
            fits = isinstance(value, dict | list if is_json else str)
        if not fits:
            raise EmulatorError("not a value of this column", f"{where}.{column.name}", remedy)
    return name, row


def _shown(name: str, row: dict[str, Any]) -> JSONObject:
    for column in _JSON.get(name, ()):
        if row[column] is not None:
            row[column] = orjson.loads(row[column])
    return row


def _row(name: str, shown: JSONObject) -> dict[str, Any]:
    row = dict(shown)
    for column in _JSON.get(name, ()):
        if row[column] is not None:
            row[column] = orjson.dumps(row[column]).decode()
    return row
