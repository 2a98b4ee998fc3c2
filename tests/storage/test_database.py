"""A file is the emulator's, of this version or an earlier one, or it is left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, QueuePool, create_engine, inspect
from sqlalchemy.exc import OperationalError

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.database import (
    DatabaseUnavailable,
    open_database,
    transaction,
)
from segment_insider_emulator.storage.migrations import (
    SCHEMA_VERSION,
    SQLITE_APPLICATION_ID,
    migrate_database,
)
from segment_insider_emulator.workspace import load_preset_workspace

OLD = sorted((Path(__file__).parent / "databases").glob("version-*.sql"))


def statements(file: Path, *lines: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        for line in lines:
            database.execute(line)
        database.commit()


def restore(dump: Path, file: Path) -> str:
    """Create *file* from *dump*; return its path."""
    with closing(sqlite3.connect(file)) as database:
        database.executescript(dump.read_text())
    return str(file)


def describe_tables(engine: Engine) -> dict[str, Any]:
    """Describe every table with its columns, indexes and triggers."""
    inspector = inspect(engine)
    return {
        table: (
            {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (index["name"] or "", index["column_names"], index["unique"])
                for index in inspector.get_indexes(table)
            ),
            sorted(
                constraint["column_names"] for constraint in inspector.get_unique_constraints(table)
            ),
            "AUTOINCREMENT" in _create_statement(engine, table),
            "WITHOUT ROWID" in _create_statement(engine, table),
            _triggers(engine, table),
        )
        for table in inspector.get_table_names()
    }


def _triggers(engine: Engine, table: str) -> list[tuple[str, str]]:
    statement = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? ORDER BY 1"
    )
    with engine.connect() as connection:
        return [(name, sql) for name, sql in connection.exec_driver_sql(statement, (table,))]


def _create_statement(engine: Engine, table: str) -> str:
    statement = "SELECT sql FROM sqlite_master WHERE name = ?"
    with engine.connect() as connection:
        return str(connection.exec_driver_sql(statement, (table,)).scalar_one())


def test_a_file_of_this_version_can_be_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        open_database(str(tmp_path / "emulator.db")).dispose()


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["CREATE TABLE messages (body TEXT)"], id="another program's messages"),
        pytest.param(
            ["CREATE TABLE messages (body TEXT)", f"PRAGMA user_version={SCHEMA_VERSION}"],
            id="another program's, with our version",
        ),
        pytest.param(["CREATE TABLE songs (title TEXT)"], id="no table of the emulator"),
    ],
)
def test_a_foreign_file_is_refused_and_not_changed(tmp_path: Path, lines: list[str]) -> None:
    file = tmp_path / "foreign.db"
    statements(file, *lines)
    before = file.read_bytes()
    with pytest.raises(EmulatorError) as refusal:
        open_database(str(file))
    what = "another program created this database. Name another file."
    assert (str(refusal.value), file.read_bytes()) == (f"{file}: {what}", before)


def test_a_file_of_a_later_version_is_refused_and_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "emulator.db"
    statements(
        file,
        "CREATE TABLE messages (body TEXT)",
        f"PRAGMA application_id={SQLITE_APPLICATION_ID}",
        f"PRAGMA user_version={SCHEMA_VERSION + 1}",
    )
    before = file.read_bytes()
    with pytest.raises(EmulatorError) as refusal:
        open_database(str(file))
    message = (
        f"{file}: a later version of the emulator created this database ({SCHEMA_VERSION + 1}, not "
        f"{SCHEMA_VERSION}). Install that version, or name another database."
    )
    assert (str(refusal.value), file.read_bytes()) == (message, before)


def test_a_new_file_has_small_pages_and_an_older_one_keeps_its_own(tmp_path: Path) -> None:
    older = restore(OLD[-1], tmp_path / "older.db")
    sizes = []
    for path in (str(tmp_path / "new.db"), older):
        engine = open_database(path)
        with transaction(engine) as connection:
            sizes.append(connection.exec_driver_sql("PRAGMA page_size").scalar())
        engine.dispose()
    assert sizes == [2048, 4096]


@pytest.mark.parametrize("dump", OLD, ids=[dump.stem for dump in OLD])
def test_a_migrated_file_has_the_tables_of_a_new_one(tmp_path: Path, dump: Path) -> None:
    migrated = open_database(restore(dump, tmp_path / "old.db"))
    new = open_database(str(tmp_path / "new.db"))
    assert describe_tables(migrated) == describe_tables(new)
    for engine in (migrated, new):
        engine.dispose()


@pytest.mark.parametrize("dump", OLD, ids=[dump.stem for dump in OLD])
def test_a_migrated_file_keeps_its_rows_and_works(tmp_path: Path, dump: Path) -> None:
    config = Config(db=restore(dump, tmp_path / "old.db"))
    app = create_app(config, load_preset_workspace("guide"))
    client = app.test_client()
    # The third was refused with a 503, and is delivered by the version that opened the file.
    client.post("/emulator/v1/deliveries/retry")
    client.post("/v1/track", json={"writeKey": "wk_demo", "messageId": "m2", "userId": "ada"})
    messages = client.get("/emulator/v1/messages").get_json()["messages"]
    (profile,) = client.get("/emulator/v1/profiles").get_json()["profiles"]
    app.extensions["emulator"].close()
    assert [(message["messageId"], message["verdict"]) for message in messages] == [
        ("m1", "accepted"),
        ("m2", "accepted"),
        ("m3", "accepted"),
        ("m2", "rejected"),
    ]
    assert [event["timestamp"] for event in profile["events"]] == [
        "2026-11-23T10:00:00.000Z",
        "2026-11-23T10:05:00.000Z",
    ]


def test_a_failed_migration_leaves_the_file_unchanged(tmp_path: Path) -> None:
    file = restore(OLD[0], tmp_path / "old.db")
    engine = create_engine(f"sqlite:///{file}")
    before = describe_tables(engine)

    def fails(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (done TEXT)")
        connection.exec_driver_sql("ALTER TABLE missing ADD COLUMN done TEXT")

    with pytest.raises(OperationalError, match="no such table: missing"):
        migrate_database(engine, file, [fails])
    assert describe_tables(engine) == before
    engine.dispose()


def test_a_pool_without_a_free_connection_makes_the_database_unavailable() -> None:
    engine = create_engine(
        "sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    with (
        engine.connect(),
        pytest.raises(DatabaseUnavailable, match="QueuePool"),
        transaction(engine),
    ):
        pass
    engine.dispose()
