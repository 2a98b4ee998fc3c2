import pytest

from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.catalog import build_first_path_mapping
from segment_insider_emulator.mapping.explanation import (
    EventExplanation,
    SubscriptionTrace,
    UnmappedPathsResult,
    explain_event,
    find_unmapped_event_paths,
)
from segment_insider_emulator.mapping.value_origins import ValueOrigin
from segment_insider_emulator.types import JSONObject


def build_destination(*subscriptions: JSONObject) -> Destination:
    settings = {"account_name": "shop", "ucd_key": "key"}
    return Destination({"settings": settings, "subscriptions": [*subscriptions]})


def explain_one(subscription: JSONObject, event: JSONObject) -> EventExplanation:
    return explain_event(build_destination(subscription), event)


def trace_one(subscription: JSONObject, event: JSONObject) -> SubscriptionTrace:
    return explain_one(subscription, event).accounts[0]


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


def find_origin(field: str, subscription: JSONObject, event: JSONObject) -> ValueOrigin:
    return next(
        origin for origin in trace_one(subscription, event).origins if origin.field == field
    )


def test_origin_has_body_paths_field_mapping_and_event_path() -> None:
    assert find_origin(
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


def test_origin_of_a_product_value_names_its_item() -> None:
    assert find_origin(
        "products[1].product_id", {"actionSlug": "orderCompletedEvent"}, ORDER
    ) == ValueOrigin(
        at=["users[0].events[1].event_params.product_id"],
        value="tray",
        field="products[1].product_id",
        mapping={"@path": "product_id"},
        read=["properties.products[1].product_id"],
    )


def test_origin_names_the_fallback_that_was_used() -> None:
    subscription = {"actionSlug": "productViewedEvent", "trigger": 'type = "track"'}
    event = {**ORDER, "context": {"page": {"url": "https://shop.example/p"}}}

    assert find_origin("parameters.url", subscription, event).read == ["context.page.url"]


def test_origin_of_an_opt_in_names_its_trait() -> None:
    subscription = {
        "actionSlug": "updateUserProfile",
        "settings": {"uuid": "u1", "emailOptin": {"@path": "$.traits.email_optin"}},
    }
    event = {"type": "identify", "traits": {"email_optin": False}}

    result = find_origin("emailOptin", subscription, event)

    assert (result.at, result.value) == (["users[0].attributes.email_optin"], False)
    assert explain_one(subscription, event).dropped == []


def test_unread_properties_are_dropped() -> None:
    assert explain_one({"actionSlug": "orderCompletedEvent"}, ORDER).dropped == [
        "properties.coupon",
        "properties.products[0].brand",
    ]


def test_value_of_a_key_with_capitals_is_not_sent() -> None:
    mapping = {
        "uuid": "u1",
        "timestamp": "2026-01-01",
        "parameters": {"giftWrap": {"@path": "$.properties.coupon"}},
    }

    result = find_origin(
        "parameters.giftWrap", {"actionSlug": "orderCompletedEvent", "settings": mapping}, ORDER
    )

    assert (result.at, result.value, result.read) == ([], "SPRING", ["properties.coupon"])


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
def test_unmatched_event_has_the_failed_condition(
    subscription: JSONObject, event: JSONObject, why: list[tuple[str, bool, object]]
) -> None:
    result = trace_one(subscription, event)

    assert result.matched is False
    assert [
        (condition.condition, condition.holds, condition.found) for condition in result.conditions
    ] == why
    assert result.origins == []


def test_failed_event_has_the_paths_that_were_read() -> None:
    event = {**ORDER, "properties": {"products": [{"product_id": "mug", "price": "free"}]}}

    result = trace_one({"actionSlug": "orderCompletedEvent"}, event)

    assert result.failure is not None
    assert result.failure.message == (
        "Unit Sale Price must be a number but it was a string. "
        "Unit Price must be a number but it was a string."
    )
    assert "properties.products[0].price" in {
        path for origin in result.origins for path in origin.read
    }


def test_failed_event_names_no_field_of_missing_paths() -> None:
    event = {**ORDER, "properties": {"products": [{"product_id": "mug", "price": "free"}]}}

    result = trace_one({"actionSlug": "orderCompletedEvent"}, event)

    assert result.failure is not None
    assert [origin.field for origin in result.origins if not origin.read] == []


COUPON = {"actionSlug": "trackEvent", "settings": {"uuid": {"@path": "$.properties.coupon"}}}


@pytest.mark.parametrize(
    ("subscriptions", "event", "expected"),
    [
        pytest.param(
            [{"actionSlug": "orderCompletedEvent"}], ORDER,
            UnmappedPathsResult(True, ["properties.coupon", "properties.products[0].brand"]),
            id="one matches",
        ),
        pytest.param(
            [{"actionSlug": "orderCompletedEvent"}, COUPON], ORDER,
            UnmappedPathsResult(True, ["properties.products[0].brand"]), id="another reads "
                                                                            "the rest",
        ),
        pytest.param(
            [{"actionSlug": "cartViewedEvent"}], {**ORDER, "properties": {"coupon": "SPRING"}},
            UnmappedPathsResult(False, ["properties.coupon"]), id="none matches",
        ),
        pytest.param(
            [{"actionSlug": "orderCompletedEvent"}],
            {**ORDER, "properties": {"coupon": "SPRING", "products": [{"price": "free"}]}},
            UnmappedPathsResult(True, ["properties.coupon"]), id="one fails",
        ),
        pytest.param(
            [{"actionSlug": "orderCompletedEvent", "trigger": "("}], {**ORDER, "properties": {}},
            UnmappedPathsResult(True, []), id="a broken trigger, and no properties",
        ),
    ],
)  # fmt: skip
def test_unread_paths_equal_the_dropped_ones(
    subscriptions: list[JSONObject], event: JSONObject, expected: UnmappedPathsResult
) -> None:
    destination = build_destination(*subscriptions)
    assert find_unmapped_event_paths(destination, event) == expected
    assert explain_event(destination, event).dropped == expected.paths


def build_parameters_subscription(**parameters: object) -> JSONObject:
    """Return a subscription that sends these parameters of a track call."""
    common = {"event_name": "parcel_sent", "timestamp": {"@path": "$.timestamp"}}
    return {
        "actionSlug": "trackEvent",
        "trigger": 'type = "track"',
        "settings": {**common, "parameters": parameters},
    }


def find_reads(subscription: JSONObject, event: JSONObject) -> dict[str, list[str]]:
    """Return path in the event's parameters -> paths that its value comes from."""
    prefix = "users[0].events[0].event_params."
    return {
        place.removeprefix(prefix): origin.read
        for origin in trace_one(subscription, event).origins
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
CARRIER, ZONE, TAGS = ({"@path": f"$.properties.{name}"} for name in ("carrier", "zone", "tags"))
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
def test_origin_names_the_sources_of_a_value_and_no_others(
    mapping: object, expected: dict[str, list[str]]
) -> None:
    result = find_reads(build_parameters_subscription(x=mapping), PARCEL)

    assert {place.removeprefix("custom."): read for place, read in result.items()} == expected


def test_origin_of_a_merged_property_names_that_property() -> None:
    whole = {"@merge": {"direction": "right", "objects": [{"@path": "$.properties"}, {"b": 1}]}}
    subscription = build_parameters_subscription()
    subscription["settings"]["parameters"] = whole

    assert find_reads(subscription, {**ORDER, "properties": {"a": "x", "b": "y"}}) == {
        "custom.a": ["properties.a"], "custom.b": [],
    }  # fmt: skip
    assert explain_one(subscription, {**ORDER, "properties": {"a": "x", "b": "y"}}).dropped == [
        "properties.b"
    ]


@pytest.mark.parametrize(
    ("field", "value"), [("zone", None), ("note", ""), ("codes", [])], ids=["null", "text", "list"]
)
def test_property_read_without_a_result_is_not_dropped(field: str, value: object) -> None:
    subscription = {
        "actionSlug": "updateUserProfile", "trigger": 'type = "track"',
        "settings": {"uuid": {"@path": f"$.properties.{field}.below"}, "firstName": field},
    }  # fmt: skip
    event = {**ORDER, "properties": {field: value}}

    result = explain_one(subscription, event)

    assert result.dropped == []
    assert [o.at for o in result.accounts[0].origins if o.read == [f"properties.{field}"]] == [[]]


def test_property_that_only_decides_is_not_dropped() -> None:
    vip = {**build_parameters_subscription(x="fixed"), "trigger": "properties.vip = true"}

    result = explain_one(vip, {**ORDER, "properties": {"vip": False, "other": 1}})

    assert (result.dropped, result.deciding) == (["properties.other"], ["properties.vip"])


def test_value_of_an_exists_condition_is_sent_and_not_only_deciding() -> None:
    subscription = {
        "actionSlug": "updateUserProfile", "trigger": 'type = "identify"',
        "settings": {
            "firstName": build_first_path_mapping("traits.firstName", "traits.first_name"),
        },
    }  # fmt: skip
    event = {"type": "identify", "traits": {"firstName": "Ada"}}

    result = find_origin("firstName", subscription, event)

    assert (result.read, result.decided_by) == (["traits.firstName"], [])
    assert explain_one(subscription, event).deciding == []


def test_empty_product_list_explains_why_no_event_is_sent() -> None:
    result = trace_one(
        {"actionSlug": "orderCompletedEvent"}, {**ORDER, "properties": {"products": []}}
    )

    assert [(o.field, o.read) for o in result.origins if o.at == ["users[0].events"]] == [
        ("products", ["properties.products"])
    ]


def test_missing_parameter_decides_that_the_value_of_the_product_is_sent() -> None:
    event = {**ORDER, "properties": {"price": None, "products": [{"price": 8.5}]}}

    result = find_origin("products[0].unit_price", {"actionSlug": "trackEvent"}, event)

    assert result.read == ["properties.price", "properties.products[0].price"]
    assert result.decided_by == ["properties.price"]
