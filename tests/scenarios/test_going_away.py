"""An emulator elsewhere that goes away while scenarios run there: one line, and never a token."""

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

from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.shopper import make_shopper, track_call
from segment_insider_scenarios.transport import SegmentShop

TOKEN = "a-token-that-nobody-may-read"
SCENARIO = """\
  Scenario: S{at}
    {steps}
    Then Insider One receives 1 "wish_listed" for Ada
"""
WISH = 'When Ada does "Wish Listed"'
AWAY = (
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
WAYS = [
    pytest.param("When the emulator goes away", id="between two steps"),
    pytest.param(f"When the emulator goes away\n    {WISH}", id="before a call"),
    pytest.param(f"{WISH}\n    When the emulator goes away when this has ended", id="at the end"),
]


class Serving(NamedTuple):
    """An emulator in a process of its own, with the team whose token is TOKEN."""

    url: str
    pid: int

    def run(self, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """Run *command* as the team."""
        own = {
            "EMULATOR_TOKEN": TOKEN,
            "SERVING_PID": str(self.pid),
            "SERVING_PORT": self.url.rpartition(":")[2],
        }
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=120,
        )  # fmt: skip


@pytest.fixture
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
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
        said = next(line for line in process.stdout if "http://" in line)
        url = next(word for word in said.split() if word.startswith("http://"))
        yield Serving(url, process.pid)
        process.send_signal(signal.SIGKILL)


def features(folder: Path, *steps: str) -> None:
    """A file with a scenario for each of *steps*."""
    (folder / "conftest.py").write_text(CONFTEST)
    told = [SCENARIO.format(at=at, steps=step) for at, step in enumerate(steps, 1)]
    (folder / "wishes.feature").write_text("Feature: Wishes\n" + "".join(told))


def everything(folder: Path, *streams: str) -> str:
    return "".join([*streams, *(path.read_text() for path in folder.glob("leak.*"))])


@pytest.mark.parametrize("way", WAYS)
def test_a_run_ends_in_one_line_and_tells_no_token(
    serving: Serving, tmp_path: Path, way: str
) -> None:
    features(tmp_path, WISH, way, WISH, WISH)
    options = [part for pair in REPORTS.items() for part in pair]
    done = serving.run(
        tmp_path, "segment_insider_emulator", "verify", "--url", serving.url, *options, "."
    )
    ran = 2 if "has ended" in way else 1
    counts = f"4 scenarios: {ran} passed, {4 - ran} not run"
    assert (done.returncode, done.stdout.splitlines()[-1]) == (2, counts)
    assert done.stderr == f"emulator: {AWAY.format(url=serving.url)}\n"
    assert {file.name for file in tmp_path.glob("leak.*")} == set(REPORTS.values())
    assert TOKEN not in everything(tmp_path, done.stdout, done.stderr)


@pytest.mark.parametrize("options", [(), ("--showlocals",), ("--full-trace", "--showlocals")])
def test_no_traceback_of_pytest_tells_a_token(
    serving: Serving, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_own.py").write_text(TEST)
    done = serving.run(tmp_path, "pytest", *QUIET, *options, "--emulator-url", serving.url, ".")
    told = [line.strip("! ") for line in done.stdout.splitlines() if "any more" in line]
    assert (done.returncode, told) == (2, [f"Interrupted: {AWAY.format(url=serving.url)}"])
    assert TOKEN not in done.stdout + done.stderr


def test_an_error_of_the_client_is_chained_to_nothing() -> None:
    client = ControlClient("http://127.0.0.1:1", token=TOKEN)
    with client, pytest.raises(EmulatorError) as raised:
        client.get_health()
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    shown = str(raised.getrepr(showlocals=True, style="long", chain=True))
    assert TOKEN not in shown


def test_a_scenario_whose_end_fails_has_failed_and_counts_once(tmp_path: Path) -> None:
    features(tmp_path, WISH, f"{WISH}\n    When a fixture of the project fails at the end")
    done = Serving("http://127.0.0.1:0", 0).run(tmp_path, "segment_insider_emulator", "verify", ".")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "2 scenarios: 1 passed, 1 failed")
    assert "ZeroDivisionError" in done.stdout


def away(times: int, retry_after: str) -> tuple[Flask, list[str]]:
    """An emulator whose database is away for so many requests, and the requests it was sent."""
    app, asked = Flask("away"), list[str]()

    @app.route("/<path:path>", methods=["GET", "POST"])
    def answer(path: str) -> Response:
        asked.append(path)
        if len(asked) > times:
            return Response('{"sandboxes": []}', mimetype="application/json")
        fault = {"what": "the database is away", "where": "", "remedy": "Wait."}
        headers = {"Retry-After": retry_after}
        return Response(orjson.dumps({"error": fault}), 503, headers)

    return app, asked


def test_what_was_refused_for_the_moment_is_asked_again() -> None:
    slept: list[float] = []
    app, asked = away(2, "5")
    with serve_app_in_thread(app) as url, ControlClient(url, sleep=slept.append) as client:
        assert client.list_sandboxes() == []
    assert (len(asked), slept) == (3, [5, 5])


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [("5", [5, 5]), ("11", []), ("soon", []), ("3", [3, 3, 3])],
    ids=["given up", "too long", "no number", "as often as fits"],
)
def test_waiting_is_bounded(retry_after: str, waits: list[float]) -> None:
    slept: list[float] = []
    app, _ = away(99, retry_after)
    with (
        serve_app_in_thread(app) as url,
        ControlClient(url, sleep=slept.append) as client,
        pytest.raises(TemporarilyUnavailable, match="the database is away"),
    ):
        client.list_sandboxes()
    assert slept == waits


def test_what_may_have_been_done_is_not_asked_again() -> None:
    slept: list[float] = []
    app, asked = away(1, "1")
    with (
        serve_app_in_thread(app) as url,
        ControlClient(url, sleep=slept.append) as client,
        pytest.raises(TemporarilyUnavailable),
    ):
        client.advance_clock("45 minutes")
    assert (asked, slept) == (["emulator/v1/clock"], [])


def test_a_call_of_a_shop_that_was_refused_for_the_moment_is_made_again() -> None:
    slept: list[float] = []
    app, asked = away(2, "5")
    with serve_app_in_thread(app) as url:
        SegmentShop(url, "wk_demo", sleep=slept.append).send(
            make_shopper("Ada"), track_call("Wish Listed")
        )
    assert (asked, slept) == (["v1/batch"] * 3, [5, 5])


def test_a_call_of_a_shop_that_is_refused_too_long_is_an_error() -> None:
    slept: list[float] = []
    app, _ = away(99, "5")
    with (
        serve_app_in_thread(app) as url,
        pytest.raises(TemporarilyUnavailable, match="the database is away"),
    ):
        SegmentShop(url, "wk_demo", sleep=slept.append).send(
            make_shopper("Ada"), track_call("Wish Listed")
        )
    assert slept == [5, 5]


def test_a_sandbox_that_is_gone_has_ended(serving: Serving) -> None:
    with ControlClient(serving.url, token=TOKEN) as client:
        made = client.create_sandbox()
        client.delete_sandbox(made["id"])
        client.delete_sandbox(made["id"])
        assert client.list_sandboxes() == []
    assert requests.get(f"{made['url']}/emulator/v1/health").status_code in (401, 404)
