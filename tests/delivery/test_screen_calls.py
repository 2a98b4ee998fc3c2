"""A screen call that a mapping matches causes a warning, or is filtered where a setting says so."""

import orjson
import pytest

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.model import build_workspace

UNLISTED = "Segment's catalogue lists no Screen for this destination"
SCREEN: JSONObject = {
    "name": "Screens",
    "actionSlug": "trackEvent",
    "enabled": True,
    "trigger": 'type = "screen"',
    "settings": {
        "uuid": {"@path": "$.userId"},
        "event_name": "screen_view",
        "timestamp": {"@path": "$.timestamp"},
    },
}


def send_and_get_verdict(
    kind: str, subscriptions: list[JSONObject], **segment: str
) -> tuple[str, str | None, int]:
    """Send one call; return its verdict, its reason and the number of its deliveries."""
    document = load_preset_workspace("guide").document
    destination = {**document["destination"], "subscriptions": subscriptions}
    workspace = build_workspace({**document, "destination": destination, "segment": segment})
    app = create_app(Config(db=":memory:"), workspace)
    client = app.test_client()
    call = {"writeKey": "wk_demo", "userId": "ada", "name": "Home"}
    client.post(f"/v1/{kind}", data=orjson.dumps(call))
    [message] = orjson.loads(client.get("/emulator/v1/messages").data)["messages"]
    deliveries = orjson.loads(client.get("/emulator/v1/deliveries").data)["deliveries"]
    app.extensions["sandboxes"].close()
    return message["verdict"], message["reason"], len(deliveries)


@pytest.mark.assumed
def test_a_screen_call_is_delivered_with_a_warning() -> None:
    reason = f"{UNLISTED}: send a page or track call instead."
    assert send_and_get_verdict("screen", [SCREEN]) == ("warning", reason, 1)


@pytest.mark.documented
def test_a_screen_call_is_filtered_if_the_workspace_says_so() -> None:
    reason = f"UNSUPPORTED_EVENT_TYPE: {UNLISTED}"
    assert send_and_get_verdict("screen", [SCREEN], screenCalls="filter") == ("filtered", reason, 0)


@pytest.mark.documented
def test_a_call_of_a_listed_type_is_delivered_without_a_warning() -> None:
    page = {**SCREEN, "trigger": 'type = "page"'}
    assert send_and_get_verdict("page", [page], screenCalls="filter") == ("accepted", None, 1)


@pytest.mark.documented
def test_a_screen_call_that_no_mapping_matches_has_both_reasons() -> None:
    verdict, reason, deliveries = send_and_get_verdict("screen", [])
    assert (verdict, deliveries) == ("not_subscribed", 0)
    assert reason
    assert reason.endswith(f"{UNLISTED}: send a page or track call instead.")
