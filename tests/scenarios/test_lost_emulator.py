"""An emulator that stops while scenarios run on it: one line of error, and never a token."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
import requests
from flask import Flask, Response
from forked_commands import run_python_module

from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.shopper import make_shopper, track_call
from segment_insider_scenarios.transport import SegmentShop

TOKEN = "a-token-that-must-stay-secret"
SCENARIO = """\
  Scenario: S{at}
    {steps}
    Then Insider One receives 1 "wish_listed" for Ada
"""
WISH = 'When Ada does "Wish Listed"'
EMULATOR_LOST = (
    "{url}: the emulator does not answer any more. Start it again with `emulator serve`, "
    "and run again."
)
REPORTS = {
    "--html": "leak.html",
    "--junit": "leak.xml",
    "--cucumber-json": "leak.json",
    "--cucumber-messages": "leak.ndjson",
}
QUIET = ("-p", "no:cacheprovider", "-q")
CONFTEST = """\
import os
import socket

import pytest
from pytest_bdd import parsers, when


def kill():
    os.kill(int(os.environ["SERVING_PID"]), 9)
    with pytest.raises(ConnectionError):  # reset while it ends, refused from then on
        while True:
            socket.create_connection(("127.0.0.1", int(os.environ["SERVING_PORT"]))).close()


@when("the emulator goes away")
def goes_away():
    kill()


@when("the emulator goes away when this has ended")
def goes_away_later(request, scene):
    request.addfinalizer(kill)


@when("a fixture of the project fails at the end")
def fails_later(request):
    request.addfinalizer(lambda: 1 / 0)
"""
TEST = """\
from conftest import kill

def test_one(emulator):
    kill()
    emulator.client.messages()

def test_two(emulator):
    assert emulator.client.messages() == []
