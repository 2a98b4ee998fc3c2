"""The clock in the control API: its state, its commands and what depends on it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace

NOON = "2026-11-23T12:00:00Z"


@pytest.fixture
def shop() -> Iterator[FlaskClient]:
    """An emulator of the guide, at noon; its clock does not move by itself."""
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    client = app.test_client()
    assert client.post("/emulator/v1/reset", json={"now": NOON}).json == {}
    yield client
    app.extensions["emulator"].store.close()


def test_the_clock_is_shown(client: FlaskClient) -> None:
    assert client.get("/emulator/v1/clock").json == {
        "now": "2026-11-23T10:00:00.000Z",
        "frozen": False,
        "offset": 0.0,
    }


@pytest.mark.parametrize(
    ("orders", "shown"),
    [
        pytest.param(
            [{"advance": "45 minutes"}],
            {"now": "2026-11-23T10:45:00.000Z", "frozen": False, "offset": 2700.0},
            id="advance",
        ),
        pytest.param(
            [{"advance": "P1DT1H"}],
            {"now": "2026-11-24T11:00:00.000Z", "frozen": False, "offset": 90_000.0},
            id="advance by an ISO 8601 duration",
        ),
        pytest.param(
            [{"set": "2026-11-24T10:00:00+02:00"}],
            {"now": "2026-11-24T08:00:00.000Z", "frozen": True, "offset": 79_200.0},
            id="set",
        ),
        pytest.param(
            [{"freeze": True}],
            {"now": "2026-11-23T10:00:00.000Z", "frozen": True, "offset": 0.0},
            id="freeze",
        ),
        pytest.param(
            [{"set": NOON}, {"resume": True}],
            {"now": "2026-11-23T12:00:00.000Z", "frozen": False, "offset": 7200.0},
            id="resume",
        ),
    ],
)
def test_commands_change_the_clock(client: FlaskClient, orders: list[Any], shown: Any) -> None:
    responses = [client.post("/emulator/v1/clock", json=order) for order in orders]
    assert [response.status_code for response in responses] == [200] * len(orders)
    assert responses[-1].json == client.get("/emulator/v1/clock").json == shown


@pytest.mark.parametrize(
    ("body", "what", "where"),
    [
        pytest.param(b"", "invalid JSON", "body", id="nothing"),
        pytest.param(b"[]", "not a JSON object", "body", id="a list"),
        pytest.param(b"{}", "advance or set or freeze or resume missing", "body", id="no order"),
        pytest.param(
            b'{"freeze": true, "advance": "1 h"}',
            "freeze and advance at once",
            "body",
            id="two orders",
        ),
        pytest.param(b'{"forward": "1 h"}', "unknown key 'forward'", "body", id="unknown order"),
        pytest.param(b'{"advance": 45}', "advance is not text", "body.advance", id="a number"),
        pytest.param(b'{"advance": "45"}', "'45' is not a duration", "body.advance", id="no unit"),
        pytest.param(b'{"set": "noon"}', "invalid time", "body.set", id="no time"),
        pytest.param(b'{"set": "2026-11-24"}', "invalid time", "body.set", id="a day is no time"),
        pytest.param(
            b'{"set": "2026-11-23T09:00:00Z"}',
            "2026-11-23T09:00:00.000Z is earlier than the clock's time, 2026-11-23T10:00:00.000Z",
            "body.set",
            id="back",
        ),
        pytest.param(
            b'{"freeze": false}', "the value must be true", "body.freeze", id="not to freeze"
        ),
    ],
)
def test_invalid_commands_are_refused(
    client: FlaskClient, body: bytes, what: str, where: str
) -> None:
    response = client.post("/emulator/v1/clock", data=body)
    assert response.status_code == 400
    assert response.json
    assert (response.json["error"]["what"], response.json["error"]["where"]) == (what, where)


def test_reset_makes_the_clock_follow_the_machine(client: FlaskClient) -> None:
    client.post("/emulator/v1/clock", json={"set": "2027-01-01T00:00:00Z"})
    client.post("/emulator/v1/reset")
    shown = client.get("/emulator/v1/clock").json
    assert shown == {"now": "2026-11-23T10:00:00.000Z", "frozen": False, "offset": 0.0}


@pytest.mark.parametrize("body", [{"time": NOON}, {"now": 12}, {"now": "1969-01-01T00:00:00Z"}])
def test_an_invalid_reset_deletes_nothing(client: FlaskClient, body: Any) -> None:
    assert client.post("/emulator/v1/reset", json=body).status_code == 400
    listed = client.get("/emulator/v1/messages").json
    assert listed
    assert len(listed["messages"]) == 2


def test_a_reset_body_that_is_not_an_object_is_refused(client: FlaskClient) -> None:
    response = client.post("/emulator/v1/reset", json=[])
    assert response.status_code == 400
    assert response.json == {
        "error": {
            "what": "not a JSON object",
            "where": "body",
            "remedy": "Send now (text).",
        }
    }


def test_the_time_of_receipt_is_that_of_the_clock(shop: FlaskClient) -> None:
    shop.post("/emulator/v1/clock", json={"advance": "1 day"})
    shop.post("/v1/track", json={"writeKey": "wk_demo", "userId": "ada", "event": "Any"})
    listed = shop.get("/emulator/v1/messages").json
    assert listed
    assert listed["messages"][0]["receivedAt"] == "2026-11-24T12:00:00.000Z"


def test_retention_depends_on_the_clock(shop: FlaskClient) -> None:
    shop.post("/emulator/v1/clock", json={"advance": "91 days"})
    call = {"writeKey": "wk_demo", "userId": "ada", "event": "Any", "timestamp": NOON}
    shop.post("/v1/track", json=call)
    listed = shop.get("/emulator/v1/profiles").json
    assert listed
    assert [profile["events"] for profile in listed["profiles"]] == [[]]
