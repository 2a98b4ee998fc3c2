"""What a shop tells Segment: calls under the names and properties of Segment's e-commerce spec."""

from dataclasses import dataclass
from typing import Literal

from segment_insider_emulator.types import JSONObject

CallType = Literal["track", "identify", "page", "screen", "group", "alias"]


@dataclass(frozen=True, slots=True)
class SegmentCall:
    """One call to Segment.

    Args:
        name: Of the event, page or screen; the id of a group; what an alias was known as before;
            None for identify and for a page without one.
        body: Properties, or the traits of an identify or a group.
    """

    kind: CallType
    name: str | None
    body: JSONObject


def track(name: str, properties: JSONObject | None = None) -> SegmentCall:
    """Any track call."""
    return SegmentCall("track", name, properties or {})


def page(name: str, properties: JSONObject | None = None) -> SegmentCall:
    """A page of the shop."""
    return SegmentCall("page", name, properties or {})


def screen(name: str) -> SegmentCall:
    """A screen of the shop's app."""
    return SegmentCall("screen", name, {})


def group(group_id: str, traits: JSONObject | None = None) -> SegmentCall:
    """The company or club that the shopper belongs to."""
    return SegmentCall("group", group_id, traits or {})


def alias(previous_id: str) -> SegmentCall:
    """Who was *previous_id* before has the shopper's user id from now on."""
    return SegmentCall("alias", previous_id, {})


def identify(traits: JSONObject | None = None) -> SegmentCall:
    """Who the shopper is."""
    return SegmentCall("identify", None, traits or {})


def product_list_viewed(category: str, products: list[JSONObject]) -> SegmentCall:
    """A category page, with the products on it."""
    return track("Product List Viewed", {"category": category, "products": products})


def product_viewed(product: JSONObject) -> SegmentCall:
    """A product page."""
    return track("Product Viewed", product)


def product_added(product: JSONObject, cart_id: str) -> SegmentCall:
    """One product into the cart."""
    return track("Product Added", {"cart_id": cart_id, **product})


def product_removed(product: JSONObject, cart_id: str) -> SegmentCall:
    """One product out of the cart."""
    return track("Product Removed", {"cart_id": cart_id, **product})


def cart_viewed(products: list[JSONObject], cart_id: str, currency: str) -> SegmentCall:
    """The cart page."""
    properties = {"cart_id": cart_id, "currency": currency, "products": products}
    return track("Cart Viewed", properties)


def checkout_started(products: list[JSONObject], checkout_id: str, currency: str) -> SegmentCall:
    """The first page of the checkout."""
    properties = {"checkout_id": checkout_id, "currency": currency, "products": products}
    return track("Checkout Started", properties)


def order_completed(
    products: list[JSONObject], order_id: str, currency: str, details: JSONObject | None = None
) -> SegmentCall:
    """The order confirmation; *details* are of the order: revenue, tax, shipping, coupon."""
    order = {"order_id": order_id, "currency": currency, "products": products}
    return track("Order Completed", order | (details or {}))
