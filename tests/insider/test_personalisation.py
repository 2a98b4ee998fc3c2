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
EMPTY: dict[str, Any] = {
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


def format_minute(minute: int) -> str:
    return f"2026-11-23T09:{minute:02}:00.000Z"


def build_event(event_name: str, minute: int = 0, /, **params: Any) -> ProfileEvent:
    return ProfileEvent(
        event_name,
        event_name,
        format_minute(minute),
        format_minute(minute),
        params,
        format_minute(59),
    )


def build_view(product: str, minute: int = 0, /, **params: Any) -> ProfileEvent:
    return build_event("product_detail_page_view", minute, product_id=product, **params)


def build_addition(minute: int, **params: Any) -> ProfileEvent:
    return build_event("item_added_to_cart", minute, **{**MUG, **params})


def build_removal(minute: int, **params: Any) -> ProfileEvent:
    return build_event("item_removed_from_cart", minute, product_id="mug", **params)


def build_purchase(minute: int, group: str | None = "o1", **params: Any) -> ProfileEvent:
    order = {} if group is None else {"event_group_id": group}
    return build_event("confirmation_page_view", minute, **{**MUG, **order, **params})


def build_data(*events: ProfileEvent, **attributes: Any) -> Any:
    profile = Profile(
        "p1", format_minute(0), format_minute(0), attributes=attributes, events=list(events)
    )
    return build_personalisation_data(profile)


def test_an_unknown_person_has_empty_data() -> None:
    assert build_data() == EMPTY


@pytest.mark.documented
def test_name_and_age_are_the_attributes() -> None:
    known = {"name": "Ada", "surname": "Byron", "age": 36}
    assert build_data(**known, birthday="1815-12-10T00:00:00Z") == {**EMPTY, **known}


@pytest.mark.assumed
def test_viewed_products_are_listed_once_latest_first() -> None:
    views = [
        build_view("mug", 1, name="Mug"),
        build_view("tray", 2),
        build_view("mug", 3, name="New mug"),
        build_event("listing_page_view", 4),
    ]
    assert build_data(*views)["viewed_products"] == [
        {"product_id": "mug", "name": "New mug", "views": 2, "last_viewed_at": format_minute(3)},
        {"product_id": "tray", "name": None, "views": 1, "last_viewed_at": format_minute(2)},
    ]


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("events", "quantity"),
    [
        pytest.param([build_addition(1)], 1, id="one where no quantity is sent"),
        pytest.param(
            [build_addition(1, quantity=2), build_addition(2, quantity=3)], 5, id="added twice"
        ),
        pytest.param(
            [build_addition(1, quantity=3), build_removal(2, quantity=1)], 2, id="some removed"
        ),
        pytest.param(
            [build_addition(1, quantity=3), build_purchase(2, quantity=1)], 2, id="some bought"
        ),
        pytest.param([build_addition(1), build_removal(2)], None, id="removed"),
        pytest.param([build_addition(1), build_purchase(2)], None, id="bought"),
        pytest.param(
            [build_addition(1), build_removal(2, quantity=9), build_addition(3)],
            1,
            id="never less than nothing",
        ),
        pytest.param([build_removal(1), build_addition(2)], 1, id="removed before it was added"),
        pytest.param(
            [build_addition(2), build_purchase(1)], 1, id="time decides, not the order of arrival"
        ),
        pytest.param([build_addition(1), build_event("cart_cleared", 2)], None, id="cleared"),
        pytest.param(
            [build_addition(1), build_event("cart_cleared", 2), build_addition(3)],
            1,
            id="filled again",
        ),
        pytest.param(
            [build_addition(1), build_purchase(2, product_id="tray")],
            1,
            id="another product bought",
        ),
        pytest.param(
            [build_addition(1), build_event("cart_page_view", 2, **MUG)], 1, id="the cart looked at"
        ),
        pytest.param([build_addition(1, product_id=None)], None, id="a product without an id"),
        pytest.param([build_addition(1, quantity=-2)], None, id="a negative quantity"),
        pytest.param([build_addition(1, quantity=2.0)], 2, id="a whole number written as 2.0"),
    ],
)
def test_the_cart_has_the_products_that_are_left(
    events: list[ProfileEvent], quantity: int | None
) -> None:
    cart = build_data(*events)["cart"]
    assert [product["quantity"] for product in cart] == ([] if quantity is None else [quantity])


