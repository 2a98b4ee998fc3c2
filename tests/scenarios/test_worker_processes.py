"""`emulator verify -n 2` runs each scenario once, whatever happens to one of its processes."""

import json
import os
import signal
import time
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
import os, subprocess, sys, time
import pytest
from pytest_bdd import when

@when("the process ends")
def the_process_ends():
    os._exit(3)

@when("a program prints")
def a_program_prints():
    subprocess.run([sys.executable, "-S", "-c", "print('printed')"])
    print("printed")

@when("a scenario interrupts the run")
def a_scenario_interrupts_the_run():
    raise KeyboardInterrupt

@when("a scenario exits pytest")
def a_scenario_exits_pytest():
    pytest.exit("no use")

@when("a process stays")
def a_process_stays():
    if child := os.fork():
        open("stays.pid", "w").write(str(child))
    else:
        time.sleep(300)
        os._exit(0)

@when("the run is killed")
def the_run_is_killed():
    os.kill(os.getppid(), 9)

@pytest.fixture(scope="session", autouse=True)
def marks_of_workers():
    mark = f"{os.getpid()}.worker"
    open(mark, "w").close()
    yield
    os.remove(mark)

@when("the worker is known")
def the_worker_is_known(worker_id):
    assert worker_id in ("gw0", "gw1"), worker_id
"""


def run_in_two_processes(
    folder: Path, step: str, *arguments: str, other_count: int = 6, workers: int = 2
) -> tuple[int, dict[str, Any]]:
    """Run a scenario with *step* between others; return exit code and the JSON result."""
    others = [PASSING.format(number=number) for number in range(other_count)]
    text = "".join(["Feature: Ends\n\n", *others[:3], ENDING.format(step=step), *others[3:]])
    (folder / "ends.feature").write_text(text)
    (folder / "conftest.py").write_text(STEPS)
    command = ["verify", "ends.feature", "-n", str(workers), "--json", *arguments]
    result = run_python_module("segment_insider_emulator", *command, cwd=folder, timeout=60)
    return result.returncode, json.loads(result.stdout or "{}")


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


@pytest.mark.parametrize("step", ["a scenario interrupts the run", "a scenario exits pytest"])
def test_a_scenario_that_interrupts_the_run_does_so_with_several_workers(
    tmp_path: Path, step: str
) -> None:
    one, two = (run_in_two_processes(tmp_path, step, workers=workers) for workers in (1, 2))
    assert [code for code, _ in (one, two)] == [130, 130]
    failures = [
        [(result["title"], result["failure"]) for result in summary["scenarios"]
         if result["verdict"] == "failed"]
        for _, summary in (one, two)
    ]  # fmt: skip
    assert failures[0] == failures[1] == [("The end", "The run was interrupted here.")]


def test_a_run_ends_while_a_process_of_a_step_stays(tmp_path: Path) -> None:
    try:
        code, summary = run_in_two_processes(tmp_path, "a process stays")
    finally:
        os.kill(int((tmp_path / "stays.pid").read_text()), signal.SIGKILL)
    assert (code, summary.get("passed")) == (0, 7)


def test_workers_end_their_fixtures_when_the_run_is_killed(tmp_path: Path) -> None:
    code, _ = run_in_two_processes(tmp_path, "the run is killed")
    deadline = time.monotonic() + 30
    while (workers := list(tmp_path.glob("*.worker"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (code, workers) == (-signal.SIGKILL, [])
