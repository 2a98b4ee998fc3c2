"""Storage of the list of sandboxes; creation, deletion and export of their databases."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Integer,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, StatementError

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.database import is_in_memory_url, transaction
from segment_insider_emulator.storage.postgres import (
    advance_id_sequence,
    create_sandbox_schema,
    drop_sandbox_schema,
    find_sandbox_schema,
    use_one_snapshot_for_transaction,
)
from segment_insider_emulator.storage.schema import (
    JsonText,
    deliveries,
    differences,
    forgotten_message_ids,
    identifiers,
    journey_runs,
    journey_trails,
    messages,
    profile_events,
    profile_history,
    profiles,
    queued_messages,
    sandboxes,
    upserts,
)
from segment_insider_emulator.types import JSON, JSONObject

RECORD_COLUMNS = [column for column in sandboxes.c if column.name != "used_at"]
SELECT_SANDBOXES = select(*RECORD_COLUMNS).order_by(sandboxes.c.created_at, sandboxes.c.id)
UPDATE_SANDBOX_WORKSPACE = (
    update(sandboxes)
    .where(sandboxes.c.id == bindparam("sandbox_id"))
    .values(workspace=bindparam("new_workspace"))
)
UPDATE_USED_AT_OF_ALL = update(sandboxes).values(used_at=bindparam("at"))
UPDATE_USED_AT = UPDATE_USED_AT_OF_ALL.where(sandboxes.c.id == bindparam("sandbox_id"))
_IS_UNUSED_SINCE = func.coalesce(sandboxes.c.used_at, sandboxes.c.created_at) < bindparam("before")
SELECT_IDLE_SANDBOX_IDS = select(sandboxes.c.id).where(_IS_UNUSED_SINCE)
DELETE_SANDBOX = delete(sandboxes).where(sandboxes.c.id == bindparam("sandbox_id"))
DELETE_SANDBOX_IF_IDLE = DELETE_SANDBOX.where(_IS_UNUSED_SINCE)

# Without the InOne panel's keys, and without changes to the destination, which contain one.
EXPORTED_TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        messages,
        deliveries,
        upserts,
        queued_messages,
        forgotten_message_ids,
        differences,
        profiles,
        identifiers,
        profile_events,
        profile_history,
        journey_runs,
        journey_trails,
    )
}
_ROWS_PER_BATCH = 500
MAX_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SandboxRecord:
    """Record of one sandbox as it was created: its id, keys and workspace.

    Args:
        workspace: A workspace document, a preset's name, or None for the emulator's own.
        account, key: Of Insider One.
        created_at: ISO 8601, UTC, milliseconds.
        team: Name of the owning team; None for the emulator's operator.
    """

    id: str
    workspace: JSONObject | str | None
    write_key: str
    account: str
    key: str
    created_at: str
    team: str | None = None


class SandboxStore:
    """Stores the list of sandboxes. Raises: DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list_sandboxes(self) -> list[SandboxRecord]:
        """Return all sandboxes, oldest first."""
        with transaction(self._engine) as connection:
            return [SandboxRecord(**row._mapping) for row in connection.execute(SELECT_SANDBOXES)]

    def add_sandbox(self, sandbox: SandboxRecord) -> None:
        """Store the record of a new sandbox."""
        row = {column.name: getattr(sandbox, column.name) for column in RECORD_COLUMNS}
        with transaction(self._engine) as connection:
            connection.execute(insert(sandboxes), [row])

    def update_sandbox_workspace(self, sandbox: SandboxRecord) -> None:
        """Store a sandbox's new workspace."""
        values = {"sandbox_id": sandbox.id, "new_workspace": sandbox.workspace}
        with transaction(self._engine) as connection:
            connection.execute(UPDATE_SANDBOX_WORKSPACE, values)

    def mark_all_sandboxes_used(self, at: str) -> None:
        """Store *at* (ISO 8601) as the time when all sandboxes were last used."""
        with transaction(self._engine) as connection:
            connection.execute(UPDATE_USED_AT_OF_ALL, {"at": at})

    def mark_sandbox_used(self, sandbox_id: str, at: str) -> None:
        """Store *at* (ISO 8601) as the time when one sandbox was last used."""
        with transaction(self._engine) as connection:
            connection.execute(UPDATE_USED_AT, {"sandbox_id": sandbox_id, "at": at})

    def list_idle_sandbox_ids(self, before: str) -> list[str]:
        """Return the ids of sandboxes last used, or created, before *before*, ISO 8601."""
        with transaction(self._engine) as connection:
            return list(connection.scalars(SELECT_IDLE_SANDBOX_IDS, {"before": before}))

    def delete_sandbox(self, sandbox_id: str, unused_since: str | None = None) -> bool:
        """Delete one sandbox from the stored list; return whether it was there.

        Args:
            unused_since: Delete it only if last used, or created, before this time, ISO 8601.
        """
        statement, values = DELETE_SANDBOX, {"sandbox_id": sandbox_id}
        if unused_since:
            statement, values = DELETE_SANDBOX_IF_IDLE, values | {"before": unused_since}
        with transaction(self._engine) as connection:
            return bool(connection.execute(statement, values).rowcount)


