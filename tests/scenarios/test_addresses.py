"""Emulators elsewhere: a run that cannot use one ends in one line, and what it leaves there."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import orjson
import pytest
from flask import Flask

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
REOPENING = """\
Feature: Reopening
  Scenario: A workspace of its own
    Given another run takes the last sandbox
    And the workspace "segment-defaults"
    Then Insider One knows nobody
"""
# As a run does that is going on beside this one, at the moment that matters.
OTHER_RUN = """\
from pytest_bdd import given
from segment_insider_scenarios.client import ControlClient

@given("another run takes the last sandbox")
def taken(scene, emulators, monkeypatch):
    ended = ControlClient.delete_sandbox
    def delete(client, id):
        ended(client, id)
        client.create_sandbox()
    monkeypatch.setattr(ControlClient, "delete_sandbox", delete)
"""
FULL = (
    "the team checkout has 2 sandboxes already. Delete sandboxes that are not needed, on the page "
    "/team or with DELETE /emulator/v1/sandboxes/<id>."
)
KEPT = " --no-keep (in pytest: --emulator-no-keep) deletes those of failed scenarios."
WORKERS = " Each worker needs one: use fewer workers (-n)."

QUIET = ("-p", "no:cacheprovider", "-q")
DEAD = "http://127.0.0.1:1"
NOBODY = "no emulator answers. Start one with `emulator serve`, or correct the address."
STRANGE = "this is not an emulator. Give the address of an emulator."
NO_TOKEN = (
    "this emulator needs a password or a team's token. Send it with HTTP Basic "
    "authentication and any user name, or as a bearer token. Our tools read EMULATOR_TOKEN."
)
WRONG_TOKEN = (
    "the password or token is wrong. Use the token of a team or the emulator's password. "
    "Our tools read EMULATOR_TOKEN."
)
CASES = [
    pytest.param("dead", "c-token", NOBODY, id="a dead address"),
    pytest.param("stranger", "c-token", STRANGE, id="another program"),
    pytest.param("emulator", None, NO_TOKEN, id="no token"),
    pytest.param("emulator", "x-token", WRONG_TOKEN, id="a wrong token"),
]


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    stdout: str
    stderr: str


@contextmanager
def shared(folder: Path) -> Iterator[str]:
    """Serve an emulator with a team that may have two sandboxes; gives its URL."""
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
    with shared(tmp_path_factory.mktemp("shared")) as url:
        yield url


class Team(NamedTuple):
    """The team of an emulator that nobody else uses."""

    url: str
    client: ControlClient

    def sandboxes(self) -> int:
        return len(self.client.list_sandboxes())


@pytest.fixture
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with (
        shared(tmp_path_factory.mktemp("shared")) as url,
        ControlClient(url, token="c-token") as client,
    ):
        yield Team(url, client)


@pytest.fixture(scope="module")
def addresses(emulator_url: str) -> Iterator[dict[str, str]]:
    """An emulator's, nobody's, and that of a program that answers everything with JSON."""
    stranger = Flask("stranger")
    stranger.register_error_handler(404, lambda _: ({}, 200))
    with serve_app_in_thread(stranger) as url:
        yield {"emulator": emulator_url, "dead": DEAD, "stranger": url}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wishes.feature").write_text(FEATURE)
    return tmp_path


def run(folder: Path, token: str | None, *command: str) -> Ended:
    environment = {name: text for name, text in os.environ.items() if name != "EMULATOR_TOKEN"}
    if token:
        environment["EMULATOR_TOKEN"] = token
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("option", ["--url", "--report-to"])
@pytest.mark.parametrize(("which", "token", "told"), CASES)
def test_verify_ends_before_the_first_scenario(
    addresses: dict[str, str], folder: Path, option: str, which: str, token: str | None, told: str
) -> None:
    url = addresses[which]
    done = run(folder, token, "segment_insider_emulator", "verify", option, url, ".")
    assert done == (2, "", f"emulator: {option} {url}: {told}\n")


@pytest.mark.parametrize(
    ("url", "told"),
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
def test_what_is_wrong_with_an_address_is_said(folder: Path, url: str, told: str) -> None:
    done = run(folder, None, "segment_insider_emulator", "verify", "--url", url, ".")
    assert done == (2, "", f"emulator: --url {url}: {told}\n")


@pytest.mark.parametrize(
    "command",
    [
        ("drift", "--preset", "guide", "--traffic"),
        ("contract", "record", "cases.ndjson", "--from"),
        ("verify", "--report-to"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_says_how_an_address_is_written(
    folder: Path, command: tuple[str, ...]
) -> None:
    done = run(folder, None, "segment_insider_emulator", *command, "127.0.0.1:8282")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.endswith("Write http:// in front: http://127.0.0.1:8282\n")
    assert done.stderr.count("\n") == 1


def test_a_server_that_does_not_speak_https_is_told_from_none(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=lambda: listening.accept()[0].close(), daemon=True).start()
        at = f"127.0.0.1:{listening.getsockname()[1]}"
        with ControlClient(f"https://{at}") as client, pytest.raises(EmulatorError) as raised:
            client.get_health()
    assert str(raised.value) == (
        f"https://{at}: the server at this address does not use HTTPS. Perhaps it is http://{at}"
    )


def test_a_team_reports_to_a_sandbox_of_its_own(emulator_url: str, folder: Path) -> None:
    done = run(
        folder, "c-token", "segment_insider_emulator", "verify", "--report-to", emulator_url, "."
    )
    assert done.stderr == (
        f"emulator: --report-to {emulator_url}: there is no sandbox 'default'. "
        "Use the address of a sandbox of your team, …/sandboxes/<id>; the page /team lists them.\n"
    )


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("segment_insider_emulator", "verify", "--no-keep", "."), 2),
        (("pytest", "--emulator-no-keep", "."), 4),
    ],
    ids=["verify", "pytest"],
)
def test_keeping_none_goes_with_an_address(
    folder: Path, command: tuple[str, ...], code: int
) -> None:
    done = run(folder, None, *command)
    assert done.code == code
    assert "no-keep needs --" in done.stderr


@pytest.mark.parametrize(("which", "token", "told"), CASES)
def test_pytest_ends_before_the_first_test(
    addresses: dict[str, str], folder: Path, which: str, token: str | None, told: str
) -> None:
    url = addresses[which]
    done = run(folder, token, "pytest", "-p", "no:cacheprovider", "--emulator-url", url, ".")
    error = f"ERROR: --emulator-url {url}: {told}\n\n"
    assert (done.code, done.stderr) == (4, error)
    assert "wishes.feature" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        pytest.param((), lambda done: done.stdout.splitlines()[-1], id="as text"),
        pytest.param(("--json",), lambda done: done.stderr.splitlines()[0], id="as JSON"),
    ],
)
def test_the_summary_is_told_before_a_report_fails(
    folder: Path, arguments: tuple[str, ...], shown: Callable[[Ended], str]
) -> None:
    done = run(
        folder,
        None,
        "segment_insider_emulator",
        "verify",
        *arguments,
        "--junit",
        "wishes.feature/x",
        ".",
    )
    assert (done.code, shown(done)) == (2, "1 scenario: 1 passed")
    assert done.stderr.splitlines()[-1] == (
        "emulator: wishes.feature/x: the report cannot be written (File exists). "
        "Name a file that you may write."
    )


def feature(name: str, *received: int) -> str:
    """A scenario for each number of events that are said to be received; one is."""
    scenarios = [SCENARIO.format(at=at, number=number) for at, number in enumerate(received, 1)]
    return f"Feature: {name}\n" + "".join(scenarios)


@pytest.fixture
def wishes(tmp_path: Path) -> Path:
    """A folder with five scenarios, of which the second and the third fail."""
    (tmp_path / "wishes.feature").write_text(feature("Wishes", 1, 2, 2, 1, 1))
    return tmp_path


def verify(folder: Path, team: Team, *options: str) -> Ended:
    return run(
        folder, "c-token", "segment_insider_emulator", "verify", "--url", team.url, *options, "."
    )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_team_that_is_full_is_told_once(wishes: Path, team: Team, workers: str) -> None:
    for _ in range(2):
        team.client.create_sandbox()
    done = verify(wishes, team, "-n", workers, "--no-keep")
    more = WORKERS if workers == "2" else ""
    assert done == (2, "5 scenarios: 5 not run\n", f"emulator: {team.url}: {FULL}{more}\n")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_that_fills_its_team_ends_in_one_line(wishes: Path, team: Team, workers: str) -> None:
    team.client.create_sandbox()
    done = verify(wishes, team, "-n", workers)
    more = KEPT + (WORKERS if workers == "2" else "")
    assert (done.code, done.stderr) == (2, f"emulator: {team.url}: {FULL}{more}\n")


def test_what_ran_before_a_team_was_full_is_told(wishes: Path, team: Team) -> None:
    team.client.create_sandbox()
    done = verify(wishes, team, "--json", "--junit", "report.xml")
    told = json.loads(done.stdout)
    ran = [(scenario["scenario"], scenario["verdict"]) for scenario in told["scenarios"]]
    assert ran == [("S1", "passed"), ("S2", "failed")]
    assert (told["stopped"], told["interrupted"]) == (f"{team.url}: {FULL}{KEPT}", False)
    assert "The run was interrupted: scenarios are missing." in (wishes / "report.xml").read_text()
    assert team.sandboxes() == 2


def test_a_team_that_is_full_within_a_scenario_is_told_once(tmp_path: Path, team: Team) -> None:
    (tmp_path / "reopening.feature").write_text(REOPENING)
    (tmp_path / "conftest.py").write_text(OTHER_RUN)
    team.client.create_sandbox()
    done = verify(tmp_path, team, "--html", "report.html")
    assert done == (2, "1 scenario: 1 not run\n", f"emulator: {team.url}: {FULL}{KEPT}\n")


@pytest.mark.parametrize(
    ("options", "kept"), [((), 2), (("--no-keep",), 0)], ids=["unless told", "no keep"]
)
def test_sandboxes_of_failed_scenarios_stay(
    folder: Path, team: Team, options: tuple[str, ...], kept: int
) -> None:
    (folder / "wishes.feature").write_text(feature("Wishes", 2, 2))
    done = verify(folder, team, *options)
    assert (done.code, done.stdout.count("You can inspect its sandbox: ")) == (1, kept)
    assert team.sandboxes() == kept


def test_pytest_ends_where_a_team_is_full(wishes: Path, team: Team) -> None:
    team.client.create_sandbox()
    done = run(wishes, "c-token", "pytest", *QUIET, "--emulator-url", team.url, ".")
    told = [line.strip("! ") for line in done.stdout.splitlines() if FULL in line]
    assert (done.code, told) == (2, [f"Interrupted: {team.url}: {FULL}{KEPT}"])
    assert done.stdout.splitlines()[-1].startswith("1 failed, 1 passed, 1 skipped in ")


def test_pytest_keeps_no_sandbox_where_none_is_wanted(wishes: Path, team: Team) -> None:
    options = ("--emulator-url", team.url, "--emulator-no-keep")
    done = run(wishes, "c-token", "pytest", *QUIET, *options, ".")
    assert done.stdout.splitlines()[-1].startswith("2 failed, 3 passed in ")
    assert (done.code, team.sandboxes()) == (1, 0)
