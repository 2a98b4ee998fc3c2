"""Sample events: the specs' properties, each with a value, for changes that no traffic shows."""

from collections.abc import Iterator

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.lint.probes import probes
from segment_insider_emulator.workspace.lint.spec import ECOMMERCE, PRODUCT
from segment_insider_emulator.workspace.lint.subject import Placed, Subject

_ADDRESS = {"city": "Oslo", "country": "NO"}
_TRAITS: JSONObject = {
    "email": "ada@shop.example", "phone": "+4798765432", "firstName": "Ada", "lastName": "Lind",
    "age": 34, "birthday": "1990-01-31T00:00:00Z", "gender": "F", "address": _ADDRESS,
    "gdpr_optin": True, "email_optin": True, "sms_optin": True, "whatsapp_optin": False,
}  # fmt: skip
_CONTEXT: JSONObject = {
    "traits": _TRAITS, "ip": "192.0.2.1", "locale": "nb-NO", "timezone": "Europe/Oslo",
    "userAgent": "Mozilla/5.0", "app": {"version": "1.4"}, "os": {"name": "iOS", "version": "19"},
    "device": {"model": "iPhone17,1", "advertisingId": "A-1"}, "network": {"carrier": "Telenor"},
    "page": {"url": "https://shop.example/boots", "referrer": "https://search.example/"},
    "location": {"city": "Lund", "country": "SE"},
}  # fmt: skip
_NUMBERS = {
    "price": 10.5, "quantity": 2, "position": 1, "value": 21, "total": 24, "revenue": 21,
    "subtotal": 21, "shipping": 3, "tax": 4.2, "discount": 1.5, "step": 2, "rating": 5,
}  # fmt: skip
_WORDS = {"currency": "EUR", "url": "https://shop.example/p1"}


def samples(subject: Subject, placed: Placed) -> Iterator[JSONObject]:
    """Events that *placed* takes, each with all that the specs give such an event."""
    return (filled(event) for _, event in probes(subject) if placed.takes(event))


def filled(event: JSONObject) -> JSONObject:
    """*event*, with everything else that an event of its kind and name may have."""
    kind, name = event["type"], event.get("event")
    full: JSONObject = {
        "messageId": "sample", "userId": "u1", "anonymousId": "a1",
        "timestamp": "2026-05-06T07:08:09.123Z", "context": _CONTEXT,
    }  # fmt: skip
    if kind == "identify":
        full["traits"] = _TRAITS
    elif kind == "page":
        full["properties"] = {"path": "/boots", "title": "Boots", "url": _WORDS["url"]}
    else:
        full["properties"] = _properties(str(name))
    whole: JSONObject = _over(full, event)
    return whole


def _properties(name: str) -> JSONObject:
    known = ECOMMERCE.get(name, ("category", "price", "colour"))
    given = {each: _value(each) for each in known if each != "products"}
    if "products" in known:
        given["products"] = [{each: _value(each) for each in PRODUCT}]
    # Not of the spec: what Insider One needs with a cart, and what the guide's example sends.
    return given | ({"currency": "EUR"} if "cart_id" in known else {})


def _value(name: str) -> JSON:
    return _NUMBERS.get(name) or _WORDS.get(name) or f"{name}-1"


def _over(below: JSON, above: JSON) -> JSON:
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: _over(below.get(key), each) for key, each in above.items()}
    return above
