"""A run ended by a signal: SIGTERM from a CI time-out, SIGHUP from a closed terminal."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios.client import ControlClient

CONFTEST = """\
import time
from pathlib import Path

from pytest_bdd import when


@when("a step takes very long")
def takes_long():
    Path("begun").touch()
    time.sleep(120)
"""
FEATURE = """\
Feature: Long
  Scenario: One that ends
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
  Scenario: One that does not
    Given Ada does "Wish Listed"
    When a step takes very long
    Then Insider One receives 1 "wish_listed" for Ada
"""


@pytest.mark.parametrize(
    ("ending", "workers"),
    [
        (signal.SIGTERM, 1),
        pytest.param(signal.SIGTERM, 2, marks=pytest.mark.extended),
        pytest.param(signal.SIGHUP, 1, marks=pytest.mark.extended),
    ],
)
def test_an_ended_run_is_summarised_and_its_sandboxes_are_deleted(
    tmp_path: Path, ending: signal.Signals, workers: int
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "long.feature").write_text(FEATURE)
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    with serve_app_in_thread(app) as url, ControlClient(url) as client:
        options = ["--url", url, "-n", str(workers), "--junit", "report.xml"]
        with subprocess.Popen(
            [sys.executable, "-m", "segment_insider_emulator", "verify", *options, "."],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            while not (tmp_path / "begun").exists():
                assert process.poll() is None
                time.sleep(0.1)
            process.send_signal(ending)
            stdout, stderr = process.communicate(timeout=60)
        assert [sandbox["id"] for sandbox in client.list_sandboxes()] == ["default"]
    assert (process.returncode, stderr) == (130, "")
    assert (tmp_path / "report.xml").exists()
    counts = stdout.splitlines()[-1]
    if workers == 1:  # several may not have ended the first one yet
        assert counts == "2 scenarios: 1 passed, 1 failed"
    else:
        assert re.fullmatch("2 scenarios: .*[12] not run", counts)
