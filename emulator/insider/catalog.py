"""Default events: their names, how long they are kept and what they must carry.

Source: Insider One, "Default Events & Attributes", "Data Retention" and "Upsert User Data".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

_QUARTER, _YEAR, _TWO_YEARS = (timedelta(days=days) for days in (90, 365, 730))

# Input names of one stored event. `purchase` is the Upsert page's name for it.
ALIASES = {"purchase": "confirmation_page_view", "home_page_view": "homepage_view"}

# Events that Insider One refuses without these parameters, by input name.
REQUIRED = {
    "purchase": ("event_group_id", "currency", "unit_sale_price", "quantity"),
    "cart_page_view": ("event_group_id", "currency", "unit_sale_price"),
}
# Nobody says whether the other name of a purchase is checked as strictly, so it is only told.
EXPECTED = {"confirmation_page_view": REQUIRED["purchase"]}


@dataclass(frozen=True, slots=True)
class DefaultEvent:
    """One event that exists in every account; *kept* counts from the event's timestamp."""

    display_name: str
    kept: timedelta = _QUARTER


DEFAULT_EVENTS: Mapping[str, DefaultEvent] = {
    "homepage_view": DefaultEvent("Homepage View"),
    "listing_page_view": DefaultEvent("Listing Page View"),
    "product_detail_page_view": DefaultEvent("Product Detail Page View"),
    "cart_page_view": DefaultEvent("Cart Page View"),
    "confirmation_page_view": DefaultEvent("Purchase (Confirmation Page View)", _TWO_YEARS),
    "other_page_view": DefaultEvent("Other Page View"),
    # Its retention is published nowhere; the other page views' is assumed.
    "checkout_page_view": DefaultEvent("Checkout Page Viewed"),
    "item_added_to_cart": DefaultEvent("Item Added to Cart"),
    "item_removed_from_cart": DefaultEvent("Item Removed from Cart"),
    "cart_cleared": DefaultEvent("Cart Cleared"),
    "sign_up_confirmation": DefaultEvent("Sign-up confirmation", _YEAR),
    "lead_collected": DefaultEvent("Lead collected", _YEAR),
    "email_delivered": DefaultEvent("Email delivered", _YEAR),
    "email_open": DefaultEvent("Email open", _YEAR),
    "email_click": DefaultEvent("Email click", _YEAR),
}


def stored_name(name: str) -> str:
    """The one name under which an event is kept."""
    return ALIASES.get(name, name)


def display_name(name: str) -> str:
    """What the panel calls a stored event; a custom event goes by its system name."""
    default = DEFAULT_EVENTS.get(name)
    return default.display_name if default else name


def retention(name: str) -> timedelta:
    """How long a stored event is kept; custom events for three months."""
    default = DEFAULT_EVENTS.get(name)
    return default.kept if default else _QUARTER
