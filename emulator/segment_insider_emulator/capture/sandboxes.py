"""Which sandboxes were created, and where each keeps what happens in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from sqlalchemy import (
    Column,
    Engine,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from segment_insider_emulator.capture.database import is_memory, metadata, transaction
from segment_insider_emulator.capture.postgres import drop_schema, make_schema, schema_there
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject

sandboxes = Table(
    "sandboxes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace", Text, nullable=False),  # JSON: null, the name of a preset, or a document
    Column("write_key", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("key", Text, nullable=False),  # of the account
    Column("created_at", Text, nullable=False),  # ISO 8601, UTC, milliseconds
    Column("team", Text),  # whose it is; null where whoever runs the emulator made it
    Column("used_at", Text),  # about, where the unused are ended; null where nobody asked yet
)

DESCRIBED = [column for column in sandboxes.c if column.name != "used_at"]
ALL = select(*DESCRIBED).order_by(sandboxes.c.created_at, sandboxes.c.id)
CHANGE = (
    update(sandboxes)
    .where(sandboxes.c.id == bindparam("which"))
    .values(workspace=bindparam("asked"))
)
USE_ALL = update(sandboxes).values(used_at=bindparam("at"))
USE = USE_ALL.where(sandboxes.c.id == bindparam("which"))
_UNUSED = func.coalesce(sandboxes.c.used_at, sandboxes.c.created_at) < bindparam("before")
IDLE = select(sandboxes.c.id).where(_UNUSED)
FORGET = delete(sandboxes).where(sandboxes.c.id == bindparam("id"))
FORGET_IDLE = FORGET.where(_UNUSED)


@dataclass(frozen=True, slots=True)
class Described:
    """One sandbox as it was asked for.

    Args:
        workspace: A document, the name of a preset, or None for the emulator's own.
        account, key: Of Insider One.
        created_at: ISO 8601, UTC, milliseconds.
        team: Name of the team whose it is, None for whoever runs the emulator.
    """

    id: str
    workspace: JSONObject | str | None
    write_key: str
    account: str
    key: str
    created_at: str
    team: str | None = None


class SandboxStore:
    """The list of sandboxes. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Described]:
        """Every sandbox, oldest first."""
        with transaction(self._engine) as connection:
            rows = [dict(row._mapping) for row in connection.execute(ALL)]
        return [Described(**{**row, "workspace": orjson.loads(row["workspace"])}) for row in rows]

    def add(self, made: Described) -> None:
        """Keep a new one."""
        row = {column.name: getattr(made, column.name) for column in DESCRIBED}
        row["workspace"] = orjson.dumps(made.workspace).decode()
        with transaction(self._engine) as connection:
            connection.execute(insert(sandboxes), [row])

    def change(self, described: Described) -> None:
        """Keep another workspace for a sandbox."""
        row = {"which": described.id, "asked": orjson.dumps(described.workspace).decode()}
        with transaction(self._engine) as connection:
            connection.execute(CHANGE, row)

    def use_all(self, at: str) -> None:
        """Keep that all were asked for at that time, ISO 8601."""
        with transaction(self._engine) as connection:
            connection.execute(USE_ALL, {"at": at})

    def use(self, id: str, at: str) -> None:
        """Keep that one was asked for at that time."""
        with transaction(self._engine) as connection:
            connection.execute(USE, {"which": id, "at": at})

    def idle(self, before: str) -> list[str]:
        """Ids of those that were last asked for, or created, *before* that time."""
        with transaction(self._engine) as connection:
            return list(connection.scalars(IDLE, {"before": before}))

    def forget(self, id: str, unused_since: str | None = None) -> bool:
        """Take one off the list; whether it was taken.

        Args:
            unused_since: Only if it was last asked for, or created, before that time, ISO 8601.
        """
        statement, values = FORGET, {"id": id}
        if unused_since:
            statement, values = FORGET_IDLE, {"id": id, "before": unused_since}
        with transaction(self._engine) as connection:
            return bool(connection.execute(statement, values).rowcount)


def beside(engine: Engine, id: str) -> str:
    """Where the sandbox *id* of the emulator whose database is *engine* has its own.

    A schema of a PostgreSQL database; in memory if that is; else a file in a folder beside it.
    Schema and folder are made.
    Raises: EmulatorError, when the folder cannot be made; StorageFault.
    """
    if engine.dialect.name == "postgresql":
        with transaction(engine) as connection:
            return make_schema(connection, id).render_as_string(hide_password=False)
    if _in_memory(engine):
        return ":memory:"
    folder = _folder(engine)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"the folder for sandboxes cannot be made ({error.strerror})"
        raise EmulatorError(what, str(folder), "Let the emulator write there.") from error
    return str(folder / f"{id}.db")


def left_over(engine: Engine, id: str) -> str | None:
    """The file or schema that the sandbox *id* would have and that is there already."""
    if engine.dialect.name == "postgresql":
        with transaction(engine) as connection:
            return schema_there(connection, id)
    if _in_memory(engine):
        return None
    return next((str(file) for file in _files(_folder(engine), id) if file.exists()), None)


def remove(engine: Engine, id: str) -> None:
    """Delete what the sandbox *id*, which nobody has open, kept of its own beside *engine*'s."""
    if engine.dialect.name == "postgresql":
        with transaction(engine) as connection:
            drop_schema(connection, id)
    elif not _in_memory(engine):
        for file in _files(_folder(engine), id):
            file.unlink(missing_ok=True)


def _in_memory(engine: Engine) -> bool:
    return is_memory(engine.url.render_as_string())


def _files(folder: Path, id: str) -> Iterator[Path]:
    for suffix in ("", "-wal", "-shm"):
        yield folder / f"{id}.db{suffix}"


def _folder(engine: Engine) -> Path:
    return Path(f"{engine.url.database}.sandboxes")
