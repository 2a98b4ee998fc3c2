"""Scenarios pages of the inspector: record, write and run a feature; stored runs with each step."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import files
from typing import NamedTuple

import orjson
from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from segment_insider_emulator.control_api.request_parsing import ID_ROUTE
from segment_insider_emulator.control_api.scenario_runs import get_scenario_run_store
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector.feature_run import (
    FEATURE_NAME,
    MAX_FEATURE_CHARS,
    find_missing_runner,
    get_current_workspace,
    get_workspace_name,
    run_feature,
)
from segment_insider_emulator.inspector.json_tree import redact_secrets
from segment_insider_emulator.inspector.rendering import (
    build_rejected_form,
    get_current_sandbox_url,
    get_sandbox_pages_path,
    redirect_to_endpoint,
    render_page,
)
from segment_insider_emulator.inspector.scenario_claims import Replay, Turn, replay_turns
from segment_insider_emulator.inspector.scenario_recording import (
    MAX_CALL_BYTES,
    MAX_MESSAGES,
    RecordedFeature,
    Recording,
    build_recorded_feature,
)
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.storage.reports import ScenarioRun
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.sandbox_routing import (
    current_registry,
    list_accessible_sandboxes,
)
from segment_insider_emulator.web.services import (
    SandboxServices,
    current_services,
    open_scratch_services,
)
from segment_insider_emulator.workspace.known_names import collect_known_names

bp = Blueprint("scenarios", __name__, url_prefix="/scenarios")

# Scenario verdict -> the message verdict whose icon it uses.
VERDICT_ICONS = {"passed": "accepted", "failed": "failed", "skipped": "not_subscribed"}
MAX_LINKED_MESSAGES = 20  # per scenario
MESSAGES_ON_RECORD_PAGE = 20
OWN_IP, OTHER_IP = "127.0.0.1", "192.0.2.1"  # the second one is for examples, RFC 5737
CHOICE_REMEDY = "Choose rows in the list of messages, or record new ones."


class ScenarioRunRow(NamedTuple):
    """One scenario run in the list of runs, with its verdict counts and total seconds.

    Args:
        command, branch: Which started it; None if not reported.
    """

    id: int
    started_at: str
    feature_count: int
    verdicts: Counter[str]
    seconds: float
    command: str | None
    branch: str | None
    failed_names: list[str]


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
        sample="" if find_missing_runner() else load_sample_feature(),
    )


@bp.get("/record")
def show_recording() -> str | Redirect:
    """Serve the page that records: the messages after the id `after`, as they arrive."""
    services = current_services()
    after = _parse_number("after")
    if after is None:
        newest, _ = services.store.list_latest_messages(1)
        return redirect(url_for(".show_recording", after=newest[0].id if newest else 0))
    if "stop" in request.args:
        return _stop_recording(after)
    messages, more = services.store.list_messages(after_id=after, limit=MAX_MESSAGES)
    return render_page(
        "record.html",
        "recording",
        after=after,
        messages=messages[-MESSAGES_ON_RECORD_PAGE:][::-1],
        number=len(messages),
        is_full=more is not None,
        most=MAX_MESSAGES,
        here=get_current_sandbox_url(),
    )


def _stop_recording(after: int) -> Redirect:
    """Lead to the scenario of the messages after an id, up to now."""
    services = current_services()
    newest, _ = services.store.list_latest_messages(1)
    until = newest[0].id if newest else after
    now = services.clock().isoformat(timespec="milliseconds")
    return redirect(url_for(".show_new_scenario", after=after, until=until, ended=now))


@bp.get("/new")
def show_new_scenario() -> str:
    """Serve the page of a new scenario: of the chosen messages, or a sample."""
    feature = _build_requested_feature()
    return _render_new_scenario(feature.text if feature else load_sample_feature(), feature)


@bp.get("/new.feature")
def download_new_scenario() -> Response:
    """Serve the scenario of the chosen messages as a file."""
    feature = _build_requested_feature()
    return _build_feature_download(feature.text if feature else "")


@bp.post("/new")
def handle_new_scenario() -> str | Response:
    """Handle the form of a scenario: run its text, or send it back as a file."""
    text = request.form.get("feature", "").replace("\r\n", "\n")
    if "download" in request.form:
        return _build_feature_download(text)
    try:
        run = run_feature(text, current_services())
    except EmulatorError as error:
        return _render_new_scenario(text, None, error)
    id = get_scenario_run_store().add_scenario_run(run)
    return redirect_to_endpoint("", "inspector.scenarios.show_scenario_run", id=id)


@bp.post(f"/{ID_ROUTE}/run")
def rerun_scenarios(id: int) -> str | Response:
    """Handle the button that runs the feature of a run again, with the current mappings."""
    scenario_run = get_scenario_run_store().get_scenario_run(id) or abort(404)
    text = _get_run_text(scenario_run) or abort(404)
    try:
        run = run_feature(text, current_services())
    except EmulatorError as error:
        return _render_new_scenario(text, None, error)
    _delete_run_sandboxes(scenario_run.run)
    new_id = get_scenario_run_store().add_scenario_run(run)
    return redirect_to_endpoint("", "inspector.scenarios.show_scenario_run", id=new_id)


@bp.get(f"/{ID_ROUTE}/edit")
def edit_run_scenarios(id: int) -> str:
    """Serve the page that changes the feature of a run before it runs again."""
    scenario_run = get_scenario_run_store().get_scenario_run(id) or abort(404)
    return _render_new_scenario(_get_run_text(scenario_run) or abort(404), None)


def load_sample_feature() -> str:
    """Load the feature that the page of a new scenario begins with."""
    return files(__package__).joinpath("sample.feature").read_text("utf-8")


def _get_run_text(scenario_run: ScenarioRun) -> str | None:
    """Return the feature text of a run that a page started; None for other runs."""
    texts = (feature.get("text") for feature in scenario_run.run["features"])
    return next((text for text in texts if text), None)


def _delete_run_sandboxes(run: JSONObject) -> None:
    """Delete the sandboxes that failed scenarios of a run have left."""
    accessible = {sandbox.record.id for sandbox in list_accessible_sandboxes()}
    for scenario in _iter_run_scenarios(run):
        if scenario.get("sandbox") in accessible:
            current_registry().delete_sandbox(scenario["sandbox"])


def _render_new_scenario(
    text: str, feature: RecordedFeature | None, error: EmulatorError | None = None
) -> str:
    name = get_workspace_name(current_services())
    return render_page(
        "scenario_new.html",
        text=text,
        feature=feature,
        file_name=FEATURE_NAME,
        missing_runner=find_missing_runner(),
        workspace_name=name,
        rejected_form=error and build_rejected_form("feature", error),
    )


def _build_feature_download(text: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{FEATURE_NAME}"'}
    return Response(text.encode("utf-8", "replace"), mimetype="text/plain", headers=headers)


def _build_requested_feature() -> RecordedFeature | None:
    """Build the scenario of the messages that the request chooses; None if it chooses none.

    Raises: EmulatorError, when there are none, or too many.
    """
    if not {"message", "after"} & request.args.keys():
        return None
    messages = [message for message in _load_chosen_messages() if not _is_duplicate(message)]
    if not messages:
        raise EmulatorError("no message was recorded", "", CHOICE_REMEDY)
    if (size := sum(len(orjson.dumps(message.sent)) for message in messages)) > MAX_CALL_BYTES:
        what = f"these messages have {size:,} bytes; a scenario has at most {MAX_CALL_BYTES:,}"
        raise EmulatorError(what, "", "Choose fewer.")
    services = current_services()
    workspace = get_current_workspace(services)
    started_at = datetime.fromisoformat(messages[0].received_at)

    def replay(turns: Sequence[Turn], shift: timedelta) -> Replay:
        with open_scratch_services(workspace) as scratch:
            return replay_turns(scratch, turns, started_at + shift, OTHER_IP if shift else OWN_IP)

    recording = Recording(
        [
            replace(
                message,
                sent=redact_secrets(message.sent),
                normalised=redact_secrets(message.normalised),
            )
            for message in messages
        ],
        get_workspace_name(services),
        workspace.destination,
        collect_known_names(workspace.document),
        _parse_end(),
    )
    feature = build_recorded_feature(recording, replay)
    if len(feature.text) > MAX_FEATURE_CHARS:
        what = f"the scenario of these messages has {len(feature.text):,} characters"
        remedy = f"Choose fewer: a scenario has at most {MAX_FEATURE_CHARS:,}."
        raise EmulatorError(what, "", remedy)
    return feature


def _load_chosen_messages() -> list[MessageRecord]:
    store, after = current_services().store, _parse_number("after")
    if after is not None:
        until = _parse_number("until")
        messages, more = store.list_messages(after_id=after, limit=MAX_MESSAGES)
        chosen = [message for message in messages if until is None or message.id <= until]
        if more is not None and len(chosen) == len(messages):
            _refuse_too_many()
        return chosen
    values = ",".join(request.args.getlist("message")).split(",")
    ids = sorted({int(value) for value in values if value.isdecimal() and len(value) < 19})
    if len(ids) > MAX_MESSAGES:
        _refuse_too_many()
    return [message for id in ids if (message := store.get_message(id))]


def _parse_number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _refuse_too_many() -> None:
    what = f"a scenario has at most {MAX_MESSAGES} messages"
    raise EmulatorError(what, "message", "Choose fewer.")


def _is_duplicate(message: MessageRecord) -> bool:
    """Return whether Segment dropped the message because its id was known."""
    return (message.reason or "").startswith("duplicate")


def _parse_end() -> datetime | None:
    try:
        end = datetime.fromisoformat(request.args.get("ended", ""))
    except ValueError:
        return None
    return end if end.tzinfo else None


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
        text=_get_run_text(scenario_run),
        missing_runner=find_missing_runner(),
        pages=_map_messages_to_page_paths(scenario_run.run),
    )


def _build_scenario_run_row(scenario_run: ScenarioRun) -> ScenarioRunRow:
    features = scenario_run.run["features"]
    scenarios = list(_iter_run_scenarios(scenario_run.run))
    verdicts = Counter(scenario["verdict"] for scenario in scenarios)
    seconds = sum(scenario["seconds"] for scenario in scenarios)
    return ScenarioRunRow(
        scenario_run.id,
        scenario_run.run["startedAt"],
        len(features),
        verdicts,
        seconds,
        scenario_run.run.get("command"),
        scenario_run.run.get("branch"),
        [scenario["name"] for scenario in scenarios if scenario["verdict"] == "failed"],
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
