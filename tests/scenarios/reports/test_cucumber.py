"""Both formats of Cucumber: valid in its schema and viewers, and no step passes by mistake."""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cucumber_messages import Envelope, message_converter
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from reports.conftest import ReportedRun

# Prints what the reader of Cucumber finds in the messages, as its viewers do.
READER_SCRIPT = """\
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
const results = query.findAllTestCaseStarted().map((started) => [
  query.findPickleBy(started).name,
  query.findMostSevereTestStepResultBy(started)?.status ?? "UNKNOWN",
  query.findTestStepFinishedAndTestStepBy(started).map(([f]) => f.testStepResult.status),
]);
console.log(JSON.stringify(results));
"""


TAGS = ["@observed", "@TEST_SHOP-12", "@REQ_SHOP-3", "@C123", "@TestCaseKey=ABC-T123"]
# Object -> keys that it must have and keys that it may have, as Cucumber's JVM writes them.
# Source: cucumber/cucumber-json-schema, schemas/cucumber-jvm.json.
KEYS = {
    "feature": ("uri id line keyword name description elements", "tags"),
    "element": (
        "line type keyword name description steps",
        "id tags start_timestamp before after",
    ),
    "step": ("keyword line name result", "match rows doc_string embeddings output before after"),
    "feature tag": ("name type location", ""),
    "element tag": ("name", ""),
    "result": ("status", "duration error_message"),
    "row": ("cells", ""),
    "doc string": ("line value", "content_type"),
    "embedding": ("mime_type data", "name"),
    "match": ("", "location arguments"),
}
STATUSES = {"passed", "failed", "skipped", "undefined", "pending"}
# Prints what Allure finds in each report.
ALLURE_SCRIPT = """\
import { cucumberjson, junitXml } from "@allurereport/reader";
import { BufferResultFile } from "@allurereport/reader-api";
import { readFileSync } from "node:fs";
const found = [];
const visitor = {
  visitTestResult: async (test) => found.push([test.name, test.status]),
  visitAttachmentFile: async () => {},
};
const [file, name] = process.argv.slice(2);
const reader = name.endsWith(".json") ? cucumberjson : junitXml;
await reader.read(visitor, new BufferResultFile(readFileSync(file), name));
console.log(JSON.stringify(found));
"""


def read_traffic(step: Any) -> Any:
    [embedding] = step["embeddings"]
    return json.loads(base64.b64decode(embedding["data"]))


def read_statuses(reported: ReportedRun) -> dict[str, list[list[str]]]:
    """Map each scenario to the statuses of its steps, for each row."""
    statuses_by_scenario: dict[str, list[list[str]]] = {}
    for feature in json.loads(reported.read("report.json")):
        for element in feature["elements"]:
            steps = [*element.get("before", []), *element["steps"]]
            step_statuses = [step["result"]["status"] for step in steps]
            statuses_by_scenario.setdefault(element["name"], []).append(step_statuses)
    return statuses_by_scenario


def test_the_json_has_the_status_of_each_step(reported: ReportedRun) -> None:
    assert read_statuses(reported) == {
        "It passes": [["passed", "passed"]],
        "It fails": [["passed", "passed", "failed", "skipped"]],
        "It is not known": [["undefined", "skipped"]],
        "It checks nothing": [["failed"]],
        "It has rows": [["passed", "passed"], ["passed", "failed"]],
        "Later": [["skipped", "skipped"]],
        "The file can be read": [["failed"]],
    }


def test_the_json_has_tables_texts_and_traffic_of_each_step(reported: ReportedRun) -> None:
    features = json.loads(reported.read("report.json"))
    [successes] = [feature for feature in features if feature["name"] == "Ends"]
    wish, fails = successes["elements"][:2]
    assert wish["steps"][0]["rows"][0] == {"cells": ["property", "value"]}
    assert fails["steps"][1]["doc_string"]["value"] == '{"event": "Wish Listed", "userId": "ada"}'
    traffic = read_traffic(wish["steps"][0])
    assert [message["event"] for message in traffic["messages"]] == ["Wish Listed"]
    assert [delivery["verdict"] for delivery in traffic["deliveries"]] == ["accepted"]
    assert read_traffic(wish["steps"][1]) == {"messages": [], "deliveries": []}


