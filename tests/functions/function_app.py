"""An emulator of a workspace with functions, for tests; it needs Node.js."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.functions.engine import find_engine_problem
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.loading import load_workspace_from_document

needs_node = pytest.mark.skipif(find_engine_problem() is not None, reason="needs Node.js 20")

TRACK_EVENT = {
    "name": "Every event",
    "actionSlug": "trackEvent",
    "enabled": True,
    "trigger": 'type = "track"',
    "settings": {
        "uuid": {"@path": "$.userId"},
        "event_name": {"@path": "$.event"},
        "timestamp": {"@path": "$.timestamp"},
        "parameters": {"tier": {"@path": "$.properties.tier"}},
    },
}
START = "2026-11-20T10:00:00.000Z"


def build_document(**functions: Any) -> JSONObject:
    """Build a workspace document with functions by kind, such as `insert="code"`."""
    return {
        "source": {"name": "Shop", "writeKey": "wk_demo"},
        "destination": {
            "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
            "subscriptions": [TRACK_EVENT],
        },
        "functions": {
            key: [{"name": "Add tier", "code": value}] if isinstance(value, str) else value
            for key, value in functions.items()
        },
    }


@contextmanager
def open_app(document: JSONObject, *, pages: bool = False) -> Iterator[FlaskClient]:
    """Open an emulator of *document* with a frozen clock."""
    workspace = load_workspace_from_document(document, "test")
    app = create_app(Config(db=":memory:"), workspace, pages=pages)
    client = app.test_client()
    client.post("/emulator/v1/reset", json={"now": START})
    with closing(app.extensions["emulator"].store):
        yield client


def send(client: FlaskClient, **call: Any) -> JSONObject:
    """Send a call and return its message with everything that happened to it."""
    body = {"type": "track", "event": "Song Played", "userId": "ada", "messageId": "m1"}
    body |= {"properties": {}} | call
    kind = body["type"]
    answer = client.post(f"/v1/{kind}", json={**body, "writeKey": "wk_demo"})
    assert answer.status_code == 200, answer.text
    return get_message(client, body["messageId"])


def get_message(client: FlaskClient, message_id: str) -> JSONObject:
    page: JSONObject = client.get(f"/emulator/v1/messages?messageId={message_id}").get_json()
    message: JSONObject = page["messages"][-1]
    return message


def get_sent_events(client: FlaskClient) -> list[JSONObject]:
    """Return the events of all requests to Insider One, in order."""
    deliveries = client.get("/emulator/v1/deliveries").get_json()["deliveries"]
    return [
        event
        for delivery in deliveries
        for user in delivery["request"]["json"]["users"]
        for event in user["events"]
    ]


def get_sent_tiers(client: FlaskClient) -> list[Any]:
    """Return the tier of all events that were sent to Insider One, in order."""
    return [event["event_params"]["custom"]["tier"] for event in get_sent_events(client)]
