"""Drift with the traffic of a running emulator."""

from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from inspector.running_emulator import RunningEmulator, run_emulator

from segment_insider_emulator.cli import main
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.workspace import load_workspace_or_preset

LOST = (
    "traits.firstName was sent once, but firstName reads traits.first_name, which was never sent."
)


def run_drift(emulator: RunningEmulator) -> Any:
    emulator.send({"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}})
    command = ["drift", "--preset", "segment-defaults", "--traffic", emulator.url]
    return CliRunner().invoke(main, command)


def test_traffic_of_a_running_emulator_is_compared_with_a_preset() -> None:
    with run_emulator() as emulator:
        result = run_drift(emulator)
    assert result.exit_code == 1
    assert any(line.endswith(LOST) for line in result.stdout.splitlines()), result.stdout
    assert result.stderr.startswith("preset segment-defaults and 1 event: ")


def test_without_a_file_the_running_workspace_is_compared(tmp_path: Path) -> None:
    with run_emulator(load_workspace_or_preset("segment-defaults")) as emulator:
        emulator.send({"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}})
        command = ["drift", "--traffic", emulator.url]
        lost = CliRunner().invoke(main, command)
        mapping = dict(ACTIONS["updateUserProfile"].default_mapping)
        mapping["firstName"] = {"@path": "$.traits.firstName"}
        changed = requests.patch(
            f"{emulator.url}/emulator/v1/destination/subscriptions/1",
            json={"settings": mapping},
            timeout=60,
        )
        corrected = CliRunner().invoke(main, command)
        file = str(tmp_path / "shop.yaml")
        exported = CliRunner().invoke(
            main, ["export", emulator.url, "--format", "workspace", "--output", file]
        )
    lines = lost.stdout.splitlines()
    assert lines[:5] == [
        "What the traffic shows",
        "",
        "Create or Update a User Profile (updateUserProfile)  destination.subscriptions[0]",
        "  this subscription leaves out `settings`, and a single line of it would replace the "
        f"action's whole mapping: first run `emulator export {emulator.url} --format workspace "
        "--output whole.yaml`, then write the line there",
        f"  D1   loses   traffic+guide   {LOST}",
    ]
    assert lines.index("What the workspace shows") < lines.index("The workspace")
    assert lost.stderr.startswith(f"{emulator.url} and 1 event: ")
    assert changed.status_code == 200
    assert "What the traffic shows" not in corrected.stdout
    assert "header" not in lost.stdout, "the redacted key is looked at as if it were one"
    assert exported.exit_code == 0
    assert load_workspace_or_preset(file).destination["subscriptions"][0]["settings"] == mapping
    assert load_workspace_or_preset(file).account_key == "test-key"


def test_emulator_token_opens_a_protected_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_emulator(password="topsecret") as emulator:
        refused = run_drift(emulator)
        monkeypatch.setenv("EMULATOR_TOKEN", "topsecret")
        opened = run_drift(emulator)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.endswith("Our tools read EMULATOR_TOKEN.\n")
    assert opened.stderr.startswith("preset segment-defaults and 2 events: ")
