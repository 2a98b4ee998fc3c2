"""Faults at Segment's end, asked for through the control API."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace import load_preset_workspace

FAULTS = "/emulator/v1/faults/segment"
CALL = {"event": "Giraffe Fed", "userId": "ada", "writeKey": "wk_demo"}
PLAIN = {"status": 503, "retryAfter": None, "drop": False, "taken": False, "times": 1}


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    yield app.test_client()
    app.extensions["emulator"].store.close()


def kept(client: FlaskClient) -> int:
    return len(client.get("/emulator/v1/messages").json["messages"])  # type: ignore[index]  # JSON


def test_faults_happen_in_order_and_then_no_more(client: FlaskClient) -> None:
    client.post(FAULTS, json={"status": 500, "times": 2})
    client.post(FAULTS, json={"status": 429, "retryAfter": 7})
    answers = [client.post("/v1/track", json=CALL) for _ in range(4)]
    assert [(each.status_code, each.headers.get("Retry-After")) for each in answers] == [
        (500, None),
        (500, None),
        (429, "7"),
        (200, None),
    ]
    assert kept(client) == 1


@pytest.mark.documented
def test_a_429_says_twice_how_long_to_wait(client: FlaskClient) -> None:
    client.post(FAULTS, json={"status": 429, "retryAfter": 7})
    answer = client.post("/v1/track", json=CALL)
    assert (answer.headers["Retry-After"], answer.headers["X-RateLimit-Reset"]) == ("7", "7")


def test_an_answer_can_fail_after_the_call_was_taken(client: FlaskClient) -> None:
    client.post(FAULTS, json={"taken": True})
    assert client.post("/v1/track", json=CALL).status_code == 503
    assert kept(client) == 1


@pytest.mark.parametrize("path", ["/v1/m", "/v1/projects/wk_demo/settings", "/emulator/v1/health"])
def test_only_events_meet_faults(client: FlaskClient, path: str) -> None:
    client.post(FAULTS)
    assert client.open(path, method="POST" if path == "/v1/m" else "GET").status_code == 200
    assert client.get(FAULTS).json == {"faults": [PLAIN]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("DELETE", FAULTS, id="clear"),
        pytest.param("POST", "/emulator/v1/reset", id="reset"),
    ],
)
def test_faults_can_be_called_off(client: FlaskClient, method: str, path: str) -> None:
    client.post(FAULTS, json={"drop": True, "times": 9})
    client.open(path, method=method)
    assert client.get(FAULTS).json == {"faults": []}


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"status": 200}, "body.status"),
        ({"retryAfter": "soon"}, "body.retryAfter"),
        ({"times": 0}, "body.times"),
        ({"delay": 3}, "body"),
        ([], "body"),
    ],
)
def test_what_is_no_fault_is_refused(client: FlaskClient, asked: JSON, where: str) -> None:
    answer = client.post(FAULTS, json=asked)
    assert (answer.status_code, answer.json) == (
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
