"""Sample events: a seeded mix of identify and e-commerce calls of about 1.2 KB."""

import random
from collections.abc import Iterator

import orjson

from segment_insider_emulator.types import JSONObject

_EVENT_NAMES = (
    "Product List Viewed", "Product Viewed", "Product Added", "Product Removed", "User Registered",
    "Cart Viewed", "Checkout Started", "Order Completed",
)  # fmt: skip
_EVENTS_WITH_PRODUCT_LIST = ("Cart Viewed", "Checkout Started", "Order Completed")


def generate_event_lines(count: int, seed: int = 1) -> Iterator[bytes]:
    """Yield *count* normalised events as JSON lines, always the same for a seed."""
    rng = random.Random(seed)
    for number in range(count):
        yield orjson.dumps(_make_event(rng, number))


def _make_event(rng: random.Random, number: int) -> JSONObject:
    user = rng.randrange(5000)
    traits = {
        "email": f"user{user}@example.com",
        "phone": f"+316{user:08d}",
        "first_name": "Mia",
        "last_name": "de Vries",
        "age": 20 + user % 50,
        "gender": "F",
    }
    event: JSONObject = {
        "messageId": f"benchmark-{number:08d}-7f3c9a52-0d11-4a3b-9a77-2b8f64f1c2aa",
        "anonymousId": f"anon-{user:05d}-4c1b-a3d2",
        "userId": f"user-{user}",
        "timestamp": "2026-03-14T15:09:26.535Z",
        "originalTimestamp": "2026-03-14T15:09:26.510Z",
        "sentAt": "2026-03-14T15:09:27.000Z",
        "receivedAt": "2026-03-14T15:09:27.101Z",
        "channel": "client",
        "version": 2,
        "integrations": {},
        "context": {
            "ip": "203.0.113.7",
            "locale": "en-US",
            "timezone": "Europe/Amsterdam",
            "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15",
            "page": {
                "url": "https://shop.example.com/c/shoes?ref=nav",
                "path": "/c/shoes",
                "referrer": "https://search.example.net/?q=shoes",
                "title": "Shoes",
            },
            "library": {"name": "analytics.js", "version": "next-1.84.3"},
            "traits": traits,
        },
    }
    if rng.random() < 0.15:
        return {**event, "type": "identify", "traits": {**traits, "address": {"city": "Utrecht"}}}
    name = rng.choice(_EVENT_NAMES)
    return {**event, "type": "track", "event": name, "properties": _make_properties(rng, name)}


def _make_properties(rng: random.Random, name: str) -> JSONObject:
    properties: JSONObject = {"currency": "EUR", "category": "Shoes", "list_id": "spring"}
    if name not in _EVENTS_WITH_PRODUCT_LIST:
        return {**properties, **_make_product(rng)}
    number = rng.randrange(100_000)
    return {
        **properties,
        "cart_id": f"cart-{number}",
        "order_id": f"order-{number}",
        "revenue": rng.randrange(500),
        "products": [_make_product(rng) for _ in range(rng.randint(1, 3))],
    }


def _make_product(rng: random.Random) -> JSONObject:
    number = rng.randrange(1000)
    return {
        "product_id": f"sku-{number}",
        "name": f"Trail shoe {number}",
        "category": "Shoes",
        "price": rng.randrange(1000, 20_000) / 100,
        "quantity": rng.randint(1, 3),
        "url": f"https://shop.example.com/p/{number}",
        "image_url": f"https://shop.example.com/i/{number}.jpg",
    }
