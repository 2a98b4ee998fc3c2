"""The preset `guide`: every row of Insider One's guide for Segment works, and only once."""

from typing import Any

import pytest

from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

DESTINATION = Destination(load_preset_workspace("guide").destination)
AT = "2026-11-23T10:00:00.000Z"
BASE: JSONObject = {
    "messageId": "m1",
    "userId": "u1",
    "anonymousId": "a1",
    "timestamp": AT,
    "context": {},
}
BOOT = {
    "product_id": "p1",
    "sku": "s1",
    "category": "Shoes",
    "name": "Boot",
    "brand": "Rain",
    "variant": "Blue",
    "price": 10.5,
    "quantity": 2,
    "coupon": "BOOTS",
    "position": 1,
    "url": "https://shop.example/p1",
    "image_url": "https://shop.example/p1.png",
}
TRAY = {"product_id": "p2", "price": 21}
BOOT_ROOT = {
    "product_id": "p1",
    "taxonomy": ["Shoes"],
    "name": "Boot",
    "unit_price": 10.5,
    "unit_sale_price": 10.5,
    "quantity": 2,
    "url": "https://shop.example/p1",
    "product_image_url": "https://shop.example/p1.png",
}
BOOT_CUSTOM = {"sku": "s1", "brand": "Rain", "variant": "Blue", "position": 1}
BOOT_IN_LIST = BOOT_CUSTOM | {"product_coupon": "BOOTS"}
BOOT_IN_LIST_ROOT = BOOT_ROOT | {"variant_id": "Blue"}
TRAY_ROOT = {"product_id": "p2", "unit_price": 21, "unit_sale_price": 21}
ORDER = {
    "checkout_id": "c1",
    "order_id": "o1",
    "affiliation": "Main shop",
    "subtotal": 42,
    "total": 44,
    "revenue": 41,
    "shipping": 3,
    "tax": 1,
    "discount": 2,
    "coupon": "SPRING",
    "currency": "EUR",
}


def map_to_users(event: JSONObject) -> list[JSONObject]:
    """Return the users of every request for *event*, which causes no failure."""
    outcomes = list(DESTINATION.iter_subscription_outcomes(BASE | event))
    assert [outcome.failure for outcome in outcomes if outcome.failure] == []
    return [
        user for outcome in outcomes if outcome.request for user in outcome.request.json["users"]
    ]


def build_track_call(event: str, properties: JSONObject, **context: Any) -> JSONObject:
    return {"type": "track", "event": event, "properties": properties, "context": context}


def build_event_params(custom: JSONObject, **root: Any) -> JSONObject:
    return {"custom": custom, **root}


def map_to_events(event: JSONObject) -> list[tuple[str, JSONObject]]:
    """Return name and parameters of every Insider One event for *event*."""
    return [
        (sent_event["event_name"], sent_event["event_params"])
        for user in map_to_users(event)
        for sent_event in user["events"]
    ]


@pytest.mark.parametrize(
    ("traits", "attributes"),
    [
        pytest.param({"firstName": "Ada"}, {"name": "Ada"}, id="firstName"),
        pytest.param({"first_name": "Ada"}, {"name": "Ada"}, id="first_name"),
        pytest.param({"lastName": "Byron"}, {"surname": "Byron"}, id="lastName"),
        pytest.param({"last_name": "Byron"}, {"surname": "Byron"}, id="last_name"),
        pytest.param({"age": 36}, {"age": 36}, id="age"),
        pytest.param(
            {"birthday": "1815-12-10T00:00:00Z"},
            {"birthday": "1815-12-10T00:00:00Z"},
            id="birthday",
        ),
        pytest.param({"gender": "F"}, {"gender": "F"}, id="gender"),
        pytest.param({"address": {"country": "GB"}}, {"country": "GB"}, id="country"),
        pytest.param({"address": {"city": "London"}}, {"city": "London"}, id="city"),
        *(
            pytest.param({trait: value}, {f"{name}_optin": value}, id=f"{trait} {value}")
            for name in ("gdpr", "email", "sms", "whatsapp")
            for trait in (f"{name}_optin", f"{name}Optin", f"{name}OptIn")
            for value in (True, False)
        ),
    ],
)
def test_a_trait_becomes_an_attribute(traits: JSONObject, attributes: JSONObject) -> None:
    assert map_to_users({"type": "identify", "traits": traits}) == [
        {
            "identifiers": {"uuid": "u1", "custom": {"segment_anonymous_id": "a1"}},
            "attributes": attributes,
            "not_append": True,
        }
    ]


