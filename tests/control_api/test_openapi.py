"""The control API matches its OpenAPI description, which has every route."""

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

OPENAPI_PATH = "/emulator/v1/openapi.json"
JSON_TYPE = "application/json"


def emulator() -> Flask:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    call = {"writeKey": "wk_demo", "userId": "ada", "traits": {"email": "ada@x.io"}}
    app.test_client().post("/v1/identify", json=call)
    return app


APP = emulator()
OPENAPI = build_control_api_openapi(APP)
CALLS = [(method, path) for path, methods in OPENAPI["paths"].items() for method in methods]


def get_operation(method: str, path: str) -> Any:
    return OPENAPI["paths"][path][method]


def get_request_bodies(method: str, path: str) -> Any:
    """Return content type -> description of such a body."""
    return get_operation(method, path).get("requestBody", {"content": {}})["content"]


def can_be_invalid(method: str, path: str) -> bool:
    """Return whether a request can violate the description."""
    described = get_operation(method, path)
    texts = [
        parameter["in"] == "path" and "maximum" not in parameter["schema"]
        for parameter in described["parameters"]
    ]
    return "requestBody" in described or not all(texts)


TESTED_CALLS = [
    pytest.param(
        method,
        path,
        mode,
        id=f"{method} {path} {mode.value}",
        marks=[pytest.mark.extended] if mode is GenerationMode.NEGATIVE else [],
    )
    for method, path in CALLS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or can_be_invalid(method, path)
]


def test_every_route_of_the_control_api_is_documented() -> None:
    endpoints = [
        rule.endpoint
        for rule in APP.url_map.iter_rules()
        if rule.rule.startswith(CONTROL_API_PREFIX)
        and find_api_operation(APP, rule.endpoint) is UNDOCUMENTED_OPERATION
    ]
    assert endpoints == ["insider.described"]  # it belongs to the other API


def test_every_operation_has_a_description() -> None:
    silent = [call for call in CALLS if not get_operation(*call)["summary"]]
    assert silent == []


def test_the_schemas_are_json_schemas() -> None:
    for schema in OPENAPI["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_description_is_served() -> None:
    assert orjson.loads(APP.test_client().get(OPENAPI_PATH).data) == OPENAPI


@pytest.mark.parametrize(
    ("method", "path"),
    [call for call in CALLS if JSON_TYPE in get_request_bodies(*call)],
)
def test_each_example_is_accepted(method: str, path: str) -> None:
    example = get_request_bodies(method, path)[JSON_TYPE]["example"]
    headers = {"X-InOne-Role": "Administrator"}
    client = emulator().test_client()
    profile_id = client.get("/emulator/v1/profiles").get_json()["profiles"][0]["id"]
    ids = {"sandboxes": "default", "profiles": profile_id}
    there = path.replace("{id}", ids.get(path.split("/")[3], "1"))
    response = client.open(there, method=method, json=example, headers=headers)
    expected = next(iter(get_operation(method, path)["responses"]))
    assert str(response.status_code) == expected, response.data


@pytest.mark.extended_variants
@pytest.mark.parametrize(("method", "path", "mode"), TESTED_CALLS)
def test_every_response_matches_the_description(
    method: str, path: str, mode: GenerationMode
) -> None:
    check_operation(APP, OPENAPI_PATH, (method, path), mode, prepare=shorten_timeout)


def shorten_timeout(case: Any) -> None:
    if case.path.endswith("/wait-for") and isinstance(case.body, dict):
        case.body["timeout"] = "0.001 s"
