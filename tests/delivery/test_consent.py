"""Consent: an event passes when its consent object allows all categories of the destination."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.delivery.filter_chain import CATALOG_NAME, compile_filter_chain
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.loading import (
    load_workspace_from_document,
    read_preset_document,
)

REFUSED = "FILTERED_BY_END_USER_CONSENT: context.consent "
NO_ANSWERS = f"{REFUSED}has no categoryPreferences and the event names integrations, "
ADS_AND_MORE = ["Advertising", "Analytics"]
ON, OFF = {CATALOG_NAME: True}, {CATALOG_NAME: False}


def answers(**preferences: JSON) -> JSONObject:
    return {"consent": {"categoryPreferences": preferences}}


def filter_event(categories: list[str], event: JSONObject) -> str | None:
    """Return why the event goes no further; None when it passes."""
    destination = {"consentSettings": {"categories": categories}}
    event = {"type": "track", "event": "Wish Listed", **event}
    rejection = compile_filter_chain({}, destination).filter_event(event, enabled=True).rejection
    return str(rejection) if rejection else None


@pytest.mark.documented
@pytest.mark.parametrize(
    ("context", "integrations", "reason"),
    [
        pytest.param({}, {}, None, id="no consent object"),
        pytest.param({"consent": {}}, {}, None, id="an empty consent object"),
        pytest.param(answers(), {}, "does not name 'Advertising', which counts as refused"
                     " and does not name 'Analytics', which counts as refused", id="no answers"),
        pytest.param(answers(Advertising=True, Analytics=True), ON, None, id="all accepted"),
        pytest.param(
            answers(Advertising=False, Analytics=True), ON, "refuses 'Advertising'", id="refused"
        ),
        pytest.param(
            answers(Advertising=True),
            OFF,
            "does not name 'Analytics', which counts as refused",
            id="one missing, before integrations",
        ),
    ],
)  # fmt: skip
def test_every_category_of_the_destination_must_be_accepted(
    context: JSONObject, integrations: JSONObject, reason: str | None
) -> None:
    event = {"context": context, "integrations": integrations}
    assert filter_event(ADS_AND_MORE, event) == (reason and f"{REFUSED}{reason}")


@pytest.mark.documented
def test_an_empty_consent_object_with_integrations_refuses() -> None:
    event: JSONObject = {"context": {"consent": {}}, "integrations": ON}
    assert filter_event(["Advertising"], event) == f"{NO_ANSWERS}so it counts as refused"


@pytest.mark.documented
def test_a_destination_without_categories_receives_everything() -> None:
    assert filter_event([], {"context": answers(Advertising=False)}) is None


@pytest.mark.documented
def test_the_change_of_the_answers_is_sent_in_spite_of_a_refusal() -> None:
    event = {"event": "Segment Consent Preference Updated", "context": answers(Advertising=False)}
    assert filter_event(["Advertising"], event) is None


@pytest.mark.assumed
@pytest.mark.parametrize("answer", ["true", 1, None, [], {}], ids=repr)
def test_only_true_is_consent(answer: JSON) -> None:
    reason = "has neither true nor false for 'Advertising', which counts as refused"
    assert filter_event(["Advertising"], {"context": answers(Advertising=answer)}) == (
        f"{REFUSED}{reason}"
    )


@pytest.mark.assumed
@pytest.mark.parametrize("consent", [None, True, "yes", [], ["Advertising"]], ids=repr)
def test_a_consent_that_is_no_object_is_none(consent: JSON) -> None:
    assert filter_event(["Advertising"], {"context": {"consent": consent}}) is None


@pytest.mark.parametrize("context", [None, "web", []], ids=repr)
def test_a_context_that_is_no_object_has_no_consent(context: JSON) -> None:
    assert filter_event(["Advertising"], {"context": context}) is None


def test_a_misspelled_key_below_consent_is_a_hint() -> None:
    destination = {"consentSettings": {"categories": ["Advertising"]}}
    event: JSONObject = {
        "type": "track",
        "event": "Wish Listed",
        "context": {"consent": {"categories": {"Advertising": False}}},
    }
    result = compile_filter_chain({}, destination).filter_event(event, enabled=True)
    assert result.rejection is None
    assert [hint.partition(",")[0] for hint in result.hints] == [
        "context.consent has no categoryPreferences"
    ]


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    document = read_preset_document("guide")
    document["consentSettings"] = {"allCategories": ["Advertising", "Analytics"]}
    document["destination"]["consentSettings"] = {"categories": ["Advertising"]}
    app = create_app(Config(db=":memory:"), load_workspace_from_document(document, "consent"))
    yield app.test_client()
    app.extensions["emulator"].store.close()


def send_track(client: FlaskClient, message_id: str, context: JSONObject) -> Any:
    call = {"writeKey": "wk_demo", "userId": "ada", "event": "Wish Listed", "context": context}
    client.post("/v1/track", json={**call, "messageId": message_id})
    return client.get(f"/emulator/v1/messages/newest?messageId={message_id}").json


def test_a_refused_event_is_filtered_and_not_delivered(client: FlaskClient) -> None:
    message = send_track(client, "refused", answers(Advertising=False))
    assert [message["verdict"], message["reason"], message["deliveries"]] == [
        "filtered",
        f"{REFUSED}refuses 'Advertising'",
        [],
    ]
    assert message["filtered_by"]["step"] == "Filtered at destination"


def test_the_page_of_a_refused_event_names_the_category(client: FlaskClient) -> None:
    send_track(client, "shown", answers(Advertising=False))
    found = client.get("/emulator/v1/messages/newest?messageId=shown").json or {}
    page = client.get(f"/messages/{found['id']}").get_data(as_text=True)
    assert re.search("FILTERED_BY_END_USER_CONSENT: context.consent refuses", page)


def test_an_accepted_event_is_delivered(client: FlaskClient) -> None:
    message = send_track(client, "accepted", answers(Advertising=True))
    assert [message["verdict"], len(message["deliveries"])] == ["accepted", 1]


def test_consent_wrappers_read_the_categories_from_the_cdn(client: FlaskClient) -> None:
    settings = client.get("/v1/projects/wk_demo/settings").json or {}
    assert settings["consentSettings"] == {
        "allCategories": ["Advertising", "Analytics"],
        "hasUnmappedDestinations": False,
    }
