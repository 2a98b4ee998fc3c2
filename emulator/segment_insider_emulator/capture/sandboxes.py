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

from segment_insider_emulator.capture.database import is_in_memory_url, metadata, transaction
from segment_insider_emulator.capture.postgres import (
    create_sandbox_schema,
    drop_sandbox_schema,
    find_sandbox_schema,
)
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

RECORD_COLUMNS = [column for column in sandboxes.c if column.name != "used_at"]
SELECT_SANDBOXES = select(*RECORD_COLUMNS).order_by(sandboxes.c.created_at, sandboxes.c.id)
UPDATE_SANDBOX_WORKSPACE = (
    update(sandboxes)
    .where(sandboxes.c.id == bindparam("which"))
    .values(workspace=bindparam("asked"))
)
UPDATE_USED_AT_OF_ALL = update(sandboxes).values(used_at=bindparam("at"))
UPDATE_USED_AT = UPDATE_USED_AT_OF_ALL.where(sandboxes.c.id == bindparam("which"))
_IS_UNUSED_SINCE = func.coalesce(sandboxes.c.used_at, sandboxes.c.created_at) < bindparam("before")
SELECT_IDLE_SANDBOX_IDS = select(sandboxes.c.id).where(_IS_UNUSED_SINCE)
DELETE_SANDBOX = delete(sandboxes).where(sandboxes.c.id == bindparam("id"))
DELETE_SANDBOX_IF_IDLE = DELETE_SANDBOX.where(_IS_UNUSED_SINCE)


@dataclass(frozen=True, slots=True)
class SandboxRecord:
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

    def list_sandboxes(self) -> list[SandboxRecord]:
        """Every sandbox, oldest first."""
        with transaction(self._engine) as connection:
            rows = [dict(row._mapping) for row in connection.execute(SELECT_SANDBOXES)]
        return [
            SandboxRecord(**{**row, "workspace": orjson.loads(row["workspace"])}) for row in rows
        ]

    def add(self, sandbox: SandboxRecord) -> None:
        """Keep a new one."""
        row = {column.name: getattr(sandbox, column.name) for column in RECORD_COLUMNS}
        row["workspace"] = orjson.dumps(sandbox.workspace).decode()
        with transaction(self._engine) as connection:
            connection.execute(insert(sandboxes), [row])

    def update_workspace(self, sandbox: SandboxRecord) -> None:
        """Keep another workspace for a sandbox."""
        row = {"which": sandbox.id, "asked": orjson.dumps(sandbox.workspace).decode()}
        with transaction(self._engine) as connection:
            connection.execute(UPDATE_SANDBOX_WORKSPACE, row)

    def mark_all_used(self, at: str) -> None:
        """Keep that all were asked for at that time, ISO 8601."""
        with transaction(self._engine) as connection:
            connection.execute(UPDATE_USED_AT_OF_ALL, {"at": at})

    def mark_used(self, sandbox_id: str, at: str) -> None:
        """Keep that one was asked for at that time."""
        with transaction(self._engine) as connection:
            connection.execute(UPDATE_USED_AT, {"which": sandbox_id, "at": at})

    def list_idle_ids(self, before: str) -> list[str]:
        """Ids of those that were last asked for, or created, *before* that time."""
        with transaction(self._engine) as connection:
            return list(connection.scalars(SELECT_IDLE_SANDBOX_IDS, {"before": before}))

    def delete(self, sandbox_id: str, unused_since: str | None = None) -> bool:
        """Take one off the list; whether it was taken.

        Args:
            unused_since: Only if it was last asked for, or created, before that time, ISO 8601.
        """
        statement, values = DELETE_SANDBOX, {"id": sandbox_id}
        if unused_since:
            statement, values = DELETE_SANDBOX_IF_IDLE, {"id": sandbox_id, "before": unused_since}
        with transaction(self._engine) as connection:
            return bool(connection.execute(statement, values).rowcount)


def create_sandbox_database(main_engine: Engine, sandbox_id: str) -> str:
    """Where the sandbox *id* of the emulator whose database is *engine* has its own.

    A schema of a PostgreSQL database; in memory if that is; else a file in a folder beside it.
    Schema and folder are made.
    Raises: EmulatorError, when the folder cannot be made; StorageFault.
    """
    if main_engine.dialect.name == "postgresql":
        with transaction(main_engine) as connection:
            return create_sandbox_schema(connection, sandbox_id).render_as_string(
                hide_password=False
            )
    if _is_in_memory(main_engine):
        return ":memory:"
    folder = _sandbox_folder(main_engine)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"the folder for sandboxes cannot be made ({error.strerror})"
        raise EmulatorError(what, str(folder), "Let the emulator write there.") from error
    return str(folder / f"{sandbox_id}.db")


def find_leftover_database(main_engine: Engine, sandbox_id: str) -> str | None:
    """The file or schema that the sandbox *id* would have and that is there already."""
    if main_engine.dialect.name == "postgresql":
        with transaction(main_engine) as connection:
            return find_sandbox_schema(connection, sandbox_id)
    if _is_in_memory(main_engine):
        return None
    return next(
        (
            str(file)
            for file in _sandbox_files(_sandbox_folder(main_engine), sandbox_id)
            if file.exists()
        ),
        None,
    )


def delete_sandbox_database(main_engine: Engine, sandbox_id: str) -> None:
    """Delete what the sandbox *id*, which nobody has open, kept of its own beside *engine*'s."""
    if main_engine.dialect.name == "postgresql":
        with transaction(main_engine) as connection:
            drop_sandbox_schema(connection, sandbox_id)
    elif not _is_in_memory(main_engine):
        for file in _sandbox_files(_sandbox_folder(main_engine), sandbox_id):
            file.unlink(missing_ok=True)


def _is_in_memory(engine: Engine) -> bool:
    return is_in_memory_url(engine.url.render_as_string())


def _sandbox_files(folder: Path, sandbox_id: str) -> Iterator[Path]:
    for suffix in ("", "-wal", "-shm"):
        yield folder / f"{sandbox_id}.db{suffix}"


def _sandbox_folder(main_engine: Engine) -> Path:
    return Path(f"{main_engine.url.database}.sandboxes")
