"""A run reported to an emulator that is served, whose pages show it."""

from collections.abc import Iterator

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.reports.results import Results, ScenarioResult, StepResult

MOST_FEATURES, MOST_SCENARIOS, MOST_STEPS, MOST_MESSAGES = 1000, 2000, 500, 500
TEXT, STEP, FAILURE = 1000, 10_000, 20_000  # characters
# The emulator knows three verdicts of a step.
VERDICTS = {"passed": "passed", "skipped": "skipped"}


def send(results: Results, url: str) -> int:
    """Report *results*; gives the id of the run there. Raises: EmulatorError."""
    with ControlClient.elsewhere(url) as client:
        return client.report_run(run_of(results))


def run_of(results: Results) -> JSONObject:
    """The body of POST /emulator/v1/scenario-runs, cut to its limits."""
    return {
        "startedAt": results.started_at.isoformat(),
        "features": list(_features(results))[:MOST_FEATURES],
    }


def _features(results: Results) -> Iterator[JSONObject]:
    for file, scenarios in results.features():
        told = [_scenario(each) for each in scenarios[:MOST_SCENARIOS]]
        yield {"name": scenarios[0].feature[:TEXT], "uri": file[:TEXT], "scenarios": told}
    for each in results.unreadable:
        told = [_scenario(ScenarioResult(each.where, "", "It can be run", "failed", 0, each.told))]
        yield {"name": each.where[:TEXT], "uri": each.where[:TEXT], "scenarios": told}


def _scenario(result: ScenarioResult) -> JSONObject:
    return {
        "name": result.scenario[:TEXT],
        "line": result.line,
        "verdict": result.verdict,
        "seconds": result.seconds,
        "sandbox": _sandbox(result.sandbox),
        "messages": result.messages[:MOST_MESSAGES],
        "failure": result.failure and result.failure[:FAILURE],
        "steps": [_step(each) for each in result.steps[:MOST_STEPS]],
    }


def _step(result: StepResult) -> JSONObject:
    return {
        "keyword": result.keyword,
        "text": result.text[:STEP],
        "line": result.line,
        "verdict": VERDICTS.get(result.verdict, "failed"),
        "failure": result.failure and result.failure[:FAILURE],
    }


def _sandbox(url: str | None) -> str | None:
    """The id that the address of a sandbox ends in."""
    return url.rpartition("/sandboxes/")[2] if url and "/sandboxes/" in url else None
