"""Scenarios as JUnit XML: a scenario is a case of the class of its feature."""

from collections.abc import Iterator
from typing import Final, Literal

from segment_insider_emulator.junit import Case
from segment_insider_emulator.junit import junit as document
from segment_insider_scenarios.reports.results import Results, ScenarioResult

SUITE: Final = "emulator verify"
ENDS: Final[dict[str, Literal["passed", "failure", "skipped"]]] = {
    "passed": "passed",
    "failed": "failure",
    "skipped": "skipped",
}


def junit(results: Results) -> bytes:
    """One suite; a file that cannot be read is an error in it, and so is an interruption."""
    seconds = (results.ended_at - results.started_at).total_seconds()
    return document(SUITE, _cases(results), seconds=seconds, started_at=results.started_at)


def _cases(results: Results) -> Iterator[Case]:
    for _, scenarios in results.features():
        yield from map(_case, scenarios)
    for each in results.unreadable:
        yield _error(each.where, each.told)
    if results.interrupted:
        yield _error(SUITE, "The run was interrupted: scenarios are missing.")


def _case(scenario: ScenarioResult) -> Case:
    told = scenario.failure or ""
    classname = f"{scenario.where.removesuffix('.feature')}.{scenario.feature}"
    end = ENDS[scenario.verdict]
    return Case(classname, scenario.scenario, scenario.seconds, end, _headline(told), told)


def _error(where: str, told: str) -> Case:
    return Case(where, "it can be run", end="error", message=told, text=told)


def _headline(failure: str) -> str:
    """What does not hold: the first line behind the scenario."""
    _, _, why = failure.partition("\n\n")
    return (why or failure).partition("\n")[0]
