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


class Time:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def moving(workspace: Workspace, time: Time) -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), workspace, clock=time)
    yield app.test_client()
    app.extensions["emulator"].close()


def send(client: FlaskClient, *message_ids: str) -> None:
    calls = [
        {"type": "track", "event": "song_played", "userId": each, "messageId": each}
        for each in message_ids
    ]
    answer = client.post("/v1/batch", json={"writeKey": "wk_demo", "batch": calls})
    assert answer.status_code == 200, answer.text


def got(client: FlaskClient, path: str) -> Any:
    answer = client.get(f"/emulator/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json


def delivered(client: FlaskClient) -> list[str]:
    return [each["verdict"] for each in got(client, "deliveries")["deliveries"]]


def test_a_fault_is_added_listed_and_cleared(moving: FlaskClient) -> None:
    added = moving.post("/emulator/v1/faults", json={"status": 503, "times": 2}).json
    assert added == got(moving, "faults") == {
        "faults": [
            {
                "id": 1, "status": 503, "body": None, "delayMs": 0, "timeout": False,
                "drop": False, "taken": False, "rateLimit": None, "times": 2, "share": 1.0,
                "seed": "",
            }
        ]
    }  # fmt: skip
    assert moving.delete("/emulator/v1/faults").json == {"faults": []}


def test_a_moved_clock_brings_the_retry_before_anybody_looks(
    moving: FlaskClient, time: Time
) -> None:
    moving.post("/emulator/v1/faults", json={"status": 503})
    send(moving, "m1")
    assert delivered(moving) == ["retrying"]
    time.now += timedelta(minutes=1)
    assert delivered(moving) == ["accepted"]


def test_retrying_can_be_asked_for(moving: FlaskClient) -> None:
    moving.post("/emulator/v1/faults", json={"drop": True, "times": 3})
    send(moving, "m1", "m2")
    asked = [moving.post("/emulator/v1/deliveries/retry").json for _ in range(3)]
    assert asked == [
        {"attempts": 2, "retrying": 1},
        {"attempts": 1, "retrying": 0},
        {"attempts": 0, "retrying": 0},
    ]
    assert delivered(moving) == ["accepted", "accepted"]


def test_reset_ends_faults_and_retries(moving: FlaskClient) -> None:
    moving.post("/emulator/v1/faults", json={"status": 503, "share": 1})
    send(moving, "m1")
    moving.post("/emulator/v1/reset")
    assert got(moving, "faults") == {"faults": []}
    assert moving.post("/emulator/v1/deliveries/retry").json == {"attempts": 0, "retrying": 0}


def test_a_batch_is_shown_in_parts_and_as_a_whole(workspace: Workspace) -> None:
    workspace.destination["subscriptions"][0]["settings"]["enable_batching"] = True
    app = create_app(Config(db=":memory:"), workspace)
    client = app.test_client()
    send(client, "m1", "m2")
    first, second = got(client, "deliveries")["deliveries"]
    assert (first["batch"], second["batch"]) == (
        {"size": 2, "position": 0},
        {"size": 2, "position": 1},
    )
    assert [len(each["request"]["json"]["users"]) for each in (first, second)] == [1, 1]
    whole = got(client, f"upserts/{first['upsert']}")
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
    answer = client.open(f"/emulator/v1/{path}", method=method, data=body)
    told: JSONObject = answer.json or {}
    assert (answer.status_code, told["error"]["what"]) == (status, what)


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
def test_what_is_no_fault_is_refused(client: FlaskClient, asked: JSON, where: str) -> None:
    answer = client.post("/emulator/v1/faults", json=asked)
    told: JSONObject = answer.json or {}
    assert (answer.status_code, told["error"]["where"], told["error"]["what"]) == (
        400, where, "invalid fault",
    )  # fmt: skip


def test_another_account_is_delivered_to_and_compared_with(workspace: Workspace) -> None:
    there = create_app(Config(db=":memory:"), workspace)
    with serve_app_in_thread(there) as url:
        config = Config(db=":memory:", insider_url=url, insider_key="wrong-key")
        here = create_app(config, workspace)
        client = here.test_client()
        send(client, "m1")
        assert delivered(client) == ["failed"]
        told = got(client, "fidelity")
        assert told["compared"] == 1
        (found,) = told["differences"]
        assert found["differences"][0] == "answer.status: expected 403, received 200"
        assert "wrong-key" not in str(told) + str(got(client, "deliveries"))
        here.extensions["emulator"].close()
    there.extensions["emulator"].close()


def test_the_same_answers_are_no_difference(workspace: Workspace) -> None:
    there = create_app(Config(db=":memory:"), workspace)
    with serve_app_in_thread(there) as url:
        here = create_app(Config(db=":memory:", insider_url=url), workspace)
        client = here.test_client()
        send(client, "m1")
        assert got(client, "fidelity") == {"compared": 1, "differences": [], "next": None}
        assert len(got(there.test_client(), "profiles")["profiles"]) == 1
        here.extensions["emulator"].close()
    there.extensions["emulator"].close()


def test_asynchronous_requests_are_answered_first(workspace: Workspace) -> None:
    app = create_app(Config(db=":memory:", asynchronous=True), workspace)
    client = app.test_client()
    send(client, "m1", "m2")
    client.post("/emulator/v1/deliveries/retry")
    assert delivered(client) == ["accepted", "accepted"]
    send(client, "m3")
    client.post("/emulator/v1/reset")
    assert got(client, "messages")["messages"] == []
    app.extensions["emulator"].close()
