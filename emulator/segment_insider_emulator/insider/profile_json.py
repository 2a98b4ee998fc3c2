"""JSON of a profile, with the channels that can reach it and the data for personalisation.

Source: Insider One, "Check Reachability", "Reachability on Channels"; the guide, "Personalizing
User Experience", for name, age, viewed products, items added to the cart and interest categories
(documented). Assumed: how the latter follow from events is not published; docs/assumptions.md
lists the rules of this module.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from zlib import crc32

from segment_insider_emulator.insider.catalog import get_event_display_name
from segment_insider_emulator.insider.formats import is_e164_phone_number, is_email
from segment_insider_emulator.insider.identity import DEFAULT_IDENTIFIERS
from segment_insider_emulator.insider.web_push import (
    WEB_PUSH_CHANNEL,
    WEB_PUSH_TOKEN_ATTRIBUTE,
    list_web_push_reasons,
)
from segment_insider_emulator.storage.records import Profile, ProfileEvent, nest_attributes
from segment_insider_emulator.types import JSON, JSONObject


def serialize_profile(profile: Profile) -> JSONObject:
    """Serialize a profile: {"id", "identifiers", "attributes", "events", "reach", ...}.

    `identifiers` has the latest value of each type, as Insider One's profile page shows it;
    `identifier_values` has all values, oldest first. `merges` lists each profile that was merged
    into this one: when, the matching identifier, the identifiers it had, and the request.
    `personal` is the data for personalisation; its rules are assumed.
    """
    return {
        "id": profile.id,
        "identifiers": _collect_latest_identifiers(profile),
        "attributes": nest_attributes(profile.attributes),
        "events": [serialize_profile_event(event) for event in profile.events],
        "reach": check_reachability(profile.attributes),
        "unsubscribe_groups": serialize_unsubscribe_groups(profile.attributes),
        "personal": build_personalisation_data(profile),
        "identifier_values": profile.identifiers,
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
        "trail": [{"at": entry["at"], "what": entry["what"]} for entry in profile.trail],
        "merges": [
            {"at": entry["at"], **entry["merge"]} for entry in profile.trail if "merge" in entry
        ],
    }


def serialize_profile_event(event: ProfileEvent) -> JSONObject:
    """Serialize a profile event; `sent_as` differs from `event_name` if an alias was sent."""
    return {
        "event_name": event.name,
        "display_name": get_event_display_name(event.name),
        "sent_as": event.sent_as,
        "timestamp": event.timestamp,
        "event_params": event.params,
        "received_at": event.received_at,
        "skip_hook": event.skip_hook,
    }


def _collect_latest_identifiers(profile: Profile) -> JSONObject:
    latest_values = {name: values[-1] for name, values in profile.identifiers.items()}
    return nest_attributes(
        {
            name if name in DEFAULT_IDENTIFIERS else f"custom.{name}": value
            for name, value in latest_values.items()
        }
    )


# Channel -> attributes: (address, opt-in, flag that overrides the opt-in).
CHANNEL_ATTRIBUTES = {
    "email": ("email", "email_optin", "global_unsubscribe"),
    "sms": ("phone_number", "sms_optin", "sms_opt_out_user"),
    "whatsapp": ("phone_number", "whatsapp_optin", "wa_opt_out_user"),
}
ADDRESS_ATTRIBUTES = {
    **{channel: names[0] for channel, names in CHANNEL_ATTRIBUTES.items()},
    WEB_PUSH_CHANNEL: WEB_PUSH_TOKEN_ATTRIBUTE,
}
# Names of unsubscribe groups. Where Insider One keeps them is not published: the attribute is the
# emulator's own, so a profile read does not return it.
UNSUBSCRIBE_GROUPS_ATTRIBUTE = "unsubscribe_groups.email"


def check_reachability(attributes: Mapping[str, JSON]) -> JSONObject:
    """Return channel -> whether it can reach a profile with these attributes, and why not.

    Returns: {"email": {"reachable": bool, "why": [sentence, ...], "notes": [...]}, ...}; `why`
        is empty when reachable, `notes` lists what the integration guide requires in addition.
    """
    reasons_by_channel = {
        channel: _list_unreachable_reasons(attributes, *names)
        for channel, names in CHANNEL_ATTRIBUTES.items()
    }
    reasons_by_channel[WEB_PUSH_CHANNEL] = list_web_push_reasons(attributes)
    notes = []
    if attributes.get("gdpr_optin") is None:
        notes.append("gdpr_optin was never sent; it counts as allowed, but the guide requires it")
    return {
        channel: {"reachable": not reasons, "why": reasons, "notes": notes}
        for channel, reasons in reasons_by_channel.items()
    }


def list_unsubscribe_groups(attributes: Mapping[str, JSON]) -> list[str]:
    """Return the names of the unsubscribe groups of a profile with these attributes."""
    groups = attributes.get(UNSUBSCRIBE_GROUPS_ATTRIBUTE)
    return [name for name in groups if isinstance(name, str)] if isinstance(groups, list) else []


def serialize_unsubscribe_groups(attributes: Mapping[str, JSON]) -> list[JSONObject]:
    """Serialize the unsubscribe groups of a profile with these attributes: [{"id", "name"}]."""
    names = list_unsubscribe_groups(attributes)
    return [{"id": compute_group_id(name), "name": name} for name in names]


def compute_group_id(name: str) -> int:
    """Compute the number of an unsubscribe group; Insider One gives numbers of its own."""
    return crc32(name.encode(errors="replace"))


def _list_unreachable_reasons(
    attributes: Mapping[str, JSON],
    address_attribute: str,
    optin_attribute: str,
    optout_attribute: str,
) -> list[str]:
    reasons = []
    address = attributes.get(address_attribute)
    if not address:
        reasons.append(f"no {address_attribute}")
    elif address_attribute == "phone_number" and not is_e164_phone_number(address):
        reasons.append("phone_number is not in E.164 format")
    elif address_attribute == "email" and not is_email(address):
        reasons.append("email is not an e-mail address")
    if attributes.get(optin_attribute) is None:
        reasons.append(f"{optin_attribute} is absent")
    elif not attributes[optin_attribute]:
        reasons.append(f"{optin_attribute} is false")
    if attributes.get("gdpr_optin") is False:
        reasons.append("gdpr_optin is false")
    if attributes.get(optout_attribute) is True:
        reasons.append(f"{optout_attribute} is true")
    return reasons


PRODUCT_VIEW_EVENT = "product_detail_page_view"
CART_ADD_EVENT = "item_added_to_cart"
CART_REMOVE_EVENT = "item_removed_from_cart"
CART_CLEAR_EVENT = "cart_cleared"
PURCHASE_EVENT = "confirmation_page_view"
# Cart views and removals from the cart show no new interest.
INTEREST_EVENTS = (PRODUCT_VIEW_EVENT, "listing_page_view", CART_ADD_EVENT, PURCHASE_EVENT)

MAX_QUANTITY = 10**9  # pieces of one product in one event


def build_personalisation_data(profile: Profile) -> JSONObject:
    """Build a profile's data for personalisation; unknown values stay empty.

    Returns: "name", "surname" and "age" from the attributes, or null; "viewed_products", latest
        first; "cart", the current content; "interest_categories", most frequent first;
        "last_purchase", or null; "order_count"; and "order_value", one amount for each currency:
        the sum of unit_sale_price x quantity of all purchase events.
    """
    events = sorted(profile.events, key=lambda event: event.occurred_at)
    orders = _group_orders(events)
    return {
        **{name: profile.attributes.get(name) for name in ("name", "surname", "age")},
        "viewed_products": _list_viewed_products(events),
        "cart": _compute_cart(events),
        "interest_categories": _rank_interest_categories(events),
        "last_purchase": _serialize_order(orders[-1]) if orders else None,
        "order_count": len(orders),
        "order_value": _sum_order_value(event for order in orders for event in order),
    }


def _list_viewed_products(events: list[ProfileEvent]) -> list[JSONObject]:
    views_by_product: dict[str, list[ProfileEvent]] = {}
    for event in events:
        product = event.params.get("product_id")
        if event.name == PRODUCT_VIEW_EVENT and product is not None:
            # Remove and insert again, so that the last viewed product is last in the dict.
            views_by_product[product] = views_by_product.pop(product, [])
            views_by_product[product].append(event)
    return [
        {
            **_select_product_fields(views[-1]),
            "views": len(views),
            "last_viewed_at": views[-1].occurred_at,
        }
        for views in reversed(views_by_product.values())
    ]


def _compute_cart(events: list[ProfileEvent]) -> list[JSONObject]:
    """Compute a profile's current cart from its events: added minus removed minus bought."""
    added_events: dict[str, ProfileEvent] = {}
    quantities: Counter[str] = Counter()
    for event in events:
        product, quantity = event.params.get("product_id"), max(_get_event_quantity(event), 0)
        if event.name == CART_CLEAR_EVENT:
            quantities.clear()
        elif product is None:
            continue
        elif event.name == CART_ADD_EVENT:
            added_events[product] = event
            quantities[product] += quantity
        elif event.name in (CART_REMOVE_EVENT, PURCHASE_EVENT):
            # Never negative: the event that added it may have expired.
            quantities[product] = max(quantities[product] - quantity, 0)
    return [
        {
            **_select_product_fields(event),
            **_select_price_fields(event),
            "quantity": quantities[product],
            "added_at": event.occurred_at,
        }
        for product, event in added_events.items()
        if quantities[product] > 0
    ]