@pytest.mark.extended_variants
@pytest.mark.parametrize("kind", ["reported", "interrupted"])
def test_every_message_is_valid_in_the_schema_of_cucumber(
    cucumber: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    messages = request.getfixturevalue(kind).list_messages()
    published = cucumber / "node_modules" / "@cucumber" / "messages" / "messages.schema.json"
    schema = json.loads(published.read_text("utf-8"))
    parts = [(id, DRAFT202012.create_resource(part)) for id, part in schema["$defs"].items()]
    validator = Draft202012Validator(schema, registry=Registry().with_resources(parts))
    faults = [error.message for message in messages for error in validator.iter_errors(message)]
    assert faults == []


def test_the_reader_of_cucumber_finds_the_same_results(
    cucumber: Path, reported: ReportedRun, tmp_path: Path
) -> None:
    script, page = cucumber / "read.mjs", tmp_path / "cucumber.html"
    script.write_text(READER_SCRIPT)
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


def test_an_unreadable_file_is_a_parse_error(reported: ReportedRun) -> None:
    errors = [
        message["parseError"] for message in reported.list_messages() if "parseError" in message
    ]
    assert [error["source"] for error in errors] == [{"uri": "broken.feature"}]


def test_a_run_with_a_failure_is_no_success(
    reported: ReportedRun, interrupted: ReportedRun
) -> None:
    successes = [
        run.list_messages()[-1]["testRunFinished"]["success"] for run in (reported, interrupted)
    ]
    assert successes == [False, False]


def test_interrupted_steps_have_not_passed(interrupted: ReportedRun) -> None:
    assert interrupted.code == 130
    assert interrupted.stdout.splitlines()[-1] == "3 scenarios: 1 passed, 1 failed, 1 not run"
    assert read_statuses(interrupted) == {
        "First": [["passed", "passed"]],
        "Second": [["passed", "pending", "skipped"]],
    }


def test_the_json_has_tags_lines_and_descriptions(reported: ReportedRun) -> None:
    features = {feature["name"]: feature for feature in json.loads(reported.read("report.json"))}
    feature = features["Ends"]
    tag = {"name": "@ends", "type": "Tag", "location": {"line": 1, "column": 1}}
    assert (feature["line"], feature["tags"]) == (2, [tag])
    passed, *others = feature["elements"]
    assert [tag["name"] for tag in passed["tags"]] == ["@ends", *TAGS]
    assert (passed["line"], passed["description"]) == (4, "A wish\nof one mug.")
    rows = [(each["keyword"], each["line"], each["id"]) for each in others[-2:]]
    assert rows == [
        ("Scenario Outline", 37, "ends;it-has-rows;1"),
        ("Scenario Outline", 38, "ends;it-has-rows;2"),
    ]
    ids = [element["id"] for each in features.values() for element in each["elements"]]
    assert len(ids) == len(set(ids))


def test_the_classes_of_cucumber_read_each_message(reported: ReportedRun) -> None:
    envelopes = [
        message_converter.from_dict(message, Envelope) for message in reported.list_messages()
    ]
    tags = [tag.name for envelope in envelopes if envelope.pickle for tag in envelope.pickle.tags]
    assert {"@ends", *TAGS} == set(tags)


def iterate_json_objects(features: Any) -> Iterator[tuple[str, Any]]:
    """Yield kind and value of each object of a Cucumber JSON document."""
    for feature in features:
        yield "feature", feature
        yield from (("feature tag", tag) for tag in feature["tags"])
        for element in feature["elements"]:
            yield "element", element
            yield from (("element tag", tag) for tag in element["tags"])
            for step in element["steps"]:
                yield from (("step", step), ("result", step["result"]), ("match", step["match"]))
                yield from (("row", row) for row in step.get("rows", ()))
                yield from (("embedding", part) for part in step.get("embeddings", ()))
                yield from (("doc string", text) for text in [step.get("doc_string")] if text)


@pytest.mark.parametrize("kind", ["reported", "interrupted"])
def test_the_json_has_the_shape_of_cucumber_jvm(kind: str, request: pytest.FixtureRequest) -> None:
    features = json.loads(request.getfixturevalue(kind).read("report.json"))
    found = list(iterate_json_objects(features))
    assert len(found) > 20
    for noun, value in found:
        required, optional = (set(keys.split()) for keys in KEYS[noun])
        assert required <= value.keys() <= required | optional, (noun, value)
        assert noun != "result" or value["status"] in STATUSES


def test_each_failed_scenario_has_a_failed_step(reported: ReportedRun) -> None:
    # TestRail's importer reads steps alone: it takes a scenario without steps as passed.
    features = json.loads(reported.read("report.json"))
    elements = [element for feature in features for element in feature["elements"]]
    assert all(element["steps"] for element in elements)
    [broken] = [element for element in elements if element["name"] == "The file can be read"]
    assert [step["result"]["status"] for step in broken["steps"]] == ["failed"]


@pytest.mark.extended
@pytest.mark.parametrize(
    ("report", "undefined", "count"), [("report.json", "broken", 6), ("report.xml", "failed", 8)]
)
def test_allure_finds_the_same_results(
    reported: ReportedRun, npm_folder: Any, report: str, undefined: str, count: int
) -> None:
    folder = npm_folder("allure", "@allurereport/reader@3.18.0", "@allurereport/reader-api@3.18.0")
    (folder / "read.mjs").write_text(ALLURE_SCRIPT)
    command = ["node", "read.mjs", str(reported.folder / report), report]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout)
    assert found[:4] == [
        ["It passes", "passed"],
        ["It fails", "failed"],
        ["It is not known", undefined],
        ["It checks nothing", "failed"],
    ]
    assert len(found) == count
