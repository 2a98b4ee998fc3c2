"""The control API of deliveries: faults, retries, batches and differences."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import Workspace

START = datetime.fromisoformat("2026-11-23T10:00:00+00:00")


class AdjustableClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> AdjustableClock:
    return AdjustableClock()


@pytest.fixture
def client_with_clock(workspace: Workspace, clock: AdjustableClock) -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), workspace, clock=clock)
    yield app.test_client()
    app.extensions["emulator"].close()


def send(client: FlaskClient, *message_ids: str) -> None:
    calls = [
        {"type": "track", "event": "song_played", "userId": id, "messageId": id}
        for id in message_ids
    ]
    response = client.post("/v1/batch", json={"writeKey": "wk_demo", "batch": calls})
    assert response.status_code == 200, response.text


def get_json(client: FlaskClient, path: str) -> Any:
    response = client.get(f"/emulator/v1/{path}")
    assert response.status_code == 200, response.text
    return response.json


def list_verdicts(client: FlaskClient) -> list[str]:
    return [delivery["verdict"] for delivery in get_json(client, "deliveries")["deliveries"]]


def test_a_fault_is_added_listed_and_cleared(client_with_clock: FlaskClient) -> None:
    added = client_with_clock.post("/emulator/v1/faults", json={"status": 503, "times": 2}).json
    assert added == get_json(client_with_clock, "faults") == {
        "faults": [
            {
                "id": 1, "status": 503, "body": None, "delayMs": 0, "timeout": False,
                "drop": False, "taken": False, "rateLimit": None, "times": 2, "share": 1.0,
                "seed": "",
            }
        ]
    }  # fmt: skip
    assert client_with_clock.delete("/emulator/v1/faults").json == {"faults": []}


def test_a_retry_is_done_before_a_read_after_the_clock_moved(
    client_with_clock: FlaskClient, clock: AdjustableClock
) -> None:
    client_with_clock.post("/emulator/v1/faults", json={"status": 503})
    send(client_with_clock, "m1")
    assert list_verdicts(client_with_clock) == ["retrying"]
    clock.now += timedelta(minutes=1)
    assert list_verdicts(client_with_clock) == ["accepted"]


def test_retries_can_be_requested(client_with_clock: FlaskClient) -> None:
    client_with_clock.post("/emulator/v1/faults", json={"drop": True, "times": 3})
    send(client_with_clock, "m1", "m2")
    retry_counts = [client_with_clock.post("/emulator/v1/deliveries/retry").json for _ in range(3)]
    assert retry_counts == [
        {"attempts": 2, "retrying": 1},
        {"attempts": 1, "retrying": 0},
        {"attempts": 0, "retrying": 0},
    ]
    assert list_verdicts(client_with_clock) == ["accepted", "accepted"]


def test_reset_ends_faults_and_retries(client_with_clock: FlaskClient) -> None:
    client_with_clock.post("/emulator/v1/faults", json={"status": 503, "share": 1})
    send(client_with_clock, "m1")
    client_with_clock.post("/emulator/v1/reset")
    assert get_json(client_with_clock, "faults") == {"faults": []}
    assert client_with_clock.post("/emulator/v1/deliveries/retry").json == {
        "attempts": 0,
        "retrying": 0,
    }


def test_a_batch_is_shown_in_parts_and_as_a_whole(workspace: Workspace) -> None:
    workspace.destination["subscriptions"][0]["settings"]["enable_batching"] = True
    app = create_app(Config(db=":memory:"), workspace)
    client = app.test_client()
    send(client, "m1", "m2")
    first, second = get_json(client, "deliveries")["deliveries"]
    assert (first["batch"], second["batch"]) == (
        {"size": 2, "position": 0},
        {"size": 2, "position": 1},
    )
    assert [len(delivery["request"]["json"]["users"]) for delivery in (first, second)] == [1, 1]
    whole = get_json(client, f"upserts/{first['upsert']}")
    assert (len(whole["request"]["json"]["users"]), whole["deliveries"], whole["dueAt"]) == (
        2, [1, 2], None,
    )  # fmt: skip
    app.extensions["emulator"].close()
    workspace.destination["subscriptions"][0]["settings"].pop("enable_batching")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "what"),
    [
        pytest.param("GET", "upserts/x", None, 404, "there is no upsert x", id="no such upsert"),
        pytest.param(
            "POST", "faults", b"{", 400, "invalid JSON", id="no JSON"
        ),
        pytest.param("POST", "faults", b"", 400, "invalid JSON", id="no body"),
    ],
)  # fmt: skip
def test_invalid_requests_get_an_error(
    client: FlaskClient, method: str, path: str, body: bytes | None, status: int, what: str
) -> None:
    response = client.open(f"/emulator/v1/{path}", method=method, data=body)
    result: JSONObject = response.json or {}
    assert (response.status_code, result["error"]["what"]) == (status, what)


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        pytest.param({}, "body", id="an empty object"),
        pytest.param([], "body", id="no object"),
        pytest.param({"status": 42}, "body.status", id="no status"),
        pytest.param({"status": 500, "share": 0}, "body.share", id="no share"),
        pytest.param({"delay": 5}, "body", id="an unknown name"),
        pytest.param({"status": 500, "times": 0}, "body.times", id="never"),
    ],
)
def test_an_invalid_fault_is_refused(client: FlaskClient, asked: JSON, where: str) -> None:
    response = client.post("/emulator/v1/faults", json=asked)
    body: JSONObject = response.json or {}
    assert (response.status_code, body["error"]["where"], body["error"]["what"]) == (
        400, where, "invalid fault",
    )  # fmt: skip


def test_deliveries_to_another_account_are_compared(workspace: Workspace) -> None:
    there = create_app(Config(db=":memory:"), workspace)
    with serve_app_in_thread(there) as url:
        config = Config(db=":memory:", insider_url=url, insider_key="wrong-key")
        here = create_app(config, workspace)
        client = here.test_client()
        send(client, "m1")
        assert list_verdicts(client) == ["failed"]
        fidelity = get_json(client, "fidelity")
        assert fidelity["compared"] == 1
        (difference,) = fidelity["differences"]
        assert difference["differences"][0] == "answer.status: expected 403, received 200"
        assert "wrong-key" not in str(fidelity) + str(get_json(client, "deliveries"))
        here.extensions["emulator"].close()
    there.extensions["emulator"].close()


def test_equal_responses_are_no_difference(workspace: Workspace) -> None:
    there = create_app(Config(db=":memory:"), workspace)
    with serve_app_in_thread(there) as url:
        here = create_app(Config(db=":memory:", insider_url=url), workspace)
        client = here.test_client()
        send(client, "m1")
        assert get_json(client, "fidelity") == {"compared": 1, "differences": [], "next": None}
        assert len(get_json(there.test_client(), "profiles")["profiles"]) == 1
        here.extensions["emulator"].close()
    there.extensions["emulator"].close()


def test_asynchronous_requests_get_their_response_first(workspace: Workspace) -> None:
    app = create_app(Config(db=":memory:", asynchronous=True), workspace)
    client = app.test_client()
    send(client, "m1", "m2")
    client.post("/emulator/v1/deliveries/retry")
    assert list_verdicts(client) == ["accepted", "accepted"]
    send(client, "m3")
    client.post("/emulator/v1/reset")
    assert get_json(client, "messages")["messages"] == []
    app.extensions["emulator"].close()
