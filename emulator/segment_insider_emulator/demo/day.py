"""A shopper's day, with the wrong turns that real integrations take."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios import calls
from segment_insider_scenarios.calls import SegmentCall
from segment_insider_scenarios.shopper import Shopper

CART_ID, CHECKOUT_ID, ORDER_ID, CURRENCY = "cart-9", "checkout-3", "order-17", "EUR"
CONSENT_TRAITS = {f"{channel}_optin": True for channel in ("email", "sms", "gdpr")}


@dataclass(frozen=True, slots=True)
class DemoCall:
    """One call of the day.

    Args:
        chapter: What the shopper is at.
        shopper: As the shop knows them at that time.
        note: What is special about the call, for whoever reads along.
    """

    chapter: str
    shopper: Shopper
    call: SegmentCall
    note: str = ""


def build_shopper_day(shopper: Shopper, products: list[JSONObject]) -> list[DemoCall]:
    """The whole day of *shopper*, who looks at *products* and takes the first two."""
    visitor = replace(shopper, user_id=None)
    chosen = products[:2]
    chapters = {
        "Browsing, not signed in": (visitor, _browsing_calls(products)),
        "Filling a cart, and leaving": (visitor, _cart_calls(chosen)),
        "Coming back, and opting in": (shopper, _optin_calls(shopper)),
        "Buying": (shopper, _purchase_calls(chosen)),
    }
    return [
        DemoCall(chapter, who, call, note)
        for chapter, (who, made) in chapters.items()
        for call, note in made
    ]


def _browsing_calls(products: list[JSONObject]) -> Iterator[tuple[SegmentCall, str]]:
    yield calls.page("Home"), ""
    listed = [{"product_id": each["product_id"], "name": each["name"]} for each in products]
    yield calls.product_list_viewed(products[0]["category"], listed), ""
    for product in products[:2]:
        yield calls.product_viewed(product), ""


def _cart_calls(products: list[JSONObject]) -> Iterator[tuple[SegmentCall, str]]:
    for product in products:
        yield calls.product_added(product, CART_ID), ""
    forgotten = {"currency": CURRENCY, "products": products}
    yield calls.track("Cart Viewed", forgotten), "without cart_id"
    yield calls.cart_viewed(products, CART_ID, CURRENCY), ""


def _optin_calls(shopper: Shopper) -> Iterator[tuple[SegmentCall, str]]:
    traits = shopper.to_traits()
    yield calls.identify(traits | {"email_optin": "yes"}), 'email_optin is "yes"'
    yield calls.identify(traits | CONSENT_TRAITS | {"shoe_size": 41}), ""


def _purchase_calls(products: list[JSONObject]) -> Iterator[tuple[SegmentCall, str]]:
    total = round(sum(each["price"] * each["quantity"] for each in products), 2)
    yield calls.checkout_started(products, CHECKOUT_ID, CURRENCY), ""
    details = {"revenue": total, "shipping": 4.5, "tax": 3.2, "gift_wrap": True}
    yield calls.order_completed(products, ORDER_ID, CURRENCY, details), ""
    yield calls.track("", {"rating": 5}), "an event without a name"
    yield calls.screen("Thank you"), "from the app"