def create_sandbox_database(main_engine: Engine, sandbox_id: str) -> str:
    """Create the database folder or schema of a sandbox; return the database's path or URL.

    It is a schema of a PostgreSQL database, a file in a folder next to the main SQLite file, or in
    memory if the main database is.
    Raises: EmulatorError, when the folder cannot be created; DatabaseUnavailable.
    """
    if main_engine.dialect.name == "postgresql":
        with transaction(main_engine) as connection:
            url = create_sandbox_schema(connection, sandbox_id)
        return url.render_as_string(hide_password=False)
    if _is_in_memory(main_engine):
        return ":memory:"
    folder = _get_all_sandboxes_folder(main_engine)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot create the folder for sandboxes ({error.strerror})"
        raise EmulatorError(what, str(folder), "Let the emulator write there.") from error
    return str(folder / f"{sandbox_id}.db")


def find_leftover_database(main_engine: Engine, sandbox_id: str) -> str | None:
    """Return the file or schema that a deleted sandbox with the same id left; None without one."""
    if main_engine.dialect.name == "postgresql":
        with transaction(main_engine) as connection:
            return find_sandbox_schema(connection, sandbox_id)
    if _is_in_memory(main_engine):
        return None
    files = _list_sandbox_files(_get_all_sandboxes_folder(main_engine), sandbox_id)
    return next((str(file) for file in files if file.exists()), None)


def delete_sandbox_database(main_engine: Engine, sandbox_id: str) -> None:
    """Delete the database files or schema of a sandbox that is no longer open."""
    if main_engine.dialect.name == "postgresql":
        with transaction(main_engine) as connection:
            drop_sandbox_schema(connection, sandbox_id)
    elif not _is_in_memory(main_engine):
        for file in _list_sandbox_files(_get_all_sandboxes_folder(main_engine), sandbox_id):
            file.unlink(missing_ok=True)


def _is_in_memory(engine: Engine) -> bool:
    return is_in_memory_url(engine.url.render_as_string())


def _list_sandbox_files(folder: Path, sandbox_id: str) -> Iterator[Path]:
    for suffix in ("", "-wal", "-shm"):
        yield folder / f"{sandbox_id}.db{suffix}"


def _get_all_sandboxes_folder(main_engine: Engine) -> Path:
    return Path(f"{main_engine.url.database}.sandboxes")


class SandboxArchive:
    """Exports and imports all database rows of one sandbox. Raises: DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def export_rows(self) -> Iterator[tuple[str, JSONObject]]:
        """Yield (table name, row) of all exported tables, read from one snapshot."""
        options = {"yield_per": _ROWS_PER_BATCH}
        with transaction(self._engine) as connection:
            use_one_snapshot_for_transaction(connection)
            for name, table in EXPORTED_TABLES.items():
                statement = select(table).order_by(*table.primary_key)
                names = [str(column.name) for column in table.columns]  # plain text, as JSON needs
                for row in connection.execute(statement, execution_options=options):
                    yield name, dict(zip(names, row, strict=True))

    def replace_rows(self, rows: Iterable[tuple[str, JSONObject]]) -> None:
        """Replace all database rows of a sandbox by imported *rows*, checked before.

        Raises: EmulatorError, when rows contradict each other.
        """
        new_rows: dict[str, list[dict[str, Any]]] = {name: [] for name in EXPORTED_TABLES}
        for name, row in rows:
            new_rows[name].append(row)
        with transaction(self._engine) as connection:
            for table in reversed(list(EXPORTED_TABLES.values())):
                connection.execute(delete(table))
            try:
                for name, table in EXPORTED_TABLES.items():
                    for start in range(0, len(new_rows[name]), _ROWS_PER_BATCH):
                        batch = new_rows[name][start : start + _ROWS_PER_BATCH]
                        connection.execute(insert(table), batch)
                    advance_id_sequence(connection, table)
            except (IntegrityError, StatementError) as error:
                what = f"rows of {name} contradict each other ({error.orig})"
                raise EmulatorError(what, "body", "Send an export as it came.") from error


def validate_exported_row(table_name: JSON, row: JSON, where: str) -> tuple[str, JSONObject]:
    """Check one row of a sandbox's export and return it. Raises: EmulatorError, if invalid."""
    remedy = "Send an export of this version of the emulator, as it came."
    if not isinstance(table_name, str) or table_name not in EXPORTED_TABLES:
        raise EmulatorError("not a row of an export", where, remedy)
    columns = EXPORTED_TABLES[table_name].c
    if not isinstance(row, dict):
        raise EmulatorError("not a row of an export", where, remedy)
    if row.keys() != {column.name for column in columns}:
        raise EmulatorError(f"{table_name} has other columns", where, remedy)
    for column in columns:
        if not _fits_column_type(column, row[column.name]):
            raise EmulatorError("invalid value for this column", f"{where}.{column.name}", remedy)
    return table_name, row


def _fits_column_type(column: Column[Any], value: JSON) -> bool:
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, JsonText):
        return isinstance(value, dict | list)
    if isinstance(column.type, Boolean):
        return isinstance(value, bool)
    if isinstance(column.type, Integer):
        return type(value) is int and 0 < value <= MAX_INTEGER
    return isinstance(value, str)
