"""Ordinary calls of pages, apps and servers are accepted; mistakes in calls are not.

The contexts are those of Segment's SDKs, from its spec and the source code of the SDKs.
"""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.mapping.segment_spec import SPEC_EVENT_NAMES
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

PAGE = {
    "path": "/mug",
    "referrer": "",
    "search": "",
    "title": "Mug",
    "url": "https://shop.example/mug",
}
CONTEXTS: dict[str, JSONObject] = {
    "browser": {
        "page": PAGE,
        "userAgent": "Mozilla/5.0",
        "userAgentData": {"brands": [], "mobile": False, "platform": "Linux"},
        "locale": "en-US",
        "timezone": "Europe/Istanbul",
        "campaign": {"name": "spring", "source": "mail"},
        "library": {"name": "analytics.js", "version": "next-1.84.3"},
        "ip": "203.0.113.7",
    },
    "Node": {"library": {"name": "@segment/analytics-node", "version": "3.1.0"}},
    "Python": {"library": {"name": "analytics-python", "version": "2.4.0"}},
    "iOS": {
        "app": {"name": "Shop", "version": "4.2", "build": "421", "namespace": "example.shop"},
        "device": {"id": "B5", "advertisingId": "7A", "manufacturer": "Apple", "model": "iPhone16"},
        "os": {"name": "iOS", "version": "18.1"},
        "network": {"cellular": True, "wifi": False, "carrier": "Turkcell"},
        "screen": {"width": 320, "height": 568, "density": 2},
        "locale": "tr-TR",
        "timezone": "Europe/Istanbul",
        "traits": {"email": "ada@shop.example", "phone": "+905551112233"},
        "ip": "203.0.113.8",
    },
    "Android": {
        "app": {"name": "Shop", "version": "4.2", "build": "421"},
        "device": {"id": "a1", "advertisingId": "b2", "model": "Pixel 9", "type": "android"},
        "os": {"name": "Android", "version": "15"},
        "network": {"cellular": False, "wifi": True, "bluetooth": False, "carrier": ""},
        "location": {"country": "DE", "city": "Berlin"},
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "userAgent": "Dalvik/2.1.0",
        "traits": {"anonymousId": "anon-1", "firstName": "Ada"},
    },
    "server": {},
}
MUG: JSONObject = {
    "product_id": "mug",
    "sku": "MUG-01",
    "category": "Kitchen",
    "name": "Mug",
    "brand": "Acme",
    "price": 8.5,
    "currency": "EUR",
    "quantity": 1,
    "url": "https://shop.example/mug",
    "image_url": "https://shop.example/mug.png",
}
BASKET: JSONObject = {
    "cart_id": "c-9",
    "checkout_id": "k-3",
    "order_id": "o-17",
    "currency": "EUR",
    "revenue": 8.5,
    "coupon": "",
    "products": [MUG],
}
TRAITS: JSONObject = {
    "email": "ada@shop.example",
    "phone": "+905551112233",
    "firstName": "Ada",
    "gender": "F",
    "email_optin": True,
    "address": {"city": "Izmir", "country": "TR"},
}
ONE_PRODUCT = ("Product Viewed", "Product Added", "Product Removed", "Product Clicked")
KNOWN: JSONObject = {"userId": "ada", "anonymousId": "anon-1"}


def generate_calls() -> Iterator[JSONObject]:
    yield {"type": "identify", "traits": TRAITS}
    yield {"type": "track", "event": "Giraffe Fed", "properties": {"leaves": 3}}
    for name in SPEC_EVENT_NAMES:
        properties = MUG if name in ONE_PRODUCT else BASKET
        yield {"type": "track", "event": name, "properties": properties}


def send_calls(client: FlaskClient, *calls: JSONObject) -> list[str]:
    """Send *calls* and return the verdict and reason of each."""
    client.post("/emulator/v1/reset")
    for call in calls:
        client.post("/emulator/v1/clock", json={"advance": "1 second"})  # no two at the same time
        body = orjson.dumps({"writeKey": "wk_demo", **call})
        assert client.post(f"/v1/{call['type']}", data=body).status_code == 200
    messages = orjson.loads(client.get("/emulator/v1/messages?limit=500").data)["messages"]
    return [
        ": ".join(filter(None, (message["verdict"], message["reason"]))) for message in messages
    ]


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, FlaskClient]]:
    names = ("guide", "segment-defaults")
    apps = {name: create_app(Config(db=":memory:"), load_preset_workspace(name)) for name in names}
    yield {name: app.test_client() for name, app in apps.items()}
    for app in apps.values():
        app.extensions["sandboxes"].close()


@pytest.mark.documented
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("name", ["guide", "segment-defaults"])
def test_ordinary_calls_of_an_identified_person_are_accepted(
    clients: dict[str, FlaskClient], name: str, context: str
) -> None:
    calls = [{**call, **KNOWN, "context": CONTEXTS[context]} for call in generate_calls()]
    assert send_calls(clients[name], *calls) == ["accepted"] * len(calls)


@pytest.mark.documented
@pytest.mark.parametrize("context", CONTEXTS)
def test_ordinary_calls_of_a_visitor_are_accepted(
    clients: dict[str, FlaskClient], context: str
) -> None:
    calls = [
        {**call, "anonymousId": "anon-1", "context": CONTEXTS[context]} for call in generate_calls()
    ]
    assert send_calls(clients["guide"], *calls) == ["accepted"] * len(calls)


@pytest.mark.observed
@pytest.mark.parametrize(
    "page",
    [
        pytest.param({"name": "Home", "category": None, "properties": {}}, id="Python"),
        pytest.param({"name": None, "category": None, "properties": {}}, id="Python, no name"),
        pytest.param({"properties": {**PAGE, "name": "Home"}, "name": "Home"}, id="browser"),
        pytest.param({"properties": PAGE}, id="browser, no name"),
        pytest.param({}, id="nothing"),
    ],
)
def test_ordinary_pages_are_accepted(clients: dict[str, FlaskClient], page: JSONObject) -> None:
    call = {"type": "page", **KNOWN, "context": CONTEXTS["browser"], **page}
    assert send_calls(clients["guide"], call) == ["accepted"]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({"event": "a", "properties": {"currency": "euro"}}, "currency does not have the format"),
        ({"event": "a", "properties": {"url": "/mug"}}, "url does not have the format"),
        ({"event": "Order Completed", "properties": {"order_id": "o"}}, "has no currency"),
        ({"event": "a", "properties": {"sizes": {"s": 1}}}, "no custom type accepts this value"),
        (
            {"type": "identify", "traits": {**TRAITS, "birthday": "1990"}},
            "birthday does not have the format",
        ),
        ({"type": "identify", "traits": {**TRAITS, "address": {"country": "Turkey"}}}, "country"),
        ({"event": "a", "timestamp": 1764000000}, "timestamp 1764000000 is not ISO 8601"),
        ({"event": "a", "sentAt": "soon"}, "sentAt 'soon' is not ISO 8601"),
        ({"event": "a", "messageId": "m" * 100}, "messageId has 100 characters"),
        ({"event": "order completed"}, "event 'order completed' is not 'Order Completed'"),
    ],
)
def test_a_mistake_of_the_sender_is_a_warning(
    clients: dict[str, FlaskClient], call: JSONObject, reason: str
) -> None:
    call_with_mistake: Any = {"type": "track", **KNOWN, "context": CONTEXTS["browser"], **call}
    [verdict] = send_calls(clients["guide"], call_with_mistake)
    assert verdict.startswith("warning: ")
    assert reason in verdict
