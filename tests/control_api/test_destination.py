"""The set-up of the guide through the API: panel, settings, switch, events and mistakes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.delivery.filter_chain import DESTINATION_DISABLED
from segment_insider_emulator.delivery.pipeline import NOT_SUBSCRIBED_REASON
from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.workspace import Workspace

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ADMINISTRATOR = {"X-InOne-Role": "Administrator"}
SONG = {"type": "track", "event": "song_played", "userId": "ada"}
SHOP = {"name": "Web shop", "type": "Source"}


class Shop:
    """An emulator and the steps of its set-up. Messages are m-1, m-2, ..."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.sent = 0

    def get(self, path: str) -> Any:
        return self.client.get(f"/emulator/v1/{path}").json

    def create(self) -> Any:
        response = self.client.post(
            "/emulator/v1/panel/integrations", json=SHOP, headers=ADMINISTRATOR
        )
        assert response.status_code == 201, response.text
        return response.json

    def revoke(self, id: int) -> Any:
        path = f"/emulator/v1/panel/integrations/{id}"
        return self.client.delete(path, headers=ADMINISTRATOR).json

    def save(self, **form: Any) -> Any:
        return self.patch("destination", form)

    def switch(self, number: int, enabled: bool) -> Any:
        return self.patch(f"destination/subscriptions/{number}", {"enabled": enabled})

    def patch(self, path: str, form: Any) -> Any:
        response = self.client.patch(f"/emulator/v1/{path}", json=form)
        assert response.status_code == 200, response.text
        return response.json

    def play(self, **changes: Any) -> tuple[str, str | None]:
        """Send one event; return its verdict and reason."""
        self.sent += 1
        message = {**SONG, "messageId": f"m-{self.sent}", **changes}
        self.client.post("/v1/track", json={**message, "writeKey": "wk_demo"})
        (shown,) = self.get(f"messages?messageId=m-{self.sent}")["messages"]
        return shown["verdict"], shown["reason"]

    def response(self) -> tuple[int, Any]:
        """Return status and body of the response to the last delivery."""
        (made,) = self.get(f"deliveries?messageId=m-{self.sent}")["deliveries"]
        return made["response"]["status"], made["response"]["json"]


def open_app(workspace: Workspace, db: str) -> Flask:
    return create_app(Config(db=db), workspace, clock=lambda: NOW)


@pytest.fixture
def shop(workspace: Workspace) -> Iterator[Shop]:
    app = open_app(workspace, ":memory:")
    yield Shop(app)
    app.extensions["emulator"].store.close()


@pytest.mark.documented
def test_events_are_delivered_after_the_set_up_of_the_guide(shop: Shop) -> None:
    shop.save(enabled=False, settings={"account_name": "to-be-entered", "ucd_key": "none"})
    integration = shop.create()
    shop.save(
        enabled=True,
        settings={"account_name": integration["accountName"], "ucd_key": integration["key"]},
    )
    assert shop.play() == ("accepted", None)


@pytest.mark.assumed
def test_a_key_is_shown_once(shop: Shop) -> None:
    integration = shop.create()
    assert len(integration["key"]) == 48
    shown = {**integration, "key": integration["key"][:2] + "…"}
    listed = shop.get("panel/integrations")
    assert listed["integrations"][1:] == [shown]
    assert shown == {
        "id": 2,
        "name": "Web shop",
        "type": "Source",
        "accountName": "mybrand",
        "key": shown["key"],
        "origin": "panel",
        "createdAt": "2026-11-23T10:00:00.000Z",
        "createdBy": "Administrator",
        "revokedAt": None,
    }


def test_the_list_of_integrations_has_pages(shop: Shop) -> None:
    shop.create()
    first = shop.get("panel/integrations?limit=1")
    second = shop.get(f"panel/integrations?limit=1&after={first['next']}")
    assert [
        [integration["name"] for integration in page["integrations"]] for page in (first, second)
    ] == [
        ["Workspace file"],
        ["Web shop"],
    ]
    assert second["next"] is None