def test_email_and_phone_are_identifiers_and_attributes() -> None:
    traits = {"email": "ada@shop.example", "phone": "+442071838750"}
    assert map_to_users({"type": "identify", "traits": traits}) == [
        {
            "identifiers": {
                "uuid": "u1",
                "custom": {"segment_anonymous_id": "a1"},
                "email": "ada@shop.example",
                "phone_number": "+442071838750",
            },
            "attributes": {"email": "ada@shop.example", "phone_number": "+442071838750"},
            "not_append": True,
        }
    ]


@pytest.mark.parametrize(
    ("event", "properties", "name", "parameters"),
    [
        pytest.param(
            "Product Viewed",
            BOOT | {"currency": "EUR", "value": 21},
            "product_detail_page_view",
            [
                build_event_params(
                    BOOT_CUSTOM | {"coupon": "BOOTS", "value": 21}, **BOOT_ROOT, currency="EUR"
                )
            ],
            id="product viewed",
        ),
        pytest.param(
            "Product Added",
            BOOT | {"cart_id": "k1"},
            "item_added_to_cart",
            [build_event_params(BOOT_CUSTOM | {"coupon": "BOOTS", "cart_id": "k1"}, **BOOT_ROOT)],
            id="product added",
        ),
        pytest.param(
            "Product Removed",
            BOOT | {"cart_id": "k1"},
            "item_removed_from_cart",
            [build_event_params(BOOT_CUSTOM | {"coupon": "BOOTS", "cart_id": "k1"}, **BOOT_ROOT)],
            id="product removed",
        ),
        pytest.param(
            "Product List Viewed",
            {"list_id": "l1", "category": "Shoes", "products": [BOOT, TRAY]},
            "listing_page_view",
            [
                build_event_params(
                    {"list_id": "l1", "product_ids": ["p1", "p2"]}, taxonomy=["Shoes"]
                )
            ],
            id="product list viewed",
        ),
        pytest.param(
            "User Registered",
            {"plan": "pro"},
            "sign_up_confirmation",
            [build_event_params({})],
            id="sign-up",
        ),
        *(
            pytest.param(
                event,
                {"cart_id": "k1", "currency": "EUR", "products": [BOOT, TRAY]},
                "cart_page_view",
                [
                    build_event_params(
                        BOOT_IN_LIST, **BOOT_IN_LIST_ROOT, currency="EUR", event_group_id="k1"
                    ),
                    build_event_params({}, **TRAY_ROOT, currency="EUR", event_group_id="k1"),
                ],
                id=event.lower(),
            )
            for event in ("Cart Viewed", "Cart Reviewed")
        ),
        pytest.param(
            "Checkout Started",
            {"order_id": "o1", "value": 41, "affiliation": "Main shop", "products": [TRAY]}
            | {"revenue": 41, "shipping": 3, "tax": 1, "discount": 2, "coupon": "SPRING"},
            "checkout_page_view",
            [
                build_event_params(
                    {"order_id": "o1", "value": 41, "affiliation": "Main shop"}
                    | {"revenue": 41, "shipping": 3, "tax": 1, "discount": 2, "coupon": "SPRING"},
                    **TRAY_ROOT,
                    event_group_id="o1",
                )
            ],
            id="checkout started",
        ),
        pytest.param(
            "Checkout Step Viewed",
            {"checkout_id": "c1", "step": 2, "shipping_method": "post", "payment_method": "card"},
            "checkout_page_view",
            [
                build_event_params(
                    {"checkout_id": "c1", "step": 2}
                    | {"shipping_method": "post", "payment_method": "card"},
                    event_group_id="c1",
                )
            ],
            id="checkout step viewed",
        ),
        pytest.param(
            "Order Completed",
            ORDER | {"products": [BOOT, TRAY]},
            "confirmation_page_view",
            [
                build_event_params(custom, **root, currency="EUR", event_group_id="o1")
                for order in [
                    {"tax": 1, "affiliation": "Main shop", "revenue": 41, "shipping": 3}
                    | {"discount": 2, "coupon": "SPRING", "checkout_id": "c1"}
                    | {"subtotal": 42, "total": 44}
                ]
                for custom, root in [
                    (BOOT_IN_LIST | order, BOOT_IN_LIST_ROOT),
                    (order, TRAY_ROOT),
                ]
            ],
            id="order completed",
        ),
        pytest.param(
            "Newsletter Subscribed",
            {"list": "weekly", "gift_wrap": True, "variant": "Blue", "variant_id": "Blue"},
            "newsletter_subscribed",
            [build_event_params({"list": "weekly", "gift_wrap": True, "variant": "Blue"})],
            id="custom event",
        ),
        pytest.param(
            "Logged Out", {}, "logged_out", [build_event_params({})], id="event without properties"
        ),
        pytest.param(
            "Product List Filtered",
            {"list_id": "l1", "category": "Sale", "products": [TRAY | {"category": "Trays"}]}
            | {"url": "https://shop.example/sale"}
            | {"filters": [{"type": "colour", "value": "red"}], "sorts": []},
            "product_list_filtered",
            [
                build_event_params(
                    {"list_id": "l1", "category": "Sale", "filters": ["colour:red"], "sorts": []},
                    **TRAY_ROOT,
                    taxonomy=["Trays"],
                )
            ],
            id="a list's category and address leave its products alone",
        ),
        pytest.param(
            "Order Refunded",
            {"order_id": "o1", "total": 21, "currency": "EUR", "products": [TRAY]},
            "order_refunded",
            [
                build_event_params(
                    {"order_id": "o1", "total": 21},
                    **TRAY_ROOT,
                    currency="EUR",
                    event_group_id="o1",
                )
            ],
            id="order refunded",
        ),
    ],
)
def test_a_track_call_is_recorded_once(
    event: str, properties: JSONObject, name: str, parameters: list[JSONObject]
) -> None:
    assert map_to_events(build_track_call(event, properties)) == [
        (name, parameter) for parameter in parameters
    ]


