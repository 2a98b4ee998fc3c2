"""Default events: their names, how long they are kept and what they must carry.

Source: Insider One, "Default Events & Attributes", "Data Retention" and "Upsert User Data".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from segment_insider_emulator.insider.options import Options

_QUARTER, _YEAR, _TWO_YEARS = (timedelta(days=days) for days in (90, 365, 730))

# Input names of one stored event. `purchase` is the Upsert page's name for it.
ALIASES = {"purchase": "confirmation_page_view", "home_page_view": "homepage_view"}

_CART = ("event_group_id", "currency", "unit_sale_price")
_PURCHASE = (*_CART, "quantity")
CUSTOM_EVENT_KEPT = _QUARTER
PROFILE_KEPT = _YEAR  # since its last update


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


def retention(name: str, options: Options) -> timedelta:
    """How long a stored event is kept in this account; custom events for three months."""
    if name in options.retention_days:
        return timedelta(days=options.retention_days[name])
    default = DEFAULT_EVENTS.get(name)
    return default.kept if default else CUSTOM_EVENT_KEPT


def retentions(options: Options) -> dict[str, timedelta]:
    """Retention by name, of all events that are not kept for the usual three months."""
    known = {name: retention(name, options) for name in (*DEFAULT_EVENTS, *options.retention_days)}
    return {name: kept for name, kept in known.items() if kept != CUSTOM_EVENT_KEPT}


def required(name: str, options: Options) -> tuple[str, ...]:
    """The parameters without which an event, by its input name, is refused."""
    if name == "cart_page_view":
        return _CART
    # Nobody says whether the other name of a purchase is checked as strictly.
    told_only = options.confirmation_page_view_required == "warn"
    if name == "purchase" or (name == "confirmation_page_view" and not told_only):
        return _PURCHASE if options.quantity_required else _CART
    return ()


def expected(name: str, options: Options) -> tuple[str, ...]:
    """The parameters whose absence is told, though the event is kept."""
    if name != "confirmation_page_view" or required(name, options):
        return ()
    return required("purchase", options)
