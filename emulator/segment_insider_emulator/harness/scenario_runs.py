"""The control API's scenario runs: test runners report what came of their scenarios."""

import json
from functools import cache
from importlib.resources import files

import orjson
from flask import Blueprint, request
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from segment_insider_emulator.capture.scenario_runs import ScenarioRun, ScenarioRuns
from segment_insider_emulator.depth import depth
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness.queries import refuse
from segment_insider_emulator.insider.formats import instant
from segment_insider_emulator.parts import parts
from segment_insider_emulator.sandboxes import DEFAULT, addressed, sandboxes
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.structure import place

bp = Blueprint("scenario_runs", __name__, url_prefix="/emulator/v1/scenario-runs")

LARGEST = 5_000_000  # bytes
DEEPEST = 10  # levels; a run has 8
TIME = "Send an ISO 8601 time with its zone, such as 2026-11-23T10:00:00Z."


@bp.post("")
def add() -> tuple[JSONObject, int]:
    """Keep a run, {"startedAt", "features"}; the last fifty are kept."""
    return {"id": kept().add(read(request.get_data()))}, 201


@bp.get("")
def runs() -> JSONObject:
    """All runs that are kept, the newest last."""
    refuse(request.args)
    oldest_first = reversed(kept().newest())
    return {"scenarioRuns": [_shown(each) for each in oldest_first], "next": None}


def kept() -> ScenarioRuns:
    """The runs of the process, which the default sandbox keeps: a run may use many sandboxes.

    A team's sandbox keeps those that are reported to it: others see none of them.
    """
    own = addressed()
    if own and own.described.team:
        return parts().store.scenario_runs
    default = sandboxes().get(DEFAULT)
    assert default is not None  # it stays as long as the process
    return default.parts.store.scenario_runs


def read(raw: bytes) -> JSONObject:
    """The run that *raw* reports. Raises: EmulatorError, naming the first mistake."""
    if len(raw) > LARGEST:
        remedy = f"Keep it below {LARGEST:,} bytes: report fewer features at once."
        raise EmulatorError(f"a report of {len(raw):,} bytes is too large", "body", remedy)
    try:
        run: JSON = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise EmulatorError("this is no JSON", "body", "Send one run as a JSON object.") from error
    if depth(run) > DEEPEST:
        raise EmulatorError("the report is nested too deep", "body", "Send what the docs show.")
    if wrong := best_match(_validator().iter_errors(run)):
        where = place("body", *wrong.absolute_path)
        raise EmulatorError(_what(wrong.validator, wrong.message), where, _remedy(wrong.schema))
    if instant(run["startedAt"]) is None:
        raise EmulatorError("this is not a time", "body.startedAt", TIME)
    return dict(run)


def _what(validator: object, message: str) -> str:
    """The fault, without the value that has it: it may be as long as the report."""
    if validator in ("required", "additionalProperties"):
        return message[:200]
    return f"this breaks the rule {validator!r} of a scenario run"


def _remedy(schema: JSON) -> str:
    default = "Send startedAt and features."
    return str(schema.get("description", default)) if isinstance(schema, dict) else default


@cache
def _validator() -> Draft202012Validator:
    text = files(__package__).joinpath("scenario_run.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _shown(kept: ScenarioRun) -> JSONObject:
    return {"id": kept.id, **kept.run}