"""
LOSING_STEPS = [
    pytest.param("When the emulator goes away", id="between two steps"),
    pytest.param(
        f"When the emulator goes away\n    {WISH}", id="before a call", marks=pytest.mark.extended
    ),
    pytest.param(
        f"{WISH}\n    When the emulator goes away when this has ended",
        id="at the end",
        marks=pytest.mark.extended,
    ),
]


class ServedEmulator(NamedTuple):
    """An emulator in a process of its own, with a team that has the token TOKEN."""

    url: str
    pid: int

    def run(self, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """Run *command* as the team."""
        variables = {
            "EMULATOR_TOKEN": TOKEN,
            "SERVING_PID": str(self.pid),
            "SERVING_PORT": self.url.rpartition(":")[2],
        }
        return run_python_module(*command, cwd=folder, env=os.environ | variables)


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedEmulator]:
    digest = f"sha256:{sha256(TOKEN.encode()).hexdigest()}"
    teams = tmp_path_factory.mktemp("serving") / "teams.json"
    teams.write_bytes(orjson.dumps({"teams": [{"name": "checkout", "tokens": [digest]}]}))
    options = ("--port", "0", "--db", ":memory:", "--teams", str(teams))
    environment = os.environ | {"EMULATOR_PASSWORD": "sesame"}
    with subprocess.Popen(
        [sys.executable, "-m", "segment_insider_emulator", "serve", *options],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        line_with_url = next(line for line in process.stdout if "http://" in line)
        url = next(word for word in line_with_url.split() if word.startswith("http://"))
        yield ServedEmulator(url, process.pid)
        process.send_signal(signal.SIGKILL)


def write_features(folder: Path, *steps: str) -> None:
    """Write a feature file with a scenario for each of *steps*."""
    (folder / "conftest.py").write_text(CONFTEST)
    scenarios = [SCENARIO.format(at=at, steps=step) for at, step in enumerate(steps, 1)]
    (folder / "wishes.feature").write_text("Feature: Wishes\n" + "".join(scenarios))


def read_all_output(folder: Path, *streams: str) -> str:
    return "".join([*streams, *(path.read_text() for path in folder.glob("leak.*"))])


@pytest.mark.parametrize("losing_steps", LOSING_STEPS)
def test_a_lost_emulator_is_reported_in_one_line_without_the_token(
    served: ServedEmulator, tmp_path: Path, losing_steps: str
) -> None:
    write_features(tmp_path, WISH, losing_steps, WISH, WISH)
    options = [part for pair in REPORTS.items() for part in pair]
    result = served.run(
        tmp_path, "segment_insider_emulator", "verify", "--url", served.url, *options, "."
    )
    ran = 2 if "has ended" in losing_steps else 1
    counts = f"4 scenarios: {ran} passed, {4 - ran} not run"
    assert (result.returncode, result.stdout.splitlines()[-1]) == (2, counts)
    assert result.stderr == f"emulator: {EMULATOR_LOST.format(url=served.url)}\n"
    assert {file.name for file in tmp_path.glob("leak.*")} == set(REPORTS.values())
    assert TOKEN not in read_all_output(tmp_path, result.stdout, result.stderr)


@pytest.mark.extended
@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), marks=pytest.mark.extended),
        pytest.param(("--showlocals",), marks=pytest.mark.extended),
        ("--full-trace", "--showlocals"),
    ],
)
def test_no_traceback_of_pytest_contains_the_token(
    served: ServedEmulator, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_own.py").write_text(TEST)
    result = served.run(tmp_path, "pytest", *QUIET, *options, "--emulator-url", served.url, ".")
    lines = [line.strip("! ") for line in result.stdout.splitlines() if "any more" in line]
    assert (result.returncode, lines) == (
        2,
        [f"Interrupted: {EMULATOR_LOST.format(url=served.url)}"],
    )
    assert TOKEN not in result.stdout + result.stderr


def test_a_client_error_has_no_cause_with_the_token() -> None:
    client = ControlClient("http://127.0.0.1:1", token=TOKEN)
    with client, pytest.raises(EmulatorError) as raised:
        client.get_health()
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    traceback = str(raised.getrepr(showlocals=True, style="long", chain=True))
    assert TOKEN not in traceback


def test_a_scenario_that_fails_in_teardown_counts_once(tmp_path: Path) -> None:
    write_features(tmp_path, WISH, f"{WISH}\n    When a fixture of the project fails at the end")
    result = ServedEmulator("http://127.0.0.1:0", 0).run(
        tmp_path, "segment_insider_emulator", "verify", "."
    )
    assert (result.returncode, result.stdout.splitlines()[-1]) == (
        1,
        "2 scenarios: 1 passed, 1 failed",
    )
    assert "ZeroDivisionError" in result.stdout


def make_unavailable_app(times: int, retry_after: str) -> tuple[Flask, list[str]]:
    """Return an app that is unavailable for *times* requests, and the paths requested from it."""
    app, requested_paths = Flask("away"), list[str]()

    @app.route("/<path:path>", methods=["GET", "POST"])
    def respond(path: str) -> Response:
        requested_paths.append(path)
        if len(requested_paths) > times:
            return Response('{"sandboxes": []}', mimetype="application/json")
        fault = {"what": "the database is away", "where": "", "remedy": "Wait."}
        headers = {"Retry-After": retry_after}
        return Response(orjson.dumps({"error": fault}), 503, headers)

    return app, requested_paths


def test_a_temporarily_rejected_request_is_sent_again() -> None:
    pauses: list[float] = []
    app, requested_paths = make_unavailable_app(2, "5")
    with serve_app_in_thread(app) as url, ControlClient(url, sleep=pauses.append) as client:
        assert client.list_sandboxes() == []
    assert (len(requested_paths), pauses) == (3, [5, 5])


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [("5", [5, 5]), ("11", []), ("soon", []), ("3", [3, 3, 3])],
    ids=["given up", "too long", "no number", "as often as fits"],
)
def test_waiting_is_bounded(retry_after: str, waits: list[float]) -> None:
    pauses: list[float] = []
    app, _ = make_unavailable_app(99, retry_after)
    with (
        serve_app_in_thread(app) as url,
        ControlClient(url, sleep=pauses.append) as client,
        pytest.raises(TemporarilyUnavailable, match="the database is away"),
    ):
        client.list_sandboxes()
    assert pauses == waits


def test_a_request_that_may_have_taken_effect_is_not_sent_again() -> None:
    pauses: list[float] = []
    app, requested_paths = make_unavailable_app(1, "1")
    with (
        serve_app_in_thread(app) as url,
        ControlClient(url, sleep=pauses.append) as client,
        pytest.raises(TemporarilyUnavailable),
    ):
        client.advance_clock("45 minutes")
    assert (requested_paths, pauses) == (["emulator/v1/clock"], [])


def test_a_temporarily_rejected_call_is_sent_again() -> None:
    pauses: list[float] = []
    app, requested_paths = make_unavailable_app(2, "5")
    with serve_app_in_thread(app) as url:
        SegmentShop(url, "wk_demo", sleep=pauses.append).send(
            make_shopper("Ada"), track_call("Wish Listed")
        )
    assert (requested_paths, pauses) == (["v1/batch"] * 3, [5, 5])


def test_a_call_rejected_for_too_long_is_an_error() -> None:
    pauses: list[float] = []
    app, _ = make_unavailable_app(99, "5")
    with (
        serve_app_in_thread(app) as url,
        pytest.raises(TemporarilyUnavailable, match="the database is away"),
    ):
        SegmentShop(url, "wk_demo", sleep=pauses.append).send(
            make_shopper("Ada"), track_call("Wish Listed")
        )
    assert pauses == [5, 5]


def test_deleting_a_deleted_sandbox_is_no_error(served: ServedEmulator) -> None:
    with ControlClient(served.url, token=TOKEN) as client:
        sandbox = client.create_sandbox()
        client.delete_sandbox(sandbox["id"])
        client.delete_sandbox(sandbox["id"])
        assert client.list_sandboxes() == []
    assert requests.get(f"{sandbox['url']}/emulator/v1/health").status_code in (401, 404)
