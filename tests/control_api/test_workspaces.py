"""What a test changes of the workspace: the whole of it, or one subscription."""

from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

API = "/emulator/v1"
SKIPPED = {
    "name": "Skips",
    "actionSlug": "trackEvent",
    "trigger": 'type = "track" and event = "song_skipped"',
    "settings": {"event_name": "song_skipped", "uuid": {"@path": "$.userId"}},
}


def told(answer: TestResponse) -> Any:
    return orjson.loads(answer.data)


def verdict(client: FlaskClient, event: str, write_key: str = "wk_demo") -> str:
    call = {"writeKey": write_key, "type": "track", "event": event, "userId": "eve"}
    client.post("/v1/track", json=call)
    return str(told(client.get(f"{API}/messages/newest"))["verdict"])


@pytest.fixture(autouse=True)
def document(client: FlaskClient, workspace: Any) -> None:
    """A workspace as a file has it: the one of these tests has no document."""
    source = {"name": "Web shop", "writeKey": "wk_demo"}
    order = {"source": source, "destination": workspace.destination}
    assert client.put(f"{API}/workspace", json={"workspace": order}).status_code == 200


def test_a_replaced_workspace_is_used_and_captures_stay(client: FlaskClient) -> None:
    told(client.put(f"{API}/workspace", json={"workspace": "guide"}))
    names = [each["name"] for each in told(client.get(f"{API}/destination"))["subscriptions"]]
    assert "Songs" not in names
    assert len(told(client.get(f"{API}/messages"))["messages"]) == 2
    assert verdict(client, "song_played") == "accepted"
    newest = told(client.get(f"{API}/deliveries/newest"))
    assert newest["subscription"] in names


def test_a_document_shows_no_key(client: FlaskClient) -> None:
    shown = told(client.get(f"{API}/workspace"))
    assert shown["destination"]["settings"] == {"account_name": "mybrand", "ucd_key": "…"}


def test_an_added_subscription_takes_events(client: FlaskClient) -> None:
    made = client.post(f"{API}/destination/subscriptions", json=SKIPPED)
    assert (made.status_code, told(made)) == (
        201,
        {
            "number": 2,
            "name": "Skips",
            "actionSlug": "trackEvent",
            "enabled": True,
            "trigger": SKIPPED["trigger"],
        },
    )
    assert verdict(client, "song_skipped") != "not_subscribed"


def test_a_removed_subscription_takes_none(client: FlaskClient) -> None:
    left = told(client.delete(f"{API}/destination/subscriptions/1"))
    assert left["subscriptions"] == []
    assert verdict(client, "song_played") == "not_subscribed"
    client.post(f"{API}/reset")
    assert verdict(client, "song_played") == "accepted"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param({"actionSlug": "trackEvents"}, "unknown action 'trackEvents'", id="action"),
        pytest.param({"enable": True}, "unknown key 'enable'", id="key"),
    ],
)
def test_a_faulty_subscription_is_refused(
    client: FlaskClient, change: dict[str, Any], what: str
) -> None:
    answer = client.post(f"{API}/destination/subscriptions", json={**SKIPPED, **change})
    assert (answer.status_code, told(answer)["error"]["what"]) == (400, what)
