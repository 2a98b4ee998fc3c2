import pytest

from emulator.mapping import Destination
from emulator.mapping.explanation import (
    Account,
    Explanation,
    Unread,
    explain,
    unread,
)
from emulator.mapping.origins import Origin
from emulator.types import JSONObject


def shop(*subscriptions: JSONObject) -> Destination:
    settings = {"account_name": "shop", "ucd_key": "key"}
    return Destination({"settings": settings, "subscriptions": [*subscriptions]})


def explained(subscription: JSONObject, event: JSONObject) -> Explanation:
    return explain(shop(subscription), event)


def account(subscription: JSONObject, event: JSONObject) -> Account:
    return explained(subscription, event).accounts[0]


ORDER: JSONObject = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m1",
    "userId": "u1",
    "timestamp": "2026-01-01T00:00:00Z",
    "properties": {
        "order_id": "o-17",
        "coupon": "SPRING",
        "products": [{"product_id": "mug", "price": 8.5, "brand": "Acme"}, {"product_id": "tray"}],
    },
}


def origin(field: str, subscription: JSONObject, event: JSONObject) -> Origin:
    return next(each for each in account(subscription, event).origins if each.field == field)


def test_value_names_its_places_field_mapping_and_event_path() -> None:
    assert origin(
        "parameters.event_group_id", {"actionSlug": "orderCompletedEvent"}, ORDER
    ) == Origin(
        at=[
            "users[0].events[0].event_params.event_group_id",
            "users[0].events[1].event_params.event_group_id",
        ],
        value="o-17",
        field="parameters.event_group_id",
        mapping={"@path": "$.properties.order_id"},
        read=["properties.order_id"],
    )


def test_product_value_names_the_item_it_came_from() -> None:
    assert origin("products[1].product_id", {"actionSlug": "orderCompletedEvent"}, ORDER) == Origin(
        at=["users[0].events[1].event_params.product_id"],
        value="tray",
        field="products[1].product_id",
        mapping={"@path": "product_id"},
        read=["properties.products[1].product_id"],
    )


def test_fallback_that_was_taken_is_the_one_named() -> None:
    subscription = {"actionSlug": "productViewedEvent", "trigger": 'type = "track"'}
    event = {**ORDER, "context": {"page": {"url": "https://shop.example/p"}}}

    assert origin("parameters.url", subscription, event).read == ["context.page.url"]


def test_opt_in_names_its_trait() -> None:
    subscription = {
        "actionSlug": "updateUserProfile",
        "settings": {"uuid": "u1", "emailOptin": {"@path": "$.traits.email_optin"}},
    }
    event = {"type": "identify", "traits": {"email_optin": False}}

    found = origin("emailOptin", subscription, event)

    assert (found.at, found.value) == (["users[0].attributes.email_optin"], False)
    assert explained(subscription, event).dropped == []


def test_properties_that_nobody_reads_are_dropped() -> None:
    assert explained({"actionSlug": "orderCompletedEvent"}, ORDER).dropped == [
        "properties.coupon",
        "properties.products[0].brand",
    ]


def test_value_of_a_key_with_capitals_gets_nowhere() -> None:
    mapping = {
        "uuid": "u1",
        "timestamp": "2026-01-01",
        "parameters": {"giftWrap": {"@path": "$.properties.coupon"}},
    }

    found = origin(
        "parameters.giftWrap", {"actionSlug": "orderCompletedEvent", "settings": mapping}, ORDER
    )

    assert (found.at, found.value, found.read) == ([], "SPRING", ["properties.coupon"])


@pytest.mark.parametrize(
    ("subscription", "event", "why"),
    [
        pytest.param(
            {"actionSlug": "cartViewedEvent"}, ORDER,
            [
                ('type = "track"', True, "track"),
                ('event = "Cart Viewed"', False, "Order Completed"),
            ],
            id="another event",
        ),
        pytest.param(
            {"actionSlug": "trackEvent", "trigger": "properties.vip = true"}, ORDER,
            [("properties.vip is_true", False, None)], id="a property that is missing",
        ),
    ],
)  # fmt: skip
def test_event_that_does_not_match_is_told_why(
    subscription: JSONObject, event: JSONObject, why: list[tuple[str, bool, object]]
) -> None:
    found = account(subscription, event)

    assert found.matched is False
    assert [(each.condition, each.holds, each.found) for each in found.conditions] == why
    assert found.origins == []


def test_failed_event_still_tells_what_was_read() -> None:
    event = {**ORDER, "properties": {"products": [{"product_id": "mug", "price": "free"}]}}

    found = account({"actionSlug": "orderCompletedEvent"}, event)

    assert found.failure is not None
    assert found.failure.message == (
        "Unit Sale Price must be a number but it was a string. "
        "Unit Price must be a number but it was a string."
    )
    assert "properties.products[0].price" in {p for each in found.origins for p in each.read}


COUPON = {"actionSlug": "trackEvent", "settings": {"uuid": {"@path": "$.properties.coupon"}}}


@pytest.mark.parametrize(
    ("subscriptions", "event", "expected"),
    [
        pytest.param(
            [{"actionSlug": "orderCompletedEvent"}], ORDER,
            Unread(True, ["properties.coupon", "properties.products[0].brand"]), id="one takes it",
        ),
        pytest.param(
            [{"actionSlug": "orderCompletedEvent"}, COUPON], ORDER,
            Unread(True, ["properties.products[0].brand"]), id="another reads the rest",
        ),
        pytest.param(
            [{"actionSlug": "cartViewedEvent"}], {**ORDER, "properties": {"coupon": "SPRING"}},
            Unread(False, ["properties.coupon"]), id="none takes it",
        ),
        pytest.param(
            [{"actionSlug": "orderCompletedEvent"}],
            {**ORDER, "properties": {"coupon": "SPRING", "products": [{"price": "free"}]}},
            Unread(True, ["properties.coupon"]), id="one fails",
        ),
        pytest.param(
            [{"actionSlug": "orderCompletedEvent", "trigger": "("}], {**ORDER, "properties": {}},
            Unread(True, []), id="a broken trigger, and no properties",
        ),
    ],
)  # fmt: skip
def test_what_got_lost_is_told_alone(
    subscriptions: list[JSONObject], event: JSONObject, expected: Unread
) -> None:
    destination = shop(*subscriptions)
    assert unread(destination, event) == expected
    assert explain(destination, event).dropped == expected.paths
