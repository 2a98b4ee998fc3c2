"""A shopper's day, with the wrong turns that real integrations take."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios import calls
from segment_insider_scenarios.calls import Call
from segment_insider_scenarios.shopper import Shopper

CART, CHECKOUT, ORDER, CURRENCY = "cart-9", "checkout-3", "order-17", "EUR"
CONSENT = {f"{channel}_optin": True for channel in ("email", "sms", "gdpr")}


@dataclass(frozen=True, slots=True)
class Turn:
    """One call of the day.

    Args:
        chapter: What the shopper is at.
        shopper: As the shop knows them at that time.
        note: What is special about the call, for whoever reads along.
    """

    chapter: str
    shopper: Shopper
    call: Call
    note: str = ""


def day(shopper: Shopper, products: list[JSONObject]) -> list[Turn]:
    """The whole day of *shopper*, who looks at *products* and takes the first two."""
    visitor = replace(shopper, user_id=None)
    chosen = products[:2]
    chapters = {
        "Browsing, not signed in": (visitor, _browsing(products)),
        "Filling a cart, and leaving": (visitor, _cart(chosen)),
        "Coming back, and opting in": (shopper, _optin(shopper)),
        "Buying": (shopper, _purchase(chosen)),
    }
    return [
        Turn(chapter, who, call, note)
        for chapter, (who, made) in chapters.items()
        for call, note in made
    ]


def _browsing(products: list[JSONObject]) -> Iterator[tuple[Call, str]]:
    yield calls.page("Home"), ""
    listed = [{"product_id": each["product_id"], "name": each["name"]} for each in products]
    yield calls.list_viewed(products[0]["category"], listed), ""
    for product in products[:2]:
        yield calls.product_viewed(product), ""


def _cart(chosen: list[JSONObject]) -> Iterator[tuple[Call, str]]:
    for product in chosen:
        yield calls.product_added(product, CART), ""
    forgotten = {"currency": CURRENCY, "products": chosen}
    yield calls.event("Cart Viewed", forgotten), "without cart_id"
    yield calls.cart_viewed(chosen, CART, CURRENCY), ""


def _optin(shopper: Shopper) -> Iterator[tuple[Call, str]]:
    traits = shopper.traits()
    yield calls.identify(traits | {"email_optin": "yes"}), 'email_optin is "yes"'
    yield calls.identify(traits | CONSENT | {"shoe_size": 41}), ""


def _purchase(chosen: list[JSONObject]) -> Iterator[tuple[Call, str]]:
    total = round(sum(each["price"] * each["quantity"] for each in chosen), 2)
    yield calls.checkout_started(chosen, CHECKOUT, CURRENCY), ""
    details = {"revenue": total, "shipping": 4.5, "tax": 3.2, "gift_wrap": True}
    yield calls.order_completed(chosen, ORDER, CURRENCY, details), ""
    yield calls.event("", {"rating": 5}), "an event without a name"
    yield calls.screen("Thank you"), "from the app"
