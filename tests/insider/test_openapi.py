"""The responses of the unification host match its OpenAPI description."""

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_checks import check_operation
from schemathesis import GenerationMode

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.insider.account_options import (
    DEFAULT_RATE_LIMITS,
    InsiderAccountOptions,
)
from segment_insider_emulator.insider.openapi import OPENAPI_PATH, build_openapi
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace import load_preset_workspace

KEYS = {"x-partner-name": "mybrand", "x-request-token": "test-key"}
CONTACT_KEY_SUFFIXES = {"unsubscribe": "unsubscribe", "subscribe": "resubscribe"}


def get_keys(path: str) -> dict[str, str]:
    """Return the headers that authenticate a request to *path*; the Contact API has own keys."""
    for action in ("unsubscribe", "subscribe"):
        if path.endswith(f"/{action}"):
            return {**KEYS, "x-request-token": f"test-key-{CONTACT_KEY_SUFFIXES[action]}"}
    return KEYS


CALLS = [
    (method, path) for path, operations in build_openapi()["paths"].items() for method in operations
]


@pytest.fixture(scope="module")
def app() -> Any:
    """An emulator without rate limits."""
    unlimited = InsiderAccountOptions(rates=dict.fromkeys(DEFAULT_RATE_LIMITS))
    return create_app(
        Config(db=":memory:"), replace(load_preset_workspace("guide"), insider_options=unlimited)
    )


@pytest.mark.extended_variants
@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
def test_every_response_matches_the_description(
    app: Any, method: str, path: str, mode: GenerationMode
) -> None:
    check_operation(app, OPENAPI_PATH, (method, path), mode, headers=get_keys(path))


def get_sample(method: str, path: str) -> JSON:
    content = build_openapi()["paths"][path][method]["requestBody"]["content"]
    return content["application/json"]["example"]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_each_sample_of_the_description_is_accepted(app: Any, method: str, path: str) -> None:
    client = app.test_client()
    client.post("/emulator/v1/reset")
    upsert = CALLS[0]
    client.post(upsert[1], json=get_sample(*upsert), headers=KEYS)
    response = client.open(
        path, method=method.upper(), json=get_sample(method, path), headers=get_keys(path)
    )
    # No profile of this emulator has the Profile ID of the sample.
    assert response.status_code == (404 if path.startswith("/api/contact/") else 200), response.data


def test_the_schemas_are_json_schemas() -> None:
    for schema in build_openapi()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_description_is_served_as_json(app: Any) -> None:
    assert json.loads(app.test_client().get(OPENAPI_PATH).data) == build_openapi()
