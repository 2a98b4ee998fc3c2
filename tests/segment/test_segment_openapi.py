"""What Segment's end answers is what its description says, and its samples are taken."""

from typing import Any

import orjson
import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_checks import check_operation
from schemathesis import GenerationMode

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.segment.openapi import build_segment_openapi
from segment_insider_emulator.workspace import load_preset_workspace

ADDRESS = "/emulator/v1/openapi/segment.json"
DESCRIBED = build_segment_openapi()
CALLS = [(method, path) for path, methods in DESCRIBED["paths"].items() for method in methods]
TRIED = [
    pytest.param(method, path, mode, id=f"{method} {path} {mode.value}")
    for method, path in CALLS
    for mode in GenerationMode
    # Any text may be a write key: nothing that could be sent there is wrong.
    if mode is GenerationMode.POSITIVE or not path.endswith("/settings")
]
SAMPLES = [
    path
    for path, methods in DESCRIBED["paths"].items()
    if "application/json" in methods.get("post", {}).get("requestBody", {}).get("content", {})
]


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Config(db=":memory:"), load_preset_workspace("guide"))


@pytest.mark.parametrize(("method", "path", "mode"), TRIED)
def test_every_answer_is_described(
    app: Flask, method: str, path: str, mode: GenerationMode
) -> None:
    check_operation(app, ADDRESS, (method, path), mode)


@pytest.mark.parametrize("path", SAMPLES)
def test_no_call_of_a_sample_is_dropped(app: Flask, path: str) -> None:
    client = app.test_client()
    client.post("/emulator/v1/reset")
    content: Any = DESCRIBED["paths"][path]["post"]["requestBody"]["content"]
    sample = content["application/json"]["example"]
    assert client.post(path, json=sample).get_json() == {"success": True}
    kept = client.get("/emulator/v1/messages").get_json()["messages"]
    assert [each["message"] for each in kept] == sample.get("batch", [kept[0]["message"]])
    assert [each["reason"] for each in kept if each["verdict"] == "rejected"] == []


def test_the_schemas_are_json_schemas() -> None:
    for schema in DESCRIBED["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_description_is_served(app: Flask) -> None:
    assert orjson.loads(app.test_client().get(ADDRESS).data) == DESCRIBED
