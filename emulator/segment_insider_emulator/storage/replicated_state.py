"""Small states in one row each: shared by processes on PostgreSQL, or stored in an SQLite file.

A process has each state in memory, and reloads it when its revision has changed: at the start of a
request, and under the writer lock before a change.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from threading import Lock

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    union_all,
)

from segment_insider_emulator.shared_state import Shareable, StateGuard, create_process_local_guard
from segment_insider_emulator.storage.database import transaction
from segment_insider_emulator.storage.database_file import get_sqlite_file_path
from segment_insider_emulator.storage.postgres import acquire_writer_lock
from segment_insider_emulator.storage.query_execution import CompiledStatement
from segment_insider_emulator.storage.schema import journey_runs, shared_states, upserts

# Due times, which any process may have changed, are read together with the revisions.
RETRIES_DUE, JOURNEY_RUNS_DUE = "retries", "journey runs"
SELECT_REVISIONS_AND_DUE_TIMES = CompiledStatement(
    union_all(
        select(shared_states.c.name, shared_states.c.revision),
        select(literal_column(f"'{RETRIES_DUE}'"), func.min(upserts.c.due_at)),
        select(literal_column(f"'{JOURNEY_RUNS_DUE}'"), func.min(journey_runs.c.due_at)),
    )
)
SELECT_STATE = CompiledStatement(
    select(shared_states).where(shared_states.c.name == bindparam("state_name"))
)


REPLACE_STATE = CompiledStatement(
    insert(shared_states).prefix_with("OR REPLACE", dialect="sqlite"), ["name", "revision", "state"]
)


@cache
def _compile_state_upsert() -> CompiledStatement:
    # Imported here because only several processes on PostgreSQL need it, and it is slow to import.
    from sqlalchemy.dialects import postgresql

    statement = postgresql.insert(shared_states)
    new = statement.excluded
    return CompiledStatement(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"revision": new.revision, "state": new.state}
        ),
        ["name", "revision", "state"],
    )


class ReplicatedState:
    """Small states of one sandbox that all processes on a PostgreSQL database share.

    On SQLite, which one process uses alone, it only makes queries for durable states.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.is_multi_process = engine.dialect.name == "postgresql"
        self._entries: dict[str, _ReplicatedStateGuard] = {}
        self._due_callbacks: dict[str, Callable[[str | None], None]] = {}

    def create_state_guard(
        self, name: str, shareable: Shareable, *, refresh_on_read: bool = True
    ) -> StateGuard:
        """Share the state of *shareable* under *name* with other processes, and return its guard.

        Args:
            refresh_on_read: Whether each refresh reloads it, or only an update.
        """
        if not self.is_multi_process:
            return create_process_local_guard(name, shareable)
        entry = _ReplicatedStateGuard(self._engine, name, shareable)
        if refresh_on_read:
            self._entries[name] = entry
        return entry

    def create_durable_state_guard(
        self, name: str, shareable: Shareable, *, refresh_on_read: bool = True
    ) -> StateGuard:
        """As `create_state_guard`, but also store the state in an SQLite file, if it is one."""
        if self.is_multi_process or get_sqlite_file_path(self._engine.url) is None:
            return self.create_state_guard(name, shareable, refresh_on_read=refresh_on_read)
        return _FileStateGuard(self._engine, name, shareable)

    def subscribe_to_next_due_time(self, name: str, callback: Callable[[str | None], None]) -> None:
        """Call *callback* with the time of the next retry or journey run at each refresh.

        Args:
            name: RETRIES_DUE or JOURNEY_RUNS_DUE.
        """
        self._due_callbacks[name] = callback

    def refresh_from_database(self) -> None:
        """Load states that other processes changed in the database. Raises: DatabaseUnavailable."""
        if not self.is_multi_process:
            return
        with transaction(self._engine) as connection:
            rows = SELECT_REVISIONS_AND_DUE_TIMES.fetch_all(connection, {})
            revisions = {row.name: row.revision for row in rows}
            for name, entry in list(self._entries.items()):
                if revisions.get(name) != entry.revision:
                    entry.reload_state()
        for name, callback in self._due_callbacks.items():
            callback(revisions[name])


class _FileStateGuard:
    """Guard of a state that is stored in an SQLite file, and loaded from it."""

    def __init__(self, engine: Engine, name: str, shareable: Shareable) -> None:
        self._engine, self._name, self._shareable = engine, name, shareable
        self.lock_for_reading, self._update_lock = Lock(), Lock()
        with transaction(engine) as connection:
            rows = SELECT_STATE.fetch_all(connection, {"state_name": name})
        if rows:
            shareable.load_state(rows[0].state)

    @property
    def lock_for_update(self) -> AbstractContextManager[object]:
        return self._update_and_store()

    @contextmanager
    def _update_and_store(self) -> Iterator[None]:
        with self._update_lock:
            with self.lock_for_reading:
                previous = self._shareable.export_state()
                yield
                state = self._shareable.export_state()
            # Not while readers wait: one of them may be the transaction that this one waits for.
            try:
                with transaction(self._engine) as connection:
                    row = {"name": self._name, "revision": secrets.token_hex(8), "state": state}
                    REPLACE_STATE.execute_many(connection, [row])
            except BaseException:
                with self.lock_for_reading:
                    self._shareable.load_state(previous)
                raise


class _ReplicatedStateGuard:
    """Guard of one state that processes share. Its lock is taken after the writer lock."""

    def __init__(self, engine: Engine, name: str, shareable: Shareable) -> None:
        self._engine, self._name, self._shareable = engine, name, shareable
        self._lock = Lock()
        self._initial_state = shareable.export_state()
        self.revision: str | None = None  # of the state in memory; None for the initial one

    @property
    def lock_for_reading(self) -> AbstractContextManager[object]:
        return self._lock

    @property
    def lock_for_update(self) -> AbstractContextManager[object]:
        return self._open_update_transaction()

    @contextmanager
    def _open_update_transaction(self) -> Iterator[None]:
        with ExitStack() as exit_stack, transaction(self._engine) as connection:
            acquire_writer_lock(connection)
            # Released after the transaction, so that no refresh brings back the old state.
            exit_stack.enter_context(self._lock)
            self._load_state(connection)
            yield
            self.revision = secrets.token_hex(8)
            state = self._shareable.export_state()
            row = {"name": self._name, "revision": self.revision, "state": state}
            _compile_state_upsert().execute_many(connection, [row])

    def reload_state(self) -> None:
        """Load the shared state from the database."""
        with transaction(self._engine) as connection, self._lock:
            self._load_state(connection)

    def _load_state(self, connection: Connection) -> None:
        rows = SELECT_STATE.fetch_all(connection, {"state_name": self._name})
        revision, state = (rows[0].revision, rows[0].state) if rows else (None, self._initial_state)
        if revision != self.revision:
            self._shareable.load_state(state)
            self.revision = revision
