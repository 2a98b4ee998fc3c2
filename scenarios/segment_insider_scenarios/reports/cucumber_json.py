"""Cucumber JSON: the older of Cucumber's two forms, which many viewers read."""

import base64
import re

import orjson

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.reports.results import Results, ScenarioResult, StepResult

NANOSECONDS = 1_000_000_000
# The form has no word for a step that was interrupted; none of its other words says "passed".
STATUSES = {"unknown": "pending"}


def cucumber_json(results: Results) -> bytes:
    """A list of features; a scenario that failed without steps fails before its first."""
    features = [_feature(file, scenarios) for file, scenarios in results.features()]
    features += [_unreadable(each.where, each.told) for each in results.unreadable]
    return orjson.dumps(features, option=orjson.OPT_INDENT_2) + b"\n"


def _feature(file: str, scenarios: list[ScenarioResult]) -> JSONObject:
    name = scenarios[0].feature
    return {
        "uri": file,
        "id": _id(name),
        "keyword": "Feature",
        "name": name,
        "description": "",
        "line": 1,
        "tags": [],
        "elements": [_element(each) for each in scenarios],
    }


def _unreadable(file: str, told: str) -> JSONObject:
    broken = ScenarioResult(file, file, "The file can be read", "failed", 0.0, told)
    return _feature(file, [broken])


def _element(scenario: ScenarioResult) -> JSONObject:
    element: JSONObject = {
        "id": f"{_id(scenario.feature)};{_id(scenario.scenario)};{scenario.row}",
        "keyword": "Scenario",
        "type": "scenario",
        "name": scenario.scenario,
        "description": "",
        "line": scenario.line or 1,
        "tags": [],
        "steps": [_step(each) for each in scenario.steps],
    }
    if scenario.started_at:
        element["start_timestamp"] = scenario.started_at
    if scenario.verdict == "failed" and not scenario.steps:
        result = {"status": "failed", "duration": 0, "error_message": scenario.failure or ""}
        element["before"] = [{"match": {"location": scenario.where}, "result": result}]
    return element


def _step(step: StepResult) -> JSONObject:
    result: JSONObject = {
        "status": STATUSES.get(step.verdict, step.verdict),
        "duration": round(step.seconds * NANOSECONDS),
    }
    if step.failure:
        result["error_message"] = step.failure
    told: JSONObject = {
        "keyword": f"{step.keyword} ",
        "name": step.text,
        "line": step.line,
        "match": {"location": ""},
        "result": result,
    }
    if step.table is not None:
        told["rows"] = [{"cells": row} for row in step.table]
    if step.docstring is not None:
        told["doc_string"] = {"value": step.docstring, "content_type": "", "line": step.line + 1}
    if step.traffic is not None:
        traffic = base64.b64encode(orjson.dumps(step.traffic)).decode()
        told["embeddings"] = [{"mime_type": "application/json", "data": traffic}]
    return told


def _id(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower()).strip("-")