@pytest.mark.parametrize(
    ("call", "name", "parameters"),
    [
        pytest.param(
            {"name": "Home", "properties": {"title": "Welcome"}},
            "homepage_view",
            build_event_params({"page_name": "Home", "page_title": "Welcome"}),
            id="home by name",
        ),
        pytest.param(
            {"properties": {"path": "/", "search": "?a=1"}},
            "homepage_view",
            build_event_params({"page_path": "/", "page_search": "?a=1"}),
            id="home by path",
        ),
        pytest.param(
            {"name": "Boots", "category": "Catalogue", "properties": {"path": "/boots"}},
            "other_page_view",
            build_event_params(
                {"page_name": "Boots", "page_category": "Catalogue", "page_path": "/boots"}
            ),
            id="any other page",
        ),
        pytest.param({}, "other_page_view", build_event_params({}), id="page without anything"),
    ],
)
def test_a_page_call_is_a_page_view(call: JSONObject, name: str, parameters: JSONObject) -> None:
    assert map_to_events({"type": "page"} | call) == [(name, parameters)]


def test_person_data_comes_from_context_first_and_location_is_not_read() -> None:
    context = {
        "traits": {"email": "ada@shop.example", "firstName": "Ada", "address": {"city": "London"}},
        "location": {"city": "Paris", "country": "FR"},
    }
    properties = {"email": "other@shop.example", "last_name": "Byron"}
    [user] = map_to_users(build_track_call("User Registered", properties, **context))
    assert user["attributes"] == {
        "custom": {},
        "email": "ada@shop.example",
        "name": "Ada",
        "surname": "Byron",
        "city": "London",
    }


@pytest.mark.parametrize("call", ["screen", "group", "alias"])
def test_calls_that_the_guide_does_not_list_are_not_sent(call: str) -> None:
    assert map_to_users({"type": call, "name": "Home"}) == []
