"""What processes on one PostgreSQL database have in common beside captures: a row for each holder.

A process holds each state in memory, and reads it again where its revision has changed: at the
start of a request, and in the writer's turn before it changes anything.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Lock

import orjson
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Table,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert

from segment_insider_emulator.shared_state import Shareable, StateGuard, process_local
from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.journeys import journey_runs
from segment_insider_emulator.storage.postgres import acquire_writer_lock
from segment_insider_emulator.storage.query_execution import CompiledStatement
from segment_insider_emulator.storage.schema import metadata, upserts

shared_states = Table(
    "shared",
    metadata,
    Column("name", Text, primary_key=True),  # of the holder, e.g. "clock"
    # Made up for each change: that of a transaction which was undone never comes again.
    Column("revision", Text, nullable=False),
    Column("state", Text, nullable=False),  # JSON object
)

# Beside the states, when something is due that any process may have put off.
RETRIES_DUE, JOURNEY_RUNS_DUE = "retries", "journey runs"
SELECT_REVISIONS_AND_DUE_TIMES = CompiledStatement(
    union_all(
        select(shared_states.c.name, shared_states.c.revision),
        *(
            select(literal_column(f"'{name}'"), func.min(due_at))
            for name, due_at in (
                (RETRIES_DUE, upserts.c.due_at),
                (JOURNEY_RUNS_DUE, journey_runs.c.due_at),
            )
        ),
    )
)
SELECT_STATE = CompiledStatement(
    select(shared_states).where(shared_states.c.name == bindparam("wanted"))
)
_INSERT_STATE = insert(shared_states)
UPSERT_STATE = CompiledStatement(
    _INSERT_STATE.on_conflict_do_update(
        index_elements=["name"],
        set_={"revision": _INSERT_STATE.excluded.revision, "state": _INSERT_STATE.excluded.state},
    ),
    ["name", "revision", "state"],
)


class ReplicatedState:
    """The holders of one sandbox. Where its database is not shared, this asks nothing of it.

    *several* is whether it may be.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.is_multi_process = engine.dialect.name == "postgresql"
        self._entries: dict[str, _ReplicatedEntry] = {}
        self._due_callbacks: dict[str, Callable[[str | None], None]] = {}

    def create_guard(
        self, name: str, shareable: Shareable, *, refresh_on_read: bool = True
    ) -> StateGuard:
        """Have *holder*, in place of any earlier one of that name, hold what all processes do.

        Args:
            looked_at: Whether it has to know at each `refresh`, and not only when it changes.
        """
        if not self.is_multi_process:
            return process_local(name, shareable)
        held = _ReplicatedEntry(self._engine, name, shareable)
        if refresh_on_read:
            self._entries[name] = held
        return held

    def watch_next_due(self, name: str, callback: Callable[[str | None], None]) -> None:
        """Tell when the next of RETRIES or RUNS is due, ISO 8601, or None, at each `refresh`."""
        self._due_callbacks[name] = callback

    def refresh_from_database(self) -> None:
        """Know what other processes have changed so far. Raises: StorageFault."""
        if not self.is_multi_process:
            return
        with transaction(self._engine) as connection:
            revisions = {
                row.name: row.revision
                for row in SELECT_REVISIONS_AND_DUE_TIMES.fetch_all(connection, {})
            }
            for name, held in list(self._entries.items()):
                if revisions.get(name) != held.revision:
                    held.reload()
        for name, tell in self._due_callbacks.items():
            tell(revisions[name])


class _ReplicatedEntry:
    """The state of one holder.

    Its lock is taken after the writer's turn, never before: who has the turn may look, too.
    """

    def __init__(self, engine: Engine, name: str, shareable: Shareable) -> None:
        self._engine, self._name, self._shareable = engine, name, shareable
        self._lock = Lock()
        self._initial_state = shareable.state()
        self.revision: str | None = None  # of the state in memory; None for the initial one

    def reading(self) -> AbstractContextManager[object]:
        return self._lock

    @contextmanager
    def updating(self) -> Iterator[None]:
        with ExitStack() as afterwards, transaction(self._engine) as connection:
            acquire_writer_lock(connection)
            # Until the end of the transaction, so that `refresh` does not bring back what was.
            afterwards.enter_context(self._lock)
            self._load_state(connection)
            yield
            self.revision = secrets.token_hex(8)
            state = orjson.dumps(self._shareable.state()).decode()
            row = {"name": self._name, "revision": self.revision, "state": state}
            UPSERT_STATE.execute_many(connection, [row])

    def reload(self) -> None:
        """Hold what is in the database."""
        with transaction(self._engine) as connection, self._lock:
            self._load_state(connection)

    def _load_state(self, connection: Connection) -> None:
        found = next(iter(SELECT_STATE.fetch_all(connection, {"wanted": self._name})), None)
        revision = found.revision if found else None
        if revision != self.revision:
            self._shareable.restore(orjson.loads(found.state) if found else self._initial_state)
            self.revision = revision
