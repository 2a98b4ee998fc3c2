"""Personalisation: data computed from the attributes and events of a profile."""

from typing import Any

import orjson
import pytest
from account import RECENT, Account
from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.insider.profile_json import build_personalisation_data
from segment_insider_emulator.storage.records import Profile, ProfileEvent

MUG = {"product_id": "mug", "name": "Mug", "unit_sale_price": 8.5, "currency": "EUR"}
NOTHING: dict[str, Any] = {
    "name": None,
    "surname": None,
    "age": None,
    "viewed_products": [],
    "cart": [],
    "interest_categories": [],
    "last_purchase": None,
    "order_count": 0,
    "order_value": [],
}


def at(minute: int) -> str:
    return f"2026-11-23T09:{minute:02}:00.000Z"


def did(event_name: str, minute: int = 0, /, **params: Any) -> ProfileEvent:
    return ProfileEvent(event_name, event_name, at(minute), at(minute), params, at(59))


def viewed(product: str, minute: int = 0, /, **params: Any) -> ProfileEvent:
    return did("product_detail_page_view", minute, product_id=product, **params)


def added(minute: int, **params: Any) -> ProfileEvent:
    return did("item_added_to_cart", minute, **{**MUG, **params})


def removed(minute: int, **params: Any) -> ProfileEvent:
    return did("item_removed_from_cart", minute, product_id="mug", **params)


def bought(minute: int, group: str | None = "o1", **params: Any) -> ProfileEvent:
    order = {} if group is None else {"event_group_id": group}
    return did("confirmation_page_view", minute, **{**MUG, **order, **params})


def told(*events: ProfileEvent, **attributes: Any) -> Any:
    profile = Profile("p1", at(0), at(0), attributes=attributes, events=list(events))
    return build_personalisation_data(profile)


def test_an_unknown_person_has_empty_data() -> None:
    assert told() == NOTHING


@pytest.mark.documented
def test_name_and_age_are_the_attributes() -> None:
    known = {"name": "Ada", "surname": "Byron", "age": 36}
    assert told(**known, birthday="1815-12-10T00:00:00Z") == {**NOTHING, **known}


@pytest.mark.assumed
def test_viewed_products_come_latest_first_each_once() -> None:
    views = [
        viewed("mug", 1, name="Mug"),
        viewed("tray", 2),
        viewed("mug", 3, name="New mug"),
        did("listing_page_view", 4),
    ]
    assert told(*views)["viewed_products"] == [
        {"product_id": "mug", "name": "New mug", "views": 2, "last_viewed_at": at(3)},
        {"product_id": "tray", "name": None, "views": 1, "last_viewed_at": at(2)},
    ]


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("events", "left"),
    [
        pytest.param([added(1)], 1, id="one where no quantity is sent"),
        pytest.param([added(1, quantity=2), added(2, quantity=3)], 5, id="added twice"),
        pytest.param([added(1, quantity=3), removed(2, quantity=1)], 2, id="some removed"),
        pytest.param([added(1, quantity=3), bought(2, quantity=1)], 2, id="some bought"),
        pytest.param([added(1), removed(2)], None, id="removed"),
        pytest.param([added(1), bought(2)], None, id="bought"),
        pytest.param([added(1), removed(2, quantity=9), added(3)], 1, id="no debt is carried on"),
        pytest.param([removed(1), added(2)], 1, id="removed before it was seen to be added"),
        pytest.param([added(2), bought(1)], 1, id="time decides, not the order of arrival"),
        pytest.param([added(1), did("cart_cleared", 2)], None, id="cleared"),
        pytest.param([added(1), did("cart_cleared", 2), added(3)], 1, id="filled anew"),
        pytest.param([added(1), bought(2, product_id="tray")], 1, id="another product bought"),
        pytest.param([added(1), did("cart_page_view", 2, **MUG)], 1, id="the cart looked at"),
        pytest.param([added(1, product_id=None)], None, id="a product without an id"),
        pytest.param([added(1, quantity=-2)], None, id="less than nothing"),
        pytest.param([added(1, quantity=2.0)], 2, id="a whole number written as 2.0"),
    ],
)
def test_what_is_still_in_the_cart(events: list[ProfileEvent], left: int | None) -> None:
    cart = told(*events)["cart"]
    assert [each["quantity"] for each in cart] == ([] if left is None else [left])


