"""Cucumber's two forms: its own schema and viewers take them, and no step passes by mistake."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from reports.conftest import Reported

# Asks Cucumber's own reader what it makes of the messages, as its viewers do.
READ = """\
import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { Query } from "@cucumber/query";
import { parseEnvelope } from "@cucumber/messages";
import formatter from "@cucumber/html-formatter";
const query = new Query();
const envelopes = [];
for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
  const envelope = parseEnvelope(line);
  query.update(envelope);
  envelopes.push(envelope);
}
const Formatter = formatter.CucumberHtmlStream ?? formatter.default ?? formatter;
await pipeline(Readable.from(envelopes), new Formatter(), createWriteStream(process.argv[3]));
const told = query.findAllTestCaseStarted().map((started) => [
  query.findPickleBy(started).name,
  query.findMostSevereTestStepResultBy(started)?.status ?? "UNKNOWN",
  query.findTestStepFinishedAndTestStepBy(started).map(([f]) => f.testStepResult.status),
]);
console.log(JSON.stringify(told));
"""


def embedded(step: Any) -> Any:
    [found] = step["embeddings"]
    return json.loads(base64.b64decode(found["data"]))


def statuses(reported: Reported) -> dict[str, list[list[str]]]:
    """Scenario -> the statuses of its steps, for each row."""
    found: dict[str, list[list[str]]] = {}
    for feature in json.loads(reported.read("report.json")):
        for element in feature["elements"]:
            steps = [*element.get("before", []), *element["steps"]]
            told = [step["result"]["status"] for step in steps]
            found.setdefault(element["name"], []).append(told)
    return found


def test_the_json_has_each_step_s_end(reported: Reported) -> None:
    assert statuses(reported) == {
        "It passes": [["passed", "passed"]],
        "It fails": [["passed", "passed", "failed", "skipped"]],
        "It is not known": [["undefined", "skipped"]],
        "It checks nothing": [["failed"]],
        "It has rows": [["passed", "passed"], ["passed", "failed"]],
        "Later": [["skipped", "skipped"]],
        "The file can be read": [["failed"]],
    }


def test_the_json_has_tables_texts_and_traffic_at_their_step(reported: Reported) -> None:
    features = json.loads(reported.read("report.json"))
    [ends] = [feature for feature in features if feature["name"] == "Ends"]
    wish, fails = ends["elements"][:2]
    assert wish["steps"][0]["rows"][0] == {"cells": ["property", "value"]}
    assert fails["steps"][1]["doc_string"]["value"] == '{"event": "Wish Listed", "userId": "ada"}'
    traffic = embedded(wish["steps"][0])
    assert [message["event"] for message in traffic["messages"]] == ["Wish Listed"]
    assert [delivery["verdict"] for delivery in traffic["deliveries"]] == ["accepted"]
    assert embedded(wish["steps"][1]) == {"messages": [], "deliveries": []}


@pytest.mark.parametrize("kind", ["reported", "interrupted"])
def test_cucumber_s_schema_takes_every_message(
    cucumber: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    messages = request.getfixturevalue(kind).messages()
    published = cucumber / "node_modules" / "@cucumber" / "messages" / "messages.schema.json"
    schema = json.loads(published.read_text("utf-8"))
    parts = [(id, DRAFT202012.create_resource(part)) for id, part in schema["$defs"].items()]
    validator = Draft202012Validator(schema, registry=Registry().with_resources(parts))
    faults = [error.message for message in messages for error in validator.iter_errors(message)]
    assert faults == []


def test_cucumber_s_own_reader_finds_the_same_ends(
    cucumber: Path, reported: Reported, tmp_path: Path
) -> None:
    script, page = cucumber / "read.mjs", tmp_path / "cucumber.html"
    script.write_text(READ)
    ran = subprocess.run(
        ["node", str(script), str(reported.folder / "report.ndjson"), str(page)],
        cwd=cucumber, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [
        ["It passes", "PASSED", ["PASSED", "PASSED"]],
        ["It fails", "FAILED", ["PASSED", "PASSED", "FAILED", "SKIPPED"]],
        ["It is not known", "UNDEFINED", ["UNDEFINED", "SKIPPED"]],
        ["It checks nothing", "FAILED", ["FAILED"]],
        ["It has rows", "PASSED", ["PASSED", "PASSED"]],
        ["It has rows", "FAILED", ["PASSED", "FAILED"]],
        ["Later", "SKIPPED", ["SKIPPED", "SKIPPED"]],
    ]
    assert "<html" in page.read_text("utf-8")


def test_a_file_that_cannot_be_read_is_a_parse_error(reported: Reported) -> None:
    errors = [message["parseError"] for message in reported.messages() if "parseError" in message]
    assert [error["source"] for error in errors] == [{"uri": "broken.feature"}]


def test_a_run_is_a_success_when_all_passed(reported: Reported, interrupted: Reported) -> None:
    ends = [run.messages()[-1]["testRunFinished"]["success"] for run in (reported, interrupted)]
    assert ends == [False, False]


def test_steps_that_were_interrupted_did_not_pass(interrupted: Reported) -> None:
    assert interrupted.code == 130
    assert interrupted.stdout.splitlines()[-1] == "3 scenarios: 1 passed, 1 failed, 1 not run"
    assert statuses(interrupted) == {
        "First": [["passed", "passed"]],
        "Second": [["passed", "pending", "skipped"]],
    }
