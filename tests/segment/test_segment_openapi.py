"""The responses of the Segment endpoints match their OpenAPI description, and its samples work."""

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

OPENAPI_PATH = "/emulator/v1/openapi/segment.json"
OPENAPI = build_segment_openapi()
CALLS = [(method, path) for path, methods in OPENAPI["paths"].items() for method in methods]
TESTED_CALLS = [
    pytest.param(method, path, mode, id=f"{method} {path} {mode.value}")
    for method, path in CALLS
    for mode in GenerationMode
    # Any text may be a write key: there are no invalid requests.
    if mode is GenerationMode.POSITIVE or not path.endswith("/settings")
]
SAMPLES = [
    path
    for path, methods in OPENAPI["paths"].items()
    if "application/json" in methods.get("post", {}).get("requestBody", {}).get("content", {})
]


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Config(db=":memory:"), load_preset_workspace("guide"))


@pytest.mark.extended_variants
@pytest.mark.parametrize(("method", "path", "mode"), TESTED_CALLS)
def test_every_response_matches_the_description(
    app: Flask, method: str, path: str, mode: GenerationMode
) -> None:
    check_operation(app, OPENAPI_PATH, (method, path), mode)


@pytest.mark.parametrize("path", SAMPLES)
def test_no_call_of_a_sample_is_dropped(app: Flask, path: str) -> None:
    client = app.test_client()
    client.post("/emulator/v1/reset")
    content: Any = OPENAPI["paths"][path]["post"]["requestBody"]["content"]
    sample = content["application/json"]["example"]
    assert client.post(path, json=sample).get_json() == {"success": True}
    messages = client.get("/emulator/v1/messages").get_json()["messages"]
    assert [message["message"] for message in messages] == sample.get(
        "batch", [messages[0]["message"]]
    )
    assert [message["reason"] for message in messages if message["verdict"] == "rejected"] == []


def test_the_schemas_are_json_schemas() -> None:
    for schema in OPENAPI["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_description_is_served(app: Flask) -> None:
    assert orjson.loads(app.test_client().get(OPENAPI_PATH).data) == OPENAPI