DENIED = {
    "success": False,
    "message": "Access Denied. You do not have sufficient access to perform this action.",
}
ANSWERED = (
    'Insider One answered 403: {"success":false,"message":"Access Denied. '
    'You do not have sufficient access to perform this action."}. '
)


@pytest.mark.documented
def test_a_wrong_key_is_refused_on_delivery(shop: Shop) -> None:
    shop.save(settings={"ucd_key": "mistyped"})
    assert shop.play() == (
        "failed",
        ANSWERED + "X-REQUEST-TOKEN is not a key of this account: "
        "enter the API Key that the panel showed.",
    )
    assert shop.response() == (403, DENIED)


@pytest.mark.documented
def test_a_wrong_key_gets_a_401_if_the_account_says_so(workspace: Workspace) -> None:
    app = open_app(
        replace(workspace, insider_options=InsiderAccountOptions(auth_failure=401)), ":memory:"
    )
    shop = Shop(app)
    shop.save(settings={"ucd_key": "mistyped"})
    assert shop.play()[0] == "failed"
    refused = {"success": False, "message": "Partner token authentication failed."}
    assert shop.response() == (401, refused)
    app.extensions["emulator"].store.close()


@pytest.mark.documented
def test_a_wrong_account_is_refused_on_delivery(shop: Shop) -> None:
    shop.save(settings={"account_name": "MyBrand"})
    assert shop.play() == (
        "failed",
        'Insider One answered 400: {"success":false,"message":"Partner is invalid."}. '
        "Send the account name in X-PARTNER-NAME, in lower case as the InOne panel shows it.",
    )
    assert shop.response() == (400, {"success": False, "message": "Partner is invalid."})


@pytest.mark.assumed
def test_a_revoked_key_is_refused_on_delivery(shop: Shop) -> None:
    integration = shop.create()
    shop.save(settings={"ucd_key": integration["key"]})
    assert shop.play() == ("accepted", None)
    assert shop.revoke(integration["id"])["revokedAt"] == "2026-11-23T10:00:00.000Z"
    assert shop.play() == (
        "failed",
        ANSWERED + "The key of integration 'Web shop' was revoked at "
        "2026-11-23T10:00:00.000Z: create an integration in the panel and enter its key as "
        "API Key.",
    )
    assert shop.response() == (403, DENIED)


@pytest.mark.assumed
def test_the_workspace_file_s_key_can_be_revoked(shop: Shop) -> None:
    (file,) = shop.get("panel/integrations")["integrations"]
    shop.revoke(file["id"])
    assert shop.play()[0] == "failed"


def test_a_disabled_destination_sends_nothing(shop: Shop) -> None:
    shop.save(enabled=False)
    assert shop.play() == ("disabled", DESTINATION_DISABLED.detail)
    assert shop.get("deliveries")["deliveries"] == []


def test_an_event_that_no_subscription_matches_is_not_delivered(shop: Shop) -> None:
    assert shop.play(event="song_paused") == ("not_subscribed", NOT_SUBSCRIBED_REASON)


def test_a_disabled_subscription_is_named(shop: Shop) -> None:
    shop.switch(1, enabled=False)
    assert shop.play() == ("not_subscribed", f"{NOT_SUBSCRIBED_REASON}; disabled, 'Songs' would")
    assert shop.play(event="song_paused") == ("not_subscribed", NOT_SUBSCRIBED_REASON)
    shop.switch(1, enabled=True)
    assert shop.play() == ("accepted", None)


