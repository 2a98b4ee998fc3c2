"""An order that is repeated at another time causes a warning: its value counts twice."""

import pytest
from account import PURCHASE, Account, event

from segment_insider_emulator.storage.profile_unit_of_work import MAX_EVENTS_SEARCHED
from segment_insider_emulator.types import JSONObject

TOLD = (
    "this order was recorded at 2026-11-23T09:58:00.000Z with the same product;"
    " its value counts twice"
)
FIRST, SECOND = "2026-11-23T09:58:00Z", "2026-11-23T09:59:00Z"


def bought(at: str, *products: str, **more: object) -> JSONObject:
    lines = [
        event("confirmation_page_view", at, **{**PURCHASE, "product_id": each, **more})
        for each in products
    ]
    return {"identifiers": {"uuid": "u1"}, "events": lines}


@pytest.mark.assumed
def test_the_same_order_a_minute_later_causes_a_warning_for_each_product() -> None:
    account = Account()
    assert account.warned(bought(FIRST, "mug", "tray")) == []
    assert account.warned(bought(SECOND, "mug", "tray")) == [
        (f"users.0.events.{at}.event_params.event_group_id", TOLD) for at in (0, 1)
    ]
    assert len(account.profile("uuid:u1")["events"]) == 4


@pytest.mark.assumed
def test_the_same_order_twice_in_one_request_causes_a_warning() -> None:
    users = [bought(FIRST, "mug"), bought(SECOND, "mug")]
    told = Account().warned(*users)
    assert ("users.1.events.0.event_params.event_group_id", TOLD) in told


@pytest.mark.assumed
def test_an_order_repeated_by_a_merge_causes_a_warning() -> None:
    account = Account()
    account.send({**bought(FIRST, "mug"), "identifiers": {"email": "a@b.io"}})
    both = {**bought(SECOND, "mug"), "identifiers": {"uuid": "u1", "email": "a@b.io"}}
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"name": "Ada"}})
    place = "users.0.events.0.event_params.event_group_id"
    assert account.warned(both) == [(place, TOLD)]


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(bought(SECOND, "mug", event_group_id="o2"), id="another order"),
        pytest.param(bought(SECOND, "tray"), id="another product of the order"),
        pytest.param({**bought(SECOND, "mug"), "identifiers": {"uuid": "u2"}}, id="somebody else"),
        pytest.param(
            {"identifiers": {"uuid": "u1"}, "events": [event("a", SECOND, event_group_id="o1")]},
            id="another event of the order",
        ),
    ],
)
def test_other_purchases_cause_no_warning(later: JSONObject) -> None:
    account = Account()
    account.send(bought(FIRST, "mug"))
    assert account.warned(later) == []


def test_a_profile_with_many_purchases_is_not_read_whole() -> None:
    account = Account()
    products = [f"p{number}" for number in range(MAX_EVENTS_SEARCHED + 1)]
    many = [
        event("confirmation_page_view", **{**PURCHASE, "product_id": each}) for each in products
    ]
    account.send({"identifiers": {"uuid": "u1"}, "events": many})
    with account.profiles.unit_of_work() as writing:
        (profile,) = writing.find_by_identifiers(["uuid:u1"])
        assert (
            len(writing.find_events_by_name(profile.id, "confirmation_page_view"))
            == MAX_EVENTS_SEARCHED
        )
