"""Injected faults of the Segment endpoints, set through the control API."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace import load_preset_workspace

FAULTS = "/emulator/v1/faults/segment"
CALL = {"event": "Giraffe Fed", "userId": "ada", "writeKey": "wk_demo"}
DEFAULT_FAULT = {"status": 503, "retryAfter": None, "drop": False, "taken": False, "times": 1}


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["emulator"].store.close()


def count_messages(client: FlaskClient) -> int:
    return len(client.get("/emulator/v1/messages").json["messages"])  # type: ignore[index]  # JSON


def test_each_fault_applies_in_order_and_then_no_more(client: FlaskClient) -> None:
    client.post(FAULTS, json={"status": 500, "times": 2})
    client.post(FAULTS, json={"status": 429, "retryAfter": 7})
    responses = [client.post("/v1/track", json=CALL) for _ in range(4)]
    assert [
        (response.status_code, response.headers.get("Retry-After")) for response in responses
    ] == [
        (500, None),
        (500, None),
        (429, "7"),
        (200, None),
    ]
    assert count_messages(client) == 1


@pytest.mark.documented
def test_a_429_has_the_waiting_time_in_two_headers(client: FlaskClient) -> None:
    client.post(FAULTS, json={"status": 429, "retryAfter": 7})
    response = client.post("/v1/track", json=CALL)
    assert (response.headers["Retry-After"], response.headers["X-RateLimit-Reset"]) == ("7", "7")


def test_a_response_can_fail_after_the_call_was_accepted(client: FlaskClient) -> None:
    client.post(FAULTS, json={"taken": True})
    assert client.post("/v1/track", json=CALL).status_code == 503
    assert count_messages(client) == 1


@pytest.mark.parametrize("path", ["/v1/m", "/v1/projects/wk_demo/settings", "/emulator/v1/health"])
def test_faults_apply_to_calls_only(client: FlaskClient, path: str) -> None:
    client.post(FAULTS)
    assert client.open(path, method="POST" if path == "/v1/m" else "GET").status_code == 200
    assert client.get(FAULTS).json == {"faults": [DEFAULT_FAULT]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("DELETE", FAULTS, id="clear"),
        pytest.param("POST", "/emulator/v1/reset", id="reset"),
    ],
)
def test_faults_can_be_removed(client: FlaskClient, method: str, path: str) -> None:
    client.post(FAULTS, json={"drop": True, "times": 9})
    client.open(path, method=method)
    assert client.get(FAULTS).json == {"faults": []}


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        ({"status": 200}, "body.status"),
        ({"retryAfter": "soon"}, "body.retryAfter"),
        ({"times": 0}, "body.times"),
        ({"delay": 3}, "body"),
        ([], "body"),
    ],
)
def test_an_invalid_fault_is_refused(client: FlaskClient, fault: JSON, where: str) -> None:
    response = client.post(FAULTS, json=fault)
    assert (response.status_code, response.json) == (
        400,
        {
            "error": {
                "what": "invalid fault",
                "where": where,
                "remedy": "Give an object with status (400 to 599), retryAfter (seconds), drop, "
                "taken (true or false) and times, each as needed.",
            }
        },
    )
