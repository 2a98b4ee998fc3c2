"""Drift looks at the traffic of an emulator that runs."""

from typing import Any

import pytest
from click.testing import CliRunner
from inspector.running import Running, running

from emulator.cli import main

LOST = "traits.firstName came once where firstName reads traits.first_name, which never did."


def drift(emulator: Running) -> Any:
    emulator.send({"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}})
    command = ["drift", "--preset", "segment-defaults", "--traffic", emulator.url]
    return CliRunner().invoke(main, command)


def test_what_came_to_a_running_emulator_is_looked_at() -> None:
    with running() as emulator:
        told = drift(emulator)
    assert told.exit_code == 1
    assert any(line.endswith(LOST) for line in told.stdout.splitlines()), told.stdout
    assert told.stderr.startswith("preset segment-defaults and 1 event: ")


def test_emulator_token_opens_one_that_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(password="topsecret") as emulator:
        refused = drift(emulator)
        monkeypatch.setenv("EMULATOR_TOKEN", "topsecret")
        opened = drift(emulator)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.endswith("our own tools read EMULATOR_TOKEN.\n")
    assert opened.stderr.startswith("preset segment-defaults and 2 events: ")
