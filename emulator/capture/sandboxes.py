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
    insert,
    make_url,
    select,
    update,
)

from emulator.capture.database import is_memory, metadata, transaction
from emulator.errors import EmulatorError
from emulator.types import JSONObject

sandboxes = Table(
    "sandboxes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace", Text, nullable=False),  # JSON: null, the name of a preset, or a document
    Column("write_key", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("key", Text, nullable=False),  # of the account
    Column("created_at", Text, nullable=False),  # ISO 8601, UTC, milliseconds
)

ALL = select(sandboxes).order_by(sandboxes.c.created_at, sandboxes.c.id)
CHANGE = (
    update(sandboxes)
    .where(sandboxes.c.id == bindparam("which"))
    .values(workspace=bindparam("asked"))
)
FORGET = delete(sandboxes).where(sandboxes.c.id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class Described:
    """One sandbox as it was asked for.

    Args:
        workspace: A document, the name of a preset, or None for the emulator's own.
        account, key: Of Insider One.
        created_at: ISO 8601, UTC, milliseconds.
    """

    id: str
    workspace: JSONObject | str | None
    write_key: str
    account: str
    key: str
    created_at: str


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
        row = {column.name: getattr(made, column.name) for column in sandboxes.c}
        row["workspace"] = orjson.dumps(made.workspace).decode()
        with transaction(self._engine) as connection:
            connection.execute(insert(sandboxes), [row])

    def change(self, described: Described) -> None:
        """Keep another workspace for a sandbox."""
        row = {"which": described.id, "asked": orjson.dumps(described.workspace).decode()}
        with transaction(self._engine) as connection:
            connection.execute(CHANGE, row)

    def forget(self, id: str) -> None:
        """Take one off the list."""
        with transaction(self._engine) as connection:
            connection.execute(FORGET, {"id": id})


def beside(url: str, id: str) -> str:
    """Where the sandbox *id* of the emulator whose database is *url* has its own.

    In memory if that is, else a file in a folder beside it, which is made.
    Raises: EmulatorError, when the database is no SQLite file or the folder cannot be made.
    """
    if is_memory(url):
        return url
    folder = _folder(url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"the folder for sandboxes cannot be made ({error.strerror})"
        raise EmulatorError(what, str(folder), "Let the emulator write there.") from error
    return str(folder / f"{id}.db")


def left_over(url: str, id: str) -> Path | None:
    """The file that the sandbox *id* would have and that is there already; None where none is."""
    if is_memory(url):
        return None
    return next((file for file in _files(_folder(url), id) if file.exists()), None)


def remove(url: str, id: str) -> None:
    """Delete the file of the sandbox *id*, which nobody has open, where it has one."""
    if not is_memory(url):
        for file in _files(_folder(url), id):
            file.unlink(missing_ok=True)


def _files(folder: Path, id: str) -> Iterator[Path]:
    for suffix in ("", "-wal", "-shm"):
        yield folder / f"{id}.db{suffix}"


def _folder(url: str) -> Path:
    file = url
    if "://" in url:
        named = make_url(url)
        if named.get_backend_name() != "sqlite":
            what = "sandboxes need an emulator whose database is SQLite, or in memory"
            raise EmulatorError(what, "--db", "Serve with --db and a file, or --db :memory:.")
        file = named.database or ""
    return Path(f"{file}.sandboxes")
