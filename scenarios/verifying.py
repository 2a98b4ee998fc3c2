"""Feature files run by pytest, without its own words: what came of each scenario."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from emulator.errors import EmulatorError

# Nothing of the project around is wanted: neither its settings nor its Python tests. Its conftest
# files are read, as steps of one's own are there.
ARGUMENTS = (
    *("-c", os.devnull),
    *("-p", "scenarios.collector"),
    *("-p", "no:terminal"),
    *("-p", "no:cacheprovider"),
    *("-o", "python_files="),
    *("-W", "ignore::pytest.PytestUnknownMarkWarning"),  # a tag is free text
    "--continue-on-collection-errors",
)


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """What came of one scenario, or of one row of an outline's examples.

    Args:
        where: The feature file, as pytest names it.
        seconds: Of its steps.
        failure: What the failed step says and where it is; None when passed.
    """

    where: str
    feature: str
    scenario: str
    verdict: Literal["passed", "failed", "skipped"]
    seconds: float
    failure: str | None


class Run:
    """One run: results in the order in which scenarios ended, and files that cannot be read."""

    def __init__(self, ended: Callable[[ScenarioResult], None]) -> None:
        self._ended = ended
        self.results: list[ScenarioResult] = []
        self.unreadable: list[str] = []

    def count(self, verdict: str) -> int:
        """How many scenarios ended so."""
        return sum(result.verdict == verdict for result in self.results)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the result of a scenario; one that could not be set up has no steps."""
        if report.when != "call" and report.passed:
            return
        told = {str(name): str(value) for name, value in report.user_properties}
        result = ScenarioResult(
            where=report.nodeid.partition("::")[0],
            feature=told.get("feature", report.nodeid.partition("::")[0]),
            scenario=told.get("scenario", report.nodeid.rpartition("::")[2]),
            verdict=report.outcome,
            seconds=round(report.duration, 3),
            failure=_failure(report) if report.failed else None,
        )
        self.results.append(result)
        self._ended(result)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take what is wrong with a file."""
        if report.failed:
            self.unreadable.append(report.longreprtext)


def verify(
    features: Sequence[Path], ended: Callable[[ScenarioResult], None] = lambda result: None
) -> Run:
    """Run the scenarios in files and folders.

    Args:
        ended: Called with each result as it comes.
    Raises: EmulatorError, when a path does not exist or none has a scenario.
    """
    for path in features:
        if not path.exists():
            raise EmulatorError(
                "there is no such file or folder", str(path), "Name a .feature file."
            )
    for variable in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        os.environ.pop(variable, None)  # meant for the tests of the project around
    run = Run(ended)
    code = pytest.main([*ARGUMENTS, f"--rootdir={Path.cwd()}", *map(str, features)], plugins=[run])
    if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise EmulatorError("pytest could not run", "", "See what it says above.")
    if not run.results and not run.unreadable:
        where = ", ".join(map(str, features))
        raise EmulatorError("no scenarios found", where, "Name a .feature file that has some.")
    return run


def _failure(report: pytest.TestReport) -> str:
    located = [text for title, text in report.sections if title.endswith("scenario call")]
    return "\n\n".join([*located, report.longreprtext])
