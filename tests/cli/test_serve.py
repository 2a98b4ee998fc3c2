"""`emulator serve` logs little to stderr by default, and no message can forge a log line."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from forked_commands import run_python_module

from segment_insider_emulator.cli import main

SERVE = [
    sys.executable,
    "-m",
    "segment_insider_emulator",
    "serve",
    "--port",
    "0",
    "--db",
    ":memory:",
]
SONG = {"writeKey": "wk_demo", "type": "track", "userId": "ada", "event": "song_played"}


def read_log(*options: str) -> list[str]:
    """Return the log after the first line, without times, of one event and one odd pixel call."""
    with subprocess.Popen([*SERVE, *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        match = re.match(r"ready at (\S+) ", process.stderr.readline())
        assert match
        requests.post(f"{match[1]}/v1/track", json=SONG, timeout=60)
        requests.get(f"{match[1]}/v1/pixel/tra%0Ack", timeout=60)
        process.terminate()
        lines = process.communicate(timeout=60)[1].splitlines()
    return [re.sub(r"^\S+ \S+ ", "", line) for line in lines]


FILE_IN_USE = (
    r"WARNING segment_insider_emulator\.web\.segment_routes "
    r"refused pixel='tra\\nck' reason=.+"
)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("options", "lines"),
    [
        pytest.param([], [FILE_IN_USE], id="what goes wrong"),
        pytest.param(
            ["--verbose"],
            [
                "INFO segment_insider_emulator.insider.upsert upserted users=1 failed=0",
                (
                    "INFO segment_insider_emulator.delivery.pipeline sent action=trackEvent "
                    "events=1 status=200"
                ),
                (
                    "INFO segment_insider_emulator.web.tracking_calls received kind=track "
                    "messages=1 rejected=0"
                ),
                FILE_IN_USE,
            ],
            id="whatever crosses an edge",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_the_log_contains_only_what_was_requested(options: list[str], lines: list[str]) -> None:
    log = read_log(*options)
    assert len(log) == len(lines), log
    for line, pattern in zip(log, lines, strict=True):
        assert re.fullmatch(pattern, line), line


def read_first_lines(*options: str, lines: int) -> list[str]:
    """Return the first *lines* of the log, and all later lines until the process is stopped."""
    with subprocess.Popen([*SERVE, *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first_lines = [process.stderr.readline().rstrip() for _ in range(lines)]
        process.terminate()
        return first_lines + process.communicate(timeout=60)[1].splitlines()


SHOP = """
source: {name: Web shop, writeKey: wk_demo}
destination:
  settings: {account_name: mybrand, ucd_key: test-key}
  subscriptions:
