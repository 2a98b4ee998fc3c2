"""Emulators elsewhere: a run that cannot use one ends in one line, before its first scenario."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
from flask import Flask

from emulator.app import create_app
from emulator.config import Config
from emulator.server import serve_in_thread
from emulator.workspace import preset

FEATURE = """\
Feature: Wishes
  Scenario: A mug
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
"""
DEAD = "http://127.0.0.1:1"
NOBODY = "no emulator answers. Start one with `emulator serve`, or correct the address."
STRANGE = "this is no emulator. Give the address of an emulator."
NO_TOKEN = (
    "this emulator asks for a password, or the token of a team. Give it with HTTP Basic "
    "authentication under any user name, or as a bearer token; our own tools read EMULATOR_TOKEN."
)
WRONG_TOKEN = (
    "this token is nobody's. Give that of a team, or the emulator's password; our own tools read "
    "EMULATOR_TOKEN."
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


@pytest.fixture(scope="module")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of an emulator with a team that may have two sandboxes."""
    digest = f"sha256:{sha256(b'c-token').hexdigest()}"
    team = {"name": "checkout", "tokens": [digest], "sandboxes": 2}
    teams = tmp_path_factory.mktemp("shared") / "teams.json"
    teams.write_bytes(orjson.dumps({"teams": [team]}))
    config = Config(db=":memory:", host="0.0.0.0", password="sesame", teams=str(teams))
    app = create_app(config, preset("guide"))
    with serve_in_thread(app) as url:
        yield url
    app.extensions["sandboxes"].close()


@pytest.fixture(scope="module")
def addresses(emulator_url: str) -> Iterator[dict[str, str]]:
    """An emulator's, nobody's, and that of a program that answers everything with JSON."""
    stranger = Flask("stranger")
    stranger.register_error_handler(404, lambda _: ({}, 200))
    with serve_in_thread(stranger) as url:
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
    done = run(folder, token, "emulator", "verify", option, url, ".")
    assert done == (2, "", f"emulator: {option} {url}: {told}\n")


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
    done = run(folder, None, "emulator", "verify", *arguments, "--junit", "wishes.feature/x", ".")
    assert (done.code, shown(done)) == (2, "1 scenario: 1 passed")
    assert done.stderr.splitlines()[-1] == (
        "emulator: wishes.feature/x: the report cannot be written (File exists). "
        "Name a file that you may write."
    )
