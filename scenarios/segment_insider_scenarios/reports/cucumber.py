"""Reports of scenario runs in Cucumber's formats: Cucumber JSON and Cucumber messages."""

import base64
import platform
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import orjson
from gherkin.stream.id_generator import IdGenerator

from segment_insider_emulator import __version__
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.feature_index import (
    FeatureIndex,
    FeatureTag,
    UnreadableFeature,
    build_feature_index,
    find_feature_index,
)
from segment_insider_scenarios.feature_parser import read_feature_text
from segment_insider_scenarios.reports import RunResults, ScenarioResult, StepResult

NANOSECONDS_PER_SECOND = 1_000_000_000
# The form has no word for a step that was interrupted; none of its other words says "passed".
STEP_STATUSES = {"unknown": "pending"}


def render_cucumber_json(results: RunResults, root: Path) -> bytes:
    """Return a scenario run as Cucumber JSON: a list of features.

    Args:
        root: Where the run began: feature files are named from there.
    """
    features = [
        _json_feature(file, scenarios, find_feature_index((root / file).absolute()))
        for file, scenarios in results.group_by_feature()
    ]
    features += [_json_unreadable_file(file.where, file.message) for file in results.unreadable]
    return orjson.dumps(features, option=orjson.OPT_INDENT_2) + b"\n"


def _json_feature(
    file: str, scenarios: list[ScenarioResult], index: FeatureIndex | None
) -> JSONObject:
    name = scenarios[0].feature
    return {
        "uri": file,
        "id": _slugify(name),
        "keyword": index.keyword if index else "Feature",
        "name": name,
        "description": index.description if index else "",
        "line": index.line if index else 1,
        "tags": _json_feature_tags(index.tags) if index else [],
        "elements": [_json_scenario(scenario, index) for scenario in scenarios],
    }


def _json_unreadable_file(file: str, message: str) -> JSONObject:
    broken = ScenarioResult(file, file, "The file can be read", "failed", 0.0, message)
    return _json_feature(file, [broken], None)


def _json_scenario(scenario: ScenarioResult, index: FeatureIndex | None) -> JSONObject:
    indexed = index.find_scenario(scenario.line, scenario.row) if index else None
    # Several rows may have one name, and importers tell elements apart by their id.
    number = f";{scenario.row + 1}" if scenario.row_line else ""
    element: JSONObject = {
        "id": f"{_slugify(scenario.feature)};{_slugify(scenario.scenario)}{number}",
        "keyword": indexed.keyword if indexed else "Scenario",
        "type": "scenario",
        "name": indexed.name if indexed else scenario.scenario,
        "description": indexed.description if indexed else "",
        "line": scenario.row_line or scenario.line or 1,
        "tags": [{"name": tag.name} for tag in indexed.tags] if indexed else [],
        "steps": [_json_step(step) for step in scenario.steps],
    }
    if scenario.started_at:
        element["start_timestamp"] = scenario.started_at
    if scenario.verdict == "failed" and not scenario.steps:
        element["steps"] = [_json_failed_step(scenario)]
    return element


def _json_feature_tags(tags: Iterable[FeatureTag]) -> list[JSONObject]:
    return [
        {"name": tag.name, "type": "Tag", "location": {"line": tag.line, "column": tag.column}}
        for tag in tags
    ]


def _json_failed_step(scenario: ScenarioResult) -> JSONObject:
    """Return a step for a scenario that failed without any: importers read only steps."""
    result = {"status": "failed", "duration": 0, "error_message": scenario.failure or ""}
    return {
        "keyword": "* ",
        "name": "the scenario can be run",
        "line": scenario.line or 1,
        "match": {"location": scenario.where},
        "result": result,
    }


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


PROTOCOL_VERSION = "34.2.1"  # the version of the messages that this follows
GHERKIN_MEDIA_TYPE = "text/x.cucumber.gherkin+plain"


def render_cucumber_messages(results: RunResults, root: Path) -> bytes:
    """Return a scenario run as Cucumber messages, one JSON object a line.

    Args:
        root: Where the run began: feature files are named from there.
    """
    return b"".join(
        orjson.dumps(message) + b"\n"
        for message in _CucumberMessageWriter(results, root).iterate_messages()
    )