@pytest.mark.parametrize(
    ("edits", "what"),
    [
        pytest.param([], "there is no edit to apply", id="none"),
        pytest.param([1], "this is not an edit of a workspace", id="no object"),
        pytest.param(
            [{"keys": ["subscriptions", 9, "trigger"], "value": 1}],
            "the workspace has no such place",
            id="place",
        ),
        pytest.param(
            [{"keys": ["subscriptions"], "value": []}], "the workspace has no such place", id="all"
        ),
        pytest.param([{"keys": ["enabled"], "value": True}] * 51, "more than 50 edits", id="many"),
    ],
)
def test_a_change_that_cannot_be_made_is_one_error(shop: Shop, edits: Any, what: str) -> None:
    response = shop.client.post("/emulator/v1/workspace/changes", json={"edits": edits})
    assert (response.status_code, response.json["error"]["what"]) == (400, what)  # type: ignore[index]


def test_the_destination_is_shown_without_its_key(shop: Shop) -> None:
    songs = {
        "number": 1,
        "name": "Songs",
        "actionSlug": "trackEvent",
        "enabled": True,
        "trigger": 'type = "track" and event = "song_played"',
    }
    shown = {
        "name": "Insider Cloud Mode (Actions)",
        "enabled": True,
        "settings": {"account_name": "mybrand", "ucd_key": "…"},
        "subscriptions": [songs],
    }
    assert shop.get("destination") == shown
    assert shop.switch(1, enabled=False) == {**songs, "enabled": False}
    assert shop.save(settings={"ucd_key": "another"}) == {
        **shown,
        "settings": {"account_name": "mybrand", "ucd_key": "…"},
        "subscriptions": [{**songs, "enabled": False}],
    }


def test_a_subscription_is_edited_until_a_reset(shop: Shop) -> None:
    other = 'type = "track" and event = "other"'
    edited = shop.patch("destination/subscriptions/1", {"trigger": other, "settings": {}})
    assert edited["trigger"] == other
    assert shop.play()[0] == "not_subscribed"
    shop.switch(1, enabled=False)
    assert shop.get("destination")["subscriptions"][0]["trigger"] == other
    shop.client.post("/emulator/v1/reset")
    assert shop.play()[0] == "accepted"


def test_reset_restores_the_workspace_file(shop: Shop) -> None:
    before = [shop.get("destination"), shop.play()]
    made = shop.create()
    shop.save(enabled=False, settings={"ucd_key": made["key"]})
    shop.switch(1, enabled=False)
    shop.revoke(1)
    shop.client.post("/emulator/v1/reset")
    assert [shop.get("destination"), shop.play()] == before
    assert [
        integration["name"] for integration in shop.get("panel/integrations")["integrations"]
    ] == ["Workspace file"]


def test_the_set_up_survives_a_restart_with_the_same_destination(
    workspace: Workspace, tmp_path: Path
) -> None:
    db = str(tmp_path / "emulator.db")
    for enabled in (True, False):
        app = open_app(workspace, db)
        own = Shop(app)
        assert own.get("destination")["enabled"] is enabled
        own.save(enabled=False)
        app.extensions["emulator"].store.close()
    edited = replace(workspace, destination={**workspace.destination, "name": "Another"})
    app = open_app(edited, db)
    assert Shop(app).get("destination")["enabled"] is True
    app.extensions["emulator"].store.close()