"""
LINE = (
    "    - {name: Line %d, actionSlug: updateUserProfile, "
    "settings: {age: {'@path': $.traits.age}}}\n"
)
ERROR_LINE = (
    "emulator: {file}: destination.subscriptions[{at}] 'Line {at}'.settings: 'Line {at}' "
    "sends no identifier; "
    "Insider One cannot identify its users. "
    "Map uuid, segment_anonymous_id or custom_identifiers."
)


@pytest.mark.parametrize(
    ("subscriptions", "error_count", "last"),
    [
        pytest.param(1, 1, "", id="a line in place of a mapping", marks=pytest.mark.extended),
        pytest.param(
            7, 5, "emulator: {file}: 2 more errors. `emulator lint {file}` lists them.", id="many"
        ),
        pytest.param(
            51,
            0,
            "emulator: {file}: 51 subscriptions are not checked at start. `emulator lint {file}` "
            "checks them.",
            id="more than Segment allows",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_workspace_errors_are_logged_after_the_ready_line(
    subscriptions: int, error_count: int, last: str, tmp_path: Path
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP + "".join(LINE % at for at in range(subscriptions)))
    expected = [ERROR_LINE.format(file=file, at=at) for at in range(error_count)]
    expected += [last.format(file=file)] if last else []
    ready, *logged = read_first_lines("--workspace", str(file), lines=1 + len(expected))
    assert ready.startswith("ready at ")
    assert logged == expected


def test_a_preset_can_be_served_by_name(tmp_path: Path) -> None:
    command = [*SERVE, "--preset", "segment-defaults"]
    (tmp_path / "segment-defaults").mkdir()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr is not None
        match = re.match(r"ready at (\S+) ", process.stderr.readline())
        assert match
        workspace = requests.get(f"{match[1]}/emulator/v1/workspace", timeout=60).json()
        process.terminate()
        assert process.communicate(timeout=60)[1] == ""
    assert len(workspace["destination"]["subscriptions"]) == 10


def test_a_file_and_a_preset_together_are_rejected() -> None:
    result = CliRunner().invoke(main, ["serve", "--preset", "guide", "--workspace", "shop.yaml"])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "Error: Give --workspace or --preset, not both."


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("host", "password", "warnings"),
    [
        pytest.param("127.0.0.1", None, [], id="this machine alone", marks=pytest.mark.extended),
        pytest.param(
            "0.0.0.0",
            None,
            [
                "emulator: everyone who can reach 0.0.0.0 can read and delete the captured data. "
                "Set EMULATOR_PASSWORD, or serve at 127.0.0.1."
            ],
            id="the network, without a password",
        ),
        pytest.param(
            "0.0.0.0", "sesame", [], id="the network, with one", marks=pytest.mark.extended
        ),
    ],
)
def test_an_address_without_access_control_is_reported(
    host: str, password: str | None, warnings: list[str]
) -> None:
    environment = {**os.environ, **({"EMULATOR_PASSWORD": password} if password else {})}
    command = [*SERVE, "--host", host]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("ready at ")
        if warnings:
            assert [process.stderr.readline().rstrip()] == warnings
        process.terminate()
        assert process.communicate(timeout=60)[1] == ""


@contextmanager
def run_server(file: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `emulator serve` with an SQLite file during the block, unless it is stopped before."""
    command = [*SERVE[:-1], str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            ready = process.stderr.readline()
            assert ready.startswith("ready at "), ready
            yield process
        finally:
            process.kill()


def run_command(*command: str) -> tuple[int, str]:
    """Run `emulator` *command*; return its exit code and stderr."""
    ran = run_python_module("segment_insider_emulator", *command)
    return ran.returncode, ran.stderr


@pytest.mark.extended
@pytest.mark.parametrize(
    "address",
    [
        pytest.param("{}/emulator.db", id="as a path"),
        pytest.param("sqlite:///{}/emulator.db", id="as an address", marks=pytest.mark.extended),
        pytest.param(
            "sqlite+pysqlite:///{}/linked.db", id="through a link", marks=pytest.mark.extended
        ),
    ],
)
def test_an_sqlite_file_is_served_by_one_process_only(tmp_path: Path, address: str) -> None:
    db = address.format(tmp_path)
    (tmp_path / "linked.db").symlink_to("emulator.db")
    with run_server(tmp_path / "emulator.db") as first:
        refused = (
            f"emulator: {db}: another emulator uses this SQLite file (process {first.pid}). Stop"
            " that one, name another file with --db, or let both share a PostgreSQL database.\n"
        )
        assert run_command("serve", "--port", "0", "--db", db) == (2, refused)
        first.terminate()
        first.wait(60)
    assert not list(tmp_path.glob("*-lock"))


def test_an_sqlite_file_of_a_killed_process_can_be_served_at_once(tmp_path: Path) -> None:
    file = tmp_path / "emulator.db"
    for _ in range(2):
        with run_server(file) as process:
            assert (tmp_path / "emulator.db-lock").read_text() == str(process.pid)
            process.kill()


def test_a_served_sqlite_file_can_be_read_by_other_commands(tmp_path: Path) -> None:
    file, cases = tmp_path / "emulator.db", tmp_path / "cases.ndjson"
    with run_server(file):
        recorded = run_command("contract", "record", "--from", str(file), str(cases))
        drift = run_command("drift", "--preset", "guide", "--traffic", str(file), "--json")
        nothing = (
            "nothing is recorded: there are no events. Use the app first, or name other traffic."
        )
        assert recorded == (1, f"{cases}: {nothing}\n")
        remedy = "Use the app first, or leave --traffic out."
        assert drift == (2, f"emulator: {file}: there are no events. {remedy}\n")


def test_start_loads_no_http_client_and_no_unused_database_driver() -> None:
    slow_modules = ("requests", "urllib3", "sqlalchemy.dialects.postgresql")
    code = (
        f"import sys, segment_insider_emulator.app; print({{*{slow_modules}}} & {{*sys.modules}})"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert finished.stdout.strip() == b"set()"


def test_commands_without_a_database_load_none() -> None:
    code = (
        "import sys, segment_insider_emulator.cli.inputs, segment_insider_emulator.analysis.lint;"
        " print({'sqlalchemy', 'flask'} & {*sys.modules})"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert finished.stdout.strip() == b"set()"
