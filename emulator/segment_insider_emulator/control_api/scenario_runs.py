"""Control API routes for the scenario results that test runners report."""

import json
from functools import cache
from importlib.resources import files

import orjson
from flask import Blueprint, request
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from segment_insider_emulator.control_api.check_models import (
    ScenarioRunIdModel,
    ScenarioRunPageModel,
)
from segment_insider_emulator.control_api.openapi import SCENARIO_RUN_SCHEMA, api_operation
from segment_insider_emulator.control_api.request_parsing import refuse_query_parameters
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.json_text import measure_nesting_depth
from segment_insider_emulator.storage.reports import ScenarioRun, ScenarioRunStore
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.sandbox_routing import current_registry, current_sandbox
from segment_insider_emulator.web.services import current_services
from segment_insider_emulator.workspace.validation import format_document_path

scenario_run_routes = Blueprint("scenario_runs", __name__, url_prefix="/emulator/v1/scenario-runs")

MAX_REPORT_BYTES = 5_000_000  # bytes
MAX_REPORT_DEPTH = 12  # levels; a run has 10
REPORT_EXAMPLE: JSONObject = {"startedAt": "2026-11-23T10:00:00Z", "features": []}
TIME_REMEDY = "Send an ISO 8601 time with its zone, such as 2026-11-23T10:00:00Z."


@scenario_run_routes.post("", endpoint="add")
@api_operation(body=SCENARIO_RUN_SCHEMA, example=REPORT_EXAMPLE, status=201)
def add_scenario_run() -> ScenarioRunIdModel:
    """Store a scenario run, {"startedAt", "features", ...}; only the last fifty stay."""
    return ScenarioRunIdModel(
        id=get_scenario_run_store().add_scenario_run(parse_scenario_run(request.get_data()))
    )


@scenario_run_routes.get("", endpoint="runs")
@api_operation()
def list_scenario_runs() -> ScenarioRunPageModel:
    """List all stored scenario runs, the newest last."""
    refuse_query_parameters(request.args)
    oldest_first = reversed(get_scenario_run_store().list_newest_scenario_runs())
    return ScenarioRunPageModel(
        scenario_runs=[_serialize_scenario_run(scenario_run) for scenario_run in oldest_first],
        next=None,
    )


def get_scenario_run_store() -> ScenarioRunStore:
    """Return the store of scenario runs: the addressed team sandbox's, else the default one's.

    Runs reported to a team's sandbox are stored there: other teams cannot see them.
    """
    current = current_sandbox()
    if current and current.record.team:
        return current_services().store.scenario_runs
    default = current_registry().get_sandbox(DEFAULT_SANDBOX_ID)
    assert default is not None  # the default sandbox cannot be deleted
    return default.services.store.scenario_runs


def parse_scenario_run(raw: bytes) -> JSONObject:
    """Parse the report of a scenario run.

    Raises: EmulatorError, naming the first mistake.
    """
    if len(raw) > MAX_REPORT_BYTES:
        remedy = f"Keep it below {MAX_REPORT_BYTES:,} bytes: report fewer features at once."
        raise EmulatorError(f"a report of {len(raw):,} bytes is too large", "body", remedy)
    try:
        run: JSON = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise EmulatorError("invalid JSON", "body", "Send one run as a JSON object.") from error
    if measure_nesting_depth(run) > MAX_REPORT_DEPTH:
        raise EmulatorError("the report is nested too deep", "body", "Send what the docs show.")
    if wrong := best_match(_load_scenario_run_validator().iter_errors(run)):
        where = format_document_path("body", *wrong.absolute_path)
        raise EmulatorError(
            _describe_report_violation(wrong.validator, wrong.message),
            where,
            _build_schema_remedy(wrong.schema),
        )
    if parse_rfc3339(run["startedAt"]) is None:
        raise EmulatorError("invalid time", "body.startedAt", TIME_REMEDY)
    return dict(run)


def _describe_report_violation(validator: object, message: str) -> str:
    """Return what is wrong in a reported scenario run, without the value: it may be long."""
    if validator in ("required", "additionalProperties"):
        return message[:200]
    return f"this breaks the rule {validator!r} of a scenario run"


def _build_schema_remedy(schema: JSON) -> str:
    default = "Send startedAt and features."
    return str(schema.get("description", default)) if isinstance(schema, dict) else default


@cache
def _load_scenario_run_validator() -> Draft202012Validator:
    text = files(__package__).joinpath("scenario_run.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _serialize_scenario_run(scenario_run: ScenarioRun) -> JSONObject:
    return {"id": scenario_run.id, **scenario_run.run}
