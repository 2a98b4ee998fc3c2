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

from segment_insider_emulator.capture.database import metadata, transaction
from segment_insider_emulator.capture.journey_tables import journey_runs
from segment_insider_emulator.capture.postgres import take_turn
from segment_insider_emulator.capture.prepared import Prepared
from segment_insider_emulator.capture.tables import upserts
from segment_insider_emulator.held import Held, Holder, alone

shared = Table(
    "shared",
    metadata,
    Column("name", Text, primary_key=True),  # of the holder, e.g. "clock"
    # Made up for each change: that of a transaction which was undone never comes again.
    Column("revision", Text, nullable=False),
    Column("state", Text, nullable=False),  # JSON object
)

# Beside the states, when something is due that any process may have put off.
RETRIES, RUNS = "retries", "journey runs"
LOOK = Prepared(
    union_all(
        select(shared.c.name, shared.c.revision),
        *(
            select(literal_column(f"'{name}'"), func.min(due_at))
            for name, due_at in ((RETRIES, upserts.c.due_at), (RUNS, journey_runs.c.due_at))
        ),
    )
)
ONE = Prepared(select(shared).where(shared.c.name == bindparam("wanted")))
_CHANGED = insert(shared)
CHANGE = Prepared(
    _CHANGED.on_conflict_do_update(
        index_elements=["name"],
        set_={"revision": _CHANGED.excluded.revision, "state": _CHANGED.excluded.state},
    ),
    ["name", "revision", "state"],
)


class Shared:
    """The holders of one sandbox. Where its database is not shared, this asks nothing of it.

    *several* is whether it may be.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.several = engine.dialect.name == "postgresql"
        self._all: dict[str, _Common] = {}
        self._due: dict[str, Callable[[str | None], None]] = {}

    def hold(self, name: str, holder: Holder, *, looked_at: bool = True) -> Held:
        """Have *holder*, in place of any earlier one of that name, hold what all processes do.

        Args:
            looked_at: Whether it has to know at each `refresh`, and not only when it changes.
        """
        if not self.several:
            return alone(name, holder)
        held = _Common(self._engine, name, holder)
        if looked_at:
            self._all[name] = held
        return held

    def watch(self, name: str, tell: Callable[[str | None], None]) -> None:
        """Tell when the next of RETRIES or RUNS is due, ISO 8601, or None, at each `refresh`."""
        self._due[name] = tell

    def refresh(self) -> None:
        """Know what other processes have changed so far. Raises: StorageFault."""
        if not self.several:
            return
        with transaction(self._engine) as connection:
            revisions = {row.name: row.revision for row in LOOK.rows(connection, {})}
            for name, held in list(self._all.items()):
                if revisions.get(name) != held.revision:
                    held.refresh()
        for name, tell in self._due.items():
            tell(revisions[name])


class _Common:
    """The state of one holder.

    Its lock is taken after the writer's turn, never before: who has the turn may look, too.
    """

    def __init__(self, engine: Engine, name: str, holder: Holder) -> None:
        self._engine, self._name, self._holder = engine, name, holder
        self._lock = Lock()
        self._initial = holder.state()
        self.revision: str | None = None  # of the state in memory; None for the initial one

    def looking(self) -> AbstractContextManager[object]:
        return self._lock

    @contextmanager
    def changing(self) -> Iterator[None]:
        with ExitStack() as afterwards, transaction(self._engine) as connection:
            take_turn(connection)
            # Until the end of the transaction, so that `refresh` does not bring back what was.
            afterwards.enter_context(self._lock)
            self._read(connection)
            yield
            self.revision = secrets.token_hex(8)
            state = orjson.dumps(self._holder.state()).decode()
            row = {"name": self._name, "revision": self.revision, "state": state}
            CHANGE.run(connection, [row])

    def refresh(self) -> None:
        """Hold what is in the database."""
        with transaction(self._engine) as connection, self._lock:
            self._read(connection)

    def _read(self, connection: Connection) -> None:
        found = next(iter(ONE.rows(connection, {"wanted": self._name})), None)
        revision = found.revision if found else None
        if revision != self.revision:
            self._holder.restore(orjson.loads(found.state) if found else self._initial)
            self.revision = revision
