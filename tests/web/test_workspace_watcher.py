"""`emulator serve --watch`: an edited workspace file is used at once."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from segment_insider_emulator.cli import main

TIMEOUT_S = 60
SHOP = """
source: {name: %s, writeKey: wk_demo}
destination:
  settings: {account_name: mybrand, ucd_key: test-key}
  subscriptions: []
trackingPlan: plan.json
"""
PLAN = '{"name": "Plan", "rules": %s}'
SONG = {"writeKey": "wk_demo", "type": "track", "userId": "ada", "event": "Song Played"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP % "Old shop")
    (tmp_path / "plan.json").write_text(PLAN % "[]")
    return file


@pytest.fixture
def url(file: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "segment_insider_emulator", "serve", "--port", "0"]
    command += ["--db", ":memory:", "--workspace", str(file), "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def get(url: str, path: str) -> requests.Response:
    return requests.get(url + path, timeout=TIMEOUT_S)


def wait_until(is_met: Callable[[], bool]) -> None:
    until = time.monotonic() + TIMEOUT_S
    while not is_met():
        assert time.monotonic() < until
        time.sleep(0.05)


def get_workspace(url: str) -> Any:
    return get(url, "/emulator/v1/workspace").json()


def test_the_emulator_follows_its_workspace_file(url: str, file: Path) -> None:
    requests.post(f"{url}/v1/track", json=SONG, timeout=TIMEOUT_S)

    # An editor may write a new file and give it the name of the old one.
    other = file.with_suffix(".new")
    other.write_text(SHOP % "New shop")
    other.rename(file)
    wait_until(lambda: get_workspace(url)["source"]["name"] == "New shop")
    assert len(get(url, "/emulator/v1/messages").json()["messages"]) == 1

    file.write_text("source: {")
    wait_until(lambda: "The emulator still uses the old workspace" in get(url, "/").text)
    assert get_workspace(url)["source"]["name"] == "New shop"

    file.write_text(SHOP % "Third shop")
    wait_until(lambda: get_workspace(url)["source"]["name"] == "Third shop")
    assert "still uses the old workspace" not in get(url, "/").text

    (file.parent / "plan.json").write_text("no plan")
    wait_until(lambda: "plan.json" in get(url, "/").text)

    # A branch may be switched: folder and files are others for a moment.
    folder = file.parent.rename(file.parent.with_name("away"))
    wait_until(lambda: "shop.yaml" in get(url, "/").text)
    folder.rename(file.parent)
    (file.parent / "plan.json").write_text(PLAN % "[]")
    for name in ("Fourth shop", "Fifth shop"):
        file.write_text(SHOP % name)
    wait_until(lambda: get_workspace(url)["source"]["name"] == "Fifth shop")


def test_only_a_file_can_be_watched() -> None:
    for options in ([], ["--preset", "guide"]):
        result = CliRunner().invoke(main, ["serve", "--watch", *options])
        assert result.exit_code == 2
        assert "--watch needs a workspace file" in result.stderr
