"""Dry run: the results of events, with nothing sent and nothing stored."""

from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

API = "/emulator/v1"
SONG = {"type": "track", "event": "song_played", "userId": "eve"}
PAGE = {"type": "page", "userId": "eve"}


def dry_run(client: FlaskClient, body: Any) -> Any:
    response = client.post(f"{API}/dry-run", json=body)
    assert response.status_code == 200, response.data
    return orjson.loads(response.data)["messages"]


def list_state(client: FlaskClient) -> list[Any]:
    """Return all stored data that the emulator lists."""
    kinds = ("messages", "deliveries", "profiles")
    return [orjson.loads(client.get(f"{API}/{kind}").data)[kind] for kind in kinds]


def test_a_dry_run_returns_the_request_and_its_response(client: FlaskClient) -> None:
    (message,) = dry_run(client, SONG)
    (delivery,) = message["deliveries"]
    assert (message["verdict"], delivery["verdict"]) == ("accepted", "accepted")
    assert delivery["request"]["json"]["users"][0]["identifiers"]["uuid"] == "eve"
    assert delivery["response"] == {
        "status": 200,
        "json": {"data": {"successful": {"count": 1}, "fail": {}}},
    }
    assert message["subscriptions"][0]["matched"] is True


@pytest.mark.parametrize(
    ("body", "verdicts"),
    [
        pytest.param(SONG, ["accepted"], id="event"),
        pytest.param({"batch": [SONG, PAGE]}, ["accepted", "not_subscribed"], id="batch"),
        pytest.param({**SONG, "messageId": "m1"}, ["accepted"], id="sent before"),
        pytest.param({"type": "track", "userId": "eve"}, ["rejected"], id="rejected"),
    ],
)
def test_a_dry_run_stores_nothing(client: FlaskClient, body: Any, verdicts: list[str]) -> None:
    before = list_state(client)
    assert [message["verdict"] for message in dry_run(client, body)] == verdicts
    assert list_state(client) == before


def test_a_dry_run_uses_the_stored_profiles(client: FlaskClient) -> None:
    again = {**SONG, "userId": "ada", "anonymousId": "a-1", "timestamp": "2026-11-23T09:59:00.000Z"}
    (message,) = dry_run(client, again)
    assert message["deliveries"][0]["findings"] != []


def test_a_dry_run_returns_why_a_subscription_does_not_match(client: FlaskClient) -> None:
    (message,) = dry_run(client, {**SONG, "event": "song_paused"})
    assert message["subscriptions"] == [
        {
            "number": 1,
            "name": "Songs",
            "actionSlug": "trackEvent",
            "enabled": True,
            "matched": False,
            "why": 'event = "song_played", but it is "song_paused"',
            "conditions": [
                {"condition": 'type = "track"', "holds": True, "found": "track"},
                {"condition": 'event = "song_played"', "holds": False, "found": "song_paused"},
            ],
        }
    ]


def test_faults_do_not_apply_to_a_dry_run(client: FlaskClient) -> None:
    client.post(f"{API}/faults", json={"status": 500, "times": 1})
    assert dry_run(client, SONG)[0]["verdict"] == "accepted"
    assert len(orjson.loads(client.get(f"{API}/faults").data)["faults"]) == 1


@pytest.mark.parametrize("body", [{}, {"type": "song"}, {"type": ["track"]}, [], "x"])
def test_an_invalid_event_is_refused(client: FlaskClient, body: Any) -> None:
    assert client.post(f"{API}/dry-run", json=body).status_code == 400
