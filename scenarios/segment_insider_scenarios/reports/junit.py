"""Scenarios as JUnit XML: a scenario is a case of the class of its feature."""

from collections.abc import Iterator
from typing import Final, Literal

from segment_insider_emulator.junit import JUnitCase
from segment_insider_emulator.junit import render_junit_xml as document
from segment_insider_scenarios.reports.results import RunResults, ScenarioResult

SUITE_NAME: Final = "emulator verify"
OUTCOME_BY_VERDICT: Final[dict[str, Literal["passed", "failure", "skipped"]]] = {
    "passed": "passed",
    "failed": "failure",
    "skipped": "skipped",
}


def render_junit(results: RunResults) -> bytes:
    """One suite; a file that cannot be read is an error in it, and so is an interruption."""
    seconds = (results.ended_at - results.started_at).total_seconds()
    return document(
        SUITE_NAME, _junit_cases(results), seconds=seconds, started_at=results.started_at
    )


def _junit_cases(results: RunResults) -> Iterator[JUnitCase]:
    for _, scenarios in results.group_by_feature():
        yield from map(_junit_case, scenarios)
    for unreadable_file in results.unreadable:
        yield _junit_error(unreadable_file.where, unreadable_file.message)
    if results.interrupted:
        yield _junit_error(SUITE_NAME, "The run was interrupted: scenarios are missing.")


def _junit_case(scenario: ScenarioResult) -> JUnitCase:
    failure = scenario.failure or ""
    classname = f"{scenario.where.removesuffix('.feature')}.{scenario.feature}"
    end = OUTCOME_BY_VERDICT[scenario.verdict]
    return JUnitCase(
        classname, scenario.scenario, scenario.seconds, end, _failure_headline(failure), failure
    )


def _junit_error(where: str, message: str) -> JUnitCase:
    return JUnitCase(where, "it can be run", outcome="error", message=message, text=message)


def _failure_headline(failure: str) -> str:
    """What does not hold: the first line behind the scenario."""
    _, _, why = failure.partition("\n\n")
    return (why or failure).partition("\n")[0]