@pytest.mark.assumed
def test_the_cart_has_the_latest_data_of_each_product() -> None:
    cart = build_data(build_addition(1, quantity=1), build_addition(2, unit_sale_price=7.5))["cart"]
    assert cart == [
        {
            "product_id": "mug",
            "name": "Mug",
            "unit_sale_price": 7.5,
            "currency": "EUR",
            "quantity": 2,
            "added_at": format_minute(2),
        }
    ]


@pytest.mark.assumed
def test_interests_count_each_level_of_the_taxonomy() -> None:
    events = [
        build_view("mug", taxonomy=["Kitchen", "Cups"]),
        build_addition(1, taxonomy=["Cups", "Cups"]),
        build_event("listing_page_view", 2, taxonomy=["Garden"]),
        build_purchase(3, taxonomy=["Kitchen"]),
        build_removal(4, taxonomy=["Garden"]),
        build_event("cart_page_view", 5, taxonomy=["Garden"]),
    ]
    assert build_data(*events)["interest_categories"] == [
        {"category": "Cups", "count": 2},
        {"category": "Kitchen", "count": 2},
        {"category": "Garden", "count": 1},
    ]


@pytest.mark.assumed
def test_the_last_purchase_is_one_order() -> None:
    tray = {"product_id": "tray", "name": "Tray", "unit_sale_price": 21, "quantity": 2}
    purchase = build_data(
        build_purchase(9, "o2", **tray), build_purchase(9, "o2"), build_purchase(3, "o1")
    )["last_purchase"]
    assert purchase == {
        "event_group_id": "o2",
        "at": format_minute(9),
        "products": [{**tray, "currency": "EUR"}, {**MUG, "quantity": 1}],
        "value": [{"currency": "EUR", "amount": 50.5}],
    }


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("events", "count", "value"),
    [
        pytest.param(
            [build_purchase(1), build_purchase(1)], 1, {"EUR": 17.0}, id="products of one order"
        ),
        pytest.param(
            [build_purchase(1, "o1"), build_purchase(2, "o2")], 2, {"EUR": 17.0}, id="two orders"
        ),
        pytest.param(
            [build_purchase(1, "o1"), build_purchase(2, "o1")],
            1,
            {"EUR": 17.0},
            id="an order in parts",
        ),
        pytest.param(
            [build_purchase(1, None), build_purchase(1, None)], 1, {"EUR": 17.0}, id="one instant"
        ),
        pytest.param(
            [build_purchase(1, None), build_purchase(2, None)], 2, {"EUR": 17.0}, id="two instants"
        ),
        pytest.param([build_purchase(1, quantity=3)], 1, {"EUR": 25.5}, id="price times quantity"),
        pytest.param(
            [build_purchase(1, unit_sale_price=0.1, quantity=3)], 1, {"EUR": 0.3}, id="to a cent"
        ),
        pytest.param(
            [build_purchase(1), build_purchase(2, currency="USD")],
            1,
            {"EUR": 8.5, "USD": 8.5},
            id="no conversion",
        ),
        pytest.param([build_purchase(1, currency=None)], 1, {None: 8.5}, id="no currency"),
        pytest.param([build_purchase(1, unit_sale_price=None)], 1, {}, id="no price"),
    ],
)
def test_orders_are_counted_and_summed_by_currency(
    events: list[ProfileEvent], count: int, value: dict[str | None, float]
) -> None:
    data = build_data(*events)
    sums = {total["currency"]: total["amount"] for total in data["order_value"]}
    assert (data["order_count"], sums) == (count, value)


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
            st.sampled_from([build_addition, build_removal, build_purchase]),
            st.integers(0, 59),
            WHOLE,
            NUMBERS,
        )
    )
)
def test_any_numbers_give_json_without_negative_quantities(
    events: list[ProfileEvent],
) -> None:
    data = build_data(*events)
    assert orjson.dumps(data)
    assert all(product["quantity"] > 0 for product in data["cart"])


def test_a_profile_has_personalisation_data() -> None:
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
    data = account.get_profile("uuid:u1")["personal"]
    assert (data["name"], [product["product_id"] for product in data["cart"]]) == ("Ada", ["mug"])
