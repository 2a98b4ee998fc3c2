"""Cucumber messages: one JSON object a line, which Cucumber's own viewers read.

The feature files are parsed with Cucumber's own parser, and the results put to what it makes of
them.
"""

import base64
import platform
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from gherkin.ast_builder import AstBuilder
from gherkin.errors import ParserError
from gherkin.parser import Parser
from gherkin.pickles.compiler import Compiler
from gherkin.stream.id_generator import IdGenerator

from segment_insider_emulator import __version__
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.feature_files import read_text
from segment_insider_scenarios.reports.results import Results, ScenarioResult, StepResult

PROTOCOL = "34.2.1"  # the version of the messages that this follows
MEDIA_TYPE = "text/x.cucumber.gherkin+plain"
NANOSECONDS = 1_000_000_000


def cucumber_messages(results: Results, root: Path) -> bytes:
    """The messages of one run.

    Args:
        root: Where the run began: feature files are named from there.
    """
    return b"".join(orjson.dumps(each) + b"\n" for each in _Writer(results, root).envelopes())


class _Writer:
    """Numbers what it writes: messages refer to each other by id."""

    def __init__(self, results: Results, root: Path) -> None:
        self._results, self._root = results, root
        self._ids = IdGenerator()
        self._run = self._ids.get_next_id()

    def envelopes(self) -> Iterator[JSONObject]:
        yield {"meta": _meta()}
        pickles: dict[tuple[str, int, int], JSONObject] = {}
        for file in self._files():
            yield from self._source(file, pickles)
        started = {"id": self._run, "timestamp": _timestamp(self._results.started_at)}
        yield {"testRunStarted": started}
        for _, scenarios in self._results.features():
            for scenario in scenarios:
                if pickle := pickles.get(scenario.place):
                    yield from self._case(scenario, pickle)
        yield {"testRunFinished": self._finished()}

    def _files(self) -> list[str]:
        files = [file for file, _ in self._results.features()]
        broken = [each.where for each in self._results.unreadable]
        return sorted({*files, *broken})

    def _source(
        self, file: str, pickles: dict[tuple[str, int, int], JSONObject]
    ) -> Iterator[JSONObject]:
        """A file, what the parser makes of it, and the scenarios in it, which *pickles* takes."""
        try:
            text = read_text(self._root / file)
        except EmulatorError as error:
            yield _parse_error(file, str(error))
            return
        yield {"source": {"uri": file, "data": text, "mediaType": MEDIA_TYPE}}
        try:
            document: Any = Parser(AstBuilder(self._ids)).parse(text)
        except ParserError as error:
            yield _parse_error(file, str(error))
            return
        document["uri"] = file
        yield {"gherkinDocument": document}
        lines = dict(_scenario_lines(document.get("feature") or {}))
        rows: dict[int, int] = {}
        compiled: Any = Compiler(self._ids).compile(document)
        for pickle in compiled:
            line = lines[pickle["astNodeIds"][0]]
            rows[line] = rows.get(line, -1) + 1
            pickles[file, line, rows[line]] = pickle
            yield {"pickle": pickle}

    def _case(self, scenario: ScenarioResult, pickle: JSONObject) -> Iterator[JSONObject]:
        case, attempt = self._ids.get_next_id(), self._ids.get_next_id()
        at = _moment(scenario.started_at, self._results.started_at)
        steps = [(self._ids.get_next_id(), each) for each in pickle["steps"]]
        made = [_test_step(id, each) for id, each in steps]
        yield {
            "testCase": {
                "id": case, "pickleId": pickle["id"], "testSteps": made,
                "testRunStartedId": self._run,
            }
        }  # fmt: skip
        yield {
            "testCaseStarted": {
                "id": attempt, "testCaseId": case, "attempt": 0, "timestamp": _timestamp(at),
            }
        }  # fmt: skip
        # Cucumber gives a scenario without steps of its own none of its Background.
        for (id, _), result in zip(steps, scenario.steps, strict=bool(steps)):
            yield from _step(attempt, id, result, at)
            at += timedelta(seconds=result.seconds)
        yield {
            "testCaseFinished": {
                "testCaseStartedId": attempt, "timestamp": _timestamp(at), "willBeRetried": False,
            }
        }  # fmt: skip

    def _finished(self) -> JSONObject:
        told: JSONObject = {
            "success": self._results.passed,
            "timestamp": _timestamp(self._results.ended_at),
            "testRunStartedId": self._run,
        }
        if self._results.interrupted:
            told["message"] = "The run was interrupted: scenarios are missing."
        return told


def _step(attempt: str, id: str, result: StepResult, at: datetime) -> Iterator[JSONObject]:
    ids = {"testCaseStartedId": attempt, "testStepId": id}
    yield {"testStepStarted": {**ids, "timestamp": _timestamp(at)}}
    if result.traffic is not None:
        yield {"attachment": {**ids, **_attachment(result.traffic)}}
    outcome: JSONObject = {
        "status": result.verdict.upper(),
        "duration": _duration(round(result.seconds * NANOSECONDS)),
    }
    if result.failure:
        outcome["message"] = result.failure
    end = _timestamp(at + timedelta(seconds=result.seconds))
    yield {"testStepFinished": {**ids, "testStepResult": outcome, "timestamp": end}}


def _attachment(traffic: JSON) -> JSONObject:
    return {
        "body": base64.b64encode(orjson.dumps(traffic)).decode(),
        "contentEncoding": "BASE64",
        "mediaType": "application/json",
        "fileName": "traffic.json",
    }


def _test_step(id: str, step: JSONObject) -> JSONObject:
    # Without definitions: a viewer would show their patterns, and people know the words.
    return {"id": id, "pickleStepId": step["id"], "stepDefinitionIds": []}


def _scenario_lines(inside: JSONObject) -> Iterator[tuple[str, int]]:
    """Id and line of each scenario of a feature or a rule."""
    children: Iterable[JSONObject] = inside.get("children", ())
    for child in children:
        if rule := child.get("rule"):
            yield from _scenario_lines(rule)
        if scenario := child.get("scenario"):
            yield scenario["id"], scenario["location"]["line"]


def _parse_error(file: str, told: str) -> JSONObject:
    return {"parseError": {"source": {"uri": file}, "message": told}}


def _meta() -> JSONObject:
    return {
        "protocolVersion": PROTOCOL,
        "implementation": {"name": "segment-insider-emulator", "version": __version__},
        "runtime": {"name": "python", "version": platform.python_version()},
        "os": {"name": platform.system(), "version": platform.release()},
        "cpu": {"name": platform.machine()},
    }


def _moment(iso: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(iso) if iso else otherwise


def _timestamp(moment: datetime) -> JSONObject:
    return {"seconds": int(moment.timestamp()), "nanos": moment.microsecond * 1000}


def _duration(nanoseconds: int) -> JSONObject:
    seconds, nanos = divmod(nanoseconds, NANOSECONDS)
    return {"seconds": seconds, "nanos": nanos}
