"""`emulator steps --glue`: editors with a Cucumber extension know every step."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from forked_commands import run_python_module

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


@pytest.mark.extended
def test_each_step_is_one_definition(tmp_path: Path) -> None:
    text = write_glue(tmp_path / "glue").read_text("utf-8")
    assert text.count(", () => {})") == len(list_library_steps())
    assert 'Then("{person} waits in the journey \\"{journey_text}\\"", () => {})' in text


OWN_STEPS = """
from pytest_bdd import given, parsers, when

given("the (big) shop is open")(lambda: None)
when(parsers.parse('{person} draws "{thing}"'))(lambda: None)
when(parsers.cfparse("{count:Number} mugs", {"Number": int}))(lambda: None)
when(parsers.re(r"(?P<person>\\w+) jumps"))(lambda: None)
"""
OWN_FEATURE = """
Feature: Own steps
  Scenario: All of them
    Given the (big) shop is open
    When Ada draws "a cat"
    And 3 mugs
    And Ada jumps
    Then Insider One knows nobody
"""


def write_project(folder: Path) -> Path:
    """Write a project with steps of its own; return its glue."""
    (folder / "features").mkdir()
    (folder / "conftest.py").write_text(OWN_STEPS)
    (folder / "features" / "own.feature").write_text(OWN_FEATURE)
    command = ["segment_insider_emulator", "steps", "--glue", ".cucumber"]
    result = run_python_module(*command, cwd=folder)
    assert result.returncode == 0, result.stderr
    return next((folder / ".cucumber").iterdir())


@pytest.mark.extended
def test_steps_of_the_project_are_definitions_too(tmp_path: Path) -> None:
    assert write_project(tmp_path).read_text("utf-8").splitlines()[-4:] == [
        r"Given(/^the \(big\) shop is open$/, () => {})",
        r'When("{own_value} draws \"{own_value_text}\"", () => {})',
        r'When("{own_value} mugs", () => {})',
        r"When(/^(\w+) jumps$/, () => {})",
    ]


def test_a_broken_conftest_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "own.feature").write_text(OWN_FEATURE)
    (tmp_path / "conftest.py").write_text("import nothing_of_that_name\n")
    command = ["segment_insider_emulator", "steps", "--glue", ".cucumber"]
    result = run_python_module(*command, cwd=tmp_path)
    assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)


@pytest.mark.extended
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
    features.append(str(tmp_path / "features" / "own.feature"))
    command = ["node", str(CHECK), str(folder), str(write_project(tmp_path)), str(wrong)]
    ran = subprocess.run([*command, *features], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    assert found["errors"] == []
    assert found["steps"] == len(list_library_steps()) + 4
    assert found["diagnostics"] == [f"{wrong}:6: Undefined step: Ada dances"]
