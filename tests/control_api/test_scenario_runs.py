"""Runs of scenarios, as test runners report them."""

from typing import Any

import pytest
from flask.testing import FlaskClient

PATH = "/emulator/v1/scenario-runs"
STEP = {"keyword": "Then", "text": "she is reachable", "line": 7, "verdict": "passed"}
SCENARIO = {"name": "An order", "line": 5, "verdict": "passed", "seconds": 0.1, "steps": [STEP]}
FEATURE = {"name": "Purchase", "uri": "features/purchase.feature", "scenarios": [SCENARIO]}
RUN = {"startedAt": "2026-11-23T10:00:00Z", "features": [FEATURE]}


def build_run(**changes: Any) -> dict[str, Any]:
    return {**RUN, "features": [{**FEATURE, "scenarios": [{**SCENARIO, **changes}]}]}


def test_a_reported_run_is_listed(client: FlaskClient) -> None:
    failed = build_run(verdict="failed", messages=["m1"], sandbox="s-1", failure="wanted 2")
    assert client.post(PATH, json=RUN).json == {"id": 1}
    assert client.post(PATH, json=failed).status_code == 201
    expected = [{"id": 1, **RUN}, {"id": 2, **failed}]
    assert client.get(PATH).json == {"scenarioRuns": expected, "next": None}


def test_the_last_fifty_runs_are_stored(client: FlaskClient) -> None:
    for _ in range(52):
        client.post(PATH, json=RUN)
    listed: Any = client.get(PATH).json
    assert [run["id"] for run in listed["scenarioRuns"]] == list(range(3, 53))


def test_a_reset_deletes_captured_data_but_no_run(client: FlaskClient) -> None:
    client.post(PATH, json=RUN)
    client.post("/emulator/v1/reset")
    assert client.get(PATH).json == {"scenarioRuns": [{"id": 1, **RUN}], "next": None}


@pytest.mark.parametrize(
    ("body", "where", "remedy"),
    [
        pytest.param(b"{", "body", "Send one run as a JSON object.", id="no JSON"),
        pytest.param({}, "body", "Send startedAt and features.", id="empty"),
        pytest.param(
            build_run(verdict="green"),
            "body.features[0].scenarios[0].verdict",
            "Send passed, failed or skipped.",
            id="a verdict that is none",
        ),
        pytest.param(
            build_run(failure="x" * 20_001),
            "body.features[0].scenarios[0].failure",
            "Send what was expected and what was received, 20,000 characters at most.",
            id="a failure without end",
        ),
        pytest.param(
            {**RUN, "startedAt": "yesterday"},
            "body.startedAt",
            "Send an ISO 8601 time with its zone, such as 2026-11-23T10:00:00Z.",
            id="a time that is none",
        ),
        pytest.param(
            b'{"features":' + b"[" * 50 + b"]" * 50 + b"}",
            "body",
            "Send what the docs show.",
            id="too deep",
        ),
        pytest.param(
            b" " * 5_000_001,
            "body",
            "Keep it below 5,000,000 bytes: report fewer features at once.",
            id="too large",
        ),
    ],
)
def test_an_invalid_report_is_refused_with_its_path(
    client: FlaskClient, body: Any, where: str, remedy: str
) -> None:
    response = client.post(PATH, **({"data": body} if isinstance(body, bytes) else {"json": body}))
    result: Any = response.json
    assert (response.status_code, result["error"]["where"], result["error"]["remedy"]) == (
        400,
        where,
        remedy,
    )
    assert len(result["error"]["what"]) < 300
