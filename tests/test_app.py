"""The whole emulator: uniform errors, no shared state, and a server that starts and stops."""

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from forked_commands import run_python_module

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import COMMANDS, main
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace

SONG = {"event": "Song Played", "userId": "ada", "messageId": "m1", "writeKey": "wk_demo"}


@contextmanager
def emulator(**settings: Any) -> Iterator[Flask]:
    app = create_app(Config(**{"db": ":memory:", **settings}), load_preset_workspace("guide"))
    yield app
    app.extensions["emulator"].store.close()


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    with emulator() as app:
        yield app.test_client()


def list_message_ids(base: str) -> list[str]:
    response = requests.get(f"{base}/emulator/v1/messages", timeout=60).json()
    return [message["messageId"] for message in response["messages"]]


@pytest.mark.parametrize(
    ("method", "path", "status", "what"),
    [
        pytest.param("GET", "/nowhere", 404, "this address does not exist", id="unknown path"),
        pytest.param(
            "PUT",
            "/emulator/v1/health",
            405,
            "this address does not accept the method",
            id="wrong method",
        ),
    ],
)
def test_errors_have_one_shape(
    client: FlaskClient, method: str, path: str, status: int, what: str
) -> None:
    response = client.open(path, method=method)
    remedy = "See / for the addresses of this emulator."
    assert (response.status_code, response.json) == (
        status,
        {"error": {"what": what, "where": path, "remedy": remedy}},
    )


@pytest.mark.parametrize(
    ("bound", "host", "status"),
    [
        ("127.0.0.1", "localhost:8282", 200),
        ("127.0.0.1", "127.0.0.1", 200),
        ("127.0.0.1", "[::1]:8282", 200),
        ("127.0.0.1", "attacker.example", 403),
        ("127.0.0.1", "localhost.attacker.example:8282", 403),
        ("0.0.0.0", "emulator.internal:8282", 200),
    ],
)
def test_only_local_host_names_are_accepted_on_loopback(bound: str, host: str, status: int) -> None:
    with emulator(host=bound) as app:
        response = app.test_client().get("/emulator/v1/health", headers={"Host": host})
        assert response.status_code == status


def test_the_front_page_shows_where_to_send_calls(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.mimetype == "text/html"
    assert "wk_demo" in page.text


def test_two_emulators_share_no_state() -> None:
    with emulator() as one, emulator() as two:
        one.test_client().post("/v1/track", json=SONG)
        messages = two.test_client().get("/emulator/v1/messages").json
        assert messages == {"messages": [], "next": None}


@pytest.mark.extended
def test_a_locked_database_is_answered_with_503(tmp_path: Path) -> None:
    file = tmp_path / "emulator.db"
    with emulator(db=str(file)) as app, closing(sqlite3.connect(file)) as another:
        another.execute("BEGIN EXCLUSIVE")
        response = app.test_client().post("/v1/track", json=SONG)
        another.rollback()
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        what = response.get_json()["error"]["what"]
        assert what == "the database cannot be used (database is locked)"
        assert app.test_client().post("/v1/track", json=SONG).status_code == 200


def test_a_missing_table_is_not_reported_as_a_full_disk(tmp_path: Path) -> None:
    file = tmp_path / "emulator.db"
    with emulator(db=str(file)) as app, closing(sqlite3.connect(file)) as another:
        another.execute("DROP TABLE messages")
        assert app.test_client().post("/v1/track", json=SONG).status_code == 500


def test_a_server_in_a_thread_starts_and_stops() -> None:
    with emulator() as app:
        with serve_app_in_thread(app) as base:
            requests.post(f"{base}/v1/track", json=SONG, timeout=60).raise_for_status()
            assert list_message_ids(base) == ["m1"]
        with pytest.raises(requests.ConnectionError):
            requests.get(base, timeout=60)


@contextmanager
def start_emulator(db: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `emulator serve` in a process; yield it and its base URL once it is ready."""
    command = [
        sys.executable,
        "-m",
        "segment_insider_emulator",
        "serve",
        "--port",
        "0",
        "--db",
        str(db),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        ready = process.stderr.readline()
        match = re.fullmatch(r"ready at (http://127\.0\.0\.1:\d+) with write key wk_demo\n", ready)
        try:
            assert match, ready
            yield process, match[1]
        finally:
            process.kill()


@pytest.mark.parametrize(
    "ending",
    [
        signal.SIGKILL,
        *(
            pytest.param(polite, marks=pytest.mark.extended)
            for polite in (signal.SIGTERM, signal.SIGINT)
        ),
    ],
)
def test_acknowledged_messages_survive_the_server(tmp_path: Path, ending: signal.Signals) -> None:
    if signal.getsignal(ending) is signal.SIG_IGN:
        pytest.skip(f"{ending.name} is ignored here, and so by the server")
    db = tmp_path / "emulator.db"
    with start_emulator(db) as (process, base):
        requests.post(f"{base}/v1/track", json=SONG, timeout=60).raise_for_status()
        process.send_signal(ending)
        clean = 0 if ending != signal.SIGKILL else -signal.SIGKILL
        assert process.wait(60) == clean
    with start_emulator(db) as (process, base):
        assert list_message_ids(base) == ["m1"]
        process.terminate()


def run_serve(*options: str) -> "subprocess.CompletedProcess[str]":
    """Run `emulator serve` to its end, in a process without an event loop of a browser."""
    return run_python_module("segment_insider_emulator", "serve", *options)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(
            ["--host", "256.1.1.1", "--db", ":memory:"],
            r"emulator: 256\.1\.1\.1:8282: cannot listen on this address \(.+\)\. Choose .+\n",
            id="bad host",
        ),
        pytest.param(
            ["--db", "/nowhere/emulator.db"],
            r"emulator: /nowhere/emulator\.db: the database cannot be opened \(.+\)\. Name .+\n",
            id="no such folder",
        ),
        pytest.param(
            ["--db", "nonsense://user:secret@host/x"],
            r"emulator: nonsense:…: this kind of database is not supported\. Give a file, "
            r"such as --db emulator\.db, or :memory:, or a PostgreSQL database: .+\n",
            id="no such kind of database",
        ),
        pytest.param(["--port", "x"], r"emulator: --port: 'x' cannot .+\n", id="not a port"),
        pytest.param(
            ["--workspace", "/nowhere.yaml"], r"emulator: /nowhere\.yaml: .+\n", id="no such file"
        ),
    ],
)
def test_a_wrong_command_line_is_reported_in_one_line_with_exit_code_2(
    options: list[str], complaint: str
) -> None:
    result = run_serve(*options)
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch(complaint, result.stderr), result.stderr


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with emulator() as app, serve_app_in_thread(app) as base:
        port = base.rpartition(":")[2]
        result = run_serve("--port", port, "--db", ":memory:")
    assert (result.returncode, result.stderr) == (
        2,
        f"emulator: 127.0.0.1:{port}: cannot listen on this address (Address already in use). "
        "Choose another with --host and --port, or stop the program that uses it.\n",
    )


def test_every_command_that_help_lists_exists() -> None:
    help_text = CliRunner().invoke(main, ["--help"]).stdout
    assert [name for name in COMMANDS if f"  {name} " not in help_text] == []
    for name in COMMANDS:
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0, name


def test_help_imports_no_framework() -> None:
    script = (
        "import sys; from segment_insider_emulator.cli import main;"
        "main(['--help'], standalone_mode=False);"
        "print([name for name in ('flask', 'sqlalchemy', 'requests') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.endswith("\n[]\n")
