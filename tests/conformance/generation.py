"""Generated contract cases: any event, through any mapping of any action.

Most of a case is likely, so that it gets past the first check; any part may be anything.
"""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from mappings import KEYS, MAPPINGS, NESTED_MAPPINGS, SCALARS, VALUES
from triggers import one_time_in, triggers

from segment_insider_emulator.mapping.catalog import ACTIONS, DestinationAction
from segment_insider_emulator.mapping.validation import ROOT_DIRECTIVE_KEY
from segment_insider_emulator.types import JSON, JSONObject

TIMESTAMP = "2026-05-06T07:08:09.123Z"
NAMES = st.sampled_from(
    ["Order Completed", "Cart Viewed", "Product Viewed", "Product Added", "Product Removed",
     "Product List Viewed", "User Registered", "Checkout Started", "Checkout Step Viewed",
     "Custom Thing", "  Odd  Name ", "Order #1", "", None, 5, "É\tx"]
)  # fmt: skip


def _mostly(likely: Any) -> SearchStrategy[JSON]:
    """Return a strategy for *likely*, or for any value one time in twenty."""
    return one_time_in(20).flatmap(lambda odd: SCALARS if odd else st.just(likely))


TIMESTAMPS = one_time_in(5).flatmap(
    lambda odd: _mostly(TIMESTAMP) if not odd else st.sampled_from(
        ["05/06/2026 10:00", "Wed, 06 May 2026 07:08:09 GMT", "2026-13-01", 1700000000]
    )
)  # fmt: skip
PRODUCT = st.fixed_dictionaries(
    {},
    optional={
        "product_id": st.sampled_from(["p1", "p2", 3, None, ""]),
        "category": st.sampled_from(["Shoes", "A/B", ["x"], ["x", "y"], None]),
        "name": st.sampled_from(["Mug", None, 5]),
        "variant": st.sampled_from(["Blue", 3, "7", None]),
        "price": st.sampled_from([10, 5.5, "9.9", "", None, "free", [3]]),
        "quantity": st.sampled_from([1, 2, "3", 1.5, None, ""]),
        "url": st.sampled_from(["https://shop.example/p", None]),
        "image_url": st.just("https://shop.example/i.png"),
        "brand": st.just("B"),
        "coupon": st.just("C"),
    },
)
# Few properties of a product: one wrong value in any of them fails the whole event.
_VALID_PRODUCT = st.fixed_dictionaries(
    {"product_id": st.just("p1"), "price": st.sampled_from([10, "9.9"])},
    optional={"name": st.just("Mug"), "variant": st.just("Blue"), "quantity": st.just(2)},
)
PRODUCTS = st.one_of(
    *[st.lists(_VALID_PRODUCT, max_size=3)] * 4,
    st.lists(PRODUCT, max_size=3),
    PRODUCT,
    st.lists(st.one_of(SCALARS, PRODUCT, st.lists(PRODUCT, max_size=1)), max_size=2),
    SCALARS,
)
_USUAL_PROPERTIES = {
    "currency": "EUR", "cart_id": "C1", "order_id": "O1", "checkout_id": "K1", "revenue": 10.5,
    "category": "Shoes", "price": 9.5, "quantity": 2, "variant": "7", "first_name": "Ada",
    "address": {"city": "Oslo", "country": "NO"},
}  # fmt: skip
_USUAL_TRAITS = {
    "email": "ada@shop.example", "phone": "+3161234", "age": 34, "birthday": "1990-01-01",
    "first_name": "Ada", "last_name": "L", "gender": "f", "plan": "pro", "email_optin": True,
    "address": {"city": "Oslo", "country": "NO"},
}  # fmt: skip
_USUAL_CONTEXT = {
    "locale": "zh-Hans-CN", "page": {"url": "https://shop.example/x", "referrer": "r"},
    "app": {"version": "1.2"}, "os": {"name": "iOS", "version": 17.4}, "ip": "192.0.2.1",
    "location": {"city": "Bergen", "country": "NO"}, "timezone": "Europe/Oslo",
}  # fmt: skip


def _optional_keys(likely: JSONObject, **more: SearchStrategy[JSON]) -> SearchStrategy[JSONObject]:
    mostly = {key: _mostly(value) for key, value in likely.items()}
    return st.fixed_dictionaries({}, optional={**mostly, **more})


