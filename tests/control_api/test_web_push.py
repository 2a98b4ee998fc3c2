"""PUT /profiles/<id>/web-push: the browser's permission, which no upsert can contain."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.insider.web_push import WEB_PUSH_REASON
from segment_insider_emulator.workspace import load_preset_workspace

PROFILES = "/emulator/v1/profiles"


@pytest.fixture
def client() -> FlaskClient:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    client = app.test_client()
    traits = {"email": "ada@x.io", "web_push": {"optin": True, "token": "forged"}}
    call = {"writeKey": "wk_demo", "userId": "ada", "traits": traits}
    client.post("/v1/identify", json=call)
    return client


def get_profile(client: FlaskClient) -> Any:
    return client.get(PROFILES).get_json()["profiles"][0]


def save(client: FlaskClient, **body: Any) -> Any:
    return client.put(f"{PROFILES}/{get_profile(client)['id']}/web-push", json=body)


def test_a_token_makes_a_profile_reachable_and_a_refusal_unreachable(client: FlaskClient) -> None:
    assert get_profile(client)["reach"]["web_push"]["why"] == [WEB_PUSH_REASON]
    assert save(client, optin=True, token="browser-1").get_json()["reach"]["web_push"]["reachable"]
    stored = get_profile(client)["attributes"]["web_push"]
    assert stored == {"optin": True, "token": "browser-1"}
    save(client, optin=False)
    assert get_profile(client)["attributes"]["web_push"] == {"optin": False}
    assert get_profile(client)["reach"]["web_push"]["why"] == ["web_push.optin is false"]


def test_a_gdpr_objection_outranks_the_permission(client: FlaskClient) -> None:
    save(client, optin=True, token="browser-1")
    call = {"writeKey": "wk_demo", "userId": "ada", "traits": {"gdpr_optin": False}}
    client.post("/v1/identify", json=call)
    assert get_profile(client)["reach"]["web_push"]["why"] == ["gdpr_optin is false"]


def test_an_upsert_cannot_give_the_permission(client: FlaskClient) -> None:
    attributes = {"web_push.optin": True, "web_push.token": "forged"}
    headers = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
    body = {"users": [{"identifiers": {"uuid": "ada"}, "attributes": attributes}]}
    client.post("/api/user/v1/upsert", json=body, headers=headers)
    assert not get_profile(client)["reach"]["web_push"]["reachable"]


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        ({"optin": True}, "body", "optin is true without a token"),
        ({"optin": True, "token": ""}, "body", "optin is true without a token"),
        ({"optin": False, "token": "browser-1"}, "body", "optin is false with a token"),
        ({"token": "browser-1"}, "body", "optin is missing"),
        ({"optin": True, "token": "x" * 5000}, "body.token", "5,000 characters are too many"),
        ({"optin": "yes", "token": "x"}, "body.optin", "optin is not true or false"),
    ],
)
def test_a_wrong_body_is_one_error(client: FlaskClient, body: Any, where: str, what: str) -> None:
    response = save(client, **body)
    error = response.get_json()["error"]
    assert (response.status_code, error["where"], error["what"]) == (400, where, what)


def test_an_unknown_profile_is_not_found(client: FlaskClient) -> None:
    response = client.put(f"{PROFILES}/nobody/web-push", json={"optin": False})
    assert response.status_code == 404
    assert response.get_json()["error"]["remedy"] == "List them with GET /emulator/v1/profiles."
