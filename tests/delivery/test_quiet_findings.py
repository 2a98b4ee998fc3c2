"""What a mapping alone causes, and what is known, makes no message a warning."""

from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.loading import load_workspace_from_document

IDENTIFY = {
    "writeKey": "wk_demo",
    "type": "identify",
    "userId": "ada",
    "traits": {"tier": "gold", "sex": "female"},
}
UUID = {"@path": "$.userId"}


def build_client(settings: JSONObject, **document: Any) -> FlaskClient:
    """Return a client of an emulator with one mapping of identify calls."""
    subscription = {
        "name": "Profile",
        "actionSlug": "updateUserProfile",
        "trigger": 'type = "identify"',
        "settings": {"uuid": UUID, **settings},
    }
    workspace = load_workspace_from_document(
        {
            "source": {"name": "Web shop", "writeKey": "wk_demo"},
            "destination": {
                "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
                "subscriptions": [subscription],
            },
            **document,
        },
        "test",
    )
    return create_app(Config(db=":memory:"), workspace).test_client()


def identify(client: FlaskClient) -> JSONObject:
    """Send an identify call and return its message with the findings about its request."""
    body = orjson.dumps(IDENTIFY)
    assert (
        client.post("/v1/identify", data=body, content_type="application/json").status_code == 200
    )
    message: JSONObject = orjson.loads(client.get("/emulator/v1/messages/newest").data)
    (delivery,) = message["deliveries"]
    marks = [(finding["cause"], finding.get("quiet")) for finding in delivery["findings"]]
    assert delivery["verdict"] == message["verdict"]
    return {"verdict": message["verdict"], "reason": message["reason"], "findings": marks}


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        pytest.param(
            {"custom": {"email_optin": {"@path": "$.traits.tier"}}},
            "default-under-custom attributes.custom.email_optin",
            id="a name that the mapping writes",
        ),
        pytest.param(
            {"gender": "female", "firstName": {"@path": "$.traits.tier"}},
            "wrong-format attributes.gender",
            id="a fixed value",
        ),
        pytest.param(
            {
                "custom_identifiers": {"card": {"@path": "$.traits.tier"}},
                "firstName": {"@path": "$.traits.tier"},
            },
            "unlisted-identifier identifiers.card",
            id="an identifier that the account does not list",
        ),
    ],
)
def test_what_a_mapping_alone_causes_makes_no_warning(settings: JSONObject, cause: str) -> None:
    assert identify(build_client(settings)) == {
        "verdict": "accepted",
        "reason": None,
        "findings": [(cause, "mapping")],
    }


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        pytest.param(
            {"gender": {"@path": "$.traits.sex"}}, "wrong-format attributes.gender", id="a value"
        ),
        pytest.param(
            {"custom": {"traits": {"@path": "$.traits"}}},
            "unstorable-value attributes.custom.traits",
            id="an object",
        ),
    ],
)
def test_what_an_event_causes_is_a_warning_until_it_is_known(
    settings: JSONObject, cause: str
) -> None:
    result = identify(build_client(settings))
    assert (result["verdict"], result["findings"]) == ("warning", [(cause, None)])
    known = build_client(settings, knownCauses=[{"cause": cause, "mapping": "Profile"}])
    assert identify(known) == {
        "verdict": "accepted",
        "reason": None,
        "findings": [(cause, "known")],
    }
    other = build_client(settings, knownCauses=[{"cause": cause, "mapping": "Other"}])
    assert identify(other)["verdict"] == "warning"


def test_a_known_mistake_in_the_call_itself_is_no_warning() -> None:
    settings = {"firstName": {"@path": "$.traits.tier"}}
    call = orjson.dumps({**IDENTIFY, "timestamp": "yesterday"})
    reasons = []
    for document in (
        {},
        {
            "knownCauses": [
                {"cause": "sent timestamp … is not ISO …: the time of receipt replaces it."}
            ]
        },
    ):
        client = build_client(settings, **document)
        client.post("/v1/identify", data=call, content_type="application/json")
        message: JSONObject = orjson.loads(client.get("/emulator/v1/messages/newest").data)
        reasons.append((message["verdict"], message["reason"]))
    text = "timestamp 'yesterday' is not ISO 8601: the time of receipt replaces it."
    assert reasons == [("warning", text), ("accepted", None)]


def test_known_causes_of_a_file_are_checked() -> None:
    with pytest.raises(Exception, match="knownCauses"):
        build_client({}, knownCauses=[{"mapping": "Profile"}])