TRAITS = _optional_keys(_USUAL_TRAITS)
_ODD_CONTEXT: SearchStrategy[JSON] = st.sampled_from(
    [None, "x", [], {"personas": None}, {"personas": {}}]
)
CONTEXT: SearchStrategy[JSON] = one_time_in(20).flatmap(
    lambda odd: _ODD_CONTEXT if odd else _optional_keys(_USUAL_CONTEXT, traits=TRAITS)
)
_SHOP_PROPERTIES = _optional_keys(_USUAL_PROPERTIES, products=PRODUCTS)
_ANY_PROPERTIES = st.builds(
    lambda anything, shop: anything | shop,
    st.dictionaries(KEYS, VALUES, max_size=4),
    _SHOP_PROPERTIES,
)
PROPERTIES: SearchStrategy[JSON] = one_time_in(20).flatmap(
    lambda odd: SCALARS if odd else st.one_of(_SHOP_PROPERTIES, _ANY_PROPERTIES)
)


def _event_of_trigger(action: DestinationAction) -> JSONObject:
    words = action.trigger.split('"')[1::2]
    return dict(zip(("type", "event"), words, strict=False))


@st.composite
def events(draw: st.DrawFn, action: DestinationAction) -> JSONObject:
    """Draw an event that mostly matches the published trigger of *action*."""
    event: JSONObject = {"messageId": "m1", **_event_of_trigger(action)}
    if draw(one_time_in(10)):
        event["type"] = draw(st.sampled_from(["track", "identify", "page"]))
    if draw(one_time_in(10)) or event == {"messageId": "m1", "type": "track"}:
        event["event"] = draw(NAMES)
    parts = st.fixed_dictionaries(
        {"timestamp": TIMESTAMPS, "properties": PROPERTIES, "context": CONTEXT},
        optional={
            "userId": _mostly("u1"),
            "anonymousId": st.just("a1"),
            "traits": st.one_of(TRAITS, VALUES),
            "name": SCALARS,
        },
    )
    omitted_key = None
    if draw(one_time_in(10)):
        omitted_key = draw(st.sampled_from(["timestamp", "properties", "context"]))
    return event | {key: value for key, value in draw(parts).items() if key != omitted_key}


@st.composite
def _draw_mapping(draw: st.DrawFn, action: DestinationAction) -> JSONObject:
    """Draw the default mapping of the action with a few fields mapped differently."""
    mapping = action.default_mapping
    # Keys of objects have no type: their values are sent, not rejected.
    open_ended = [field for field in action.fields if field.type == "object"]
    if draw(st.booleans()):
        key = draw(st.sampled_from(open_ended)).key
        field_mapping = mapping.get(key, {})
        mapping[key] = (field_mapping if isinstance(field_mapping, dict) else {}) | {
            "deep": draw(NESTED_MAPPINGS)
        }
        return mapping
    choices = action.fields if draw(st.booleans()) else tuple(open_ended)
    for field in draw(st.lists(st.sampled_from(choices), max_size=2)):
        field_mapping = mapping.get(field.key, {})
        if isinstance(field_mapping, dict) and field.type == "object" and draw(st.integers(0, 3)):
            mapping[field.key] = field_mapping | {draw(KEYS): draw(MAPPINGS)}
        else:
            mapping[field.key] = draw(MAPPINGS)
    if draw(one_time_in(30)):
        mapping[draw(KEYS)] = draw(MAPPINGS)
    elif draw(one_time_in(30)):
        mapping[ROOT_DIRECTIVE_KEY] = draw(MAPPINGS)
    elif draw(one_time_in(30)) and mapping:
        del mapping[draw(st.sampled_from(sorted(mapping)))]
    return mapping


@st.composite
def contract_cases(draw: st.DrawFn) -> JSONObject:
    """Draw a contract case without "expect"."""
    action = draw(st.sampled_from(sorted(ACTIONS.values(), key=lambda action: action.slug)))
    batched = draw(st.integers(0, 2)) == 2
    settings: JSONObject = {"account_name": "shop", "ucd_key": "key"}
    if draw(one_time_in(50)):
        settings[draw(st.sampled_from(sorted(settings)))] = draw(SCALARS)
    return {
        "name": "generated",
        "destination": {"settings": settings},
        "subscription": {
            "name": "generated",
            "actionSlug": action.slug,
            "trigger": draw(triggers(action.trigger)),
            "settings": draw(_draw_mapping(action)),
        },
        "batch": batched,
        "events": draw(st.lists(events(action), min_size=1, max_size=3 if batched else 1)),
    }