class _CucumberMessageWriter:
    """Writer of a scenario run's Cucumber messages, which refer to each other by id."""

    def __init__(self, results: RunResults, root: Path) -> None:
        self._results, self._root = results, root
        self._ids = IdGenerator()
        self._run_id = self._ids.get_next_id()

    def iterate_messages(self) -> Iterator[JSONObject]:
        yield {"meta": _meta_message()}
        pickles: dict[tuple[str, int, int], JSONObject] = {}
        for file in self._list_feature_files():
            yield from self._source_messages(file, pickles)
        started = {"id": self._run_id, "timestamp": _timestamp_message(self._results.started_at)}
        yield {"testRunStarted": started}
        for _, scenarios in self._results.group_by_feature():
            for scenario in scenarios:
                if pickle := pickles.get(scenario.sort_key):
                    yield from self._test_case_messages(scenario, pickle)
        yield {"testRunFinished": self._run_finished_message()}

    def _list_feature_files(self) -> list[str]:
        files = [file for file, _ in self._results.group_by_feature()]
        broken = [file.where for file in self._results.unreadable]
        return sorted({*files, *broken})

    def _source_messages(
        self, file: str, pickles: dict[tuple[str, int, int], JSONObject]
    ) -> Iterator[JSONObject]:
        """Yield the Cucumber messages of a feature file, and add its scenarios to *pickles*."""
        try:
            text = read_feature_text(self._root / file)
        except EmulatorError as error:
            yield _parse_error_message(file, str(error))
            return
        yield {"source": {"uri": file, "data": text, "mediaType": GHERKIN_MEDIA_TYPE}}
        try:
            index = build_feature_index(text, file, self._ids)
        except UnreadableFeature as error:
            yield _parse_error_message(file, str(error))
            return
        yield {"gherkinDocument": index.document}
        for scenario in index.scenarios:
            pickles[file, scenario.line, scenario.row] = scenario.pickle
            yield {"pickle": scenario.pickle}

    def _test_case_messages(
        self, scenario: ScenarioResult, pickle: JSONObject
    ) -> Iterator[JSONObject]:
        case, attempt = self._ids.get_next_id(), self._ids.get_next_id()
        at = _parse_start_time(scenario.started_at, self._results.started_at)
        steps = [(self._ids.get_next_id(), step) for step in pickle["steps"]]
        test_steps = [_test_step_message(id, step) for id, step in steps]
        yield {
            "testCase": {
                "id": case, "pickleId": pickle["id"], "testSteps": test_steps,
                "testRunStartedId": self._run_id,
            }
        }  # fmt: skip
        yield {
            "testCaseStarted": {
                "id": attempt, "testCaseId": case, "attempt": 0,
                "timestamp": _timestamp_message(at),
            }
        }  # fmt: skip
        # Cucumber gives a scenario without steps of its own none of its Background.
        for (id, _), result in zip(steps, scenario.steps, strict=bool(steps)):
            yield from _step_messages(attempt, id, result, at)
            at += timedelta(seconds=result.seconds)
        yield {
            "testCaseFinished": {
                "testCaseStartedId": attempt, "timestamp": _timestamp_message(at),
                "willBeRetried": False,
            }
        }  # fmt: skip

    def _run_finished_message(self) -> JSONObject:
        message: JSONObject = {
            "success": self._results.passed,
            "timestamp": _timestamp_message(self._results.ended_at),
            "testRunStartedId": self._run_id,
        }
        if self._results.interrupted:
            message["message"] = "The run was interrupted: scenarios are missing."
        return message


def _step_messages(attempt: str, id: str, result: StepResult, at: datetime) -> Iterator[JSONObject]:
    ids = {"testCaseStartedId": attempt, "testStepId": id}
    yield {"testStepStarted": {**ids, "timestamp": _timestamp_message(at)}}
    if result.traffic is not None:
        yield {"attachment": {**ids, **_traffic_attachment(result.traffic)}}
    outcome: JSONObject = {
        "status": result.verdict.upper(),
        "duration": _duration_message(round(result.seconds * NANOSECONDS_PER_SECOND)),
    }
    if result.failure:
        outcome["message"] = result.failure
    end = _timestamp_message(at + timedelta(seconds=result.seconds))
    yield {"testStepFinished": {**ids, "testStepResult": outcome, "timestamp": end}}


def _traffic_attachment(traffic: JSON) -> JSONObject:
    return {
        "body": base64.b64encode(orjson.dumps(traffic)).decode(),
        "contentEncoding": "BASE64",
        "mediaType": "application/json",
        "fileName": "traffic.json",
    }


def _test_step_message(id: str, step: JSONObject) -> JSONObject:
    # Without definitions: a viewer would show their patterns, and people know the words.
    return {"id": id, "pickleStepId": step["id"], "stepDefinitionIds": []}


def _parse_error_message(file: str, message: str) -> JSONObject:
    return {"parseError": {"source": {"uri": file}, "message": message}}


def _meta_message() -> JSONObject:
    return {
        "protocolVersion": PROTOCOL_VERSION,
        "implementation": {"name": "segment-insider-emulator", "version": __version__},
        "runtime": {"name": "python", "version": platform.python_version()},
        "os": {"name": platform.system(), "version": platform.release()},
        "cpu": {"name": platform.machine()},
    }


def _parse_start_time(iso: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(iso) if iso else otherwise


def _timestamp_message(moment: datetime) -> JSONObject:
    return {"seconds": int(moment.timestamp()), "nanos": moment.microsecond * 1000}


def _duration_message(nanoseconds: int) -> JSONObject:
    seconds, nanos = divmod(nanoseconds, NANOSECONDS_PER_SECOND)
    return {"seconds": seconds, "nanos": nanos}
