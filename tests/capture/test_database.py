"""A file is the emulator's, of this version, or it is left alone."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import QueuePool, create_engine
from sqlalchemy.schema import CreateTable

from emulator.capture.database import SCHEMA, StorageFault, connect, metadata, transaction
from emulator.errors import EmulatorError


def statements(file: Path, *lines: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        for line in lines:
            database.execute(line)
        database.commit()


def test_a_file_of_this_version_is_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        connect(str(tmp_path / "kept.db")).dispose()


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["CREATE TABLE messages (body TEXT)"], id="another program's messages"),
        pytest.param(
            ["CREATE TABLE messages (body TEXT)", f"PRAGMA user_version={SCHEMA}"],
            id="another program's, with our number",
        ),
        pytest.param(["CREATE TABLE songs (title TEXT)"], id="no table of ours"),
    ],
)
def test_a_foreign_file_is_refused_and_not_touched(tmp_path: Path, lines: list[str]) -> None:
    file = tmp_path / "foreign.db"
    statements(file, *lines)
    before = file.read_bytes()
    with pytest.raises(EmulatorError) as refusal:
        connect(str(file))
    assert str(refusal.value) == (
        f"{file}: made by another version of the emulator, or by another program. "
        "Move it away or name another file."
    )
    assert file.read_bytes() == before


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    connect(str(file)).dispose()
    statements(file, f"PRAGMA user_version={SCHEMA + 1}")
    with pytest.raises(EmulatorError, match="made by another version of the emulator"):
        connect(str(file))


def test_a_pool_without_a_free_connection_is_a_storage_fault() -> None:
    engine = create_engine(
        "sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    with engine.connect(), pytest.raises(StorageFault, match="QueuePool"), transaction(engine):
        pass
    engine.dispose()


def test_a_changed_table_needs_a_new_schema_number() -> None:
    import_module("emulator.app")  # knows every table
    shape = "\n".join(str(CreateTable(table)) for table in metadata.sorted_tables)
    assert (SCHEMA, sha256(shape.encode()).hexdigest()[:16]) == (2, "8d5e24ab434d8480")
