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
from segment_insider_scenarios.plugin import STOP_REASON_ATTRIBUTE
from segment_insider_scenarios.recording import RECORD_ATTRIBUTE
from segment_insider_scenarios.reports.results import (
    RunResults,
    ScenarioResult,
    UnreadableFile,
    scenario_result_from_record,
)

# Nothing of the project around is wanted: neither its settings nor its Python tests. Its conftest
# files are read, as steps of one's own are there.
PYTEST_ARGUMENTS = (
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
CONFTEST_ERROR = re.compile(r"^ImportError while loading conftest '(.+)'\.$", re.MULTILINE)
EXCEPTION_LINE = re.compile(r"^E   ([A-Za-z_][\w.]*(?:: .*)?)$", re.MULTILINE)

# The line in which pytest-xdist names the process that a failure comes from.
WORKER_LINE = re.compile(r"\A\[gw\d+\] .*\n")


class VerifyRun:
    """One run: results in the order in which scenarios ended, and files that cannot be read."""

    def __init__(self, on_result: Callable[[ScenarioResult, int, int], None]) -> None:
        self._on_result = on_result
        self._started_at = datetime.now(UTC)
        self._open_results: dict[
            str, ScenarioResult
        ] = {}  # of tests that are not torn down yet, by id
        self.expected_count = 0  # scenarios that were found
        self.results: list[ScenarioResult] = []
        self.unreadable: list[UnreadableFile] = []
        self.interrupted = False
        self.stop_reason: str | None = None  # why the emulator elsewhere is of no more use

    def count_verdict(self, verdict: str) -> int:
        """How many scenarios ended so."""
        return sum(result.verdict == verdict for result in self.results)

    def to_results(self) -> RunResults:
        """The whole run, for reports; it has ended."""
        ended_at = datetime.now(UTC)
        cut_short = self.interrupted or self.stop_reason is not None
        return RunResults(self._started_at, ended_at, self.results, self.unreadable, cut_short)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take how many scenarios there are; with workers, each knows them all."""
        self.expected_count = max(self.expected_count, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """The same, from a worker."""
        self.expected_count = max(self.expected_count, len(ids))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what came of a scenario; it has ended when its sandbox has."""
        if told := getattr(report, STOP_REASON_ATTRIBUTE, None):
            self.stop_reason = told
        elif report.when == "call" or report.failed or report.skipped:
            self._take_report(report)
        if report.when not in ("setup", "call"):
            self._finish_scenario(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """End what the run ended in."""
        for node in list(self._open_results):
            self._finish_scenario(node)

    def _take_report(self, report: pytest.TestReport) -> None:
        failure = _failure_text(report) if report.failed else None
        if before := self._open_results.get(
            report.nodeid
        ):  # its end failed, whatever came of itself
            failures = "\n\n".join(filter(None, (before.failure, failure)))
            self._open_results[report.nodeid] = replace(before, verdict="failed", failure=failures)
            return
        if self.stop_reason and report.when == "teardown":  # of one that was not run
            return
        where, _, name = report.nodeid.partition("::")
        if record := getattr(report, RECORD_ATTRIBUTE, None):
            result = scenario_result_from_record(where, report.outcome, record, failure)
        else:  # one that could not be set up has no steps
            seconds = round(report.duration, 3)
            result = ScenarioResult(where, where, name, report.outcome, seconds, failure)
        self._open_results[report.nodeid] = result

    def _finish_scenario(self, node_id: str) -> None:
        if result := self._open_results.pop(node_id, None):
            self.results.append(result)
            self._on_result(result, len(self.results), self.expected_count)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take what is wrong with a file."""
        if report.failed:
            message = _explain_unreadable_file(report.nodeid, report.longreprtext)
            self.unreadable.append(UnreadableFile(report.nodeid, message))


@dataclass(frozen=True, slots=True)
class VerifyOptions:
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

    def to_pytest_arguments(self) -> list[str]:
        """For pytest. Raises: EmulatorError, when several processes cannot be had."""
        arguments = [f"--emulator-seed={self.seed}"]
        if self.workers > 1:
            if find_spec("xdist") is None:
                remedy = "Run: pip install 'segment-insider-emulator[scenarios]', or leave it out."
                raise EmulatorError("pytest-xdist is not installed", "--workers", remedy)
            arguments += ["-p", "xdist", f"--numprocesses={self.workers}"]
        if self.url:
            arguments += [f"--emulator-url={self.url}"]
        if self.workspace:
            arguments += [f"--emulator-workspace={self.workspace}"]
        flags = {
            "--emulator-traffic": self.traffic,
            "--emulator-served": self.served,
            "--emulator-no-keep": self.no_keep,
        }
        return arguments + [flag for flag, wanted in flags.items() if wanted]


def run_features(
    features: Sequence[Path],
    on_result: Callable[[ScenarioResult, int, int], None],
    options: VerifyOptions,
) -> VerifyRun:
    """Run the scenarios in files and folders.

    Args:
        ended: Called with each result as it comes, how many there are, and how many will be.
    Raises: EmulatorError, when a path is no feature or none has a scenario, or when the project's
        conftest.py cannot be imported.
    """
    for path in features:
        _require_feature_path(path)
    for variable in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        os.environ.pop(variable, None)  # meant for the tests of the project around
    run = VerifyRun(on_result)
    arguments = [
        *PYTEST_ARGUMENTS,
        f"--rootdir={Path.cwd()}",
        *options.to_pytest_arguments(),
        *map(str, features),
    ]
    with redirect_stderr(StringIO()) as stderr:
        code = pytest.main(arguments, plugins=[run])
    if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise _pytest_failure_error(stderr.getvalue())
    run.interrupted = code == pytest.ExitCode.INTERRUPTED and run.stop_reason is None
    if not (run.results or run.unreadable or run.interrupted or run.stop_reason):
        where = ", ".join(map(str, features))
        raise EmulatorError("no scenarios found", where, "Name a .feature file that has some.")
    return run


def _require_feature_path(path: Path) -> None:
    if not path.exists():
        raise EmulatorError("there is no such file or folder", str(path), "Name a .feature file.")
    if path.is_file() and path.suffix != ".feature":
        raise EmulatorError(f"{path} is not a .feature file", "", "Name one, or a folder of them.")


def _explain_unreadable_file(node: str, error_output: str) -> str:
    """What is wrong with a feature file; a folder is collected but for its conftest file."""
    if node.endswith(".feature"):
        return error_output
    return str(_import_error(f"{node}/conftest.py", error_output) or error_output)


def _pytest_failure_error(error_output: str) -> EmulatorError:
    """Why pytest did not run, by what it *said* on stderr."""
    conftest = CONFTEST_ERROR.search(error_output)
    error = _import_error(os.path.relpath(conftest[1]), error_output) if conftest else None
    last = (error_output.strip().splitlines() or ["it does not say why"])[-1]
    return error or EmulatorError(f"pytest could not run ({last})", "", "Run pytest to see more.")


def _import_error(where: str, error_output: str) -> EmulatorError | None:
    faults = EXCEPTION_LINE.findall(error_output)
    if not faults:
        return None
    return EmulatorError(f"it cannot be imported ({faults[-1]})", where, "Correct it.")


def _failure_text(report: pytest.TestReport) -> str:
    located = [text for title, text in report.sections if title.endswith("scenario call")]
    return "\n\n".join([*located, WORKER_LINE.sub("", report.longreprtext)])
