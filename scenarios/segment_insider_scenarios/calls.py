"""What a shop tells Segment: calls under the names and properties of Segment's e-commerce spec."""

from dataclasses import dataclass
from typing import Literal

from segment_insider_emulator.types import JSONObject

Kind = Literal["track", "identify", "page", "screen", "group", "alias"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call to Segment.

    Args:
        name: Of the event, page or screen; the id of a group; what an alias was known as before;
            None for identify and for a page without one.
        body: Properties, or the traits of an identify or a group.
    """

    kind: Kind
    name: str | None
    body: JSONObject


def event(name: str, properties: JSONObject | None = None) -> Call:
    """Any track call."""
    return Call("track", name, properties or {})


def page(name: str, properties: JSONObject | None = None) -> Call:
    """A page of the shop."""
    return Call("page", name, properties or {})


def screen(name: str) -> Call:
    """A screen of the shop's app."""
    return Call("screen", name, {})


def group(group_id: str, traits: JSONObject | None = None) -> Call:
    """The company or club that the shopper belongs to."""
    return Call("group", group_id, traits or {})


def alias(previous_id: str) -> Call:
    """Who was *previous_id* before has the shopper's user id from now on."""
    return Call("alias", previous_id, {})


def identify(traits: JSONObject | None = None) -> Call:
    """Who the shopper is."""
    return Call("identify", None, traits or {})


def list_viewed(category: str, products: list[JSONObject]) -> Call:
    """A category page, with the products on it."""
    return event("Product List Viewed", {"category": category, "products": products})


def product_viewed(product: JSONObject) -> Call:
    """A product page."""
    return event("Product Viewed", product)


def product_added(product: JSONObject, cart_id: str) -> Call:
    """One product into the cart."""
    return event("Product Added", {"cart_id": cart_id, **product})


def product_removed(product: JSONObject, cart_id: str) -> Call:
    """One product out of the cart."""
    return event("Product Removed", {"cart_id": cart_id, **product})


def cart_viewed(products: list[JSONObject], cart_id: str, currency: str) -> Call:
    """The cart page."""
    properties = {"cart_id": cart_id, "currency": currency, "products": products}
    return event("Cart Viewed", properties)


def checkout_started(products: list[JSONObject], checkout_id: str, currency: str) -> Call:
    """The first page of the checkout."""
    properties = {"checkout_id": checkout_id, "currency": currency, "products": products}
    return event("Checkout Started", properties)


def order_completed(
    products: list[JSONObject], order_id: str, currency: str, details: JSONObject | None = None
) -> Call:
    """The order confirmation; *details* are of the order: revenue, tax, shipping, coupon."""
    order = {"order_id": order_id, "currency": currency, "products": products}
    return event("Order Completed", order | (details or {}))
