"""Feature files run by pytest, without its own words: what came of each scenario."""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
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

# How pytest puts that a conftest file cannot be imported, and the exception below it.
CONFTEST = re.compile(r"^ImportError while loading conftest '(.+)'\.$", re.MULTILINE)
FAULT = re.compile(r"^E   ([A-Za-z_][\w.]*(?:: .*)?)$", re.MULTILINE)


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
            self.unreadable.append(_unreadable(report.nodeid, report.longreprtext))


def verify(
    features: Sequence[Path], ended: Callable[[ScenarioResult], None] = lambda result: None
) -> Run:
    """Run the scenarios in files and folders.

    Args:
        ended: Called with each result as it comes.
    Raises: EmulatorError, when a path is no feature or none has a scenario, or when the project's
        conftest.py cannot be imported.
    """
    for path in features:
        _expect_features(path)
    for variable in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        os.environ.pop(variable, None)  # meant for the tests of the project around
    run = Run(ended)
    arguments = [*ARGUMENTS, f"--rootdir={Path.cwd()}", *map(str, features)]
    with redirect_stderr(StringIO()) as said:
        code = pytest.main(arguments, plugins=[run])
    if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise _not_run(said.getvalue())
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if not run.results and not run.unreadable:
        where = ", ".join(map(str, features))
        raise EmulatorError("no scenarios found", where, "Name a .feature file that has some.")
    return run


def _expect_features(path: Path) -> None:
    if not path.exists():
        raise EmulatorError("there is no such file or folder", str(path), "Name a .feature file.")
    if path.is_file() and path.suffix != ".feature":
        raise EmulatorError(f"{path} is no .feature file", "", "Name one, or a folder of them.")


def _unreadable(node: str, said: str) -> str:
    """What is wrong with a feature file; a folder is collected but for its conftest file."""
    if node.endswith(".feature"):
        return said
    return str(_unimportable(f"{node}/conftest.py", said) or said)


def _not_run(said: str) -> EmulatorError:
    """Why pytest did not run, by what it *said* on stderr."""
    conftest = CONFTEST.search(said)
    error = _unimportable(os.path.relpath(conftest[1]), said) if conftest else None
    last = (said.strip().splitlines() or ["it does not say why"])[-1]
    return error or EmulatorError(f"pytest could not run ({last})", "", "Run pytest to see more.")


def _unimportable(where: str, said: str) -> EmulatorError | None:
    faults = FAULT.findall(said)
    if not faults:
        return None
    return EmulatorError(f"it cannot be imported ({faults[-1]})", where, "Correct it.")


def _failure(report: pytest.TestReport) -> str:
    located = [text for title, text in report.sections if title.endswith("scenario call")]
    return "\n\n".join([*located, report.longreprtext])
