"""What SQLite has by itself and PostgreSQL is told: one writer, a place of one's own, patience."""

from collections.abc import Collection
from functools import cache
from hashlib import sha256
from secrets import token_hex
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, QueuePool, Table, event, func, inspect, select
from sqlalchemy.schema import CreateSchema, DropSchema

from segment_insider_emulator.clock import Stopwatch

ADVISORY_LOCK_ID = 0x53494521  # names the emulator's advisory locks among those of other programs
# Two connections stay open for each sandbox; with the others, each of the server's threads can
# have one, and so can those that work beside them.
POOL_OPTIONS = {"pool_pre_ping": True, "pool_size": 2, "max_overflow": 32}
LONG_LOCK_TIMEOUT_S = (
    20  # seconds, to wait for what may take long; a thread of the server waits as long
)
CONNECT_AND_LOCK_TIMEOUT_S = (
    5  # seconds, to connect or to wait for another writer; as long as for an SQLite file
)
# When and how often either end asks whether the other is there, in seconds and times: what is left
# of a machine that is gone, or cannot be reached, shall hold no lock.
KEEPALIVE_OPTIONS = (
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
)
MAX_SCHEMA_NAME_BYTES = 63  # bytes
NOTIFY_CHANNEL = "segment_insider_emulator"
SENDER_ID_KEY = "sender"  # in the info of a connection: names its engine among those that write

_HAS_WRITER_LOCK_KEY = "turn"  # in the info of a connection: its transaction is the one that writes
# Each a lock that ends with the transaction, and with the process at the latest.
_LOCK_EXPRESSION = (
    f"count(pg_advisory_xact_lock({ADVISORY_LOCK_ID}, hashtext(current_schema() || each)))"
)
_FROM_LOCK_NAMES = "FROM unnest(%s::text[]) AS each"
_SET_LONG_LOCK_TIMEOUT = f"SET LOCAL lock_timeout = '{LONG_LOCK_TIMEOUT_S}s'"
_ACQUIRE_NAMED_LOCKS = f"SELECT {_LOCK_EXPRESSION} {_FROM_LOCK_NAMES}"
# Told when the transaction is over, and only if it is not undone.
_ACQUIRE_WRITER_LOCK = f"SELECT {_LOCK_EXPRESSION}, pg_notify('{NOTIFY_CHANNEL}', current_schema() || %s) {_FROM_LOCK_NAMES}"
_SELECT_CURRENT_SCHEMA = select(func.current_schema())


def engine_arguments(url: URL) -> dict[str, Any]:
    """What `create_engine` is told besides *url*."""
    told = [
        f"-clock_timeout={CONNECT_AND_LOCK_TIMEOUT_S}s",
        *(f"-ctcp_{name}={value}" for name, value in KEEPALIVE_OPTIONS),
    ]
    usual = {"connect_timeout": str(CONNECT_AND_LOCK_TIMEOUT_S), **dict(KEEPALIVE_OPTIONS)}
    connecting = {name: value for name, value in usual.items() if name not in url.query}
    connecting["options"] = " ".join([*told, _read_url_options(url)]).strip()
    return {**POOL_OPTIONS, "connect_args": connecting}


def install_connection_hooks(engine: Engine) -> None:
    """Have *engine*, which has no connection yet, write as SQLite does."""
    sender = token_hex(8)
    event.listen(engine, "connect", _register_text_dumper)
    event.listen(engine, "connect", lambda _, record: record.info.update({SENDER_ID_KEY: sender}))
    event.listen(engine, "before_cursor_execute", _lock_before_write)
    event.listen(engine, "checkin", _clear_writer_lock_flag)


def acquire_writer_lock(connection: Connection, lock_names: Collection[str] = ()) -> None:
    """Wait until no other transaction writes, and keep it so until this one has ended.

    Ids then grow in the order of commits: a reader that pages by id misses none. Whoever decides
    by what is there takes the turn before looking; whoever writes has it taken for them. When it
    is over, CHANNEL carries the name of the schema and the SENDER.

    Args:
        claimed: What is claimed first, see claim.
    """
    if connection.dialect.name == "postgresql" and not connection.info.get(_HAS_WRITER_LOCK_KEY):
        sender = f" {connection.info[SENDER_ID_KEY]}"
        connection.exec_driver_sql(
            _ACQUIRE_WRITER_LOCK, (sender, [*_prefix_lock_names(lock_names), ""])
        )
        connection.info[_HAS_WRITER_LOCK_KEY] = True


def acquire_named_locks(connection: Connection, lock_names: Collection[str]) -> None:
    """Wait until no other transaction has claimed any of *names*, and keep it so until this one
    has ended. Who has the turn claims no more."""
    connection.exec_driver_sql(_SET_LONG_LOCK_TIMEOUT)
    connection.exec_driver_sql(_ACQUIRE_NAMED_LOCKS, (_prefix_lock_names(lock_names),))


