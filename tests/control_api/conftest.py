"""An emulator in memory with two messages."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import Workspace

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
DESTINATION = {
    "name": "Insider Cloud Mode (Actions)",
    "enabled": True,
    "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
    "subscriptions": [
        {
            "name": "Songs",
            "actionSlug": "trackEvent",
            "enabled": True,
            "trigger": 'type = "track" and event = "song_played"',
            "settings": {
                "event_name": {"@path": "$.event"},
                "timestamp": {"@path": "$.timestamp"},
                "uuid": {"@path": "$.userId"},
                "segment_anonymous_id": {"@path": "$.anonymousId"},
            },
        }
    ],
}
SONG = {
    "messageId": "m1",
    "type": "track",
    "event": "song_played",
    "userId": "ada",
    "anonymousId": "a-1",
    "timestamp": "2026-11-23T09:59:00.000Z",
}
LOGIN = {"messageId": "m2", "type": "identify", "anonymousId": "a-2"}


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(
        source_name="Web shop",
        write_key="wk_demo",
        destination=DESTINATION,
        account_name="mybrand",
        account_key="test-key",
        identifiers=("uuid", "email", "phone_number", "segment_anonymous_id"),
        document={},
    )


@pytest.fixture
def client(workspace: Workspace) -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), workspace, clock=lambda: NOW, stopwatch=lambda: 0.0)
    client = app.test_client()
    client.post("/v1/batch", json={"writeKey": "wk_demo", "batch": [SONG, LOGIN]})
    yield client
    app.extensions["emulator"].store.close()
