import pytest

from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.catalog import map_first_path
from segment_insider_emulator.mapping.explanation import (
    EventExplanation,
    SubscriptionTrace,
    UnreadPaths,
    explain_event,
    find_unread_paths,
)
from segment_insider_emulator.mapping.value_origins import ValueOrigin
from segment_insider_emulator.types import JSONObject


def shop(*subscriptions: JSONObject) -> Destination:
    settings = {"account_name": "shop", "ucd_key": "key"}
    return Destination({"settings": settings, "subscriptions": [*subscriptions]})


def explained(subscription: JSONObject, event: JSONObject) -> EventExplanation:
    return explain_event(shop(subscription), event)


def account(subscription: JSONObject, event: JSONObject) -> SubscriptionTrace:
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


def origin(field: str, subscription: JSONObject, event: JSONObject) -> ValueOrigin:
    return next(each for each in account(subscription, event).origins if each.field == field)


def test_value_names_its_places_field_mapping_and_event_path() -> None:
    assert origin(
        "parameters.event_group_id", {"actionSlug": "orderCompletedEvent"}, ORDER
    ) == ValueOrigin(
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
    assert origin(
        "products[1].product_id", {"actionSlug": "orderCompletedEvent"}, ORDER
    ) == ValueOrigin(
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


def test_failed_event_names_no_field_whose_paths_it_does_not_have() -> None:
    event = {**ORDER, "properties": {"products": [{"product_id": "mug", "price": "free"}]}}

    found = account({"actionSlug": "orderCompletedEvent"}, event)

    assert found.failure is not None
    assert [each.field for each in found.origins if not each.read] == []


COUPON = {"actionSlug": "trackEvent", "settings": {"uuid": {"@path": "$.properties.coupon"}}}


@pytest.mark.parametrize(
    ("subscriptions", "event", "expected"),
    [
        pytest.param(
            [{"actionSlug": "orderCompletedEvent"}], ORDER,
            UnreadPaths(True, ["properties.coupon", "properties.products[0].brand"]), id="one takes it",
        ),
        pytest.param(
            [{"actionSlug": "orderCompletedEvent"}, COUPON], ORDER,
            UnreadPaths(True, ["properties.products[0].brand"]), id="another reads the rest",
        ),
        pytest.param(
            [{"actionSlug": "cartViewedEvent"}], {**ORDER, "properties": {"coupon": "SPRING"}},
            UnreadPaths(False, ["properties.coupon"]), id="none takes it",
        ),
        pytest.param(
            [{"actionSlug": "orderCompletedEvent"}],
            {**ORDER, "properties": {"coupon": "SPRING", "products": [{"price": "free"}]}},
            UnreadPaths(True, ["properties.coupon"]), id="one fails",
        ),
        pytest.param(
            [{"actionSlug": "orderCompletedEvent", "trigger": "("}], {**ORDER, "properties": {}},
            UnreadPaths(True, []), id="a broken trigger, and no properties",
        ),
    ],
)  # fmt: skip
def test_what_got_lost_is_told_alone(
    subscriptions: list[JSONObject], event: JSONObject, expected: UnreadPaths
) -> None:
    destination = shop(*subscriptions)
    assert find_unread_paths(destination, event) == expected
    assert explain_event(destination, event).dropped == expected.paths


def parcel(**parameters: object) -> JSONObject:
    """A subscription that sends these parameters of a track call."""
    common = {"event_name": "parcel_sent", "timestamp": {"@path": "$.timestamp"}}
    return {
        "actionSlug": "trackEvent",
        "trigger": 'type = "track"',
        "settings": {**common, "parameters": parameters},
    }


def reads(subscription: JSONObject, event: JSONObject) -> dict[str, list[str]]:
    """Place below the event's parameters -> what its value was made from."""
    prefix = "users[0].events[0].event_params."
    return {
        place.removeprefix(prefix): origin.read
        for origin in account(subscription, event).origins
        for place in origin.at
        if place.startswith(prefix)
    }


PARCEL: JSONObject = {
    **ORDER,
    "properties": {
        "carrier": "DHL", "zone": None, "note": "", "tags": ["new", "red"], "codes": [],
        "lines": [{"sku": "s1", "size": {"eu": 42}}, {"sku": "s2"}],
    },
}  # fmt: skip
CARRIER, ZONE, TAGS = ({"@path": f"$.properties.{each}"} for each in ("carrier", "zone", "tags"))
LINES = {"@path": "$.properties.lines"}


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        pytest.param(
            LINES,
            {
                "x[0].sku": ["properties.lines[0].sku"],
                "x[0].size.eu": ["properties.lines[0].size.eu"],
                "x[1].sku": ["properties.lines[1].sku"],
            },
            id="a list of objects",
        ),
        pytest.param(
            {"@arrayPath": ["$.properties.lines", {"id": {"@path": "sku"}}]},
            {"x[0].id": ["properties.lines[0].sku"], "x[1].id": ["properties.lines[1].sku"]},
            id="a list of objects, each in a shape",
        ),
        pytest.param(
            TAGS, {"x": ["properties.tags[0]", "properties.tags[1]"]}, id="a list of texts"
        ),
        pytest.param(
            {"@merge": {"direction": "right", "objects": [{"a": ZONE, "b": CARRIER}, {"a": TAGS}]}},
            {
                "x.a": ["properties.tags[0]", "properties.tags[1]"],
                "x.b": ["properties.carrier"],
            },
            id="objects merged, of which the last wins",
        ),
        pytest.param(
            {"@if": {"exists": ZONE, "then": "in a zone", "else": CARRIER}},
            {"x": ["properties.carrier", "properties.zone"]},
            id="a choice that a null decided",
        ),
        pytest.param(
            {"@if": {"exists": LINES, "then": CARRIER, "else": ZONE}},
            {"x": ["properties.carrier"]},
            id="a choice that no value of the event can change",
        ),
        pytest.param(
            {"@flatten": {"value": LINES, "separator": "_"}},
            {
                "x.0_sku": ["properties.lines[0].sku"],
                "x.0_size_eu": ["properties.lines[0].size.eu"],
                "x.1_sku": ["properties.lines[1].sku"],
            },
            id="a list made flat",
        ),
        pytest.param(
            {"@json": {"mode": "encode", "value": {"a": CARRIER, "b": ZONE}}},
            {"x": ["properties.carrier", "properties.zone"]},
            id="an object as JSON text",
        ),
        pytest.param(
            {"@template": "{{properties.carrier}} {{properties.lines}}"},
            {"x": ["properties.carrier"]},
            id="a template, which says nothing of an object",
        ),
        pytest.param(
            {"@liquid": "{{ properties.carrier | upcase }} {{ properties.none }}"},
            {"x": ["properties.carrier"]},
            id="a Liquid template",
        ),
        pytest.param(
            {"@transform": {"apply": {"c": CARRIER, "z": ZONE}, "mapping": {"@path": "$.c"}}},
            {"x": ["properties.carrier"]},
            id="a mapping of what another made",
        ),
    ],
)  # fmt: skip
def test_value_names_what_it_was_made_from_and_no_more(
    mapping: object, expected: dict[str, list[str]]
) -> None:
    found = reads(parcel(x=mapping), PARCEL)

    assert {place.removeprefix("custom."): read for place, read in found.items()} == expected


