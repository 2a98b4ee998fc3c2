"""Migrations of PostgreSQL databases of earlier versions; later versions are refused."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_server import PostgresServer
from sqlalchemy import Engine, create_engine, inspect, make_url

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.migrations import SCHEMA_VERSION
from segment_insider_emulator.storage.postgres import ADVISORY_LOCK_ID, add_schema_to_url
from segment_insider_emulator.workspace import load_preset_workspace

OLD = sorted((Path(__file__).parent / "databases").glob("version-*.sql"))
WAITING = f"""
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND NOT granted AND objid = {ADVISORY_LOCK_ID} AND objsubid = 1
"""


@contextmanager
def connect(server: PostgresServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(host=str(server.folder), user="postgres", autocommit=True) as connection:
        yield connection


def find_sandbox_schema(url: str) -> str:
    found = re.search(r'search_path="([^"]+)"', str(make_url(url).query["options"]))
    assert found
    return found[1]


def restore_dump(dump: Path, server: PostgresServer, url: str) -> str:
    """Restore *dump*, with its one sandbox, into the database at *url*."""
    name = find_sandbox_schema(url)
    sql = (
        dump.read_text().replace('"recorded:red"', f'"{name}:red"').replace("recorded.", f"{name}.")
    )
    with connect(server) as connection:
        connection.execute(f'CREATE SCHEMA "{name}:red"')
        connection.execute(sql.encode())
    return url


def describe_tables(url: str) -> dict[str, Any]:
    """Return each table's columns, keys and indexes as the database has them."""
    engine: Engine = create_engine(url)
    seen = inspect(engine)
    shapes = {
        table: (
            {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in seen.get_columns(table)
            },
            seen.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (index["name"] or "", index["column_names"], index["unique"])
                for index in seen.get_indexes(table)
            ),
        )
        for table in seen.get_table_names()
    }
    engine.dispose()
    return shapes


def read_schema_versions(server: PostgresServer, url: str) -> list[int]:
    """Return the schema versions of the database and of its sandbox."""
    name = find_sandbox_schema(url)
    found = []
    with connect(server) as connection:
        for schema in (name, f"{name}:red"):
            rows = connection.execute(f'SELECT version FROM "{schema}".schema_version'.encode())
            found += [version for (version,) in rows]
    return found


@pytest.mark.parametrize("dump", OLD, ids=[dump.stem for dump in OLD])
def test_an_older_database_gets_the_tables_of_a_new_one(
    server: PostgresServer, url: str, dump: Path
) -> None:
    restore_dump(dump, server, url)
    sandbox = add_schema_to_url(make_url(url), f"{find_sandbox_schema(url)}:red").render_as_string(
        hide_password=False
    )
    new = add_schema_to_url(server.url, f"new_of_{find_sandbox_schema(url)}").render_as_string(
        hide_password=False
    )
    with connect(server) as connection:
        connection.execute(f"CREATE SCHEMA {find_sandbox_schema(new)}".encode())
    for database_url in (url, sandbox, new):
        open_database(database_url).dispose()
    assert describe_tables(url) == describe_tables(new)
    assert describe_tables(sandbox) == describe_tables(new)


@pytest.mark.parametrize("dump", OLD, ids=[dump.stem for dump in OLD])
def test_an_older_database_keeps_its_rows_and_works(
    server: PostgresServer, url: str, dump: Path
) -> None:
    app = create_app(Config(db=restore_dump(dump, server, url)), load_preset_workspace("guide"))
    client = app.test_client()
    for root, key in (("", "wk_demo"), ("/sandboxes/red", "wk_red")):
        # The third was refused with a 503, and is delivered by the version that opened it.
        client.post(f"{root}/emulator/v1/deliveries/retry")
        client.post("/v1/track", json={"writeKey": key, "messageId": "m2", "userId": "ada"})
        messages = client.get(f"{root}/emulator/v1/messages").get_json()["messages"]
        (profile,) = client.get(f"{root}/emulator/v1/profiles").get_json()["profiles"]
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
    app.extensions["sandboxes"].close()
    assert read_schema_versions(server, url) == [SCHEMA_VERSION, SCHEMA_VERSION]


@pytest.mark.extended
@pytest.mark.parametrize("which", ["", ":red"], ids=["its own", "that of its sandbox"])
def test_a_later_database_is_refused_in_one_line_and_not_touched(
    server: PostgresServer, url: str, which: str
) -> None:
    restore_dump(OLD[-1], server, url)
    with connect(server) as connection:
        table = f'"{find_sandbox_schema(url)}{which}".schema_version'
        connection.execute(f"UPDATE {table} SET version = {SCHEMA_VERSION + 1}".encode())
    command = [
        sys.executable,
        "-m",
        "segment_insider_emulator",
        "serve",
        "--port",
        "0",
        "--db",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    text = (
        "a later version of the emulator created this database"
        f" ({SCHEMA_VERSION + 1}, not {SCHEMA_VERSION}). "
        "Install that version, or name another database.\n"
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.endswith(text)
    with connect(server) as connection:
        row = connection.execute(f"SELECT version FROM {table}".encode()).fetchone()
    assert row == (SCHEMA_VERSION + 1,)


def test_a_migration_is_atomic(server: PostgresServer, url: str) -> None:
    restore_dump(OLD[0], server, url)
    with connect(server) as connection:
        # What the last step adds is there already, as no version left it: the step fails.
        connection.execute(
            f"ALTER TABLE {find_sandbox_schema(url)}.sandboxes ADD COLUMN team text".encode()
        )
    before = describe_tables(url), read_schema_versions(server, url)
    with pytest.raises(EmulatorError, match="already exists"):
        open_database(url)
    assert (describe_tables(url), read_schema_versions(server, url)) == before


@pytest.mark.extended
@pytest.mark.parametrize("dump", [None, *OLD], ids=["empty", *(dump.stem for dump in OLD)])
def test_two_processes_can_start_at_once_on_one_database(
    server: PostgresServer, url: str, dump: Path | None
) -> None:
    if dump:
        restore_dump(dump, server, url)
    command = [
        sys.executable,
        "-m",
        "segment_insider_emulator",
        "serve",
        "--port",
        "0",
        "--db",
        url,
    ]
    with ExitStack() as running:
        with connect(server) as connection:
            connection.execute(f"SELECT pg_advisory_lock({ADVISORY_LOCK_ID})".encode())
            both = [
                running.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
                for _ in range(2)
            ]
            for process in both:
                running.callback(process.kill)
            while connection.execute(WAITING.encode()).fetchone() != (2,):
                assert [process.poll() for process in both] == [None, None]
        ready = [process.stderr.readline() for process in both if process.stderr]
    assert [line.partition(" at ")[0] for line in ready] == ["ready", "ready"]
