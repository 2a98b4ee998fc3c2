"""An order repeated at another time causes a warning because its value counts twice."""

import pytest
from account import PURCHASE, Account, build_event

from segment_insider_emulator.storage.profile_unit_of_work import MAX_EVENTS_SEARCHED
from segment_insider_emulator.types import JSONObject

WARNING = (
    "this order was recorded at 2026-11-23T09:58:00.000Z with the same product;"
    " its value counts twice"
)
FIRST, SECOND = "2026-11-23T09:58:00Z", "2026-11-23T09:59:00Z"


def build_order_events(at: str, *products: str, **more: object) -> JSONObject:
    lines = [
        build_event("confirmation_page_view", at, **{**PURCHASE, "product_id": product, **more})
        for product in products
    ]
    return {"identifiers": {"uuid": "u1"}, "events": lines}


@pytest.mark.assumed
def test_the_same_order_a_minute_later_causes_a_warning_for_each_product() -> None:
    account = Account()
    assert account.send_and_list_warnings(build_order_events(FIRST, "mug", "tray")) == []
    assert account.send_and_list_warnings(build_order_events(SECOND, "mug", "tray")) == [
        (f"users.0.events.{at}.event_params.event_group_id", WARNING) for at in (0, 1)
    ]
    assert len(account.get_profile("uuid:u1")["events"]) == 4


@pytest.mark.assumed
def test_the_same_order_twice_in_one_request_causes_a_warning() -> None:
    users = [build_order_events(FIRST, "mug"), build_order_events(SECOND, "mug")]
    warnings = Account().send_and_list_warnings(*users)
    assert ("users.1.events.0.event_params.event_group_id", WARNING) in warnings


@pytest.mark.assumed
def test_an_order_repeated_by_a_merge_causes_a_warning() -> None:
    account = Account()
    account.send({**build_order_events(FIRST, "mug"), "identifiers": {"email": "a@b.io"}})
    both = {**build_order_events(SECOND, "mug"), "identifiers": {"uuid": "u1", "email": "a@b.io"}}
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"name": "Ada"}})
    place = "users.0.events.0.event_params.event_group_id"
    assert account.send_and_list_warnings(both) == [(place, WARNING)]


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(build_order_events(SECOND, "mug", event_group_id="o2"), id="another order"),
        pytest.param(build_order_events(SECOND, "tray"), id="another product of the order"),
        pytest.param(
            {**build_order_events(SECOND, "mug"), "identifiers": {"uuid": "u2"}},
            id="another person",
        ),
        pytest.param(
            {
                "identifiers": {"uuid": "u1"},
                "events": [build_event("a", SECOND, event_group_id="o1")],
            },
            id="another event of the order",
        ),
    ],
)
def test_other_purchases_cause_no_warning(later: JSONObject) -> None:
    account = Account()
    account.send(build_order_events(FIRST, "mug"))
    assert account.send_and_list_warnings(later) == []


@pytest.mark.parametrize(
    "order_id",
    [pytest.param('50%_"\\é', id="wildcards and escapes"), pytest.param("O1", id="letter case")],
)
def test_an_order_is_found_by_its_exact_id(order_id: str) -> None:
    account = Account()
    account.send(build_order_events(FIRST, "mug", event_group_id="o1"))
    account.send(build_order_events(FIRST, "mug", event_group_id=order_id))
    later = build_order_events(SECOND, "mug", event_group_id=order_id)
    place = "users.0.events.0.event_params.event_group_id"
    assert account.send_and_list_warnings(later) == [(place, WARNING)]
    other = build_order_events(SECOND, "mug", event_group_id=order_id.swapcase() + "x")
    assert account.send_and_list_warnings(other) == []


def test_only_purchases_of_the_order_are_read() -> None:
    account = Account()
    for order_id in ("o1", "o2", "o3"):
        account.send(build_order_events(FIRST, "mug", event_group_id=order_id))
    with account.profiles.unit_of_work() as writing:
        (profile,) = writing.find_by_identifiers(["uuid:u1"])
        events = writing.find_events_by_name(profile.id, "confirmation_page_view", '"o2"')
    assert [event.params["event_group_id"] for event in events] == ["o2"]


def test_a_profile_with_many_purchases_is_not_read_whole() -> None:
    account = Account()
    products = [f"p{number}" for number in range(MAX_EVENTS_SEARCHED + 1)]
    many = [
        build_event("confirmation_page_view", **{**PURCHASE, "product_id": product})
        for product in products
    ]
    account.send({"identifiers": {"uuid": "u1"}, "events": many})
    with account.profiles.unit_of_work() as writing:
        (profile,) = writing.find_by_identifiers(["uuid:u1"])
        assert (
            len(writing.find_events_by_name(profile.id, "confirmation_page_view"))
            == MAX_EVENTS_SEARCHED
        )
