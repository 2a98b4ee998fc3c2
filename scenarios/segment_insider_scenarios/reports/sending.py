"""A run reported to an emulator that is served, whose pages show it."""

from collections.abc import Iterator

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.reports.results import RunResults, ScenarioResult, StepResult

MAX_FEATURES, MAX_SCENARIOS, MAX_STEPS, MAX_MESSAGES = 1000, 2000, 500, 500
MAX_TEXT_LENGTH, MAX_STEP_LENGTH, MAX_FAILURE_LENGTH = 1000, 10_000, 20_000  # characters
# The emulator knows three verdicts of a step.
STEP_VERDICTS = {"passed": "passed", "skipped": "skipped"}


def send_run(results: RunResults, url: str) -> int:
    """Report *results*; gives the id of the run there. Raises: EmulatorError."""
    with ControlClient.connect(url) as client:
        return client.report_scenario_run(to_run_document(results))


def to_run_document(results: RunResults) -> JSONObject:
    """The body of POST /emulator/v1/scenario-runs, cut to its limits."""
    return {
        "startedAt": results.started_at.isoformat(),
        "features": list(_feature_documents(results))[:MAX_FEATURES],
    }


def _feature_documents(results: RunResults) -> Iterator[JSONObject]:
    for file, scenarios in results.group_by_feature():
        told = [_scenario_document(each) for each in scenarios[:MAX_SCENARIOS]]
        yield {
            "name": scenarios[0].feature[:MAX_TEXT_LENGTH],
            "uri": file[:MAX_TEXT_LENGTH],
            "scenarios": told,
        }
    for each in results.unreadable:
        told = [
            _scenario_document(
                ScenarioResult(each.where, "", "It can be run", "failed", 0, each.message)
            )
        ]
        yield {
            "name": each.where[:MAX_TEXT_LENGTH],
            "uri": each.where[:MAX_TEXT_LENGTH],
            "scenarios": told,
        }


def _scenario_document(result: ScenarioResult) -> JSONObject:
    return {
        "name": result.scenario[:MAX_TEXT_LENGTH],
        "line": result.line,
        "verdict": result.verdict,
        "seconds": result.seconds,
        "sandbox": _sandbox_id(result.sandbox),
        "messages": result.messages[:MAX_MESSAGES],
        "failure": result.failure and result.failure[:MAX_FAILURE_LENGTH],
        "steps": [_step_document(each) for each in result.steps[:MAX_STEPS]],
    }


def _step_document(result: StepResult) -> JSONObject:
    return {
        "keyword": result.keyword,
        "text": result.text[:MAX_STEP_LENGTH],
        "line": result.line,
        "verdict": STEP_VERDICTS.get(result.verdict, "failed"),
        "failure": result.failure and result.failure[:MAX_FAILURE_LENGTH],
    }


def _sandbox_id(url: str | None) -> str | None:
    """The id that the address of a sandbox ends in."""
    return url.rpartition("/sandboxes/")[2] if url and "/sandboxes/" in url else None
