"""Execution of queries: statements compiled once, the hook before writes, and scans in chunks."""

import time
from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    CompoundSelect,
    Connection,
    Delete,
    Dialect,
    Engine,
    Insert,
    Select,
    Table,
    Update,
    event,
)
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningInsert

from segment_insider_emulator.clock import Stopwatch
from segment_insider_emulator.json_text import encode_optional_json
from segment_insider_emulator.storage.postgres import acquire_writer_lock
from segment_insider_emulator.storage.schema import JsonText

ParameterValues = Mapping[str, Any]
Convert = Callable[[Any], Any]
HAS_WRITTEN_KEY = "has written"  # in the info of a connection: rows were written through it

DEFAULT_TIME_BUDGET_S: Final = 0.2
FIRST_CHUNK_SIZE: Final = 2_000  # ids
MAX_CHUNK_GROWTH: Final = 4  # a chunk is at most this many times as large as the one before
MIN_CHUNK_SHARE: Final = 0.05  # of the time budget; no chunk is planned for less


def list_column_names(table: Table, *omitted: str) -> list[str]:
    """Return the column names of a database *table* without those *omitted*."""
    return [column.name for column in table.c if column.name not in omitted]


def install_write_hook(engine: Engine) -> None:
    """Call `DriverSession.prepare_for_write` before each write by SQLAlchemy on *engine*."""
    event.listen(engine, "before_cursor_execute", _prepare_if_statement_writes)


class DriverSession:
    """What statements need of a connection during one transaction, looked up once.

    Each look-up in SQLAlchemy takes several calls.

    Args:
        create_cursor: The database driver's own: SQLAlchemy's is called through two proxies.
        info: Of the connection.
    """

    __slots__ = ("connection", "create_cursor", "dialect", "info", "is_postgres")

    def __init__(self, connection: Connection) -> None:
        driver_connection: Any = connection.connection.dbapi_connection
        self.connection = connection
        self.create_cursor: Callable[[], Any] = driver_connection.cursor
        self.dialect = connection.dialect
        self.info: dict[Any, Any] = connection.info
        self.is_postgres = self.dialect.name == "postgresql"

    def prepare_for_write(self) -> None:
        """Before a write: acquire the writer lock, and mark the change for the change counter."""
        if self.is_postgres:
            acquire_writer_lock(self.connection)
        self.info[HAS_WRITTEN_KEY] = True


# Of this thread's open transaction.
open_session: ContextVar[DriverSession | None] = ContextVar("open_session", default=None)


def get_session(connection: Connection) -> DriverSession:
    """Return the session of *connection*: that of this thread's transaction, or a new one."""
    session = open_session.get()
    if session is not None and session.connection is connection:
        return session
    return DriverSession(connection)


def _prepare_if_statement_writes(
    connection: Any, _cursor: object, _statement: object, _values: object, context: Any, _many: bool
) -> None:
    if context.isinsert or context.isupdate or context.isdelete:
        get_session(connection).prepare_for_write()


class _DriverStatement(NamedTuple):
    """An SQL statement in a database driver's form, with conversions of parameters and rows."""

    sql: str
    bind: Callable[[ParameterValues], Any]
    read_row: Callable[[Sequence[Any]], Any]


class CompiledStatement:
    """An SQL statement that is compiled once and then run on the database driver directly.

    SQLAlchemy analyses a statement on each run, which takes several times as long as SQLite needs
    to execute it. Columns are text, numbers, Booleans, or JsonText.

    Args:
        columns: Columns that an INSERT or UPDATE sets.
    """

    def __init__(
        self,
        statement: (
            Select[Any] | CompoundSelect[Any] | Insert | Update | Delete | ReturningInsert[Any]
        ),
        columns: Sequence[str] | None = None,
    ) -> None:
        self._statement, self._columns = statement, columns
        # By driver, not by dialect: each sandbox has a dialect object of its own.
        self._driver_statements: dict[str, _DriverStatement] = {}

    def fetch_all(self, connection: Connection, values: ParameterValues) -> list[Any]:
        """Run an SQL query and return its rows as named tuples. Raises: the driver's errors."""
        session = get_session(connection)
        sql, bind, read_row = self._get_driver_statement(session.dialect)
        if self._columns:
            session.prepare_for_write()
        cursor = session.create_cursor()
        cursor.execute(sql, bind(values))
        return [read_row(row) for row in cursor.fetchall()]

    def execute_many(self, connection: Connection, rows: Iterable[ParameterValues]) -> None:
        """Run an SQL INSERT, UPDATE or DELETE for each of *rows*. Raises: the driver's errors."""
        session = get_session(connection)
        sql, bind, _ = self._get_driver_statement(session.dialect)
        session.prepare_for_write()
        session.create_cursor().executemany(sql, [bind(row) for row in rows])

    def _get_driver_statement(self, dialect: Dialect) -> _DriverStatement:
        statement = self._driver_statements.get(dialect.driver)
        if statement is None:
            statement = self._driver_statements[dialect.driver] = self._compile_for_dialect(dialect)
        return statement

    def _compile_for_dialect(self, dialect: Dialect) -> _DriverStatement:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        assert isinstance(compiled, SQLCompiler)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        json_names = [
            name
            for name, parameter in compiled.binds.items()
            if isinstance(parameter.type, JsonText)
        ]
        bind = _create_parameter_binder(compiled.positiontup, constants, json_names)
        columns = getattr(self._statement, "exported_columns", ())
        loaders = {
            index: column.type.result_processor(dialect, None)
            for index, column in enumerate(columns)
            if isinstance(column.type, JsonText)
        }
        return _DriverStatement(
            str(compiled), bind, _create_row_converter([column.key for column in columns], loaders)
        )


