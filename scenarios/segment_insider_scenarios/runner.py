"""Runner of feature files: runs them with pytest and records the result of every step.

It asserts nothing, so pytest need not rewrite it: PYTEST_DONT_REWRITE
"""

import os
import re
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest
from pytest_bdd.parser import Feature, Scenario, Step
from pytest_bdd.scenario import scenario_wrapper_template_registry

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.assertions import get_call_label
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.feature_index import find_feature_index
from segment_insider_scenarios.plugin import SCENARIO_CONTEXT, SCENARIO_PLUGINS, SKIP_TAGS_OPTION
from segment_insider_scenarios.reports import (
    RunResults,
    ScenarioResult,
    UnreadableFile,
    create_scenario_record,
    scenario_result_from_record,
)
from segment_insider_scenarios.scenario_hooks import STOP_REASON_ATTRIBUTE
from segment_insider_scenarios.scenario_selection import (
    ScenarioSelection,
    ScenarioSelector,
    explain_empty_selection,
)
from segment_insider_scenarios.step_errors import (
    describe_ambiguous_step,
    find_unknown_steps,
    get_relative_path,
)
from segment_insider_scenarios.worker_processes import (
    CAN_FORK,
    ForkedWorkers,
    install_termination_handlers,
)

SCENARIO_RECORD = pytest.StashKey[JSONObject]()
INTERRUPTED_MESSAGE = "The run was interrupted here."
RECORD_ATTRIBUTE = "scenario_record"  # of a test report