FORM = "Send enabled (true or false), settings (an object)."


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        pytest.param(
            "PATCH",
            "destination",
            b"enabled=true",
            400,
            {"what": "invalid JSON", "where": "body", "remedy": FORM},
            id="no JSON",
        ),
        pytest.param(
            "PATCH",
            "destination",
            b"[]",
            400,
            {"what": "not a JSON object", "where": "body", "remedy": FORM},
            id="no object",
        ),
        pytest.param(
            "PATCH",
            "destination",
            b"{}",
            400,
            {"what": "enabled or settings missing", "where": "body", "remedy": FORM},
            id="nothing to change",
        ),
        pytest.param(
            "PATCH",
            "destination",
            b'{"enabled": "yes"}',
            400,
            {"what": "enabled is not true or false", "where": "body.enabled", "remedy": FORM},
            id="no switch",
        ),
        pytest.param(
            "PATCH",
            "destination",
            b'{"settings": {"udc_key": "x"}}',
            400,
            {
                "what": "unknown key 'udc_key'",
                "where": "body.settings",
                "remedy": "Did you mean 'ucd_key'?",
            },
            id="no such setting",
        ),
        pytest.param(
            "PATCH",
            "destination",
            b'{"settings": {"ucd_key": ""}}',
            400,
            {
                "what": "API Key is empty",
                "where": "body.settings.ucd_key",
                "remedy": "Copy it from the InOne panel.",
            },
            id="an empty setting",
        ),
        pytest.param(
            "PATCH",
            "destination",
            b'{"settings": {"ucd_key": "secret "}}',
            400,
            {
                "what": "API Key has spaces around it or control characters in it",
                "where": "body.settings.ucd_key",
                "remedy": "Copy it from the InOne panel.",
            },
            id="a blank after a setting",
        ),
        pytest.param(
            "PATCH",
            "destination",
            b'{"settings": {"account_name": "my\\u0000brand"}}',
            400,
            {
                "what": "Account Name has spaces around it or control characters in it",
                "where": "body.settings.account_name",
                "remedy": "Copy it from the InOne panel.",
            },
            id="a control character in a setting",
        ),
        pytest.param(
            "PATCH",
            "destination/subscriptions/1",
            b'{"settings": {"custom": ' + b"[" * 200 + b"]" * 200 + b"}}",
            400,
            {
                "what": "the mapping is nested deeper than 100 levels",
                "where": "settings",
                "remedy": "Flatten it.",
            },
            id="a mapping without end",
        ),
        pytest.param(
            "PATCH",
            "destination/subscriptions/2",
            b'{"enabled": true}',
            404,
            {
                "what": "there is no subscription 2",
                "where": "/emulator/v1/destination/subscriptions/2",
                "remedy": "List them with GET /emulator/v1/destination.",
            },
            id="no such subscription",
        ),
        pytest.param(
            "POST",
            "panel/integrations",
            b'{"name": "Web shop"}',
            400,
            {
                "what": "type missing",
                "where": "body",
                "remedy": "Send name (text), type (text).",
            },
            id="an integration without a type",
        ),
        pytest.param(
            "DELETE",
            "panel/integrations/9",
            b"",
            404,
            {
                "what": "there is no integration 9",
                "where": "/emulator/v1/panel/integrations/9",
                "remedy": "List them with GET /emulator/v1/panel/integrations.",
            },
            id="no such integration",
        ),
    ],
)
def test_an_invalid_request_is_refused_and_changes_nothing(
    shop: Shop, method: str, path: str, body: bytes, status: int, error: Any
) -> None:
    before = [shop.get("destination"), shop.get("panel/integrations")]
    response = shop.client.open(
        f"/emulator/v1/{path}", method=method, data=body, headers=ADMINISTRATOR
    )
    assert (response.status_code, response.json) == (status, {"error": error})
    assert [shop.get("destination"), shop.get("panel/integrations")] == before


@pytest.mark.documented
@pytest.mark.parametrize(
    ("headers", "who"),
    [
        pytest.param({}, "no role", id="no role"),
        pytest.param({"X-InOne-Role": "Editor"}, "the role 'Editor'", id="an editor without PII"),
    ],
)
def test_a_role_without_the_right_is_refused(shop: Shop, headers: dict[str, str], who: str) -> None:
    refused = {
        "what": f"a user with {who} cannot make changes to External Platform Integrations",
        "where": "X-InOne-Role",
        "remedy": "Use the role Administrator or Editor with PII access.",
    }
    for method, path in (("POST", "integrations"), ("DELETE", "integrations/1")):
        response = shop.client.open(
            f"/emulator/v1/panel/{path}", method=method, json=SHOP, headers=headers
        )
        assert (response.status_code, response.json) == (403, {"error": refused})
    assert len(shop.get("panel/integrations")["integrations"]) == 1