def _create_parameter_binder(
    positions: Sequence[str] | None,
    constants: ParameterValues,
    json_names: Collection[str],
) -> Callable[[ParameterValues], Any]:
    """Create the function that converts values by name to a database driver's parameters.

    Args:
        positions: Names in the driver's order; None where the driver takes names.
        constants: Values of parameters that the statement itself sets.
        json_names: Names of values that are stored as JSON text; None is stored as NULL.
    """
    if positions is None:

        def bind_by_name(values: ParameterValues) -> dict[str, Any]:
            parameters = {**constants, **values}
            for name in json_names:
                parameters[name] = encode_optional_json(parameters[name])
            return parameters

        return bind_by_name
    get_values = _create_value_getter(positions)
    json_indexes = [index for index, name in enumerate(positions) if name in json_names]
    if not constants and not json_indexes:
        return get_values
    dump = orjson.dumps

    def bind_by_position(values: ParameterValues) -> list[Any]:
        parameters = list(get_values({**constants, **values} if constants else values))
        for index in json_indexes:
            # As encode_optional_json, without a call for each value.
            if (value := parameters[index]) is not None:
                parameters[index] = dump(value).decode()
        return parameters

    return bind_by_position


def _create_row_converter(
    names: Sequence[str], loaders: Mapping[int, Convert]
) -> Callable[[Sequence[Any]], Any]:
    """Create the function that converts a database driver's row to a named tuple."""
    row_type: Any = namedtuple("row", names)  # type: ignore[misc]  # only the statement knows
    create_row = partial(tuple.__new__, row_type)  # without the checks of calling the type
    if not loaders:
        return create_row
    loaders_by_index = list(loaders.items())

    def load_row(row: Sequence[Any]) -> Any:
        values = list(row)
        for index, load in loaders_by_index:
            values[index] = load(values[index])
        return create_row(values)

    return load_row


def _create_value_getter(names: Sequence[str]) -> Callable[[ParameterValues], Sequence[Any]]:
    """Create the function that returns the values of *names* in order."""
    if len(names) < 2:  # of one name, itemgetter returns the value alone
        return lambda values: [values[name] for name in names]
    return itemgetter(*names)


class IdRange(NamedTuple):
    """Range of database ids from *low* to *high*, both included."""

    low: int
    high: int


def split_id_range(
    id_range: IdRange,
    *,
    ascending: bool = False,
    time_budget_s: float = DEFAULT_TIME_BUDGET_S,
    stopwatch: Stopwatch = time.monotonic,
) -> Iterator[IdRange]:
    """Yield a range of database ids in chunks: from the highest down, or up if *ascending*.

    The next chunk may take half of what is left of *time_budget_s*, judged by the one before: it
    can be slower. No chunk follows when hardly any time is left.
    """
    low, high = id_range
    size, started = FIRST_CHUNK_SIZE, stopwatch()
    shortest_s = time_budget_s * MIN_CHUNK_SHARE
    while low <= high:
        chunk_started = stopwatch()
        if ascending:
            chunk = IdRange(low, min(high, low + size - 1))
            low = chunk.high + 1
        else:
            chunk = IdRange(max(low, high - size + 1), high)
            high = chunk.low - 1
        yield chunk
        now = stopwatch()
        remaining = time_budget_s - (now - started)
        if remaining <= shortest_s:
            return
        growth_limit = size * MAX_CHUNK_GROWTH
        took = now - chunk_started
        fitting = int(size * remaining / 2 / took) if took > 0 else growth_limit
        size = max(1, min(growth_limit, fitting))
