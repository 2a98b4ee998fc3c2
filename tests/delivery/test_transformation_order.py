"""Transformations of the source run before the destination's filters, its own after them."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.delivery.filter_chain import build_filter_chain
from segment_insider_emulator.mapping.catalog import DESTINATION_METADATA_ID
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.loading import (
    load_workspace_from_document,
    read_preset_document,
)

RENAME: JSONObject = {
    "name": "Rename",
    "if": "event = 'completed_order'",
    "newEventName": "Order Completed",
    "propertyRenames": [{"oldName": "orderNo", "newName": "order_id"}],
}
ORDER: JSONObject = {
    "type": "track",
    "event": "completed_order",
    "userId": "ada",
    "properties": {
        "orderNo": "o-17",
        "currency": "EUR",
        "products": [{"product_id": "mug", "name": "Mug", "price": 8.5, "quantity": 1}],
    },
}


def build_document(*transformations: JSONObject, **destination: Any) -> JSONObject:
    document = read_preset_document("guide")
    document["transformations"] = list(transformations)
    document["destination"] |= destination
    document["source"] |= {"id": "src_web"}
    return document


def filter_order(document: JSONObject) -> str:
    """Return the name of the order after all stages, or why it went no further."""
    chain = build_filter_chain(load_workspace_from_document(document, "test"))
    result = chain.filter_event(ORDER, enabled=True)
    return str(result.rejection or result.event["event"])


DROP_NEW_NAME = [{"if": "event = 'Order Completed'", "actions": [{"type": "DROP"}]}]
OF_INSIDER = {**RENAME, "destinationMetadataId": DESTINATION_METADATA_ID}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        pytest.param(
            build_document(RENAME, filters=DROP_NEW_NAME),
            "FILTERED_BY_RULES: destination filter 1 drops it",
            id="source before filters",
        ),
        pytest.param(
            build_document(OF_INSIDER, filters=DROP_NEW_NAME),
            "Order Completed",
            id="destination after filters",
        ),
        pytest.param(
            build_document({**RENAME, "destinationMetadataId": "another"}),
            "completed_order",
            id="another destination",
        ),
        pytest.param(
            build_document({**RENAME, "sourceId": "src_app"}), "completed_order", id="other source"
        ),
        pytest.param(
            build_document({**RENAME, "sourceId": "src_web"}), "Order Completed", id="this source"
        ),
    ],
)
def test_the_scope_decides_when_an_event_is_changed(document: JSONObject, outcome: str) -> None:
    assert filter_order(document) == outcome


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    document = build_document(RENAME, {"name": "No tests", "if": "event = 'Test'", "drop": True})
    app = create_app(Config(db=":memory:"), load_workspace_from_document(document, "renamed"))
    yield app.test_client()
    app.extensions["emulator"].store.close()


def send_track(client: FlaskClient, **call: Any) -> Any:
    body = {"writeKey": "wk_demo", **call}
    assert client.post("/v1/track", json=body).json == {"success": True}
    return client.get("/emulator/v1/messages/newest").json


def test_a_renamed_order_is_a_purchase_and_shows_each_change(client: FlaskClient) -> None:
    message = send_track(client, **ORDER)
    by = "transformation 'Rename'"
    assert message["changes"] == [
        {"by": by, "kind": "moved", "field": "properties.order_id", "was": "properties.orderNo"},
        {"by": by, "kind": "renamed event", "field": "Order Completed", "was": "completed_order"},
    ]
    assert [message["event"], message["verdict"]] == ["completed_order", "accepted"]
    assert message["normalised"]["event"] == "Order Completed"
    assert [delivery["actionSlug"] for delivery in message["deliveries"]] == ["orderCompletedEvent"]


def test_a_dropped_event_names_the_transformation(client: FlaskClient) -> None:
    message = send_track(client, event="Test", userId="ada")
    assert [message["verdict"], message["reason"], message["changes"]] == [
        "filtered",
        "FILTERED_BY_RULES: transformation 'No tests' drops it",
        [],
    ]
    assert message["filtered_by"]["step"] == "Filtered at source"


def test_an_event_without_transformation_is_as_before(client: FlaskClient) -> None:
    assert send_track(client, event="Wish Listed", userId="ada")["changes"] == []


def read_page_text(client: FlaskClient, address: str, **form: str) -> str:
    page = client.post(address, data=form) if form else client.get(address)
    text = re.sub(r"<wbr>|<[^>]*>", "", page.get_data(as_text=True))
    return html.unescape(re.sub(r"\s+", " ", text))


def test_the_page_of_a_message_shows_each_change(
    client: FlaskClient,
) -> None:
    send_track(client, **ORDER)
    newest = client.get("/emulator/v1/messages/newest").json or {}
    text = read_page_text(client, f"/messages/{newest['id']}")
    assert "properties.orderNo becomes properties.order_id transformation 'Rename'" in text
    assert "the event 'completed_order' becomes 'Order Completed' transformation 'Rename'" in text


def test_the_page_of_a_dropped_message_says_who_counts_it(client: FlaskClient) -> None:
    send_track(client, event="Test", userId="ada")
    newest = client.get("/emulator/v1/messages/newest").json or {}
    text = read_page_text(client, f"/messages/{newest['id']}")
    assert "FILTERED_BY_RULES: transformation 'No tests' drops it" in text
    assert "Segment counts it as Filtered at source" in text


def test_the_tester_shows_what_happens_before_the_mappings(client: FlaskClient) -> None:
    text = read_page_text(client, "/workspace/test", event=json.dumps(ORDER))
    assert "properties.orderNo becomes properties.order_id transformation 'Rename'" in text
    assert '"event_group_id": "o-17"' in text


def test_the_tester_says_that_an_event_would_be_stopped(client: FlaskClient) -> None:
    event = {"type": "track", "event": "Test", "userId": "ada"}
    text = read_page_text(client, "/workspace/test", event=json.dumps(event))
    reason = "FILTERED_BY_RULES: transformation 'No tests' drops it"
    assert f"No mapping gets this event: {reason}" in text


def test_the_tester_starts_with_a_changed_event_as_it_was_sent(client: FlaskClient) -> None:
    send_track(client, **ORDER)
    newest = client.get("/emulator/v1/messages/newest").json or {}
    text = read_page_text(client, f"/workspace/test?message={newest['id']}")
    assert '"event": "completed_order"' in text


def test_the_workspace_page_lists_the_transformations_in_order(client: FlaskClient) -> None:
    text = read_page_text(client, "/workspace")
    rename = "Rename, for the whole source, where event = 'completed_order': renames it"
    assert f"{rename}, moves properties" in text
    assert "No tests, for the whole source, where event = 'Test': drops the event" in text
