"""Statements that every event runs, compiled once and handed to the driver as they are.

SQLAlchemy looks at a statement anew each time, which takes several times as long as SQLite needs
to run it.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Connection, Dialect, Insert, Select, Table, Update
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningInsert

from segment_insider_emulator.capture.postgres import acquire_writer_lock

ParameterValues = Mapping[str, Any]
HAS_WRITTEN_KEY = "wrote"  # in the info of a connection: something was written through it


def column_names(table: Table, generated_column: str = "") -> list[str]:
    """The columns of *table* but for the one that the database numbers."""
    return [column.name for column in table.c if column.name != generated_column]


class _DriverStatement(NamedTuple):
    """How a driver is asked: its SQL, values as it takes them, and what a row becomes."""

    sql: str
    bind: Callable[[ParameterValues], Any]
    row_type: Callable[..., Any]


class CompiledStatement:
    """One statement, for columns of plain text, numbers and Booleans.

    Args:
        columns: Those that an insert or an update gives a value.
    """

    def __init__(
        self,
        statement: Select[Any] | CompoundSelect[Any] | Insert | Update | ReturningInsert[Any],
        columns: Sequence[str] | None = None,
    ) -> None:
        self._statement, self._columns = statement, columns
        self._driver_statements: dict[
            str, _DriverStatement
        ] = {}  # by driver: each sandbox has a dialect of its own

    def fetch_all(self, connection: Connection, values: ParameterValues) -> list[Any]:
        """Named tuples of what it selects or returns. Raises: the driver's own errors."""
        sql, bind, row = self._driver_statement(connection.dialect)
        if self._columns:
            acquire_writer_lock(connection)
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(sql, bind(values))
            found = [row(*each) for each in cursor.fetchall()]
        if self._columns:
            connection.info[HAS_WRITTEN_KEY] = True
        return found

    def execute_many(self, connection: Connection, rows: Iterable[ParameterValues]) -> None:
        """Write *rows*. Raises: the driver's own errors."""
        sql, bind, _ = self._driver_statement(connection.dialect)
        acquire_writer_lock(connection)
        with closing(connection.connection.cursor()) as cursor:
            cursor.executemany(sql, [bind(each) for each in rows])
        connection.info[HAS_WRITTEN_KEY] = True

    def _driver_statement(self, dialect: Dialect) -> _DriverStatement:
        way = self._driver_statements.get(dialect.driver)
        if way is None:
            way = self._driver_statements[dialect.driver] = self._compile(dialect)
        return way

    def _compile(self, dialect: Dialect) -> _DriverStatement:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        assert isinstance(compiled, SQLCompiler)
        given = {name: value for name, value in compiled.params.items() if value is not None}
        selected = getattr(self._statement, "exported_columns", ())
        names = [each.key for each in selected]
        row: Any = namedtuple("row", names)  # type: ignore[misc]  # only the statement knows
        if compiled.positiontup is None:
            return _DriverStatement(str(compiled), lambda values: {**given, **values}, row)
        take = _value_getter(compiled.positiontup)
        if not given:
            return _DriverStatement(str(compiled), take, row)
        return _DriverStatement(str(compiled), lambda values: take({**given, **values}), row)


def _value_getter(names: Sequence[str]) -> Callable[[ParameterValues], Sequence[Any]]:
    """What gives the values of *names* in their order."""
    if len(names) < 2:  # of one name, itemgetter gives the value alone
        return lambda values: [values[name] for name in names]
    return itemgetter(*names)
