"""PostgreSQL: the writer lock, named locks, a schema per sandbox, and idle connections."""

from collections.abc import Collection
from functools import cache
from hashlib import sha256
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, QueuePool, Table, event, func, inspect, select
from sqlalchemy.schema import CreateSchema, DropSchema

from segment_insider_emulator.clock import Stopwatch

if TYPE_CHECKING:
    from segment_insider_emulator.storage.change_feed import PoolReturnCounter

ADVISORY_LOCK_ID = 0x53494521  # tells the emulator's advisory locks from other programs' locks
# Two connections stay open for each sandbox; the others are enough for each thread of the server
# and for the background threads.
POOL_OPTIONS = {"pool_pre_ping": True, "pool_size": 2, "max_overflow": 32}
LONG_LOCK_TIMEOUT_S = 20  # for locks held during deliveries; a thread of the server waits as long
CONNECT_AND_LOCK_TIMEOUT_S = 5  # as long as SQLite's busy_timeout
# Both ends check whether the other is alive: locks of a machine that is gone or unreachable must
# end. In seconds and times.
KEEPALIVE_OPTIONS = (
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
)
MAX_SCHEMA_NAME_BYTES = 63
NOTIFY_CHANNEL = "segment_insider_emulator"
SENDER_ID_KEY = "sender id"  # in the info of a connection: its engine's id in notifications
IDLE_TIMEOUT_S = 60.0
IDLE_CHECK_INTERVAL_S = 15.0

_HAS_WRITER_LOCK_KEY = "has writer lock"  # in the info of a connection, during a transaction
# Advisory locks that end with the transaction, at the latest with the process.
_LOCK_EXPRESSION = (
    f"count(pg_advisory_xact_lock({ADVISORY_LOCK_ID}, hashtext(current_schema() || name)))"
)
_FROM_LOCK_NAMES = "FROM unnest(%s::text[]) AS name"
_SET_LONG_LOCK_TIMEOUT = f"SET LOCAL lock_timeout = '{LONG_LOCK_TIMEOUT_S}s'"
_ACQUIRE_NAMED_LOCKS = f"SELECT {_LOCK_EXPRESSION} {_FROM_LOCK_NAMES}"
# PostgreSQL sends the notification on commit, and never after a rollback.
_ACQUIRE_WRITER_LOCK = (
    f"SELECT {_LOCK_EXPRESSION}, pg_notify('{NOTIFY_CHANNEL}', current_schema() || %s)"
    f" {_FROM_LOCK_NAMES}"
)
_SELECT_CURRENT_SCHEMA = select(func.current_schema())


def build_engine_arguments(url: URL) -> dict[str, Any]:
    """Return SQLAlchemy's `create_engine` arguments for PostgreSQL: pool, timeouts, keepalives."""
    settings = [
        f"-clock_timeout={CONNECT_AND_LOCK_TIMEOUT_S}s",
        *(f"-ctcp_{name}={value}" for name, value in KEEPALIVE_OPTIONS),
        _read_url_options(url),
    ]
    defaults = {"connect_timeout": str(CONNECT_AND_LOCK_TIMEOUT_S), **dict(KEEPALIVE_OPTIONS)}
    connect_args = {name: value for name, value in defaults.items() if name not in url.query}
    connect_args["options"] = " ".join(settings).strip()
    return {**POOL_OPTIONS, "connect_args": connect_args}


def install_connection_hooks(engine: Engine) -> None:
    """Install a PostgreSQL engine's hooks for sender id, NUL characters and released locks."""
    sender_id = token_hex(8)
    event.listen(engine, "connect", _register_nul_replacing_dumper)
    event.listen(
        engine, "connect", lambda _, record: record.info.update({SENDER_ID_KEY: sender_id})
    )
    event.listen(engine, "checkin", _clear_writer_lock_flag)


def acquire_writer_lock(connection: Connection, lock_names: Collection[str] = ()) -> None:
    """Wait until no other PostgreSQL transaction writes, and lock out writers until this one ends.

    Row ids then grow in commit order, so that readers that page by id miss none. Call it before
    reading what a write depends on; other writes call it by themselves. On commit, NOTIFY_CHANNEL
    receives the schema name and the sender id.

    Args:
        lock_names: Named locks to acquire first, see `acquire_named_locks`.
    """
    if connection.dialect.name == "postgresql" and not connection.info.get(_HAS_WRITER_LOCK_KEY):
        sender_id = f" {connection.info[SENDER_ID_KEY]}"
        names = [*_prefix_lock_names(lock_names), ""]  # "" is the writer lock
        connection.exec_driver_sql(_ACQUIRE_WRITER_LOCK, (sender_id, names))
        connection.info[_HAS_WRITER_LOCK_KEY] = True


def acquire_named_locks(connection: Connection, lock_names: Collection[str]) -> None:
    """Acquire PostgreSQL's advisory locks *lock_names* until the transaction ends.

    A transaction with the writer lock must not acquire more.
    """
    connection.exec_driver_sql(_SET_LONG_LOCK_TIMEOUT)
    connection.exec_driver_sql(_ACQUIRE_NAMED_LOCKS, (_prefix_lock_names(lock_names),))


