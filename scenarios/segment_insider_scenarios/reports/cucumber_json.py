"""Cucumber JSON: the older of Cucumber's two forms, which many viewers read."""

import base64
import re

import orjson

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.reports.results import RunResults, ScenarioResult, StepResult

NANOSECONDS_PER_SECOND = 1_000_000_000
# The form has no word for a step that was interrupted; none of its other words says "passed".
STEP_STATUSES = {"unknown": "pending"}


def render_cucumber_json(results: RunResults) -> bytes:
    """A list of features; a scenario that failed without steps fails before its first."""
    features = [_json_feature(file, scenarios) for file, scenarios in results.group_by_feature()]
    features += [_json_unreadable_file(each.where, each.message) for each in results.unreadable]
    return orjson.dumps(features, option=orjson.OPT_INDENT_2) + b"\n"


def _json_feature(file: str, scenarios: list[ScenarioResult]) -> JSONObject:
    name = scenarios[0].feature
    return {
        "uri": file,
        "id": _slugify(name),
        "keyword": "Feature",
        "name": name,
        "description": "",
        "line": 1,
        "tags": [],
        "elements": [_json_scenario(each) for each in scenarios],
    }


def _json_unreadable_file(file: str, message: str) -> JSONObject:
    broken = ScenarioResult(file, file, "The file can be read", "failed", 0.0, message)
    return _json_feature(file, [broken])


def _json_scenario(scenario: ScenarioResult) -> JSONObject:
    element: JSONObject = {
        "id": f"{_slugify(scenario.feature)};{_slugify(scenario.scenario)};{scenario.row}",
        "keyword": "Scenario",
        "type": "scenario",
        "name": scenario.scenario,
        "description": "",
        "line": scenario.line or 1,
        "tags": [],
        "steps": [_json_step(each) for each in scenario.steps],
    }
    if scenario.started_at:
        element["start_timestamp"] = scenario.started_at
    if scenario.verdict == "failed" and not scenario.steps:
        result = {"status": "failed", "duration": 0, "error_message": scenario.failure or ""}
        element["before"] = [{"match": {"location": scenario.where}, "result": result}]
    return element


def _json_step(step: StepResult) -> JSONObject:
    result: JSONObject = {
        "status": STEP_STATUSES.get(step.verdict, step.verdict),
        "duration": round(step.seconds * NANOSECONDS_PER_SECOND),
    }
    if step.failure:
        result["error_message"] = step.failure
    document: JSONObject = {
        "keyword": f"{step.keyword} ",
        "name": step.text,
        "line": step.line,
        "match": {"location": ""},
        "result": result,
    }
    if step.table is not None:
        document["rows"] = [{"cells": row} for row in step.table]
    if step.docstring is not None:
        document["doc_string"] = {
            "value": step.docstring,
            "content_type": "",
            "line": step.line + 1,
        }
    if step.traffic is not None:
        traffic = base64.b64encode(orjson.dumps(step.traffic)).decode()
        document["embeddings"] = [{"mime_type": "application/json", "data": traffic}]
    return document


def _slugify(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower()).strip("-")
