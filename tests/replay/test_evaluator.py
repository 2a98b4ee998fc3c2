"""A dry run gives the same verdicts and requests as sending the event to the emulator."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from archives import make_track_event

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.replay.evaluator import (
    PROFILE_UPDATE_NAME,
    EvaluationClocks,
    EventEvaluator,
    EventReason,
    EventResult,
    RequestChange,
    compare_deliveries,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_workspace_or_preset
from segment_insider_emulator.workspace.model import Workspace, build_workspace

NOW = datetime(2026, 3, 14, 10, 0, 1, tzinfo=UTC)
SHOP = [
    orjson.loads(line) for line in Path("fixtures/events/shop.ndjson").read_bytes().splitlines()
]
FILTER: JSONObject = {
    "title": "No staff",
    "enabled": True,
    "if": 'userId = "staff"',
    "actions": [{"type": "DROP"}],
}


def make_workspace(**destination: Any) -> Workspace:
    document = load_workspace_or_preset("guide").document
    return build_workspace({**document, "destination": {**document["destination"], **destination}})


def remove_arrival_time(event: JSONObject) -> JSONObject:
    return {name: value for name, value in event.items() if name != "receivedAt"}


EVENTS = [
    *SHOP,
    *(
        remove_arrival_time(event)
        for event in (
            make_track_event(1),
            make_track_event(2, userId=None, anonymousId="a2"),
            make_track_event(3, userId=None),
            make_track_event(4, event=""),
            make_track_event(5, userId=5),
            make_track_event(6, "Song Played"),
            make_track_event(7, integrations={"All": False}),
            make_track_event(8, userId="staff"),
            make_track_event(9, timestamp="2019-01-01T00:00:00Z"),
            make_track_event(10, properties={"products": "mug"}),
            make_track_event(11, properties={"currency": "EUR"}),
            make_track_event(12, "Cart Viewed", properties={"products": [{"product_id": "mug"}]}),
            make_track_event(13, "Ä" * 300),
            make_track_event(14, properties={"blob": "x" * 40_000}),
            {
                **make_track_event(15),
                "type": "identify",
                "traits": {"phone": "12", "email": "no-email"},
            },
            {**make_track_event(16), "type": "identify", "traits": {"email_optin": "perhaps"}},
            {**make_track_event(17), "type": "group", "groupId": "g"},
            {**make_track_event(18), "type": "nothing"},
            make_track_event(19, timestamp=1764000000),
            make_track_event(20, "order completed"),
            make_track_event(21, messageId="m" * 120),
            make_track_event(
                22, "Song Played", context={"timezone": "UTC", "device": {"model": "x"}}
            ),
        )
    ),
]


def send_to_emulator(shop: Workspace, event: JSONObject) -> tuple[str, list[tuple[Any, ...]]]:
    """Send *event* to an emulator; return its verdict, and verdict and body of each delivery."""
    client = create_app(Config(db=":memory:"), shop, clock=lambda: NOW).test_client()
    client.post("/v1/batch", json={"batch": [event], "writeKey": shop.write_key})
    (message,) = client.get("/emulator/v1/messages").get_json()["messages"]
    records = client.get("/emulator/v1/deliveries").get_json()["deliveries"]
    deliveries = [
        (delivery["subscription"], delivery["verdict"], (delivery["request"] or {}).get("json"))
        for delivery in records
    ]
    return message["verdict"], deliveries


def evaluate(shop: Workspace, event: JSONObject, **clocks: datetime) -> EventResult:
    return EventEvaluator(shop, EvaluationClocks(NOW, **clocks)).evaluate_call(
        event, orjson.dumps(event), bytes(16)
    )


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: str(event.get("messageId")))
@pytest.mark.parametrize("enabled", [True, False], ids=["enabled", "disabled"])
def test_verdicts_and_requests_equal_those_of_the_emulator(
    event: JSONObject, enabled: bool
) -> None:
    shop = make_workspace(enabled=enabled, filters=[FILTER])

    result = evaluate(shop, event)

    deliveries = [
        (
            delivery.subscription,
            delivery.verdict,
            delivery.request_body and orjson.loads(delivery.request_body),
        )
        for delivery in result.deliveries
    ]
    assert (result.verdict, deliveries) == send_to_emulator(shop, event)


def test_an_archived_event_keeps_its_normalised_timestamp() -> None:
    event = make_track_event(
        1, originalTimestamp="2026-03-14T09:00:00Z", sentAt="2026-03-14T09:00:01Z"
    )

    (delivery,) = evaluate(load_workspace_or_preset("guide"), event).deliveries

    events = orjson.loads(delivery.request_body or b"")["users"][0]["events"]
    assert {event["timestamp"] for event in events} == {"2026-03-14T10:00:00.000Z"}


def test_every_event_of_a_request_is_validated() -> None:
    products = [{"product_id": "mug", "price": 1, "quantity": 1}, {"product_id": "tray"}]
    event = make_track_event(
        1, "Cart Viewed", properties={"cart_id": "c", "currency": "EUR"} | {"products": products}
    )

    (delivery,) = evaluate(load_workspace_or_preset("guide"), event).deliveries

    assert delivery.verdict == "dropped"
    assert delivery.reasons == (
        EventReason(
            "dropped",
            True,
            "events[].event_params.unit_sale_price",
            "unit_sale_price parameter is required on cart_page_view event",
            "Send unit_sale_price in event_params.",
        ),
    )


def test_stored_events_have_the_names_of_insider_one() -> None:
    assert (
        evaluate(load_workspace_or_preset("guide"), make_track_event(1)).deliveries[0].stored_events
        == ("confirmation_page_view",) * 2
    )
    assert evaluate(load_workspace_or_preset("guide"), SHOP[0]).deliveries[0].stored_events == (
        PROFILE_UPDATE_NAME,
    )


@pytest.mark.parametrize(
    ("clocks", "received"),
    [
        pytest.param({}, 2, id="by the time of its arrival"),
        pytest.param({"insider_now": datetime(2028, 3, 13, tzinfo=UTC)}, 2, id="just in time"),
        pytest.param({"insider_now": datetime(2028, 3, 15, tzinfo=UTC)}, 0, id="outdated"),
    ],
)
def test_events_are_stored_until_their_retention_ends(
    clocks: dict[str, datetime], received: int
) -> None:
    (delivery,) = evaluate(
        load_workspace_or_preset("guide"), make_track_event(1), **clocks
    ).deliveries

    lost = {reason.what for reason in delivery.reasons if reason.lost}
    assert len(delivery.stored_events) == received
    assert lost == (
        set()
        if received
        else {"confirmation_page_view is older than 730 days, so it is not stored"}
    )


def test_reasons_do_not_depend_on_values() -> None:
    one = {**make_track_event(1), "type": "identify", "traits": {"email": "no-email"}}
    other = {**make_track_event(2), "type": "identify", "traits": {"email": "no:: body"}}

    reasons = [
        evaluate(load_workspace_or_preset("guide"), event).deliveries[0].reasons
        for event in (one, other)
    ]

    assert reasons[0] == reasons[1]
    assert "no-email" not in str(reasons)


def test_two_workspaces_are_compared_field_by_field() -> None:
    guide = make_workspace()
    fixed = make_workspace(
        subscriptions=[
            {
                **subscription,
                "settings": {**subscription["settings"], "uuid": {"@path": "$.anonymousId"}},
            }
            if subscription["actionSlug"] == "orderCompletedEvent"
            else subscription
            for subscription in guide.destination["subscriptions"]
        ]
    )
    event = make_track_event(1, anonymousId="a1")

    before, after = evaluate(guide, event).deliveries, evaluate(fixed, event).deliveries

    name = before[0].subscription
    assert compare_deliveries(before, after) == [
        RequestChange(name, "users[].identifiers.uuid", "differs")
    ]
    assert compare_deliveries(before, before) == []
    assert compare_deliveries(before, ()) == [RequestChange(name, "(request)", "gone")]
    assert compare_deliveries((), before) == [RequestChange(name, "(request)", "new")]
