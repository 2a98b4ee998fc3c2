"""The control API answers what its description says, and the description leaves nothing out."""

from typing import Any

import orjson
import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_checks import check_operation
from schemathesis import GenerationMode

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.control_api.openapi import (
    CONTROL_API_PREFIX,
    UNDOCUMENTED_OPERATION,
    build_control_api_openapi,
    find_api_operation,
)
from segment_insider_emulator.workspace import load_preset_workspace

ADDRESS = "/emulator/v1/openapi.json"
JSON_TYPE = "application/json"


def emulator() -> Flask:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    call = {"writeKey": "wk_demo", "userId": "ada", "traits": {"email": "ada@x.io"}}
    app.test_client().post("/v1/identify", json=call)
    return app


APP = emulator()
DESCRIBED = build_control_api_openapi(APP)
CALLS = [(method, path) for path, methods in DESCRIBED["paths"].items() for method in methods]


def operation(method: str, path: str) -> Any:
    return DESCRIBED["paths"][path][method]


def bodies(method: str, path: str) -> Any:
    """Content type -> what is told of such a body."""
    return operation(method, path).get("requestBody", {"content": {}})["content"]


def can_be_wrong(method: str, path: str) -> bool:
    """Whether anything can be sent there that the description does not allow."""
    told = operation(method, path)
    texts = [
        each["in"] == "path" and "maximum" not in each["schema"] for each in told["parameters"]
    ]
    return "requestBody" in told or not all(texts)


TRIED = [
    pytest.param(method, path, mode, id=f"{method} {path} {mode.value}")
    for method, path in CALLS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or can_be_wrong(method, path)
]


def test_every_route_of_the_control_api_is_documented() -> None:
    endpoints = [
        rule.endpoint
        for rule in APP.url_map.iter_rules()
        if rule.rule.startswith(CONTROL_API_PREFIX)
        and find_api_operation(APP, rule.endpoint) is UNDOCUMENTED_OPERATION
    ]
    assert endpoints == ["insider.described"]  # it belongs to the other API


def test_every_address_says_what_it_does() -> None:
    silent = [call for call in CALLS if not operation(*call)["summary"]]
    assert silent == []


def test_the_schemas_are_json_schemas() -> None:
    for schema in DESCRIBED["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_description_is_served() -> None:
    assert orjson.loads(APP.test_client().get(ADDRESS).data) == DESCRIBED


@pytest.mark.parametrize(
    ("method", "path"),
    [call for call in CALLS if JSON_TYPE in bodies(*call)],
)
def test_each_example_is_taken(method: str, path: str) -> None:
    example = bodies(method, path)[JSON_TYPE]["example"]
    headers = {"X-InOne-Role": "Administrator"}
    there = path.replace("{id}", "default" if "sandboxes" in path else "1")
    answer = emulator().test_client().open(there, method=method, json=example, headers=headers)
    expected = next(iter(operation(method, path)["responses"]))
    assert str(answer.status_code) == expected, answer.data


@pytest.mark.parametrize(("method", "path", "mode"), TRIED)
def test_every_answer_is_described(method: str, path: str, mode: GenerationMode) -> None:
    check_operation(APP, ADDRESS, (method, path), mode, prepare=impatient)


def impatient(case: Any) -> None:
    if case.path.endswith("/wait-for") and isinstance(case.body, dict):
        case.body["timeout"] = "0.001 s"
