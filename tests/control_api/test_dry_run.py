"""Dry run: what would become of events, with nothing sent and nothing kept."""

from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

API = "/emulator/v1"
SONG = {"type": "track", "event": "song_played", "userId": "eve"}
PAGE = {"type": "page", "userId": "eve"}


def told(client: FlaskClient, body: Any) -> Any:
    answer = client.post(f"{API}/dry-run", json=body)
    assert answer.status_code == 200, answer.data
    return orjson.loads(answer.data)["messages"]


def state(client: FlaskClient) -> list[Any]:
    """All that the emulator shows of what it keeps."""
    kinds = ("messages", "deliveries", "profiles")
    return [orjson.loads(client.get(f"{API}/{kind}").data)[kind] for kind in kinds]


def test_it_tells_the_request_and_its_answer(client: FlaskClient) -> None:
    (message,) = told(client, SONG)
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
def test_it_keeps_nothing(client: FlaskClient, body: Any, verdicts: list[str]) -> None:
    before = state(client)
    assert [message["verdict"] for message in told(client, body)] == verdicts
    assert state(client) == before


def test_it_sees_the_profiles_that_there_are(client: FlaskClient) -> None:
    again = {**SONG, "userId": "ada", "anonymousId": "a-1", "timestamp": "2026-11-23T09:59:00.000Z"}
    (message,) = told(client, again)
    assert message["deliveries"][0]["findings"] != []


def test_it_says_why_a_subscription_does_not_match(client: FlaskClient) -> None:
    (message,) = told(client, {**SONG, "event": "song_paused"})
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


def test_faults_wait_for_what_is_really_sent(client: FlaskClient) -> None:
    client.post(f"{API}/faults", json={"status": 500, "times": 1})
    assert told(client, SONG)[0]["verdict"] == "accepted"
    assert len(orjson.loads(client.get(f"{API}/faults").data)["faults"]) == 1


@pytest.mark.parametrize("body", [{}, {"type": "song"}, {"type": ["track"]}, [], "x"])
def test_what_is_no_event_is_refused(client: FlaskClient, body: Any) -> None:
    assert client.post(f"{API}/dry-run", json=body).status_code == 400
