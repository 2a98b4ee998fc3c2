"""Results of a scenario run, by feature file: the input of all reports."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from segment_insider_emulator.types import JSONObject

if TYPE_CHECKING:
    from pytest_bdd.parser import Scenario, Step

    from segment_insider_scenarios.feature_index import IndexedScenario


FORMATS_WITH_TRAFFIC = ("cucumber_json", "cucumber_messages", "html", "scenario_run")
REPORT_FORMATS = ("junit", *FORMATS_WITH_TRAFFIC)
StepVerdict = Literal["passed", "failed", "skipped", "undefined", "ambiguous", "unknown"]


@dataclass(frozen=True, slots=True)
class StepResult:
    """Result of one step of a scenario.

    Args:
        verdict: "skipped" after one that failed, "unknown" of one that was interrupted.
        table, docstring: Below the step.
        failure: What it says when it does not hold.
        traffic: {"messages", "deliveries"} since the step before; None where nothing was recorded.
        compared: {"columns", "rows"} of a failed comparison; each row begins with its mark: "-" is
            expected, "+" received, " " both.
    """

    keyword: str
    text: str
    line: int
    table: list[list[str]] | None
    docstring: str | None
    verdict: StepVerdict
    seconds: float
    failure: str | None
    traffic: JSONObject | None
    compared: JSONObject | None = None


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """Result of one scenario, or of one row of a scenario outline.

    Args:
        where: The feature file, from where the run began.
        line: Of the scenario; None when it could not even begin.
        row: Of an outline's examples, from 0.
        row_line: Line of that row; None without examples.
        title: The name, with the number of its row where several rows have the same name.
        tags: Its own and those of its feature, rule and examples, e.g. "@smoke".
        seconds: Of its steps.
        failure: What the failed step says and where it is; None when passed.
        started_at: ISO 8601, in UTC.
        sandbox: Address of the emulator that it ran in.
        stays: Whether that sandbox still exists after the run.
        messages: Their messageIds, when traffic was recorded.
        calls: The same with their names and verdicts: {"messageId", "name", "verdict"}.
    """

    where: str
    feature: str
    scenario: str
    verdict: Literal["passed", "failed", "skipped"]
    seconds: float
    failure: str | None
    line: int | None = None
    row: int = 0
    started_at: str | None = None
    sandbox: str | None = None
    stays: bool = False
    messages: list[str] = field(default_factory=list)
    calls: list[JSONObject] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)
    row_line: int | None = None
    title: str = ""
    tags: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Return where the scenario, or its row, is, e.g. "features/cart.feature:12"."""
        line = self.row_line or self.line
        return f"{self.where}:{line}" if line else self.where

    @property
    def sort_key(self) -> tuple[str, int, int]:
        """Return the sort key of a scenario result: file, line and row."""
        return (self.where, self.line or 0, self.row)


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A feature file that could not be run, and why."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class RunResults:
    """Results of one scenario run: all scenarios, unreadable files and interruptions.

    Args:
        interrupted: Whether it ended before all scenarios had.
        command: Which started it, without secrets.
        branch: Of the version control system.
    """

    started_at: datetime
    ended_at: datetime
    scenarios: list[ScenarioResult]
    unreadable: list[UnreadableFile] = field(default_factory=list)
    interrupted: bool = False
    command: str | None = None
    branch: str | None = None

    @property
    def passed(self) -> bool:
        """Return whether every scenario of the run passed and all files were readable."""
        failed = any(scenario.verdict == "failed" for scenario in self.scenarios)
        return not (failed or self.unreadable or self.interrupted)

    def group_by_feature(self) -> list[tuple[str, list[ScenarioResult]]]:
        """Return the run's scenario results by feature file, in the order of the file."""
        ordered = sorted(self.scenarios, key=lambda scenario: scenario.sort_key)
        return [
            (file, list(scenarios))
            for file, scenarios in groupby(ordered, lambda scenario: scenario.where)
        ]


def scenario_result_from_record(
    where: str,
    verdict: Literal["passed", "failed", "skipped"],
    record: JSONObject,
    failure: str | None,
) -> ScenarioResult:
    """Return the result of a scenario from the *record* of its steps (see `StepRecorder`).

    Args:
        failure: With the scenario around it, as the terminal shows it.
    """
    steps = _read_step_results(record["steps"], verdict, failure)
    return ScenarioResult(
        where=record.get("uri", where),
        feature=record["feature"],
        scenario=record["scenario"],
        verdict=verdict,
        seconds=round(sum(step.seconds for step in steps), 6),
        failure=failure,
        line=record["line"],
        row=record["row"],
        started_at=record["startedAt"],
        sandbox=record["sandbox"],
        stays=verdict == "failed" and record["stays"],
        messages=list(record["messages"]),
        calls=list(record["calls"]),
        steps=steps,
        row_line=record["rowLine"],
        title=record["title"],
        tags=list(record["tags"]),
    )


def _read_step_results(
    recorded: Iterable[JSONObject], verdict: str, failure: str | None
) -> list[StepResult]:
    """Return the step results of a scenario's record; a failure goes to one of the steps."""
    steps = [StepResult(**step) for step in recorded]
    if verdict == "skipped":  # the step at which it was is not to blame
        return [
            replace(step, verdict="skipped") if step.verdict == "unknown" else step
            for step in steps
        ]
    if verdict != "failed" or not steps:
        return steps
    # A scenario can fail at its end: it has checked nothing, so its last step did not do.
    at = next(
        (n for n, step in enumerate(steps) if step.verdict in FAILURE_VERDICTS), len(steps) - 1
    )
    steps[at] = _add_failure_to_step(steps[at], failure)
    return steps


FAILURE_VERDICTS = ("failed", "undefined", "ambiguous", "unknown")


def _add_failure_to_step(step: StepResult, failure: str | None) -> StepResult:
    verdict: StepVerdict = "failed" if step.verdict == "passed" else step.verdict
    return replace(step, verdict=verdict, failure=failure)


def create_scenario_record(
    uri: str, row: int, scenario: "Scenario", indexed: "IndexedScenario | None"
) -> JSONObject:
    """Create the record of a scenario in which no step has run.

    Args:
        uri: Path of the feature file.
        row: Index of the row of an outline's examples.
        indexed: The scenario in the index of its file; None when the file cannot be read.
    """
    is_numbered = indexed and indexed.title != indexed.name
    return {
        "uri": uri,
        "feature": scenario.feature.name,
        "scenario": scenario.name,
        "line": scenario.line_number,
        "row": row,
        "rowLine": indexed.row_line if indexed else None,
        "title": scenario.name + (f" (row {row + 1})" if is_numbered else ""),
        "tags": list(indexed.tag_names) if indexed else [],
        "startedAt": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "sandbox": None,
        "stays": False,
        "messages": [],
        "calls": [],
        "steps": [_create_step_record(step) for step in scenario.steps],
    }


def _create_step_record(step: "Step") -> JSONObject:
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
        "compared": None,
    }
