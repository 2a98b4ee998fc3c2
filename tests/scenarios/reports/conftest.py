"""Fixtures: a run with every kind of result, an interrupted run, and their reports."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from forked_commands import run_python_module

HOSTILE = "<script>alert(1)</script> & ]]> \u0007 'quoted'"
RESULTS_FEATURE = f"""\
@ends
Feature: Ends
  @observed @TEST_SHOP-12 @REQ_SHOP-3 @C123 @TestCaseKey=ABC-T123
  Scenario: It passes
    A wish
    of one mug.

    When Ada does "Wish Listed" with:
      | property | value          |
      | note     | {HOSTILE} |
    Then Insider One receives 1 "wish_listed" for Ada

  Scenario: It fails
    Given Ada shops
    When an app posts to "/v1/track":
      \"\"\"
      {{"event": "Wish Listed", "userId": "ada"}}
      \"\"\"
    Then Insider One receives 2 "wish_listed" for Ada
    And Segment answers 200

  Scenario: It is not known
    When Ada wishes for a mug
    Then Insider One knows nobody

  Scenario: It checks nothing
    When Ada signs in

  Rule: rows

    Scenario Outline: It has rows
      When Ada does "<event>"
      Then Insider One receives 1 "wish_listed" for Ada

      Examples:
        | event       |
        | Wish Listed |
        | Song Played |
"""
BROKEN = "Feature: Broken\n  Scenario: A\n    Given Ada shops\n    or not\n"
SKIPPED = """\
Feature: Skipped
  Scenario: Later
    Given it is too early
    Then Insider One knows nobody
"""
CONFTEST = """\
import pytest
from pytest_bdd import given


@given("it is too early")
def too_early():
    pytest.skip("too early")


@given("a person presses Ctrl-C")
def pressed(scene):
    raise KeyboardInterrupt
"""
INTERRUPTED = """\
Feature: Interrupted
  Scenario: First
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
  Scenario: Second
    Given Ada shops
    And a person presses Ctrl-C
    Then Insider One knows nobody
  Scenario: Third
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
"""
REPORTS = {
    "--junit": "report.xml",
    "--html": "report.html",
    "--cucumber-json": "report.json",
    "--cucumber-messages": "report.ndjson",
}
CUCUMBER = (
    "@cucumber/messages@34.2.1",
    "@cucumber/query@16.2.0",
    "@cucumber/html-formatter@24.2.0",
)


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """Exit code, output and reports of `emulator verify`."""

    folder: Path
    code: int
    stdout: str

    def read(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")

    def list_messages(self) -> list[Any]:
        return [json.loads(line) for line in self.read("report.ndjson").splitlines()]


def verify_with_reports(folder: Path, *arguments: str, **files: str) -> ReportedRun:
    """Run `emulator verify` on *files*, named without their suffix, with all reports."""
    (folder / "conftest.py").write_text(CONFTEST)
    for name, text in files.items():
        (folder / f"{name}.feature").write_text(text, "utf-8")
    options = [part for pair in REPORTS.items() for part in pair]
    command = [
        "segment_insider_emulator",
        "verify",
        *options,
        *arguments,
        ".",
    ]
    result = run_python_module(*command, cwd=folder)
    return ReportedRun(folder, result.returncode, result.stdout)


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> ReportedRun:
    folder = tmp_path_factory.mktemp("reported")
    return verify_with_reports(folder, ends=RESULTS_FEATURE, broken=BROKEN, skipped=SKIPPED)


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> ReportedRun:
    return verify_with_reports(tmp_path_factory.mktemp("interrupted"), interrupted=INTERRUPTED)


@pytest.fixture(scope="session")
def cucumber(npm_folder: Callable[..., Path]) -> Path:
    """Return a folder in which Node finds the packages of Cucumber."""
    return npm_folder("cucumber-for-tests", *CUCUMBER)
