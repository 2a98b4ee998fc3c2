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
from segment_insider_scenarios.failing import ambiguous_step, place_of, unknown_steps
from segment_insider_scenarios.interrupts import interrupt_on_ending_signals
from segment_insider_scenarios.plugin import SCENE
from segment_insider_scenarios.scene import Scene

RECORD = pytest.StashKey[JSONObject]()
STOPPED = "The run was interrupted here."
ATTRIBUTE = "scenario_record"  # of a test report


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say whether calls and requests are written down, too."""
    parser.getgroup("emulator").addoption(
        "--emulator-traffic", action="store_true", help="Record what each step sent and delivered."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to write."""
    if hasattr(config, "workerinput"):
        interrupt_on_ending_signals()
    config.pluginmanager.register(Recorder(config, traffic=config.getoption("emulator_traffic")))


class Recorder:
    """Keeps the record of the scenario that runs, and hands it on with the report of its test."""

    def __init__(self, config: pytest.Config, *, traffic: bool) -> None:
        self._config, self._traffic = config, traffic
        self._begun = 0.0
        self._seen = {"messages": 0, "deliveries": 0}
        self._running: pytest.Item | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_bdd_before_scenario(
        self, request: pytest.FixtureRequest, feature: Feature, scenario: Scenario
    ) -> None:
        """Begin a record, in which no step has run."""
        self._seen = dict.fromkeys(self._seen, 0)
        request.node.stash[RECORD] = _begun(request, feature, scenario)
        for step in unknown_steps(scenario, request):
            _step(request, step)["verdict"] = "undefined"
        self._running = request.node

    def pytest_bdd_before_step(self, request: pytest.FixtureRequest, step: Step) -> None:
        """Note the time."""
        self._begun = time.perf_counter()
        _step(request, step)["verdict"] = "unknown"

    def pytest_bdd_after_step(self, request: pytest.FixtureRequest, step: Step) -> None:
        """A step that passed."""
        self._ended(request, step, "passed")

    def pytest_bdd_step_error(self, request: pytest.FixtureRequest, step: Step) -> None:
        """A step that failed, or that nobody can tell which it is."""
        # Its own error is what matters, not that the emulator of the step is gone with it.
        with suppress(EmulatorError):
            self._ended(request, step, "ambiguous" if ambiguous_step(step) else "failed")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand the record on."""
        report = yield
        if report.when == "call" and RECORD in item.stash:
            setattr(report, ATTRIBUTE, item.stash[RECORD])
            self._running = None
        return report

    def pytest_keyboard_interrupt(self) -> None:
        """A scenario that was stopped has not passed."""
        if item := self._running:
            report = pytest.TestReport(
                item.nodeid, item.location, {}, "failed", STOPPED, "call", [], 0.0
            )
            setattr(report, ATTRIBUTE, item.stash[RECORD])
            self._config.hook.pytest_runtest_logreport(report=report)

    def _ended(self, request: pytest.FixtureRequest, step: Step, verdict: str) -> None:
        told = _step(request, step)
        told["verdict"], told["seconds"] = verdict, round(time.perf_counter() - self._begun, 6)
        if scene := request.node.stash.get(SCENE, None):
            self._note_traffic(scene, request.node.stash[RECORD], told)

    def _note_traffic(self, scene: Scene, record: JSONObject, told: JSONObject) -> None:
        """What was sent and delivered since the step before."""
        record["sandbox"], record["stays"] = scene.emulator.url, scene.emulator.stays
        if not self._traffic:
            return
        client = scene.emulator.client
        new = {
            "messages": client.messages(after=self._seen["messages"]),
            "deliveries": client.deliveries(after=self._seen["deliveries"]),
        }
        for kind, found in new.items():
            self._seen[kind] = max([self._seen[kind], *(each["id"] for each in found)])
        told["traffic"] = new
        record["messages"] += [each["messageId"] for each in new["messages"] if each["messageId"]]


def _step(request: pytest.FixtureRequest, step: Step) -> JSONObject:
    """The record of *step*; of a scenario's steps each has a line of its own."""
    steps: list[JSONObject] = request.node.stash[RECORD]["steps"]
    return next(each for each in steps if each["line"] == step.line_number)


def _begun(request: pytest.FixtureRequest, feature: Feature, scenario: Scenario) -> JSONObject:
    callspec = getattr(request.node, "callspec", None)
    return {
        "uri": place_of(feature.filename, request.config.rootpath),
        "feature": feature.name,
        "scenario": scenario.name,
        "line": scenario.line_number,
        "row": callspec.indices.get("_pytest_bdd_example", 0) if callspec else 0,
        "startedAt": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "sandbox": None,
        "stays": False,
        "messages": [],
        "steps": [_unrun(step) for step in scenario.steps],
    }


def _unrun(step: Step) -> JSONObject:
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