def pytest_addoption(parser: pytest.Parser) -> None:
    """Pytest hook: add the options of a run, which its processes get, too."""
    parser.getgroup("emulator").addoption(
        "--emulator-traffic", action="store_true", help="Record what each step sent and delivered."
    )
    parser.getgroup("emulator").addoption(
        "--emulator-coverage", action="store_true", help="Record what each scenario sent."
    )
    parser.getgroup("emulator").addoption(
        "--emulator-dry-run", action="store_true", help="Only check that each step is known."
    )
    parser.getgroup("emulator").addoption(
        "--emulator-choice", metavar="JSON", help="The scenarios that are chosen."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Pytest hook: register the step recorder and the choice of scenarios."""
    if hasattr(config, "workerinput"):
        install_termination_handlers()
    if choice := config.getoption("emulator_choice"):
        selector = ScenarioSelector(ScenarioSelection.from_option(choice))
        config.pluginmanager.register(selector)
    config.pluginmanager.register(
        StepRecorder(
            config,
            traffic=config.getoption("emulator_traffic"),
            coverage=config.getoption("emulator_coverage"),
        )
    )


class StepRecorder:
    """Pytest plugin that records the step results of the running scenario in its test report."""

    def __init__(self, config: pytest.Config, *, traffic: bool, coverage: bool) -> None:
        self._config, self._records_traffic = config, traffic
        self._records_coverage = coverage
        self._step_started_at = 0.0
        self._last_seen_ids = {"messages": 0, "deliveries": 0}
        self._running_item: pytest.Item | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_bdd_before_scenario(
        self, request: pytest.FixtureRequest, feature: Feature, scenario: Scenario
    ) -> None:
        """pytest-bdd hook: start the record of a scenario in which no step has run."""
        self._last_seen_ids = dict.fromkeys(self._last_seen_ids, 0)
        request.node.stash[SCENARIO_RECORD] = _create_record(request.node, feature, scenario)
        for step in find_unknown_steps(scenario, request):
            _find_step_record(request, step)["verdict"] = "undefined"
        self._running_item = request.node

    def pytest_bdd_before_step(self, request: pytest.FixtureRequest, step: Step) -> None:
        """pytest-bdd hook: store the start time of the step."""
        self._step_started_at = time.perf_counter()
        _find_step_record(request, step)["verdict"] = "unknown"

    def pytest_bdd_after_step(self, request: pytest.FixtureRequest, step: Step) -> None:
        """pytest-bdd hook: record a passed step."""
        self._record_step_verdict(request, step, "passed")

    def pytest_bdd_step_error(self, request: pytest.FixtureRequest, step: Step) -> None:
        """pytest-bdd hook: record a failed or ambiguous step."""
        # The error of the step matters, not that its emulator may have stopped, too.
        with suppress(EmulatorError):
            self._record_step_verdict(
                request, step, "ambiguous" if describe_ambiguous_step(step, request) else "failed"
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Pytest hook: attach the scenario's record to the test report."""
        report = yield
        if report.when == "setup" and not report.passed:
            _add_record(report, item)
        if report.when == "call" and SCENARIO_RECORD in item.stash:
            if self._records_coverage:
                self._record_coverage(item)
            setattr(report, RECORD_ATTRIBUTE, item.stash[SCENARIO_RECORD])
            self._running_item = None
        return report

    def _record_coverage(self, item: pytest.Item) -> None:
        """Record what the scenario sent; nothing if its emulator has stopped."""
        from segment_insider_scenarios.scenario_coverage import collect_scenario_traffic

        record = item.stash[SCENARIO_RECORD]
        if scene := item.stash.get(SCENARIO_CONTEXT, None):
            scenario = f"{record['uri']}:{record['line']} {record['scenario']}"
            with suppress(EmulatorError):
                record["coverage"] = collect_scenario_traffic(scene, scenario)

    def pytest_keyboard_interrupt(self) -> None:
        """Pytest hook: report the interrupted scenario as failed."""
        if item := self._running_item:
            report = pytest.TestReport(
                item.nodeid, item.location, {}, "failed", INTERRUPTED_MESSAGE, "call", [], 0.0
            )
            setattr(report, RECORD_ATTRIBUTE, item.stash[SCENARIO_RECORD])
            self._config.hook.pytest_runtest_logreport(report=report)

    def _record_step_verdict(
        self, request: pytest.FixtureRequest, step: Step, verdict: str
    ) -> None:
        step_record = _find_step_record(request, step)
        step_record["verdict"], step_record["seconds"] = (
            verdict,
            round(time.perf_counter() - self._step_started_at, 6),
        )
        if scene := request.node.stash.get(SCENARIO_CONTEXT, None):
            if verdict == "failed":
                step_record["compared"] = scene.compared_rows
            self._record_traffic(scene, request.node.stash[SCENARIO_RECORD], step_record)

    def _record_traffic(
        self, scene: ScenarioContext, record: JSONObject, step_record: JSONObject
    ) -> None:
        """Record the messages and deliveries since the previous step in the step's record."""
        record["sandbox"], record["stays"] = scene.emulator.url, scene.emulator.remains_after_run
        if not self._records_traffic:
            return
        client = scene.emulator.client
        new = {
            "messages": client.list_messages(after=self._last_seen_ids["messages"]),
            "deliveries": client.list_deliveries(after=self._last_seen_ids["deliveries"]),
        }
        for kind, rows in new.items():
            self._last_seen_ids[kind] = max(
                [self._last_seen_ids[kind], *(row["id"] for row in rows)]
            )
        step_record["traffic"] = new
        sent = [message for message in new["messages"] if message["messageId"]]
        record["messages"] += [message["messageId"] for message in sent]
        record["calls"] += [
            {
                "messageId": message["messageId"],
                "name": get_call_label(message),
                "verdict": message["verdict"],
            }
            for message in sent
        ]


def _create_record(item: pytest.Item, feature: Feature, scenario: Scenario) -> JSONObject:
    """Create the record of a scenario in which no step has run."""
    uri = get_relative_path(feature.filename, item.config.rootpath)
    callspec = getattr(item, "callspec", None)
    row = callspec.indices.get("_pytest_bdd_example", 0) if callspec else 0
    index = find_feature_index(Path(feature.filename).absolute())
    indexed = index.find_scenario(scenario.line_number, row) if index else None
    return create_scenario_record(uri, row, scenario, indexed)


def _add_record(report: pytest.TestReport, item: pytest.Item) -> None:
    """Add the record of a scenario that did not begin, or not end, to its report."""
    setattr(report, RECORD_ATTRIBUTE, _create_record_before_start(item))


def _create_record_before_start(item: pytest.Item) -> JSONObject | None:
    """Create the record of a scenario that is skipped, or that could not be set up."""
    if not isinstance(item, pytest.Function):
        return None
    template = scenario_wrapper_template_registry.get(item.function)
    if template is None:
        return None
    callspec = getattr(item, "callspec", None)
    values = callspec.params.get("_pytest_bdd_example", {}) if callspec else {}
    return _create_record(item, template.feature, template.render(values))


def _find_step_record(request: pytest.FixtureRequest, step: Step) -> JSONObject:
    """Return the record of a step in its scenario's record, found by its line."""
    steps: list[JSONObject] = request.node.stash[SCENARIO_RECORD]["steps"]
    return next(record for record in steps if record["line"] == step.line_number)


# The settings and Python tests of the surrounding project are ignored, but its conftest files are
# read, because they contain its own steps.
PYTEST_ARGUMENTS = (
    *("-c", os.devnull),
    "--disable-plugin-autoload",  # plugins of the surrounding project take seconds to load
    *("-p", "pytest_bdd.plugin"),
    *("-p", "segment_insider_scenarios.plugin"),
    *("-p", "segment_insider_scenarios.runner"),
    *("-p", "no:terminal"),
    *("-p", "no:cacheprovider"),
    *("-p", "no:unraisableexception"),  # collects all garbage, for warnings that nobody sees
    *("-o", "python_files="),
    *("-o", "emulator_features=all"),
    *("-W", "ignore::pytest.PytestUnknownMarkWarning"),  # a tag is free text
    "--continue-on-collection-errors",
)

# pytest's message about a conftest file that cannot be imported, and the exception below it.
CONFTEST_ERROR = re.compile(r"^ImportError while loading conftest '(.+)'\.$", re.MULTILINE)
EXCEPTION_LINE = re.compile(r"^E   ([A-Za-z_][\w.]*(?:: .*)?)$", re.MULTILINE)

# The line in which pytest-xdist names the process that a failure comes from.
WORKER_LINE = re.compile(r"\A\[gw\d+\] .*\n")


class FeatureRun:
    """Pytest plugin that collects a run's scenario results, as they end, and unreadable files."""

    def __init__(self, on_result: Callable[[ScenarioResult, int, int], None]) -> None:
        self._on_result = on_result
        self._started_at = datetime.now(UTC)
        self._open_results: dict[
            str, ScenarioResult
        ] = {}  # of tests that are not torn down yet, by id
        self.expected_count = 0  # scenarios that were found
        self.results: list[ScenarioResult] = []
        self.coverage_records: list[JSONObject] = []  # see `collect_scenario_traffic`
        self.unreadable: list[UnreadableFile] = []
        self.interrupted = False
        self.is_dry_run = False
        self.stop_reason: str | None = None  # why the emulator elsewhere is of no more use

    def count_scenarios_with_verdict(self, verdict: str) -> int:
        """Return how many scenarios of the run have a verdict."""
        return sum(result.verdict == verdict for result in self.results)

    def build_run_results(self) -> RunResults:
        """Return the results of the finished run, for reports."""
        ended_at = datetime.now(UTC)
        cut_short = self.interrupted or self.stop_reason is not None
        return RunResults(self._started_at, ended_at, self.results, self.unreadable, cut_short)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Pytest hook: store the number of collected scenarios."""
        self.expected_count = max(self.expected_count, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Pytest hook: store the number of scenarios that a worker of pytest-xdist reports."""
        self.expected_count = max(self.expected_count, len(ids))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pytest hook: store the result of a scenario; it is complete after its teardown."""
        if reason := getattr(report, STOP_REASON_ATTRIBUTE, None):
            self.stop_reason = reason
        elif report.when == "call" or report.failed or report.skipped:
            self._add_test_report(report)
        if report.when not in ("setup", "call"):
            self._complete_scenario_result(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Pytest hook: complete the scenarios that were still open when the run ended."""
        for node in list(self._open_results):
            self._complete_scenario_result(node)

    def _add_test_report(self, report: pytest.TestReport) -> None:
        failure = _get_failure_text(report) if report.failed else None
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
            self.coverage_records += [record["coverage"]] if "coverage" in record else []
            result = scenario_result_from_record(where, report.outcome, record, failure)
        else:  # one that could not be set up has no steps
            seconds = round(report.duration, 3)
            result = ScenarioResult(where, where, name, report.outcome, seconds, failure)
        self._open_results[report.nodeid] = result

    def _complete_scenario_result(self, node_id: str) -> None:
        if result := self._open_results.pop(node_id, None):
            self.results.append(result)
            self._on_result(result, len(self.results), self.expected_count)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Pytest hook: add a feature file that cannot be read to the run, with its error."""
        if report.failed:
            message = _explain_unreadable_file(report.nodeid, report.longreprtext)
            self.unreadable.append(UnreadableFile(report.nodeid, message))


@dataclass(frozen=True, slots=True)
class FeatureRunOptions:
    """Options of a run of feature files.

    Args:
        workers: Processes; 1 is this one.
        traffic: Whether what each step sent and delivered is recorded.
        url: Of a running emulator; None starts one in each process.
        served: Whether emulators listen at ports.
        seed: Another one makes other people.
        no_keep: Whether no sandbox of a failed scenario stays at *url*.
        workspace: Of scenarios that name none, a file or a preset; None is the preset guide.
        plugins: Names of pytest plugins that the project's own steps need.
        coverage: Whether what each scenario sent is recorded.
        counts_branches: Whether the branches of mappings count for the coverage.
        confined: Whether no conftest.py is loaded, and steps read only files beside the feature.
        selection: The scenarios that are chosen.
        skip_tags: Tag expression of scenarios that are skipped; None is the default.
        fail_fast: Whether the run ends with the first failure.
        dry_run: Whether no step runs; only unknown steps fail.
    """

    workers: int = 1
    traffic: bool = False
    url: str | None = None
    served: bool = False
    seed: int = 0
    no_keep: bool = False
    workspace: str | None = None
    plugins: Sequence[str] = ()
    coverage: bool = False
    counts_branches: bool = False
    confined: bool = False
    selection: ScenarioSelection = field(default_factory=ScenarioSelection)
    skip_tags: str | None = None
    fail_fast: bool = False
    dry_run: bool = False

    def to_pytest_arguments(self) -> list[str]:
        """Return the options of a run of feature files as pytest arguments.

        Raises: EmulatorError, when several processes cannot be had.
        """
        arguments = [f"--emulator-seed={self.seed}", *self.selection.to_pytest_arguments()]
        if self.skip_tags is not None:
            arguments += ["-o", f"{SKIP_TAGS_OPTION}={self.skip_tags}"]
        for name in self.plugins:
            arguments += ["-p", name]
        if self.workers > 1:
            arguments += self._list_worker_arguments()
        if self.url:
            arguments += [f"--emulator-url={self.url}"]
        if self.workspace:
            arguments += [f"--emulator-workspace={self.workspace}"]
        flags = {
            "--emulator-traffic": self.traffic,
            "--emulator-coverage": self.coverage,
            "--emulator-dry-run": self.dry_run,
            "--exitfirst": self.fail_fast,
            "--emulator-served": self.served,
            "--emulator-no-keep": self.no_keep,
            "--emulator-confined": self.confined,
            "--noconftest": self.confined,
        }
        return arguments + [flag for flag, wanted in flags.items() if wanted]

    def _list_worker_arguments(self) -> list[str]:
        has_xdist = find_spec("xdist") is not None
        # Its fixture `worker_id` and forks belong together, too.
        arguments = ["-p", "xdist.plugin"] if has_xdist else []
        if CAN_FORK:
            return [*arguments, "--capture=sys"]  # forks would share the file of another capture
        if not has_xdist:
            remedy = "Run: pip install 'segment-insider-emulator[scenarios]', or leave it out."
            raise EmulatorError("pytest-xdist is not installed", "--workers", remedy)
        return [*arguments, f"--numprocesses={self.workers}"]


def import_scenario_modules() -> None:
    """Import the modules that every scenario needs, before this process forks."""
    emulator = "segment_insider_scenarios.running_emulator"
    for name in ("pytest_bdd.plugin", *SCENARIO_PLUGINS, emulator):
        import_module(name)


def run_features(
    features: Sequence[Path],
    on_result: Callable[[ScenarioResult, int, int], None],
    options: FeatureRunOptions,
) -> FeatureRun:
    """Run the scenarios in feature files and folders with pytest.

    Args:
        on_result: Called with each result, the number of results so far and in total.
    Raises: EmulatorError, when a path is no feature or none has a scenario, or when the project's
        conftest.py cannot be imported.
    """
    for path in features:
        _require_feature_path(path)
    os.environ.pop("PYTEST_ADDOPTS", None)  # meant for the tests of the project around
    run = FeatureRun(on_result)
    run.is_dry_run = options.dry_run
    arguments = [
        *PYTEST_ARGUMENTS,
        f"--rootdir={Path.cwd()}",
        f"--confcutdir={_find_top_conftest_folder(Path.cwd())}",
        *options.to_pytest_arguments(),
        *map(str, features),
    ]
    plugins: list[object] = [run]
    if options.workers > 1 and CAN_FORK:
        plugins.append(ForkedWorkers(options.workers, run, _add_record))
    with redirect_stderr(StringIO()) as stderr:
        code = pytest.main(arguments, plugins=plugins)
    if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise _build_pytest_failure_error(stderr.getvalue())
    # With several processes, pytest ends with this code at the first failure, too.
    is_cut_short = options.fail_fast and run.count_scenarios_with_verdict("failed") > 0
    was_interrupted = code == pytest.ExitCode.INTERRUPTED and run.stop_reason is None
    run.interrupted = was_interrupted and not is_cut_short
    if not (run.results or run.unreadable or run.interrupted or run.stop_reason):
        if not options.selection.is_everything:
            raise explain_empty_selection(options.selection, features)
        where = ", ".join(map(str, features))
        raise EmulatorError("no scenarios found", where, "Name a .feature file that has some.")
    return run


def _find_top_conftest_folder(folder: Path) -> Path:
    """Return the topmost folder around *folder* with a conftest.py; pytest lists all below it."""
    above = reversed(folder.parents)
    return next((parent for parent in above if (parent / "conftest.py").is_file()), folder)


def _require_feature_path(path: Path) -> None:
    if not path.exists():
        remedy = "Name a .feature file."
        if str(path).startswith("@"):
            remedy = "To run the scenarios that failed, write --last-failed."
        raise EmulatorError("there is no such file or folder", str(path), remedy)
    if path.is_file() and path.suffix != ".feature":
        raise EmulatorError(f"{path} is not a .feature file", "", "Name one, or a folder of them.")


def _explain_unreadable_file(node: str, error_output: str) -> str:
    """Explain why a feature file, or the conftest file of a folder, cannot be read."""
    if node.endswith(".feature"):
        return error_output
    return str(_find_import_error(f"{node}/conftest.py", error_output) or error_output)


def _build_pytest_failure_error(error_output: str) -> EmulatorError:
    """Return the error for a run that pytest refused, from its stderr."""
    conftest = CONFTEST_ERROR.search(error_output)
    error = _find_import_error(os.path.relpath(conftest[1]), error_output) if conftest else None
    last = (error_output.strip().splitlines() or ["it does not say why"])[-1]
    return error or EmulatorError(f"pytest could not run ({last})", "", "Run pytest to see more.")


def _find_import_error(where: str, error_output: str) -> EmulatorError | None:
    faults = EXCEPTION_LINE.findall(error_output)
    if not faults:
        return None
    return EmulatorError(f"it cannot be imported ({faults[-1]})", where, "Correct it.")


def _get_failure_text(report: pytest.TestReport) -> str:
    located = [text for title, text in report.sections if title.endswith("scenario call")]
    return "\n\n".join([*located, WORKER_LINE.sub("", report.longreprtext)])