def use_snapshot(connection: Connection) -> None:
    """Have a transaction that has done nothing yet see only what was there at its start."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def advance_sequence(connection: Connection, table: Table) -> None:
    """Number new rows of *table* after those that came with numbers of their own."""
    column = table.autoincrement_column
    if connection.dialect.name == "postgresql" and column is not None:
        last = select(func.max(column)).scalar_subquery()
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(select(func.setval(sequence, last)).where(last.is_not(None)))


def sandbox_schema_name(connection: Connection, sandbox_id: str) -> str:
    """Name of the schema of the sandbox *id*, after that which *connection* works in."""
    name = f"{connection.scalar(_SELECT_CURRENT_SCHEMA)}:{sandbox_id}"
    if len(name.encode()) <= MAX_SCHEMA_NAME_BYTES:
        return name
    return f"{name[:30]}:{sha256(name.encode()).hexdigest()[:24]}"


def create_sandbox_schema(connection: Connection, sandbox_id: str) -> URL:
    """Give the sandbox *id* a schema, unless it has one; the address that leads into it."""
    name = sandbox_schema_name(connection, sandbox_id)
    connection.execute(CreateSchema(name, if_not_exists=True))
    return url_with_schema(connection.engine.url, name)


def url_with_schema(url: URL, schema: str) -> URL:
    """*url*, with *schema* in place of any other."""
    return url.update_query_dict(
        {"options": f'{_read_url_options(url)} -csearch_path="{schema}"'.strip()}
    )


def find_sandbox_schema(connection: Connection, sandbox_id: str) -> str | None:
    """Name of the schema of the sandbox *id* where there is one."""
    name = sandbox_schema_name(connection, sandbox_id)
    return name if inspect(connection).has_schema(name) else None


def drop_sandbox_schema(connection: Connection, sandbox_id: str) -> None:
    """Delete the schema of the sandbox *id* with all that it holds."""
    name = sandbox_schema_name(connection, sandbox_id)
    connection.exec_driver_sql(_SET_LONG_LOCK_TIMEOUT)  # another process may be at work in it
    connection.execute(DropSchema(name, cascade=True, if_exists=True))


def _prefix_lock_names(lock_names: Collection[str]) -> list[str]:
    # In one order, so that two who claim several do not wait for each other.
    return [f":{each}" for each in sorted(lock_names)]


def _read_url_options(url: URL) -> str:
    return str(url.query.get("options", ""))


def _register_text_dumper(connection: Any, _record: object) -> None:
    connection.adapters.register_dumper(str, _text_dumper_class())


@cache
def _text_dumper_class() -> type[Any]:
    # A driver that only those have who use it.
    from psycopg.types.string import StrDumperUnknown

    class Storable(StrDumperUnknown):
        """PostgreSQL has no texts with the character NUL, and customers send it."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    return Storable


def _lock_before_write(
    connection: Any, _cursor: object, _statement: object, _values: object, context: Any, _many: bool
) -> None:
    if context.isinsert or context.isupdate or context.isdelete:
        acquire_writer_lock(connection)


def _clear_writer_lock_flag(_connection: object, record: Any) -> None:
    record.info.pop(_HAS_WRITER_LOCK_KEY, None)


IDLE_TIMEOUT_S = 60.0  # seconds in which nobody has used a database
IDLE_CHECK_INTERVAL_S = 15.0  # seconds between two looks for such ones


class PoolUsage:
    """Counts how often a connection of *engine* came back to its pool."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.checkin_count = 0
        event.listen(engine, "checkin", self._on_checkin)

    def _on_checkin(self, _connection: object, _record: object) -> None:
        self.checkin_count += 1


class IdleConnectionReaper:
    """Gives back the connections of databases that were not used for IDLE, whenever somebody
    makes it look. Those that come back later open new ones."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._lock = Lock()
        self._checked_at = stopwatch()
        # The count that was seen last, and since when it is the same.
        self._last_counts: WeakKeyDictionary[PoolUsage, tuple[int, float]] = WeakKeyDictionary()

    def watch_pool(self, pool_usage: PoolUsage) -> None:
        """Look after the database of *use* as well."""
        with self._lock:
            self._last_counts[pool_usage] = (pool_usage.checkin_count, self._stopwatch())

    def close_idle(self) -> None:
        """Give back what is idle, unless the last look is less than LOOK ago."""
        for engine in self._find_idle_engines(self._stopwatch()):
            close_unused_connections(engine)  # outside the lock: each request asks for that

    def _find_idle_engines(self, now: float) -> list[Engine]:
        with self._lock:
            if now - self._checked_at < IDLE_CHECK_INTERVAL_S:
                return []
            self._checked_at = now
            idle = []
            for use, (count, since) in list(self._last_counts.items()):
                if count != use.checkin_count:
                    self._last_counts[use] = (use.checkin_count, now)
                elif now - since >= IDLE_TIMEOUT_S:
                    idle.append(use.engine)
        return idle


def close_unused_connections(engine: Engine) -> None:
    """Close the connections of *engine* to a PostgreSQL server, unless somebody has one of them.

    Who takes one in this very moment keeps it; it is closed when it came back and is collected.
    """
    pool = engine.pool
    if engine.dialect.name != "postgresql" or not isinstance(pool, QueuePool):
        return
    if pool.checkedin() and not pool.checkedout():
        engine.dispose()
