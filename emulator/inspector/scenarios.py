"""The Scenarios pages: the last runs of Gherkin scenarios, each step with what came of it."""

from collections import Counter
from typing import NamedTuple

from flask import Blueprint, abort

from emulator.capture.scenario_runs import ScenarioRun
from emulator.harness.queries import ID
from emulator.harness.scenario_runs import kept
from emulator.inspector.rendering import render
from emulator.parts import parts
from emulator.types import JSONObject

bp = Blueprint("scenarios", __name__, url_prefix="/scenarios")

# Which sign of a delivery's verdict stands for one of a scenario.
SIGNS = {"passed": "accepted", "failed": "failed", "skipped": "not_subscribed"}
LINKED = 20  # messages of one scenario


class Listed(NamedTuple):
    """A run in the list: scenarios by verdict, and the seconds that they took together."""

    id: int
    started_at: str
    features: int
    verdicts: Counter[str]
    seconds: float


@bp.get("")
def page() -> str:
    """The runs that are kept, the newest first."""
    runs = [_listed(each) for each in kept().newest()]
    return render("scenarios.html", "scenario_runs", runs=runs, signs=SIGNS)


@bp.get(f"/{ID}")
def one(id: int) -> str:
    """One run: its features, with the failed ones first."""
    found = kept().get(id) or abort(404)
    features = sorted(found.run["features"], key=lambda each: "failed" not in _verdicts(each))
    return render(
        "scenario_run.html",
        run=_listed(found),
        features=[(each, _verdicts(each)) for each in features],
        signs=SIGNS,
        captured=_captured(found.run),
    )


def _listed(found: ScenarioRun) -> Listed:
    features = found.run["features"]
    scenarios = [scenario for feature in features for scenario in feature["scenarios"]]
    verdicts = Counter(scenario["verdict"] for scenario in scenarios)
    seconds = sum(scenario["seconds"] for scenario in scenarios)
    return Listed(found.id, found.run["startedAt"], len(features), verdicts, seconds)


def _verdicts(feature: JSONObject) -> Counter[str]:
    return Counter(scenario["verdict"] for scenario in feature["scenarios"])


def _captured(run: JSONObject) -> dict[str, int]:
    """messageId -> id of the captured message, for those that this sandbox has."""
    wanted = [
        id
        for feature in run["features"]
        for scenario in feature["scenarios"]
        for id in scenario.get("messages", [])[:LINKED]
    ]
    return parts().store.overview.captured(wanted)
