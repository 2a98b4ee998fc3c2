"""Statements that every event runs, compiled once and handed to the driver as they are.

SQLAlchemy looks at a statement anew each time, which takes several times as long as SQLite needs
to run it.
"""

import time
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import CompoundSelect, Connection, Dialect, Insert, Select, Table, Update
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningInsert

from segment_insider_emulator.clock import Stopwatch
from segment_insider_emulator.storage.postgres import acquire_writer_lock

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


DEFAULT_TIME_BUDGET_S: Final = 0.2  # seconds
FIRST_CHUNK_SIZE: Final = 2_000  # ids of the first stretch
MAX_CHUNK_GROWTH: Final = 4  # times as many ids has a stretch at most as the one before


class IdRange(NamedTuple):
    """Ids from *low* to *high*, both included."""

    low: int
    high: int


def split_into_chunks(
    id_range: IdRange,
    *,
    ascending: bool = False,
    time_budget_s: float = DEFAULT_TIME_BUDGET_S,
    stopwatch: Stopwatch = time.monotonic,
) -> Iterator[IdRange]:
    """*ids* in parts, from the highest down or, *rising*, from the lowest up.

    A part is as long as can be looked at in what is left of *patience*, going by the one before;
    when nothing is left there are no more.
    """
    low, high = id_range
    length, begun = FIRST_CHUNK_SIZE, stopwatch()
    while low <= high:
        before = stopwatch()
        if ascending:
            part = IdRange(low, min(high, low + length - 1))
            low = part.high + 1
        else:
            part = IdRange(max(low, high - length + 1), high)
            high = part.low - 1
        yield part
        now = stopwatch()
        left = time_budget_s - (now - begun)
        if left <= 0:
            return
        likely = int(length * left / (now - before)) if now > before else length * MAX_CHUNK_GROWTH
        length = max(1, min(length * MAX_CHUNK_GROWTH, likely))