def _rank_interest_categories(events: list[ProfileEvent]) -> list[JSONObject]:
    category_counts = Counter(
        category
        for event in events
        if event.name in INTEREST_EVENTS
        for category in dict.fromkeys(event.params.get("taxonomy", ()))
    )
    ranked_categories = sorted(category_counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [{"category": category, "count": count} for category, count in ranked_categories]


def _group_orders(events: list[ProfileEvent]) -> list[list[ProfileEvent]]:
    """Group a profile's purchase events by order; the latest order is last.

    An order has one event_group_id; events without it form an order if they have the same time.
    """
    orders: dict[tuple[str, str], list[ProfileEvent]] = {}
    for event in events:
        if event.name == PURCHASE_EVENT:
            group_id = event.params.get("event_group_id")
            key = ("at", event.occurred_at) if group_id is None else ("group", group_id)
            orders[key] = orders.pop(key, [])
            orders[key].append(event)
    return list(orders.values())


def _serialize_order(order_events: list[ProfileEvent]) -> JSONObject:
    return {
        "event_group_id": order_events[-1].params.get("event_group_id"),
        "at": order_events[-1].occurred_at,
        "products": [
            {
                **_select_product_fields(event),
                **_select_price_fields(event),
                "quantity": _get_event_quantity(event),
            }
            for event in order_events
        ],
        "value": _sum_order_value(order_events),
    }


def _sum_order_value(purchase_events: Iterable[ProfileEvent]) -> list[JSONObject]:
    """Sum price x quantity of purchase events per currency; no sale price adds nothing."""
    amounts_by_currency: dict[str | None, Decimal] = {}
    for event in purchase_events:
        price, currency = event.params.get("unit_sale_price"), event.params.get("currency")
        if price is not None:
            # Convert through text, so that 10 x 0.1 is exactly 1.
            amount = Decimal(str(price)) * _get_event_quantity(event)
            amounts_by_currency[currency] = amounts_by_currency.get(currency, Decimal()) + amount
    return [
        {"currency": currency, "amount": float(amount)}
        for currency, amount in amounts_by_currency.items()
    ]


def _select_product_fields(event: ProfileEvent) -> JSONObject:
    return {name: event.params.get(name) for name in ("product_id", "name")}


def _select_price_fields(event: ProfileEvent) -> JSONObject:
    return {name: event.params.get(name) for name in ("unit_sale_price", "currency")}


def _get_event_quantity(event: ProfileEvent) -> int:
    """Return the product quantity of an event; 1 if it has none."""
    # JSON Schema accepts 2.0 and 1e300 as integers; sums must stay valid JSON numbers.
    return int(max(-MAX_QUANTITY, min(event.params.get("quantity", 1), MAX_QUANTITY)))
