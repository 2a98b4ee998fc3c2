"""`emulator verify -n 2` runs each scenario once, whatever happens to one of its processes."""

import json
from pathlib import Path
from typing import Any

import pytest
from forked_commands import run_python_module

PASSING = """\
  Scenario: Wish {number}
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada

"""
ENDING = """\
  Scenario: The end
    When Ada does "Wish Listed"
    And {step}
    Then Insider One receives 1 "wish_listed" for Ada

"""
STEPS = """\
import os, subprocess, sys
from pytest_bdd import when

@when("the process ends")
def the_process_ends():
    os._exit(3)

@when("a program prints")
def a_program_prints():
    subprocess.run([sys.executable, "-S", "-c", "print('printed')"])
    print("printed")

@when("the worker is known")
def the_worker_is_known(worker_id):
    assert worker_id in ("gw0", "gw1"), worker_id
"""


def run_in_two_processes(
    folder: Path, step: str, *arguments: str, other_count: int = 6
) -> tuple[int, dict[str, Any]]:
    """Run a scenario with *step* between others; return exit code and the JSON result."""
    others = [PASSING.format(number=number) for number in range(other_count)]
    text = "".join(["Feature: Ends\n\n", *others[:3], ENDING.format(step=step), *others[3:]])
    (folder / "ends.feature").write_text(text)
    (folder / "conftest.py").write_text(STEPS)
    command = ["verify", "ends.feature", "-n", "2", "--json", *arguments]
    result = run_python_module("segment_insider_emulator", *command, cwd=folder)
    return result.returncode, json.loads(result.stdout)


def test_a_scenario_fails_when_its_process_ends_and_all_others_run(tmp_path: Path) -> None:
    code, summary = run_in_two_processes(tmp_path, "the process ends")
    verdicts = {result["title"]: result["verdict"] for result in summary["scenarios"]}
    others = {f"Wish {number}": "passed" for number in range(6)}
    assert (code, verdicts) == (1, {**others, "The end": "failed"})


@pytest.mark.extended_variants
@pytest.mark.parametrize("step", ["a program prints", "the worker is known"])
def test_a_scenario_in_a_worker_may(tmp_path: Path, step: str) -> None:
    code, summary = run_in_two_processes(tmp_path, step)
    assert (code, len(summary["scenarios"])) == (0, 7)


def test_the_first_failure_ends_the_run_with_fail_fast(tmp_path: Path) -> None:
    others = 60  # many more than one process runs before it hears of the failure
    code, summary = run_in_two_processes(tmp_path, "the process ends", "-x", other_count=others)
    assert (code, len(summary["scenarios"]) < others) == (1, True)
