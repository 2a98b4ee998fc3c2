"""Runs on an emulator at an address: errors in one line, and which sandboxes are left there."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import orjson
import pytest
from flask import Flask
from forked_commands import run_python_module

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios.client import ControlClient

FEATURE = """\
Feature: Wishes
  Scenario: A mug
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
"""
SCENARIO = """\
  Scenario: S{at}
    When Ada does "Wish Listed"
    Then Insider One receives {number} "wish_listed" for Ada
"""
WORKSPACE_CHANGE = """\
Feature: Reopening
  Scenario: A workspace of its own
    Given another run takes the last sandbox
    And the workspace "segment-defaults"
    Then Insider One knows nobody
"""
# Another run creates a sandbox at the moment when this run has deleted its own.
OTHER_RUN = """\
from pytest_bdd import given
from segment_insider_scenarios.client import ControlClient

@given("another run takes the last sandbox")
def take_last_sandbox(scene, emulators, monkeypatch):
    original_delete = ControlClient.delete_sandbox
    def delete(client, id):
        original_delete(client, id)
        client.create_sandbox()
    monkeypatch.setattr(ControlClient, "delete_sandbox", delete)
"""
TEAM_IS_FULL = (
    "the team checkout has 2 sandboxes already. Delete sandboxes that are not needed, on the page "
    "/team or with DELETE /emulator/v1/sandboxes/<id>."
)
NO_KEEP_HINT = " --no-keep (in pytest: --emulator-no-keep) deletes those of failed scenarios."
WORKERS_HINT = " Each worker needs one: use fewer workers (-n)."

QUIET = ("-p", "no:cacheprovider", "-q")
DEAD_ADDRESS = "http://127.0.0.1:1"
NO_EMULATOR = "no emulator answers. Start one with `emulator serve`, or correct the address."
NOT_AN_EMULATOR = "this is not an emulator. Give the address of an emulator."
NO_TOKEN = (
    "this emulator needs a password or a team's token. Send it with HTTP Basic "
    "authentication and any user name, or as a bearer token. Our tools read EMULATOR_TOKEN."
)
WRONG_TOKEN = (
    "the password or token is wrong. Use the token of a team or the emulator's password. "
    "Our tools read EMULATOR_TOKEN."
)
UNUSABLE_ADDRESSES = [
    pytest.param("dead", "c-token", NO_EMULATOR, id="a dead address"),
    pytest.param(
        "stranger", "c-token", NOT_AN_EMULATOR, id="another program", marks=pytest.mark.extended
    ),
    pytest.param("emulator", None, NO_TOKEN, id="no token"),
    pytest.param(
        "emulator", "x-token", WRONG_TOKEN, id="a wrong token", marks=pytest.mark.extended
    ),
]


class ProgramResult(NamedTuple):
    """Exit code and output of a program."""

    code: int
    stdout: str
    stderr: str


@contextmanager
def serve_shared_emulator(folder: Path) -> Iterator[str]:
    """Serve an emulator with a team that may have two sandboxes; yield its URL."""
    digest = f"sha256:{sha256(b'c-token').hexdigest()}"
    team = {"name": "checkout", "tokens": [digest], "sandboxes": 2}
    teams = folder / "teams.json"
    teams.write_bytes(orjson.dumps({"teams": [team]}))
    config = Config(db=":memory:", host="0.0.0.0", password="sesame", teams=str(teams))
    app = create_app(config, load_preset_workspace("guide"))
    with serve_app_in_thread(app) as url:
        yield url
    app.extensions["sandboxes"].close()


@pytest.fixture(scope="module")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_shared_emulator(tmp_path_factory.mktemp("shared")) as url:
        yield url


class Team(NamedTuple):
    """A team with an emulator of its own."""

    url: str
    client: ControlClient

    def count_sandboxes(self) -> int:
        return len(self.client.list_sandboxes())


@pytest.fixture
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with (
        serve_shared_emulator(tmp_path_factory.mktemp("shared")) as url,
        ControlClient(url, token="c-token") as client,
    ):
        yield Team(url, client)


@pytest.fixture(scope="module")
def addresses(emulator_url: str) -> Iterator[dict[str, str]]:
    """Addresses of an emulator, of no server, and of another program that answers with JSON."""
    stranger = Flask("stranger")
    stranger.register_error_handler(404, lambda _: ({}, 200))
    with serve_app_in_thread(stranger) as url:
        yield {"emulator": emulator_url, "dead": DEAD_ADDRESS, "stranger": url}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wishes.feature").write_text(FEATURE)
    return tmp_path


def run_module(folder: Path, token: str | None, *command: str) -> ProgramResult:
    environment = {name: text for name, text in os.environ.items() if name != "EMULATOR_TOKEN"}
    if token:
        environment["EMULATOR_TOKEN"] = token
    result = run_python_module(*command, cwd=folder, env=environment)
    return ProgramResult(result.returncode, result.stdout, result.stderr)


@pytest.mark.parametrize("option", ["--url", "--report-to"])
@pytest.mark.parametrize(("which", "token", "message"), UNUSABLE_ADDRESSES)
def test_verify_reports_an_unusable_address_before_the_first_scenario(
    addresses: dict[str, str],
    folder: Path,
    option: str,
    which: str,
    token: str | None,
    message: str,
) -> None:
    url = addresses[which]
    result = run_module(folder, token, "segment_insider_emulator", "verify", option, url, ".")
    assert result == (2, "", f"emulator: {option} {url}: {message}\n")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param(
            "127.0.0.1:8282",
            "the address of an emulator must begin with http:// or https://. "
            "Write http:// in front: http://127.0.0.1:8282",
            id="without a scheme",
        ),
        pytest.param(
            "ftp://shop",
            "the address of an emulator must begin with http:// or https://. "
            "Write it as http://HOST:PORT.",
            id="another scheme",
        ),
        pytest.param(
            "http://shop:99999",
            "there is no port 99999. Ports go from 1 to 65535.",
            id="no port",
        ),
        pytest.param(
            "http://.", "this is not an address. Write it as http://HOST:PORT.", id="no host"
        ),
        pytest.param(
            "http://127.0.0.1:8282/sandboxes/red",
            "this is the address of one sandbox, but each scenario needs its own. "
            "Give the address of the emulator: http://127.0.0.1:8282",
            id="a sandbox",
        ),
    ],
)
def test_an_invalid_address_is_explained(folder: Path, url: str, message: str) -> None:
    result = run_module(folder, None, "segment_insider_emulator", "verify", "--url", url, ".")
    assert result == (2, "", f"emulator: --url {url}: {message}\n")


@pytest.mark.parametrize(
    "command",
    [
        ("drift", "--preset", "guide", "--traffic"),
        ("contract", "record", "cases.ndjson", "--from"),
        ("verify", ".", "--report-to"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_explains_the_form_of_an_address(
    folder: Path, command: tuple[str, ...]
) -> None:
    result = run_module(folder, None, "segment_insider_emulator", *command, "127.0.0.1:8282")
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.endswith("Write http:// in front: http://127.0.0.1:8282\n")
    assert result.stderr.count("\n") == 1


def test_a_server_without_https_is_reported(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=lambda: listening.accept()[0].close(), daemon=True).start()
        at = f"127.0.0.1:{listening.getsockname()[1]}"
        with ControlClient(f"https://{at}") as client, pytest.raises(EmulatorError) as raised:
            client.get_health()
    assert str(raised.value) == (
        f"https://{at}: the server at this address does not use HTTPS. Perhaps it is http://{at}"
    )


def test_a_team_can_report_only_to_its_own_sandboxes(emulator_url: str, folder: Path) -> None:
    result = run_module(
        folder, "c-token", "segment_insider_emulator", "verify", "--report-to", emulator_url, "."
    )
    assert result.stderr == (
        f"emulator: --report-to {emulator_url}: there is no sandbox 'default'. "
        "Use the address of a sandbox of your team, …/sandboxes/<id>; the page /team lists them.\n"
    )


@pytest.mark.extended
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("segment_insider_emulator", "verify", "--no-keep", "."), 2),
        (("pytest", "--emulator-no-keep", "."), 4),
    ],
    ids=["verify", "pytest"],
)
def test_no_keep_needs_an_address(folder: Path, command: tuple[str, ...], code: int) -> None:
    result = run_module(folder, None, *command)
    assert result.code == code
    assert "no-keep needs --" in result.stderr


@pytest.mark.extended
@pytest.mark.parametrize(("which", "token", "message"), UNUSABLE_ADDRESSES)
def test_pytest_reports_an_unusable_address_before_the_first_test(
    addresses: dict[str, str], folder: Path, which: str, token: str | None, message: str
) -> None:
    url = addresses[which]
    result = run_module(
        folder, token, "pytest", "-p", "no:cacheprovider", "--emulator-url", url, "."
    )
    error = f"ERROR: --emulator-url {url}: {message}\n\n"
    assert (result.code, result.stderr) == (4, error)
    assert "wishes.feature" not in result.stdout


@pytest.mark.extended
@pytest.mark.parametrize(
    ("arguments", "read_summary"),
    [
        pytest.param((), lambda result: result.stdout.splitlines()[-1], id="as text"),
        pytest.param(("--json",), lambda result: result.stderr.splitlines()[0], id="as JSON"),
    ],
)
def test_the_summary_is_printed_before_a_report_fails(
    folder: Path, arguments: tuple[str, ...], read_summary: Callable[[ProgramResult], str]
) -> None:
    result = run_module(
        folder,
        None,
        "segment_insider_emulator",
        "verify",
        *arguments,
        "--junit",
        "wishes.feature/x",
        ".",
    )
    assert (result.code, read_summary(result)) == (2, "1 scenario: 1 passed")
    assert result.stderr.splitlines()[-1] == (
        "emulator: wishes.feature/x: the report cannot be written (File exists). "
        "Name a file that you may write."
    )


def write_feature(name: str, *received: int) -> str:
    """Return a feature with a scenario for each number of expected events; one is received."""
    scenarios = [SCENARIO.format(at=at, number=number) for at, number in enumerate(received, 1)]
    return f"Feature: {name}\n" + "".join(scenarios)


@pytest.fixture
def wishes(tmp_path: Path) -> Path:
    """Return a folder with five scenarios, of which the second and the third fail."""
    (tmp_path / "wishes.feature").write_text(write_feature("Wishes", 1, 2, 2, 1, 1))
    return tmp_path


def run_verify(folder: Path, team: Team, *options: str) -> ProgramResult:
    return run_module(
        folder, "c-token", "segment_insider_emulator", "verify", "--url", team.url, *options, "."
    )


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.extended)])
def test_a_full_team_is_reported_once(wishes: Path, team: Team, workers: str) -> None:
    for _ in range(2):
        team.client.create_sandbox()
    result = run_verify(wishes, team, "-n", workers, "--no-keep")
    more = WORKERS_HINT if workers == "2" else ""
    assert result == (
        2,
        "5 scenarios: 5 not run\n",
        f"emulator: {team.url}: {TEAM_IS_FULL}{more}\n",
    )


@pytest.mark.extended
@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.extended)])
def test_a_run_that_fills_its_team_ends_with_one_line(
    wishes: Path, team: Team, workers: str
) -> None:
    team.client.create_sandbox()
    result = run_verify(wishes, team, "-n", workers)
    more = NO_KEEP_HINT + (WORKERS_HINT if workers == "2" else "")
    assert (result.code, result.stderr) == (2, f"emulator: {team.url}: {TEAM_IS_FULL}{more}\n")


def test_results_before_a_team_was_full_are_reported(wishes: Path, team: Team) -> None:
    team.client.create_sandbox()
    result = run_verify(wishes, team, "--json", "--junit", "report.xml")
    summary = json.loads(result.stdout)
    ran = [(scenario["scenario"], scenario["verdict"]) for scenario in summary["scenarios"]]
    assert ran == [("S1", "passed"), ("S2", "failed")]
    assert (summary["stopped"], summary["interrupted"]) == (
        f"{team.url}: {TEAM_IS_FULL}{NO_KEEP_HINT}",
        False,
    )
    assert "The run was interrupted: scenarios are missing." in (wishes / "report.xml").read_text()
    assert team.count_sandboxes() == 2


def test_a_team_that_gets_full_during_a_scenario_is_reported_once(
    tmp_path: Path, team: Team
) -> None:
    (tmp_path / "reopening.feature").write_text(WORKSPACE_CHANGE)
    (tmp_path / "conftest.py").write_text(OTHER_RUN)
    team.client.create_sandbox()
    result = run_verify(tmp_path, team, "--html", "report.html")
    assert result == (
        2,
        "1 scenario: 1 not run\n",
        f"emulator: {team.url}: {TEAM_IS_FULL}{NO_KEEP_HINT}\n",
    )


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("options", "count"), [((), 2), (("--no-keep",), 0)], ids=["by default", "no keep"]
)
def test_sandboxes_of_failed_scenarios_are_not_deleted(
    folder: Path, team: Team, options: tuple[str, ...], count: int
) -> None:
    (folder / "wishes.feature").write_text(write_feature("Wishes", 2, 2))
    result = run_verify(folder, team, *options)
    assert (result.code, result.stdout.count("You can inspect its sandbox: ")) == (1, count)
    assert team.count_sandboxes() == count


@pytest.mark.extended
def test_pytest_stops_when_a_team_is_full(wishes: Path, team: Team) -> None:
    team.client.create_sandbox()
    result = run_module(wishes, "c-token", "pytest", *QUIET, "--emulator-url", team.url, ".")
    lines = [line.strip("! ") for line in result.stdout.splitlines() if TEAM_IS_FULL in line]
    assert (result.code, lines) == (2, [f"Interrupted: {team.url}: {TEAM_IS_FULL}{NO_KEEP_HINT}"])
    assert result.stdout.splitlines()[-1].startswith("1 failed, 1 passed, 1 skipped in ")


@pytest.mark.extended
def test_pytest_deletes_all_sandboxes_on_request(wishes: Path, team: Team) -> None:
    options = ("--emulator-url", team.url, "--emulator-no-keep")
    result = run_module(wishes, "c-token", "pytest", *QUIET, *options, ".")
    assert result.stdout.splitlines()[-1].startswith("2 failed, 3 passed in ")
    assert (result.code, team.count_sandboxes()) == (1, 0)
