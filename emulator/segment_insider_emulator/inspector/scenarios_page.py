"""Scenarios pages of the inspector: stored scenario runs with the result of each step."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from flask import Blueprint, abort, request

from segment_insider_emulator.control_api.request_parsing import ID_ROUTE
from segment_insider_emulator.control_api.scenario_runs import get_scenario_run_store
from segment_insider_emulator.inspector.rendering import (
    get_current_sandbox_url,
    get_sandbox_pages_path,
    render_page,
)
from segment_insider_emulator.storage.reports import ScenarioRun
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.sandbox_routing import list_accessible_sandboxes
from segment_insider_emulator.web.services import SandboxServices, current_services

bp = Blueprint("scenarios", __name__, url_prefix="/scenarios")

# Scenario verdict -> the message verdict whose icon it uses.
VERDICT_ICONS = {"passed": "accepted", "failed": "failed", "skipped": "not_subscribed"}
MAX_LINKED_MESSAGES = 20  # per scenario


class ScenarioRunRow(NamedTuple):
    """One scenario run in the list of runs, with its verdict counts and total seconds."""

    id: int
    started_at: str
    feature_count: int
    verdicts: Counter[str]
    seconds: float


@bp.get("")
def list_scenario_runs() -> str:
    """Serve the page that lists the stored scenario runs, newest first."""
    runs = [
        _build_scenario_run_row(scenario_run)
        for scenario_run in get_scenario_run_store().list_newest_scenario_runs()
    ]
    return render_page(
        "scenarios.html",
        "scenario_runs",
        runs=runs,
        signs=VERDICT_ICONS,
        here=get_current_sandbox_url(),
    )


@bp.get(f"/{ID_ROUTE}")
def show_scenario_run(id: int) -> str:
    """Serve the page of one scenario run with its features, failed ones first."""
    scenario_run = get_scenario_run_store().get_scenario_run(id) or abort(404)
    features = sorted(
        scenario_run.run["features"],
        key=lambda feature: "failed" not in _count_scenario_verdicts(feature),
    )
    return render_page(
        "scenario_run.html",
        run=_build_scenario_run_row(scenario_run),
        features=[(feature, _count_scenario_verdicts(feature)) for feature in features],
        signs=VERDICT_ICONS,
        here=get_current_sandbox_url(),
        sandboxes=_map_sandbox_ids_to_page_paths(scenario_run.run),
        pages=_map_messages_to_page_paths(scenario_run.run),
    )


def _build_scenario_run_row(scenario_run: ScenarioRun) -> ScenarioRunRow:
    features = scenario_run.run["features"]
    scenarios = list(_iter_run_scenarios(scenario_run.run))
    verdicts = Counter(scenario["verdict"] for scenario in scenarios)
    seconds = sum(scenario["seconds"] for scenario in scenarios)
    return ScenarioRunRow(
        scenario_run.id, scenario_run.run["startedAt"], len(features), verdicts, seconds
    )


def _count_scenario_verdicts(feature: JSONObject) -> Counter[str]:
    return Counter(scenario["verdict"] for scenario in feature["scenarios"])


def _iter_run_scenarios(run: JSONObject) -> Iterator[JSONObject]:
    return (scenario for feature in run["features"] for scenario in feature["scenarios"])


def _map_sandbox_ids_to_page_paths(run: JSONObject) -> dict[str, str]:
    """Map the ids of a scenario run's existing sandboxes to the paths of their pages."""
    ids = {scenario.get("sandbox") for scenario in _iter_run_scenarios(run)}
    there = (sandbox.record.id for sandbox in list_accessible_sandboxes())
    return {id: get_sandbox_pages_path(id) for id in there if id in ids}


def _map_messages_to_page_paths(run: JSONObject) -> dict[tuple[str | None, str], str]:
    """Map sandbox id and messageId to the path of the message page, for a scenario run.

    Of a scenario that names no sandbox they are looked for in this one.
    """
    message_ids_by_sandbox: dict[str | None, list[str]] = defaultdict(list)
    for scenario in _iter_run_scenarios(run):
        message_ids_by_sandbox[scenario.get("sandbox")] += scenario.get("messages", [])[
            :MAX_LINKED_MESSAGES
        ]
    paths: dict[tuple[str | None, str], str] = {}
    for sandbox, message_ids in message_ids_by_sandbox.items():
        services, root = _find_sandbox_services(sandbox)
        known = services.store.find_first_record_ids(message_ids) if services else {}
        paths |= {
            (sandbox, message_id): f"{root}/messages/{id}" for message_id, id in known.items()
        }
    return paths


def _find_sandbox_services(sandbox_id: str | None) -> tuple[SandboxServices | None, str]:
    """Return a sandbox's services, or None if it was deleted, and the path of its pages."""
    if sandbox_id is None:
        return current_services(), request.script_root
    visible_sandbox = next(
        (sandbox for sandbox in list_accessible_sandboxes() if sandbox.record.id == sandbox_id),
        None,
    )
    return (visible_sandbox.services if visible_sandbox else None), get_sandbox_pages_path(
        sandbox_id
    )
