"""Sample events: the specs' properties, each with a value, for changes that no traffic shows."""

from collections.abc import Iterator

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.lint.probes import build_probe_events
from segment_insider_emulator.workspace.lint.spec import (
    ECOMMERCE_EVENT_PROPERTIES,
    PRODUCT_PROPERTIES,
)
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, LocatedSubscription

_SAMPLE_ADDRESS = {"city": "Oslo", "country": "NO"}
_SAMPLE_TRAITS: JSONObject = {
    "email": "ada@shop.example", "phone": "+4798765432", "firstName": "Ada", "lastName": "Lind",
    "age": 34, "birthday": "1990-01-31T00:00:00Z", "gender": "F", "address": _SAMPLE_ADDRESS,
    "gdpr_optin": True, "email_optin": True, "sms_optin": True, "whatsapp_optin": False,
}  # fmt: skip
_SAMPLE_CONTEXT: JSONObject = {
    "traits": _SAMPLE_TRAITS, "ip": "192.0.2.1", "locale": "nb-NO", "timezone": "Europe/Oslo",
    "userAgent": "Mozilla/5.0", "app": {"version": "1.4"}, "os": {"name": "iOS", "version": "19"},
    "device": {"model": "iPhone17,1", "advertisingId": "A-1"}, "network": {"carrier": "Telenor"},
    "page": {"url": "https://shop.example/boots", "referrer": "https://search.example/"},
    "location": {"city": "Lund", "country": "SE"},
}  # fmt: skip
_SAMPLE_NUMBERS = {
    "price": 10.5, "quantity": 2, "position": 1, "value": 21, "total": 24, "revenue": 21,
    "subtotal": 21, "shipping": 3, "tax": 4.2, "discount": 1.5, "step": 2, "rating": 5,
}  # fmt: skip
_SAMPLE_TEXTS = {"currency": "EUR", "url": "https://shop.example/p1"}


def build_sample_events(
    context: AnalysisContext, subscription: LocatedSubscription
) -> Iterator[JSONObject]:
    """Events that *placed* takes, each with all that the specs give such an event."""
    return (
        fill_event(event) for _, event in build_probe_events(context) if subscription.matches(event)
    )


def fill_event(event: JSONObject) -> JSONObject:
    """*event*, with everything else that an event of its kind and name may have."""
    kind, name = event["type"], event.get("event")
    full: JSONObject = {
        "messageId": "sample", "userId": "u1", "anonymousId": "a1",
        "timestamp": "2026-05-06T07:08:09.123Z", "context": _SAMPLE_CONTEXT,
    }  # fmt: skip
    if kind == "identify":
        full["traits"] = _SAMPLE_TRAITS
    elif kind == "page":
        full["properties"] = {"path": "/boots", "title": "Boots", "url": _SAMPLE_TEXTS["url"]}
    else:
        full["properties"] = _sample_properties(str(name))
    whole: JSONObject = _merge_objects(full, event)
    return whole


def _sample_properties(event_name: str) -> JSONObject:
    known = ECOMMERCE_EVENT_PROPERTIES.get(event_name, ("category", "price", "colour"))
    given = {each: _sample_value(each) for each in known if each != "products"}
    if "products" in known:
        given["products"] = [{each: _sample_value(each) for each in PRODUCT_PROPERTIES}]
    # Not of the spec: what Insider One needs with a cart, and what the guide's example sends.
    return given | ({"currency": "EUR"} if "cart_id" in known else {})


def _sample_value(property_name: str) -> JSON:
    return (
        _SAMPLE_NUMBERS.get(property_name)
        or _SAMPLE_TEXTS.get(property_name)
        or f"{property_name}-1"
    )


def _merge_objects(base: JSON, override: JSON) -> JSON:
    if isinstance(base, dict) and isinstance(override, dict):
        return base | {key: _merge_objects(base.get(key), each) for key, each in override.items()}
    return override
