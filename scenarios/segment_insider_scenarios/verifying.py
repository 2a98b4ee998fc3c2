"""Feature files run by pytest, without its own words: what came of each scenario."""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.plugin import STOPPED
from segment_insider_scenarios.recording import ATTRIBUTE
from segment_insider_scenarios.reports.results import (
    Results,
    ScenarioResult,
    Unreadable,
    scenario_of,
)

# Nothing of the project around is wanted: neither its settings nor its Python tests. Its conftest
# files are read, as steps of one's own are there.
ARGUMENTS = (
    *("-c", os.devnull),
    *("-p", "segment_insider_scenarios.recording"),
    *("-p", "no:terminal"),
    *("-p", "no:cacheprovider"),
    *("-o", "python_files="),
    *("-o", "emulator_features=all"),
    *("-W", "ignore::pytest.PytestUnknownMarkWarning"),  # a tag is free text
    "--continue-on-collection-errors",
)

# How pytest puts that a conftest file cannot be imported, and the exception below it.
CONFTEST = re.compile(r"^ImportError while loading conftest '(.+)'\.$", re.MULTILINE)
FAULT = re.compile(r"^E   ([A-Za-z_][\w.]*(?:: .*)?)$", re.MULTILINE)

# The line in which pytest-xdist names the process that a failure comes from.
WORKER = re.compile(r"\A\[gw\d+\] .*\n")


class Run:
    """One run: results in the order in which scenarios ended, and files that cannot be read."""

    def __init__(self, ended: Callable[[ScenarioResult, int, int], None]) -> None:
        self._ended = ended
        self._started_at = datetime.now(UTC)
        self._open: dict[str, ScenarioResult] = {}  # of tests that are not torn down yet, by id
        self.expected = 0  # scenarios that were found
        self.results: list[ScenarioResult] = []
        self.unreadable: list[Unreadable] = []
        self.interrupted = False
        self.stopped: str | None = None  # why the emulator elsewhere is of no more use

    def count(self, verdict: str) -> int:
        """How many scenarios ended so."""
        return sum(result.verdict == verdict for result in self.results)

    def summary(self) -> Results:
        """The whole run, for reports; it has ended."""
        ended_at = datetime.now(UTC)
        cut_short = self.interrupted or self.stopped is not None
        return Results(self._started_at, ended_at, self.results, self.unreadable, cut_short)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take how many scenarios there are; with workers, each knows them all."""
        self.expected = max(self.expected, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """The same, from a worker."""
        self.expected = max(self.expected, len(ids))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what came of a scenario; it has ended when its sandbox has."""
        if told := getattr(report, STOPPED, None):
            self.stopped = told
        elif report.when == "call" or report.failed or report.skipped:
            self._take(report)
        if report.when not in ("setup", "call"):
            self._end(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """End what the run ended in."""
        for node in list(self._open):
            self._end(node)

    def _take(self, report: pytest.TestReport) -> None:
        failure = _failure(report) if report.failed else None
        if before := self._open.get(report.nodeid):  # its end failed, whatever came of itself
            told = "\n\n".join(filter(None, (before.failure, failure)))
            self._open[report.nodeid] = replace(before, verdict="failed", failure=told)
            return
        if self.stopped and report.when == "teardown":  # of one that was not run
            return
        where, _, name = report.nodeid.partition("::")
        if record := getattr(report, ATTRIBUTE, None):
            result = scenario_of(where, report.outcome, record, failure)
        else:  # one that could not be set up has no steps
            seconds = round(report.duration, 3)
            result = ScenarioResult(where, where, name, report.outcome, seconds, failure)
        self._open[report.nodeid] = result

    def _end(self, node: str) -> None:
        if result := self._open.pop(node, None):
            self.results.append(result)
            self._ended(result, len(self.results), self.expected)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take what is wrong with a file."""
        if report.failed:
            told = _unreadable(report.nodeid, report.longreprtext)
            self.unreadable.append(Unreadable(report.nodeid, told))


@dataclass(frozen=True, slots=True)
class Options:
    """How scenarios are run.

    Args:
        workers: Processes; 1 is this one.
        traffic: Whether what each step sent and delivered is recorded.
        url: Of an emulator that runs elsewhere; None has one in each process.
        served: Whether emulators listen at ports.
        seed: Another one makes other people.
        no_keep: Whether no sandbox of a failed scenario stays at *url*.
        workspace: Of scenarios that name none, a file or a preset; None is the preset guide.
    """

    workers: int = 1
    traffic: bool = False
    url: str | None = None
    served: bool = False
    seed: int = 0
    no_keep: bool = False
    workspace: str | None = None

    def arguments(self) -> list[str]:
        """For pytest. Raises: EmulatorError, when several processes cannot be had."""
        given = [f"--emulator-seed={self.seed}"]
        if self.workers > 1:
            if find_spec("xdist") is None:
                remedy = "Run: pip install 'segment-insider-emulator[scenarios]', or leave it out."
                raise EmulatorError("pytest-xdist is not installed", "--workers", remedy)
            given += ["-p", "xdist", f"--numprocesses={self.workers}"]
        if self.url:
            given += [f"--emulator-url={self.url}"]
        if self.workspace:
            given += [f"--emulator-workspace={self.workspace}"]
        flags = {
            "--emulator-traffic": self.traffic,
            "--emulator-served": self.served,
            "--emulator-no-keep": self.no_keep,
        }
        return given + [flag for flag, wanted in flags.items() if wanted]


def verify(
    features: Sequence[Path],
    ended: Callable[[ScenarioResult, int, int], None],
    options: Options,
) -> Run:
    """Run the scenarios in files and folders.

    Args:
        ended: Called with each result as it comes, how many there are, and how many will be.
    Raises: EmulatorError, when a path is no feature or none has a scenario, or when the project's
        conftest.py cannot be imported.
    """
    for path in features:
        _expect_features(path)
    for variable in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        os.environ.pop(variable, None)  # meant for the tests of the project around
    run = Run(ended)
    arguments = [*ARGUMENTS, f"--rootdir={Path.cwd()}", *options.arguments(), *map(str, features)]
    with redirect_stderr(StringIO()) as said:
        code = pytest.main(arguments, plugins=[run])
    if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise _not_run(said.getvalue())
    run.interrupted = code == pytest.ExitCode.INTERRUPTED and run.stopped is None
    if not (run.results or run.unreadable or run.interrupted or run.stopped):
        where = ", ".join(map(str, features))
        raise EmulatorError("no scenarios found", where, "Name a .feature file that has some.")
    return run


def _expect_features(path: Path) -> None:
    if not path.exists():
        raise EmulatorError("there is no such file or folder", str(path), "Name a .feature file.")
    if path.is_file() and path.suffix != ".feature":
        raise EmulatorError(f"{path} is not a .feature file", "", "Name one, or a folder of them.")


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
    return "\n\n".join([*located, WORKER.sub("", report.longreprtext)])
