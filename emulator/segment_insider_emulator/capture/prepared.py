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

from segment_insider_emulator.capture.postgres import take_turn

Values = Mapping[str, Any]
WROTE = "wrote"  # in the info of a connection: something was written through it


def without(table: Table, numbered: str = "") -> list[str]:
    """The columns of *table* but for the one that the database numbers."""
    return [column.name for column in table.c if column.name != numbered]


class _Way(NamedTuple):
    """How a driver is asked: its SQL, values as it takes them, and what a row becomes."""

    sql: str
    bind: Callable[[Values], Any]
    row: Callable[..., Any]


class Prepared:
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
        self._ways: dict[str, _Way] = {}  # by driver: each sandbox has a dialect of its own

    def rows(self, connection: Connection, values: Values) -> list[Any]:
        """Named tuples of what it selects or returns. Raises: the driver's own errors."""
        sql, bind, row = self._way(connection.dialect)
        if self._columns:
            take_turn(connection)
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(sql, bind(values))
            found = [row(*each) for each in cursor.fetchall()]
        if self._columns:
            connection.info[WROTE] = True
        return found

    def run(self, connection: Connection, rows: Iterable[Values]) -> None:
        """Write *rows*. Raises: the driver's own errors."""
        sql, bind, _ = self._way(connection.dialect)
        take_turn(connection)
        with closing(connection.connection.cursor()) as cursor:
            cursor.executemany(sql, [bind(each) for each in rows])
        connection.info[WROTE] = True

    def _way(self, dialect: Dialect) -> _Way:
        way = self._ways.get(dialect.driver)
        if way is None:
            way = self._ways[dialect.driver] = self._compiled(dialect)
        return way

    def _compiled(self, dialect: Dialect) -> _Way:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        assert isinstance(compiled, SQLCompiler)
        given = {name: value for name, value in compiled.params.items() if value is not None}
        selected = getattr(self._statement, "exported_columns", ())
        names = [each.key for each in selected]
        row: Any = namedtuple("row", names)  # type: ignore[misc]  # only the statement knows
        if compiled.positiontup is None:
            return _Way(str(compiled), lambda values: {**given, **values}, row)
        take = _taking(compiled.positiontup)
        if not given:
            return _Way(str(compiled), take, row)
        return _Way(str(compiled), lambda values: take({**given, **values}), row)


def _taking(names: Sequence[str]) -> Callable[[Values], Sequence[Any]]:
    """What gives the values of *names* in their order."""
    if len(names) < 2:  # of one name, itemgetter gives the value alone
        return lambda values: [values[name] for name in names]
    return itemgetter(*names)
