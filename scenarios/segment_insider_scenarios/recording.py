"""A pytest plugin that writes down what came of each step, for reports.

What it writes is plain JSON: with pytest-xdist it comes from another process.
"""

import time
from collections.abc import Generator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from pytest_bdd.parser import Feature, Scenario, Step

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.failing import (
    describe_ambiguous_step,
    find_unknown_steps,
    relative_path,
)
from segment_insider_scenarios.interrupts import install_termination_handlers
from segment_insider_scenarios.plugin import SCENARIO_CONTEXT
from segment_insider_scenarios.scene import ScenarioContext

SCENARIO_RECORD = pytest.StashKey[JSONObject]()
INTERRUPTED_MESSAGE = "The run was interrupted here."
RECORD_ATTRIBUTE = "scenario_record"  # of a test report


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say whether calls and requests are written down, too."""
    parser.getgroup("emulator").addoption(
        "--emulator-traffic", action="store_true", help="Record what each step sent and delivered."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to write."""
    if hasattr(config, "workerinput"):
        install_termination_handlers()
    config.pluginmanager.register(
        StepRecorder(config, traffic=config.getoption("emulator_traffic"))
    )


class StepRecorder:
    """Keeps the record of the scenario that runs, and hands it on with the report of its test."""

    def __init__(self, config: pytest.Config, *, traffic: bool) -> None:
        self._config, self._records_traffic = config, traffic
        self._step_started_at = 0.0
        self._last_seen_ids = {"messages": 0, "deliveries": 0}
        self._running_item: pytest.Item | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_bdd_before_scenario(
        self, request: pytest.FixtureRequest, feature: Feature, scenario: Scenario
    ) -> None:
        """Begin a record, in which no step has run."""
        self._last_seen_ids = dict.fromkeys(self._last_seen_ids, 0)
        request.node.stash[SCENARIO_RECORD] = _new_scenario_record(request, feature, scenario)
        for step in find_unknown_steps(scenario, request):
            _find_step_record(request, step)["verdict"] = "undefined"
        self._running_item = request.node

    def pytest_bdd_before_step(self, request: pytest.FixtureRequest, step: Step) -> None:
        """Note the time."""
        self._step_started_at = time.perf_counter()
        _find_step_record(request, step)["verdict"] = "unknown"

    def pytest_bdd_after_step(self, request: pytest.FixtureRequest, step: Step) -> None:
        """A step that passed."""
        self._finish_step(request, step, "passed")

    def pytest_bdd_step_error(self, request: pytest.FixtureRequest, step: Step) -> None:
        """A step that failed, or that nobody can tell which it is."""
        # Its own error is what matters, not that the emulator of the step is gone with it.
        with suppress(EmulatorError):
            self._finish_step(
                request, step, "ambiguous" if describe_ambiguous_step(step) else "failed"
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand the record on."""
        report = yield
        if report.when == "call" and SCENARIO_RECORD in item.stash:
            setattr(report, RECORD_ATTRIBUTE, item.stash[SCENARIO_RECORD])
            self._running_item = None
        return report

    def pytest_keyboard_interrupt(self) -> None:
        """A scenario that was stopped has not passed."""
        if item := self._running_item:
            report = pytest.TestReport(
                item.nodeid, item.location, {}, "failed", INTERRUPTED_MESSAGE, "call", [], 0.0
            )
            setattr(report, RECORD_ATTRIBUTE, item.stash[SCENARIO_RECORD])
            self._config.hook.pytest_runtest_logreport(report=report)

    def _finish_step(self, request: pytest.FixtureRequest, step: Step, verdict: str) -> None:
        step_record = _find_step_record(request, step)
        step_record["verdict"], step_record["seconds"] = (
            verdict,
            round(time.perf_counter() - self._step_started_at, 6),
        )
        if scene := request.node.stash.get(SCENARIO_CONTEXT, None):
            self._record_traffic(scene, request.node.stash[SCENARIO_RECORD], step_record)

    def _record_traffic(
        self, scene: ScenarioContext, record: JSONObject, step_record: JSONObject
    ) -> None:
        """What was sent and delivered since the step before."""
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
                [self._last_seen_ids[kind], *(each["id"] for each in rows)]
            )
        step_record["traffic"] = new
        record["messages"] += [each["messageId"] for each in new["messages"] if each["messageId"]]


def _find_step_record(request: pytest.FixtureRequest, step: Step) -> JSONObject:
    """The record of *step*; of a scenario's steps each has a line of its own."""
    steps: list[JSONObject] = request.node.stash[SCENARIO_RECORD]["steps"]
    return next(each for each in steps if each["line"] == step.line_number)


def _new_scenario_record(
    request: pytest.FixtureRequest, feature: Feature, scenario: Scenario
) -> JSONObject:
    callspec = getattr(request.node, "callspec", None)
    return {
        "uri": relative_path(feature.filename, request.config.rootpath),
        "feature": feature.name,
        "scenario": scenario.name,
        "line": scenario.line_number,
        "row": callspec.indices.get("_pytest_bdd_example", 0) if callspec else 0,
        "startedAt": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "sandbox": None,
        "stays": False,
        "messages": [],
        "steps": [_new_step_record(step) for step in scenario.steps],
    }


def _new_step_record(step: Step) -> JSONObject:
    return {
        "keyword": step.keyword.strip(),
        "text": step.name,
        "line": step.line_number,
        "table": step.datatable.raw() if step.datatable else None,
        "docstring": step.docstring,
        "verdict": "skipped",
        "seconds": 0.0,
        "failure": None,
        "traffic": None,
    }
