"""Changes of the workspace by tests: all of it, or one subscription."""

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


def parse_response(response: TestResponse) -> Any:
    return orjson.loads(response.data)


def send_and_get_verdict(client: FlaskClient, event: str, write_key: str = "wk_demo") -> str:
    call = {"writeKey": write_key, "type": "track", "event": event, "userId": "eve"}
    client.post("/v1/track", json=call)
    return str(parse_response(client.get(f"{API}/messages/newest"))["verdict"])


@pytest.fixture(autouse=True)
def document(client: FlaskClient, workspace: Any) -> None:
    """Use a workspace with a document, as one of a file; that of these tests has none."""
    source = {"name": "Web shop", "writeKey": "wk_demo"}
    order = {"source": source, "destination": workspace.destination}
    assert client.put(f"{API}/workspace", json={"workspace": order}).status_code == 200


def test_a_replaced_workspace_applies_and_captured_data_stays(client: FlaskClient) -> None:
    parse_response(client.put(f"{API}/workspace", json={"workspace": "guide"}))
    names = [
        subscription["name"]
        for subscription in parse_response(client.get(f"{API}/destination"))["subscriptions"]
    ]
    assert "Songs" not in names
    assert len(parse_response(client.get(f"{API}/messages"))["messages"]) == 2
    assert send_and_get_verdict(client, "song_played") == "accepted"
    newest = parse_response(client.get(f"{API}/deliveries/newest"))
    assert newest["subscription"] in names


def test_a_workspace_document_has_no_key(client: FlaskClient) -> None:
    shown = parse_response(client.get(f"{API}/workspace"))
    assert shown["destination"]["settings"] == {"account_name": "mybrand", "ucd_key": "…"}


def test_a_change_of_a_mapping_is_applied_and_undone(client: FlaskClient) -> None:
    edit = {"keys": ["subscriptions", 0, "trigger"], "value": SKIPPED["trigger"]}
    response = client.post(f"{API}/workspace/changes", json={"edits": [edit]})
    assert response.status_code == 201, response.text
    (change,) = parse_response(client.get(f"{API}/workspace/changes"))["changes"]
    assert (change["title"], change["isNewest"]) == ("Songs: set trigger", True)
    assert send_and_get_verdict(client, "song_played") == "not_subscribed"
    undo = f"{API}/workspace/changes/{change['id']}/undo"
    assert client.post(undo).status_code == 200
    assert send_and_get_verdict(client, "song_played") == "accepted"
    assert parse_response(client.get(f"{API}/workspace/changes")) == {"changes": []}
    assert client.post(undo).status_code == 409


def test_an_added_subscription_matches_events(client: FlaskClient) -> None:
    response = client.post(f"{API}/destination/subscriptions", json=SKIPPED)
    assert (response.status_code, parse_response(response)) == (
        201,
        {
            "number": 2,
            "name": "Skips",
            "actionSlug": "trackEvent",
            "enabled": True,
            "trigger": SKIPPED["trigger"],
        },
    )
    assert send_and_get_verdict(client, "song_skipped") != "not_subscribed"


def test_a_removed_subscription_matches_no_event(client: FlaskClient) -> None:
    left = parse_response(client.delete(f"{API}/destination/subscriptions/1"))
    assert left["subscriptions"] == []
    assert send_and_get_verdict(client, "song_played") == "not_subscribed"
    client.post(f"{API}/reset")
    assert send_and_get_verdict(client, "song_played") == "accepted"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param({"actionSlug": "trackEvents"}, "unknown action 'trackEvents'", id="action"),
        pytest.param({"enable": True}, "unknown key 'enable'", id="key"),
    ],
)
def test_an_invalid_subscription_is_refused(
    client: FlaskClient, change: dict[str, Any], what: str
) -> None:
    response = client.post(f"{API}/destination/subscriptions", json={**SKIPPED, **change})
    assert (response.status_code, parse_response(response)["error"]["what"]) == (400, what)