def test_each_merged_property_names_itself() -> None:
    whole = {"@merge": {"direction": "right", "objects": [{"@path": "$.properties"}, {"b": 1}]}}
    subscription = parcel()
    subscription["settings"]["parameters"] = whole

    assert reads(subscription, {**ORDER, "properties": {"a": "x", "b": "y"}}) == {
        "custom.a": ["properties.a"], "custom.b": [],
    }  # fmt: skip
    assert explained(subscription, {**ORDER, "properties": {"a": "x", "b": "y"}}).dropped == [
        "properties.b"
    ]


@pytest.mark.parametrize(
    ("field", "value"), [("zone", None), ("note", ""), ("codes", [])], ids=["null", "text", "list"]
)
def test_read_that_ended_in_nothing_is_not_dropped(field: str, value: object) -> None:
    subscription = {
        "actionSlug": "updateUserProfile", "trigger": 'type = "track"',
        "settings": {"uuid": {"@path": f"$.properties.{field}.below"}, "firstName": field},
    }  # fmt: skip
    event = {**ORDER, "properties": {field: value}}

    found = explained(subscription, event)

    assert found.dropped == []
    assert [o.at for o in found.accounts[0].origins if o.read == [f"properties.{field}"]] == [[]]


def test_property_that_only_decides_is_not_dropped() -> None:
    vip = {**parcel(x="fixed"), "trigger": "properties.vip = true"}

    found = explained(vip, {**ORDER, "properties": {"vip": False, "other": 1}})

    assert (found.dropped, found.deciding) == (["properties.other"], ["properties.vip"])


def test_value_that_is_taken_because_it_exists_is_sent_and_does_not_only_decide() -> None:
    subscription = {
        "actionSlug": "updateUserProfile", "trigger": 'type = "identify"',
        "settings": {"firstName": map_first_path("traits.firstName", "traits.first_name")},
    }  # fmt: skip
    event = {"type": "identify", "traits": {"firstName": "Ada"}}

    found = origin("firstName", subscription, event)

    assert (found.read, found.decided_by) == (["traits.firstName"], [])
    assert explained(subscription, event).deciding == []


def test_empty_list_of_products_is_why_no_event_is_sent() -> None:
    found = account(
        {"actionSlug": "orderCompletedEvent"}, {**ORDER, "properties": {"products": []}}
    )

    assert [(o.field, o.read) for o in found.origins if o.at == ["users[0].events"]] == [
        ("products", ["properties.products"])
    ]


def test_parameter_without_a_value_decides_that_the_products_own_is_sent() -> None:
    event = {**ORDER, "properties": {"price": None, "products": [{"price": 8.5}]}}

    found = origin("products[0].unit_price", {"actionSlug": "trackEvent"}, event)

    assert found.read == ["properties.price", "properties.products[0].price"]
    assert found.decided_by == ["properties.price"]