@pytest.mark.assumed
def test_the_cart_shows_products_as_last_added() -> None:
    cart = told(added(1, quantity=1), added(2, unit_sale_price=7.5))["cart"]
    assert cart == [
        {
            "product_id": "mug",
            "name": "Mug",
            "unit_sale_price": 7.5,
            "currency": "EUR",
            "quantity": 2,
            "added_at": at(2),
        }
    ]


@pytest.mark.assumed
def test_interests_count_each_level_of_the_taxonomy() -> None:
    events = [
        viewed("mug", taxonomy=["Kitchen", "Cups"]),
        added(1, taxonomy=["Cups", "Cups"]),
        did("listing_page_view", 2, taxonomy=["Garden"]),
        bought(3, taxonomy=["Kitchen"]),
        removed(4, taxonomy=["Garden"]),
        did("cart_page_view", 5, taxonomy=["Garden"]),
    ]
    assert told(*events)["interest_categories"] == [
        {"category": "Cups", "count": 2},
        {"category": "Kitchen", "count": 2},
        {"category": "Garden", "count": 1},
    ]


@pytest.mark.assumed
def test_the_last_purchase_is_one_order() -> None:
    tray = {"product_id": "tray", "name": "Tray", "unit_sale_price": 21, "quantity": 2}
    purchase = told(bought(9, "o2", **tray), bought(9, "o2"), bought(3, "o1"))["last_purchase"]
    assert purchase == {
        "event_group_id": "o2",
        "at": at(9),
        "products": [{**tray, "currency": "EUR"}, {**MUG, "quantity": 1}],
        "value": [{"currency": "EUR", "amount": 50.5}],
    }


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("events", "count", "value"),
    [
        pytest.param([bought(1), bought(1)], 1, {"EUR": 17.0}, id="products of one order"),
        pytest.param([bought(1, "o1"), bought(2, "o2")], 2, {"EUR": 17.0}, id="two orders"),
        pytest.param([bought(1, "o1"), bought(2, "o1")], 1, {"EUR": 17.0}, id="an order in parts"),
        pytest.param([bought(1, None), bought(1, None)], 1, {"EUR": 17.0}, id="one instant"),
        pytest.param([bought(1, None), bought(2, None)], 2, {"EUR": 17.0}, id="two instants"),
        pytest.param([bought(1, quantity=3)], 1, {"EUR": 25.5}, id="price times quantity"),
        pytest.param([bought(1, unit_sale_price=0.1, quantity=3)], 1, {"EUR": 0.3}, id="to a cent"),
        pytest.param(
            [bought(1), bought(2, currency="USD")], 1, {"EUR": 8.5, "USD": 8.5}, id="no conversion"
        ),
        pytest.param([bought(1, currency=None)], 1, {None: 8.5}, id="no currency"),
        pytest.param([bought(1, unit_sale_price=None)], 1, {}, id="no price"),
    ],
)
def test_order_count_and_value(
    events: list[ProfileEvent], count: int, value: dict[str | None, float]
) -> None:
    known = told(*events)
    sums = {each["currency"]: each["amount"] for each in known["order_value"]}
    assert (known["order_count"], sums) == (count, value)


NUMBERS = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
WHOLE = NUMBERS.filter(lambda number: float(number).is_integer())


@given(
    st.lists(
        st.builds(
            lambda make, minute, quantity, price: make(
                minute, quantity=quantity, unit_sale_price=price
            ),
            st.sampled_from([added, removed, bought]),
            st.integers(0, 59),
            WHOLE,
            NUMBERS,
        )
    )
)
def test_whatever_numbers_were_stored_it_is_json_and_no_cart_holds_less_than_one(
    events: list[ProfileEvent],
) -> None:
    known = told(*events)
    assert orjson.dumps(known)
    assert all(each["quantity"] > 0 for each in known["cart"])


def test_a_profile_is_shown_with_it() -> None:
    account = Account()
    account.send(
        {
            "identifiers": {"uuid": "u1"},
            "attributes": {"name": "Ada"},
            "events": [
                {"event_name": "item_added_to_cart", "timestamp": RECENT, "event_params": MUG}
            ],
        }
    )
    shown = account.profile("uuid:u1")["personal"]
    assert (shown["name"], [each["product_id"] for each in shown["cart"]]) == ("Ada", ["mug"])
