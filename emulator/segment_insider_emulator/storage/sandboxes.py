"""Which sandboxes were created, and where each keeps what happens in it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Integer,
    Table,
    Text,
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
from segment_insider_emulator.storage.journeys import journey_runs, journey_trails
from segment_insider_emulator.storage.postgres import (
    advance_sequence,
    create_sandbox_schema,
    drop_sandbox_schema,
    find_sandbox_schema,
    use_snapshot,
)
from segment_insider_emulator.storage.profile_unit_of_work import (
    identifiers,
    profile_events,
    profiles,
)
from segment_insider_emulator.storage.schema import (
    JsonText,
    deliveries,
    differences,
    forgotten_message_ids,
    messages,
    metadata,
    queued_messages,
    upserts,
)
from segment_insider_emulator.types import JSON, JSONObject

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


# Not among them: the InOne panel's keys, and changes of the destination, which hold one.
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
        journey_runs,
        journey_trails,
    )
}
# Columns whose text is JSON, which goes out as the value it stands for.
_JSON_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(column.name for column in table.c if isinstance(column.type, JsonText))
    for name, table in EXPORTED_TABLES.items()
}
_ROWS_PER_BATCH = 500  # rows read or written at once
MAX_INTEGER = 2**63 - 1


class SandboxArchive:
    """The rows of one sandbox. Raises StorageFault when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def export_rows(self) -> Iterator[tuple[str, JSONObject]]:
        """Name of the table and row, of all tables, as of one moment."""
        with transaction(self._engine) as connection:
            use_snapshot(connection)
            for name, table in EXPORTED_TABLES.items():
                chosen = select(table).order_by(*table.primary_key)
                for row in connection.execute(
                    chosen, execution_options={"yield_per": _ROWS_PER_BATCH}
                ):
                    yield (
                        name,
                        _to_exported_row(
                            name, {str(key): row._mapping[key] for key in row._mapping}
                        ),
                    )

    def replace_rows(self, rows: Iterable[tuple[str, JSONObject]]) -> None:
        """Put *rows*, which `checked` has nothing against, in the place of all there are.

        Raises: EmulatorError, when they contradict each other.
        """
        waiting_rows: dict[str, list[dict[str, Any]]] = {name: [] for name in EXPORTED_TABLES}
        for name, row in rows:
            waiting_rows[name].append(_from_exported_row(name, row))
        with transaction(self._engine) as connection:
            for table in reversed(list(EXPORTED_TABLES.values())):
                connection.execute(delete(table))
            try:
                for name, kept in waiting_rows.items():
                    for start in range(0, len(kept), _ROWS_PER_BATCH):
                        connection.execute(
                            insert(EXPORTED_TABLES[name]), kept[start : start + _ROWS_PER_BATCH]
                        )
                    advance_sequence(connection, EXPORTED_TABLES[name])
            except (IntegrityError, StatementError) as error:
                what = f"rows of {name} contradict each other ({error.orig})"
                raise EmulatorError(what, "body", "Send an export as it came.") from error


def validate_exported_row(table_name: JSON, row: JSON, where: str) -> tuple[str, JSONObject]:
    """One row of an export. Raises: EmulatorError, when this version has no such row."""
    remedy = "Send an export of this version of the emulator, as it came."
    if (
        not isinstance(table_name, str)
        or table_name not in EXPORTED_TABLES
        or not isinstance(row, dict)
    ):
        raise EmulatorError("this is no row of an export", where, remedy)
    columns = EXPORTED_TABLES[table_name].c
    if row.keys() != {column.name for column in columns}:
        raise EmulatorError(f"other columns than {table_name} has", where, remedy)
    for column in columns:
        is_json = column.name in _JSON_COLUMNS.get(table_name, ())
        value = row[column.name]
        if value is None:
            fits = bool(column.nullable)
        elif isinstance(column.type, Boolean):
            fits = isinstance(value, bool)
        elif isinstance(column.type, Integer):
            fits = type(value) is int and 0 < value <= MAX_INTEGER
        else:
            fits = isinstance(value, dict | list if is_json else str)
        if not fits:
            raise EmulatorError("not a value of this column", f"{where}.{column.name}", remedy)
    return table_name, row


def _to_exported_row(table_name: str, row: dict[str, Any]) -> JSONObject:
    for column in _JSON_COLUMNS.get(table_name, ()):
        if row[column] is not None:
            row[column] = orjson.loads(row[column])
    return row


def _from_exported_row(table_name: str, exported: JSONObject) -> dict[str, Any]:
    row = dict(exported)
    for column in _JSON_COLUMNS.get(table_name, ()):
        if row[column] is not None:
            row[column] = orjson.dumps(row[column]).decode()
    return row
