"""Default events: their names, how long they are kept and what they must carry.

Source: Insider One, "Default Events & Attributes", "Data Retention" and "Upsert User Data".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from segment_insider_emulator.insider.options import InsiderOptions

_THREE_MONTHS, _YEAR, _TWO_YEARS = (timedelta(days=days) for days in (90, 365, 730))

# Input names of one stored event. `purchase` is the Upsert page's name for it.
EVENT_ALIASES = {"purchase": "confirmation_page_view", "home_page_view": "homepage_view"}

_CART_PARAMETERS = ("event_group_id", "currency", "unit_sale_price")
_PURCHASE_PARAMETERS = (*_CART_PARAMETERS, "quantity")
CUSTOM_EVENT_RETENTION = _THREE_MONTHS
PROFILE_RETENTION = _YEAR  # since its last update


@dataclass(frozen=True, slots=True)
class DefaultEvent:
    """One event that exists in every account; *kept* counts from the event's timestamp."""

    display_name: str
    retention: timedelta = _THREE_MONTHS


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


def resolve_event_alias(event_name: str) -> str:
    """The one name under which an event is kept."""
    return EVENT_ALIASES.get(event_name, event_name)


def get_event_display_name(event_name: str) -> str:
    """What the panel calls a stored event; a custom event goes by its system name."""
    default_event = DEFAULT_EVENTS.get(event_name)
    return default_event.display_name if default_event else event_name


def get_event_retention(event_name: str, options: InsiderOptions) -> timedelta:
    """How long a stored event is kept in this account; custom events for three months."""
    if event_name in options.retention_days:
        return timedelta(days=options.retention_days[event_name])
    default_event = DEFAULT_EVENTS.get(event_name)
    return default_event.retention if default_event else CUSTOM_EVENT_RETENTION


def list_nondefault_retentions(options: InsiderOptions) -> dict[str, timedelta]:
    """Retention by name, of all events that are not kept for the usual three months."""
    retention_by_name = {
        name: get_event_retention(name, options)
        for name in (*DEFAULT_EVENTS, *options.retention_days)
    }
    return {
        name: kept for name, kept in retention_by_name.items() if kept != CUSTOM_EVENT_RETENTION
    }


def get_required_parameters(event_name: str, options: InsiderOptions) -> tuple[str, ...]:
    """The parameters without which an event, by its input name, is refused."""
    if event_name == "cart_page_view":
        return _CART_PARAMETERS
    # Nobody says whether the other name of a purchase is checked as strictly.
    only_warn = options.confirmation_page_view_required == "warn"
    if event_name == "purchase" or (event_name == "confirmation_page_view" and not only_warn):
        return _PURCHASE_PARAMETERS if options.quantity_required else _CART_PARAMETERS
    return ()


def get_recommended_parameters(event_name: str, options: InsiderOptions) -> tuple[str, ...]:
    """The parameters whose absence is told, though the event is kept."""
    if event_name != "confirmation_page_view" or get_required_parameters(event_name, options):
        return ()
    return get_required_parameters("purchase", options)
