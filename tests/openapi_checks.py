"""Check the answers of an emulator against the OpenAPI document that it serves."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

# Without the checks that invalid input is rejected and valid input accepted: Segment accepts
# invalid calls, a failed user is answered with 200, and no schema says whether something exists.
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
EXAMPLES_PER_OPERATION = 5  # tests/soak/openapi_fuzzing.py tries many more


@cache
def load_served_document(app: Flask, address: str) -> OpenApiSchema:
    """Load the description that *app* serves, once for all of its operations."""
    return schemathesis.openapi.from_wsgi(address, app)


def check_operation(
    app: Flask,
    address: str,
    call: tuple[str, str],
    mode: GenerationMode,
    *,
    headers: Mapping[str, str] | None = None,
    prepare: Callable[[Any], None] = lambda case: None,
) -> None:
    """Send generated requests to *call*, a method and a path, and check the answers.

    Args:
        address: Where *app* serves the description.
        mode: Whether what is sent is such as the description allows.
        prepare: Changes a case before it is sent.
    """
    method, path = call
    operation = load_served_document(app, address)[path][method.upper()]
    cases = operation.as_strategy(generation_mode=mode)

    @settings(max_examples=EXAMPLES_PER_OPERATION, suppress_health_check=list(HealthCheck))
    @given(cases)
    def answered(case: Any) -> None:
        prepare(case)
        case.call_and_validate(headers=headers, checks=list(CHECKS))

    answered()
