"""What personalisation can say of somebody, worked out from their profile.

Source: the guide, "Personalizing User Experience", promises name, age, viewed products, items added
to the cart and interest categories (documented). How they follow from events is published nowhere:
every rule here is ours (assumed), and docs/assumptions.md lists them.
"""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from segment_insider_emulator.capture.profile import Profile, ProfileEvent
from segment_insider_emulator.types import JSONObject

VIEWED = "product_detail_page_view"
ADDED = "item_added_to_cart"
REMOVED = "item_removed_from_cart"
CLEARED = "cart_cleared"
BOUGHT = "confirmation_page_view"
# A cart seen again, or a product taken out of it, says nothing new about taste.
INTERESTS = (VIEWED, "listing_page_view", ADDED, BOUGHT)

MOST = 10**9  # pieces of one product in one event


def personal(profile: Profile) -> JSONObject:
    """What is known of *profile*'s owner, with no guesses where nothing was sent.

    Returns: {"name", "surname", "age"} as the attributes have them, or null; "viewed_products",
        latest first; "cart", what is still in it; "interest_categories", commonest first;
        "last_purchase", null without one; "order_count"; and "order_value", one amount for each
        currency: the sum of unit_sale_price x quantity over the purchase events.
    """
    events = sorted(profile.events, key=lambda event: event.occurred_at)
    orders = _orders(events)
    return {
        **{name: profile.attributes.get(name) for name in ("name", "surname", "age")},
        "viewed_products": _viewed(events),
        "cart": _cart(events),
        "interest_categories": _interests(events),
        "last_purchase": _order(orders[-1]) if orders else None,
        "order_count": len(orders),
        "order_value": _value(event for order in orders for event in order),
    }


def _viewed(events: list[ProfileEvent]) -> list[JSONObject]:
    views: dict[str, list[ProfileEvent]] = {}
    for event in events:
        if event.name == VIEWED and (product := event.params.get("product_id")) is not None:
            # Taken out and put back in, a product stands where its latest view puts it.
            views[product] = views.pop(product, [])
            views[product].append(event)
    return [
        {**_product(seen[-1]), "views": len(seen), "last_viewed_at": seen[-1].occurred_at}
        for seen in reversed(views.values())
    ]


def _cart(events: list[ProfileEvent]) -> list[JSONObject]:
    """Added, minus removed, minus bought: per product and in the order it happened."""
    added: dict[str, ProfileEvent] = {}
    inside: Counter[str] = Counter()
    for event in events:
        product, quantity = event.params.get("product_id"), max(_quantity(event), 0)
        if event.name == CLEARED:
            inside.clear()
        elif product is None:
            continue
        elif event.name == ADDED:
            added[product] = event
            inside[product] += quantity
        elif event.name in (REMOVED, BOUGHT):
            # What was never seen to be added, from before the profile's memory, leaves no debt.
            inside[product] = max(inside[product] - quantity, 0)
    return [
        {
            **_product(event),
            **_price(event),
            "quantity": inside[product],
            "added_at": event.occurred_at,
        }
        for product, event in added.items()
        if inside[product] > 0
    ]


def _interests(events: list[ProfileEvent]) -> list[JSONObject]:
    counts = Counter(
        category
        for event in events
        if event.name in INTERESTS
        for category in dict.fromkeys(event.params.get("taxonomy", ()))
    )
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [{"category": category, "count": count} for category, count in ranked]


def _orders(events: list[ProfileEvent]) -> list[list[ProfileEvent]]:
    """Purchase events by order, the order that ended last at the end.

    One order is one event_group_id; events without one belong together when they share an instant.
    """
    orders: dict[tuple[str, str], list[ProfileEvent]] = {}
    for event in events:
        if event.name == BOUGHT:
            group = event.params.get("event_group_id")
            order = ("at", event.occurred_at) if group is None else ("group", group)
            orders[order] = orders.pop(order, [])
            orders[order].append(event)
    return list(orders.values())


def _order(order: list[ProfileEvent]) -> JSONObject:
    return {
        "event_group_id": order[-1].params.get("event_group_id"),
        "at": order[-1].occurred_at,
        "products": [
            {**_product(event), **_price(event), "quantity": _quantity(event)} for event in order
        ],
        "value": _value(order),
    }


def _value(bought: Iterable[ProfileEvent]) -> list[JSONObject]:
    """Currencies are not converted; an event without a sale price adds nothing."""
    sums: dict[str | None, Decimal] = {}
    for event in bought:
        price, currency = event.params.get("unit_sale_price"), event.params.get("currency")
        if price is not None:
            # By way of text, so that ten times 0.1 is 1.
            amount = Decimal(str(price)) * _quantity(event)
            sums[currency] = sums.get(currency, Decimal()) + amount
    return [{"currency": currency, "amount": float(amount)} for currency, amount in sums.items()]


def _product(event: ProfileEvent) -> JSONObject:
    return {name: event.params.get(name) for name in ("product_id", "name")}


def _price(event: ProfileEvent) -> JSONObject:
    return {name: event.params.get(name) for name in ("unit_sale_price", "currency")}


def _quantity(event: ProfileEvent) -> int:
    """How many; one where the event does not say."""
    # 2.0 is an integer to JSON Schema, and so is 1e300, which no JSON number could sum up.
    return int(max(-MOST, min(event.params.get("quantity", 1), MOST)))