def use_one_snapshot_for_transaction(connection: Connection) -> None:
    """Make all reads of a new PostgreSQL transaction see one snapshot."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def advance_id_sequence(connection: Connection, table: Table) -> None:
    """Continue the PostgreSQL id sequence of *table* after imported ids."""
    column = table.autoincrement_column
    if connection.dialect.name == "postgresql" and column is not None:
        last_id = select(func.max(column)).scalar_subquery()
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(select(func.setval(sequence, last_id)).where(last_id.is_not(None)))


def build_sandbox_schema_name(connection: Connection, sandbox_id: str) -> str:
    """Return the name of a sandbox's PostgreSQL schema, derived from the main schema."""
    name = f"{connection.scalar(_SELECT_CURRENT_SCHEMA)}:{sandbox_id}"
    if len(name.encode()) <= MAX_SCHEMA_NAME_BYTES:
        return name
    return f"{name[:30]}:{sha256(name.encode()).hexdigest()[:24]}"


def create_sandbox_schema(connection: Connection, sandbox_id: str) -> URL:
    """Create a sandbox's PostgreSQL schema if missing; return the database URL for it."""
    name = build_sandbox_schema_name(connection, sandbox_id)
    connection.execute(CreateSchema(name, if_not_exists=True))
    return add_schema_to_url(connection.engine.url, name)


def add_schema_to_url(url: URL, schema: str) -> URL:
    """Return a PostgreSQL *url* with *schema* as its search path."""
    options = f'{_read_url_options(url)} -csearch_path="{schema}"'.strip()
    return url.update_query_dict({"options": options})


def find_sandbox_schema(connection: Connection, sandbox_id: str) -> str | None:
    """Return the name of a sandbox's PostgreSQL schema; None if it does not exist."""
    name = build_sandbox_schema_name(connection, sandbox_id)
    return name if inspect(connection).has_schema(name) else None


def drop_sandbox_schema(connection: Connection, sandbox_id: str) -> None:
    """Delete a sandbox's PostgreSQL schema with all its tables."""
    name = build_sandbox_schema_name(connection, sandbox_id)
    connection.exec_driver_sql(_SET_LONG_LOCK_TIMEOUT)  # another process may be using it
    connection.execute(DropSchema(name, cascade=True, if_exists=True))


def _prefix_lock_names(lock_names: Collection[str]) -> list[str]:
    # Sorted, so that two transactions with several locks cannot deadlock.
    return [f":{name}" for name in sorted(lock_names)]


def _read_url_options(url: URL) -> str:
    return str(url.query.get("options", ""))


def _register_nul_replacing_dumper(connection: Any, _record: object) -> None:
    connection.adapters.register_dumper(str, _create_nul_replacing_dumper_class())


@cache
def _create_nul_replacing_dumper_class() -> type[Any]:
    # The driver is optional: it is imported only where a PostgreSQL database is used.
    from psycopg.types.string import StrDumperUnknown

    class NulReplacingDumper(StrDumperUnknown):
        """Replaces NUL, which customers send and PostgreSQL's texts cannot contain."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    return NulReplacingDumper


def _clear_writer_lock_flag(_connection: object, record: Any) -> None:
    record.info.pop(_HAS_WRITER_LOCK_KEY, None)


class IdleConnectionReaper:
    """Closes PostgreSQL connections of databases that were unused for IDLE_TIMEOUT_S."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._lock = Lock()
        self._checked_at = stopwatch()
        # The last count, and since when it is unchanged.
        self._last_counts: WeakKeyDictionary[PoolReturnCounter, tuple[int, float]] = (
            WeakKeyDictionary()
        )

    def watch_pool(self, pool_usage: "PoolReturnCounter") -> None:
        """Start watching a connection pool, to close its idle connections later."""
        with self._lock:
            self._last_counts[pool_usage] = (pool_usage.checkin_count, self._stopwatch())

    def close_idle_connections(self) -> None:
        """Close idle connections of watched pools, at most once per IDLE_CHECK_INTERVAL_S."""
        for engine in self._find_idle_engines(self._stopwatch()):
            close_unused_connections(engine)  # outside the lock, which each request needs

    def _find_idle_engines(self, now: float) -> list[Engine]:
        with self._lock:
            if now - self._checked_at < IDLE_CHECK_INTERVAL_S:
                return []
            self._checked_at = now
            idle_engines = []
            for usage, (count, since) in list(self._last_counts.items()):
                if count != usage.checkin_count:
                    self._last_counts[usage] = (usage.checkin_count, now)
                elif now - since >= IDLE_TIMEOUT_S:
                    idle_engines.append(usage.engine)
        return idle_engines


def close_unused_connections(engine: Engine) -> None:
    """Close the PostgreSQL connections of *engine*, unless one of them is in use.

    A connection taken at this moment stays usable; it closes when it is returned.
    """
    pool = engine.pool
    if engine.dialect.name != "postgresql" or not isinstance(pool, QueuePool):
        return
    if pool.checkedin() and not pool.checkedout():
        engine.dispose()
