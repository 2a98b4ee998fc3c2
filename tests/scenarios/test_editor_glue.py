"""`emulator steps --glue`: editors with a Cucumber extension know every step."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from segment_insider_emulator.cli import main
from segment_insider_scenarios.step_catalogue import list_library_steps

ROOT = Path(__file__).parents[2]
CHECK = Path(__file__).with_name("language_service.mjs")
UNKNOWN_STEP = """
Feature: Shop

  Scenario: One step is wrong
    Given Ada shops
    When Ada dances
"""


def write_glue(folder: Path) -> Path:
    result = CliRunner().invoke(main, ["steps", "--glue", str(folder)])
    assert result.exit_code == 0, result.output
    assert f'"cucumber.glue": ["{folder.as_posix()}/*.ts"]' in result.stdout
    (file,) = folder.iterdir()
    return file


def test_each_step_is_one_definition(tmp_path: Path) -> None:
    text = write_glue(tmp_path / "glue").read_text("utf-8")
    assert text.count(", () => {})") == len(list_library_steps())
    assert 'Then("{person} waits in the journey \\"{journey_text}\\"", () => {})' in text


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "glue").write_text("")
    result = CliRunner().invoke(main, ["steps", "--glue", str(tmp_path / "glue")])
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.extended
def test_cucumbers_language_service_knows_each_step_of_our_features(
    tmp_path: Path, npm_folder: Callable[..., Path]
) -> None:
    folder = npm_folder("language-service", "@cucumber/language-service@1.7.0")
    wrong = tmp_path / "wrong.feature"
    wrong.write_text(UNKNOWN_STEP)
    features = sorted(map(str, (ROOT / "features").rglob("*.feature")))
    command = ["node", str(CHECK), str(folder), str(write_glue(tmp_path / "glue")), str(wrong)]
    ran = subprocess.run([*command, *features], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    assert found["errors"] == []
    assert found["steps"] == len(list_library_steps())
    assert found["diagnostics"] == [f"{wrong}:6: Undefined step: Ada dances"]
