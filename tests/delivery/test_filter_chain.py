"""Filter stages run in Segment's order, and the report names the first that rejects an event."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.delivery.filter_chain import (
    CATALOG_NAME,
    FilterChain,
    build_filter_report,
    compile_filter_chain,
    get_verdict_for_rejection,
)
from segment_insider_emulator.filtering.result import FilterResult
from segment_insider_emulator.filtering.tracking_plan import parse_tracking_plan
from segment_insider_emulator.segment.validation import MESSAGE_TYPES
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_workspace_or_preset

PLAN = parse_tracking_plan(json.loads(Path("fixtures/plans/shop.json").read_text()), "shop.json")
WORKSPACE = load_workspace_or_preset("fixtures/plans/shop.yaml")
TRACK_SWITCHES = (
    "allowUnplannedEvents",
    "allowUnplannedEventProperties",
    "allowEventOnViolations",
    "allowPropertiesOnViolations",
)
NAMES = st.sampled_from(
    ["order_id", "total", "products", "product_id", "email", "protocols", "event_version", "All"]
)
STRICT: JSONObject = {
    "settings": {"track": {"allowUnplannedEvents": False, "allowEventOnViolations": False}},
    "schema": {"track": {"Order Completed": False}},
}
DROP_ALL: JSONObject = {"filters": [{"title": "All", "if": "all", "actions": [{"type": "DROP"}]}]}
EVENT: JSONObject = {"type": "track", "event": "Order Completed", "userId": "ada"}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("source", "enabled", "changes", "reason"),
    [
        pytest.param(STRICT, False, {}, "event_setting", id="the source's schema first"),
        pytest.param(
            {**STRICT, "schema": {}}, False, {}, "schema_violation", id="then the tracking plan"
        ),
        pytest.param({}, False, {}, "the destination is turned off", id="then the destination"),
        pytest.param({}, True, {}, "FILTERED_BY_INTEGRATIONS_OBJECT", id="then integrations"),
        pytest.param({}, True, {"integrations": None}, "FILTERED_BY_RULES", id="then filters"),
    ],
)
def test_the_report_names_the_first_stage_that_rejects_an_event(
    source: JSONObject, enabled: bool, changes: JSONObject, reason: str
) -> None:
    event = {**EVENT, "integrations": {CATALOG_NAME: False}, **changes}
    result = compile_filter_chain(source, DROP_ALL, PLAN).filter_event(event, enabled=enabled)
    assert result.rejection is not None
    assert get_verdict_for_rejection(result.rejection)[1].startswith(reason)


def test_a_workspace_without_filters_accepts_every_event() -> None:
    assert compile_filter_chain({}, {}).filter_event(EVENT, enabled=True) == FilterResult(EVENT)
    assert FilterChain().filter_event(EVENT, enabled=True).event is EVENT


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
SECTIONS = st.none() | st.dictionaries(NAMES, VALUES)
CALLS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(MESSAGE_TYPES),
        "event": st.sampled_from(["Order Completed", "Page Viewed", "Song Played"]),
        "messageId": st.text(),
    },
    optional={"userId": VALUES}
    | dict.fromkeys(("properties", "traits", "context", "integrations"), SECTIONS),
)


@given(CALLS, st.sampled_from(["BLOCK", "OMIT_PROPERTIES", "ALLOW"]), st.booleans())
def test_no_accepted_event_causes_an_error_in_a_stage(
    event: JSONObject, common: str, allow: bool
) -> None:
    track = dict.fromkeys(TRACK_SWITCHES, allow) | {"commonEventOnViolations": common}
    source = {"settings": {"track": track}, "schema": {"identify": {"email": allow}}}
    result = compile_filter_chain(source, WORKSPACE.destination, PLAN).filter_event(
        event, enabled=True
    )
    assert json.dumps([result.event, build_filter_report(result)])


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = create_app(Config(db=":memory:"), WORKSPACE)
    yield app.test_client()
    app.extensions["emulator"].store.close()


def send_call(client: FlaskClient, kind: str, **call: Any) -> JSONObject:
    """Send *call* and return the message as the control API shows it."""
    call = {"userId": "ada", "writeKey": "wk_demo", "messageId": "m1", **call}
    assert client.post(f"/v1/{kind}", json=call).json == {"success": True}
    message: JSONObject = client.get("/emulator/v1/messages/1").json or {}
    return message


ORDER: JSONObject = {
    "order_id": "o-17",
    "total": "20",
    "colour": "red",
    "products": [{"product_id": "mug"}],
}


def test_a_violation_is_shown_next_to_the_event(client: FlaskClient) -> None:
    message = send_call(client, "track", event="Order Completed", properties=ORDER)
    violation = {
        "type": "Invalid Type",
        "field": "properties.total",
        "description": "Invalid type. Expected: number, given: string",
    }
    details = {"rule": "TRACK Order Completed, version 1", "value": "20"}
    assert message["violations"] == [violation | details]
    assert message["omitted"] == [{"field": "properties.colour", "by": "unplanned"}]
    assert message["filtered_by"] is None
    assert message["normalised"]["context"]["protocols"] == {
        "sourceId": "srcExample01",
        "omitted": ["properties.colour"],
        "violations": [violation],
    }
    assert "colour" not in message["normalised"]["properties"]
    assert message["message"]["properties"] == ORDER


@pytest.mark.parametrize(
    ("kind", "call", "filtered_by"),
    [
        pytest.param(
            "track",
            {"event": "Song Played"},
            {
                "step": "Filtered at source",
                "code": "unplanned",
                "detail": "the plan has no event 'Song Played'; "
                "names match in every letter and blank",
            },
            id="at the source",
        ),
        pytest.param(
            "track",
            {
                "event": "Order Completed",
                "properties": {"order_id": "o-17"},
                "integrations": {"All": False},
            },
            {
                "step": "Filtered at destination",
                "code": "FILTERED_BY_INTEGRATIONS_OBJECT",
                "detail": "the event's integrations object has 'All': false, "
                "which switches the destination off",
            },
            id="at the destination",
        ),
    ],
)
def test_a_filtered_event_shows_the_stage_and_the_reason(
    client: FlaskClient, kind: str, call: JSONObject, filtered_by: JSONObject
) -> None:
    message = send_call(client, kind, **call)
    reason = f"{filtered_by['code']}: {filtered_by['detail']}"
    assert (message["verdict"], message["reason"]) == ("filtered", reason)
    assert (message["filtered_by"], message["deliveries"]) == (filtered_by, [])


def test_a_field_removed_by_a_filter_never_reaches_a_mapping(client: FlaskClient) -> None:
    traits = {"ssn": "078-05-1120", "email": "ada@example.com"}
    message = send_call(client, "identify", traits=traits, context={"ip": "203.0.113.7"})
    by = "filter 'No addresses'"
    assert message["omitted"] == [
        {"field": "context.ip", "by": by},
        {"field": "traits.ssn", "by": by},
    ]
    assert message["normalised"]["traits"] == {"email": "ada@example.com"}
    assert "078-05-1120" not in json.dumps(message["deliveries"])


def test_a_message_is_found_by_names_that_a_filter_removed_from_its_event() -> None:
    drop_action = {"type": "DROP_PROPERTIES", "fields": {"": ["event", "userId"]}}
    destination = WORKSPACE.destination | {
        "filters": [{"title": "Bare", "if": "all", "actions": [drop_action]}],
        "subscriptions": [{"name": "All", "actionSlug": "trackEvent"}],
    }
    app = create_app(
        Config(db=":memory:"), replace(WORKSPACE, destination=destination, tracking_plan=None)
    )
    client = app.test_client()
    send_call(client, "track", event="Song Played")
    messages = client.get("/emulator/v1/messages?event=Song Played&user=ada").json or {}
    deliveries = client.get("/emulator/v1/deliveries?event=Song Played").json or {}
    app.extensions["emulator"].store.close()
    assert [message["messageId"] for message in messages["messages"]] == ["m1"]
    assert [delivery["messageId"] for delivery in deliveries["deliveries"]] == ["m1"]


def test_the_filter_report_has_the_hints() -> None:
    assert build_filter_report(FilterResult(EVENT, hints=("Mind.",))) == {
        "violations": [],
        "filtered_by": None,
        "omitted": [],
        "hints": ["Mind."],
    }
