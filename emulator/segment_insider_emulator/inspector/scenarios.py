"""The Scenarios pages: the last runs of Gherkin scenarios, each step with what came of it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from flask import Blueprint, abort, request

from segment_insider_emulator.capture.scenario_runs import ScenarioRun
from segment_insider_emulator.harness.queries import ID
from segment_insider_emulator.harness.scenario_runs import kept
from segment_insider_emulator.inspector.addresses import here, pages
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.parts import Parts, parts
from segment_insider_emulator.sandboxes import seen
from segment_insider_emulator.types import JSONObject

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
    return render("scenarios.html", "scenario_runs", runs=runs, signs=SIGNS, here=here())


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
        here=here(),
        sandboxes=_kept_sandboxes(found.run),
        pages=_pages(found.run),
    )


def _listed(found: ScenarioRun) -> Listed:
    features = found.run["features"]
    scenarios = list(_scenarios(found.run))
    verdicts = Counter(scenario["verdict"] for scenario in scenarios)
    seconds = sum(scenario["seconds"] for scenario in scenarios)
    return Listed(found.id, found.run["startedAt"], len(features), verdicts, seconds)


def _verdicts(feature: JSONObject) -> Counter[str]:
    return Counter(scenario["verdict"] for scenario in feature["scenarios"])


def _scenarios(run: JSONObject) -> Iterator[JSONObject]:
    return (scenario for feature in run["features"] for scenario in feature["scenarios"])


def _kept_sandboxes(run: JSONObject) -> dict[str, str]:
    """Id -> path of the pages, of those sandboxes in which scenarios ran and which still stand."""
    ids = {scenario.get("sandbox") for scenario in _scenarios(run)}
    there = (each.described.id for each in seen())
    return {id: pages(id) for id in there if id in ids}


def _pages(run: JSONObject) -> dict[tuple[str | None, str], str]:
    """Sandbox and messageId -> the page of the message, while the sandbox has it.

    Of a scenario that names no sandbox they are looked for in this one.
    """
    wanted: dict[str | None, list[str]] = defaultdict(list)
    for scenario in _scenarios(run):
        wanted[scenario.get("sandbox")] += scenario.get("messages", [])[:LINKED]
    found: dict[tuple[str | None, str], str] = {}
    for sandbox, message_ids in wanted.items():
        own, root = _within(sandbox)
        known = own.store.overview.captured(message_ids) if own else {}
        found |= {(sandbox, each): f"{root}/messages/{id}" for each, id in known.items()}
    return found


def _within(sandbox: str | None) -> tuple[Parts | None, str]:
    """A sandbox's parts, None when it is gone, and the path of its pages."""
    if sandbox is None:
        return parts(), request.script_root
    found = next((each for each in seen() if each.described.id == sandbox), None)
    return (found.parts if found else None), pages(sandbox)
