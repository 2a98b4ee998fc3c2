"""What SQLite has by itself and PostgreSQL is told: one writer, a place of one's own, patience."""

from collections.abc import Collection
from functools import cache
from hashlib import sha256
from secrets import token_hex
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, event, func, inspect, select
from sqlalchemy.schema import CreateSchema, DropSchema

LOCK = 0x53494521  # names the emulator's advisory locks among those of other programs
# Two connections stay open for each sandbox; with the others, each of the server's threads can
# have one, and so can those that work beside them.
POOL = {"pool_pre_ping": True, "pool_size": 2, "max_overflow": 32}
LONG_PATIENCE = 20  # seconds, to wait for what may take long; a thread of the server waits as long
PATIENCE = 5  # seconds, to connect or to wait for another writer; as long as for an SQLite file
# When and how often either end asks whether the other is there, in seconds and times: what is left
# of a machine that is gone, or cannot be reached, shall hold no lock.
ALIVE = (("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"))
LONGEST_NAME = 63  # bytes
CHANNEL = "segment_insider_emulator"
SENDER = "sender"  # in the info of a connection: names its engine among those that write

_TURN = "turn"  # in the info of a connection: its transaction is the one that writes
# Each a lock that ends with the transaction, and with the process at the latest.
_LOCKS = f"count(pg_advisory_xact_lock({LOCK}, hashtext(current_schema() || each)))"
_EACH = "FROM unnest(%s::text[]) AS each"
_BE_PATIENT = f"SET LOCAL lock_timeout = '{LONG_PATIENCE}s'"
_CLAIM = f"SELECT {_LOCKS} {_EACH}"
# Told when the transaction is over, and only if it is not undone.
_TAKE_TURN = f"SELECT {_LOCKS}, pg_notify('{CHANNEL}', current_schema() || %s) {_EACH}"
_SCHEMA = select(func.current_schema())


def arguments(url: URL) -> dict[str, Any]:
    """What `create_engine` is told besides *url*."""
    told = [f"-clock_timeout={PATIENCE}s", *(f"-ctcp_{name}={value}" for name, value in ALIVE)]
    usual = {"connect_timeout": str(PATIENCE), **dict(ALIVE)}
    connecting = {name: value for name, value in usual.items() if name not in url.query}
    connecting["options"] = " ".join([*told, _options(url)]).strip()
    return {**POOL, "connect_args": connecting}


def tune(engine: Engine) -> None:
    """Have *engine*, which has no connection yet, write as SQLite does."""
    sender = token_hex(8)
    event.listen(engine, "connect", _store_any_text)
    event.listen(engine, "connect", lambda _, record: record.info.update({SENDER: sender}))
    event.listen(engine, "before_cursor_execute", _before)
    event.listen(engine, "checkin", _turn_is_over)


def take_turn(connection: Connection, claimed: Collection[str] = ()) -> None:
    """Wait until no other transaction writes, and keep it so until this one has ended.

    Ids then grow in the order of commits: a reader that pages by id misses none. Whoever decides
    by what is there takes the turn before looking; whoever writes has it taken for them. When it
    is over, CHANNEL carries the name of the schema and the SENDER.

    Args:
        claimed: What is claimed first, see claim.
    """
    if connection.dialect.name == "postgresql" and not connection.info.get(_TURN):
        sender = f" {connection.info[SENDER]}"
        connection.exec_driver_sql(_TAKE_TURN, (sender, [*_claims(claimed), ""]))
        connection.info[_TURN] = True


def claim(connection: Connection, names: Collection[str]) -> None:
    """Wait until no other transaction has claimed any of *names*, and keep it so until this one
    has ended. Who has the turn claims no more."""
    connection.exec_driver_sql(_BE_PATIENT)
    connection.exec_driver_sql(_CLAIM, (_claims(names),))


def as_of_one_moment(connection: Connection) -> None:
    """Have a transaction that has done nothing yet see only what was there at its start."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def number_on(connection: Connection, table: Table) -> None:
    """Number new rows of *table* after those that came with numbers of their own."""
    column = table.autoincrement_column
    if connection.dialect.name == "postgresql" and column is not None:
        last = select(func.max(column)).scalar_subquery()
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(select(func.setval(sequence, last)).where(last.is_not(None)))


def schema_beside(connection: Connection, id: str) -> str:
    """Name of the schema of the sandbox *id*, after that which *connection* works in."""
    name = f"{connection.scalar(_SCHEMA)}:{id}"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    return f"{name[:30]}:{sha256(name.encode()).hexdigest()[:24]}"


def make_schema(connection: Connection, id: str) -> URL:
    """Give the sandbox *id* a schema, unless it has one; the address that leads into it."""
    name = schema_beside(connection, id)
    connection.execute(CreateSchema(name, if_not_exists=True))
    return within(connection.engine.url, name)


def within(url: URL, schema: str) -> URL:
    """*url*, with *schema* in place of any other."""
    return url.update_query_dict({"options": f'{_options(url)} -csearch_path="{schema}"'.strip()})


def schema_there(connection: Connection, id: str) -> str | None:
    """Name of the schema of the sandbox *id* where there is one."""
    name = schema_beside(connection, id)
    return name if inspect(connection).has_schema(name) else None


def drop_schema(connection: Connection, id: str) -> None:
    """Delete the schema of the sandbox *id* with all that it holds."""
    name = schema_beside(connection, id)
    connection.exec_driver_sql(_BE_PATIENT)  # another process may be at work in it
    connection.execute(DropSchema(name, cascade=True, if_exists=True))


def _claims(names: Collection[str]) -> list[str]:
    # In one order, so that two who claim several do not wait for each other.
    return [f":{each}" for each in sorted(names)]


def _options(url: URL) -> str:
    return str(url.query.get("options", ""))


def _store_any_text(connection: Any, _record: object) -> None:
    connection.adapters.register_dumper(str, _storable())


@cache
def _storable() -> type[Any]:
    # A driver that only those have who use it.
    from psycopg.types.string import StrDumperUnknown

    class Storable(StrDumperUnknown):
        """PostgreSQL has no texts with the character NUL, and customers send it."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    return Storable


def _before(
    connection: Any, _cursor: object, _statement: object, _values: object, context: Any, _many: bool
) -> None:
    if context.isinsert or context.isupdate or context.isdelete:
        take_turn(connection)


def _turn_is_over(_connection: object, record: Any) -> None:
    record.info.pop(_TURN, None)
