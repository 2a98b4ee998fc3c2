"""Which row of the checklist a part of a mapping belongs to."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.analysis.drift.model import Deviation, DeviationEffect, DeviationTable
from segment_insider_emulator.analysis.mapping_paths import (
    LITERAL_MARKER,
    get_product_mapping,
    is_path_read,
    list_read_paths,
    list_written_keys,
)
from segment_insider_emulator.types import JSON

# Attributes that say what a person uses.
DEVICE_ATTRIBUTES = (
    "app_version", "idfa", "model", "last_ip", "carrier", "os_version", "platform", "timezone",
    "locale",
)  # fmt: skip


def _iterate_mapping_paths() -> Iterator[tuple[str, str]]:
    """Place in a mapping -> row, for all actions that have no row of their own for it."""
    for id, places in {
        "D1": "firstName lastName age birthday gender attributes.name attributes.surname "
        "attributes.age attributes.birthday attributes.gender attributes",
        "D2": "city country attributes.city attributes.country",
        "D3": "gdprOptin emailOptin smsOptin whatsappOptin",
        "D6": "attributes.phone",
        "D7": "phone",
        "D8": "email_as_identifier phone_number_as_identifier email attributes.email",
        "D10": "segment_anonymous_id custom_identifiers",
        "D11": "uuid",
        "D17": "parameters products",
        "D19": "parameters.taxonomy products.taxonomy",
        "D20": "parameters.unit_price parameters.unit_sale_price products.unit_price "
        "products.unit_sale_price",
        "D21": "parameters.quantity products.quantity parameters.variant parameters.variant_id "
        "products.variant products.variant_id",
        "D22": "parameters.url products.url",
        "D27": "append_arrays",
        "D28": " ".join(f"attributes.{name}" for name in DEVICE_ATTRIBUTES) + " language",
        "D30": "event_name",
        "D38": "custom",
        "D39": "timestamp",
        "D41": "parameters.event_group_id parameters.currency",
    }.items():
        yield from ((place, id) for place in places.split())


_DIFFERENCE_BY_PATH = dict(_iterate_mapping_paths())
_ORDER_PARAMETERS = [
    "tax",
    "affiliation",
    "revenue",
    "shipping",
    "discount",
    "coupon",
    "checkout_id",
]
_DIFFERENCE_BY_ACTION = {
    "orderCompletedEvent": {f"parameters.{name}": "D16" for name in _ORDER_PARAMETERS},
    "productAddedEvent": {"parameters.cart_id": "D13"},
    "productRemovedEvent": {"parameters.cart_id": "D13"},
}


def get_difference_id(action_slug: str, *keys: str) -> str:
    """The row for a place in the mapping of an action, e.g. ("parameters", "tax")."""
    dotted = ".".join(keys)
    own = _DIFFERENCE_BY_ACTION.get(action_slug, {})
    return (
        own.get(dotted) or _DIFFERENCE_BY_PATH.get(dotted) or _DIFFERENCE_BY_PATH.get(keys[0], "")
    )


DifferenceState: TypeAlias = Literal["departs", "holds", "in order", "not seen", "always"]


@dataclass(frozen=True, slots=True)
class KnownDifference:
    """One row.

    Args:
        state: "departs" when a table has it as more than a note; "holds" when as a note; "in
            order" when nothing in the workspace has it; "not seen" when only traffic could show it
            and none did; "always" when no mapping changes it.
        departures: How many rows of the tables it has, notes included.
    """

    difference_id: str
    what: str
    state: DifferenceState
    deviation_count: int


def check_known_differences(tables: list[DeviationTable]) -> list[KnownDifference]:
    """Every row with its state."""
    all_of_them = [each for table in tables for each in table.deviations]
    effects = {
        id: [each.effect for each in all_of_them if each.difference_id == id]
        for id in _load_known_differences()
    }
    return [
        KnownDifference(id, what, _difference_state(kind, effects[id]), len(effects[id]))
        for id, (kind, what) in _load_known_differences().items()
    ]


def _difference_state(kind: str, effects: list[DeviationEffect]) -> DifferenceState:
    if effects:
        return "holds" if set(effects) == {"note"} else "departs"
    states: dict[str, DifferenceState] = {"traffic": "not seen", "standing": "always"}
    return states.get(kind, "in order")


@cache
def _load_known_differences() -> dict[str, tuple[str, str]]:
    text = files(__package__).joinpath("checklist.json").read_text("utf-8")
    rows: dict[str, tuple[str, str]] = json.loads(text)
    return rows


# Of Segment's reserved traits, those that the profile action has no field for.
_TRAITS_WITHOUT_FIELD = ("name", "title", "company", "username", "createdAt", "avatar")
_ALWAYS_CUSTOM_PARAMETERS = (
    "shipping_cost", "promotion_name", "promotion_discount", "color", "size", "locale",
)  # fmt: skip

# More names than these are counted instead.
_MAX_LISTED_NAMES = 2


def find_platform_notes(context: AnalysisContext) -> Iterator[Deviation]:
    """One note for each difference that some subscription has, at the workspace."""
    for id, holds, what, remedy in _PLATFORM_NOTES:
        names = [repr(each.name) for each in context.subscriptions if holds(each)]
        if names:
            told = f"{what} ({_format_subscription_names(names, len(context.subscriptions))})"
            where = "destination.subscriptions"
            yield Deviation(id, "", ("guide",), "note", where, told, remedy)


def _format_subscription_names(names: list[str], subscription_count: int) -> str:
    if len(names) <= _MAX_LISTED_NAMES:
        return ", ".join(names)
    return (
        "all subscriptions" if len(names) == subscription_count else f"{len(names)} subscriptions"
    )


def _parameter_mapping(subscription: LocatedSubscription, key: str) -> JSON:
    """The mapping of an event parameter, or else that of each product."""
    own = list_written_keys(subscription.mapping.get("parameters"))
    return own.get(key) or list_written_keys(
        get_product_mapping(subscription.mapping.get("products"))
    ).get(key)


def _attribute_mapping(subscription: LocatedSubscription, key: str) -> JSON:
    profile = subscription.action_slug == "updateUserProfile"
    return subscription.mapping.get(key) if profile else _attribute_mappings(subscription).get(key)


def _attribute_mappings(subscription: LocatedSubscription) -> dict[str, JSON]:
    return list_written_keys(subscription.mapping.get("attributes"))


def _identifies_by_email_or_phone(subscription: LocatedSubscription) -> bool:
    switches = ("email_as_identifier", "phone_number_as_identifier")
    return any(subscription.mapping.get(each) is True for each in switches)


def _may_lack_user_id(subscription: LocatedSubscription) -> bool:
    ids = (subscription.mapping.get("uuid"), subscription.mapping.get("segment_anonymous_id"))
    return all(LITERAL_MARKER not in list_read_paths(each) for each in ids)


def _has_equal_prices(subscription: LocatedSubscription) -> bool:
    price = _parameter_mapping(subscription, "unit_price")
    return price is not None and price == _parameter_mapping(subscription, "unit_sale_price")


def _maps_product_url(subscription: LocatedSubscription) -> bool:
    return "url" in list_written_keys(get_product_mapping(subscription.mapping.get("products")))


def _drops_traits(subscription: LocatedSubscription) -> bool:
    read = list_read_paths(subscription.mapping)
    own = subscription.action_slug == "updateUserProfile"
    return own and not all(is_path_read(read, f"traits.{each}") for each in _TRAITS_WITHOUT_FIELD)


def _sends_unchecked_formats(subscription: LocatedSubscription) -> bool:
    return any(
        _attribute_mapping(subscription, each) is not None for each in ("birthday", "country")
    )


def _forwards_event_name(subscription: LocatedSubscription) -> bool:
    return subscription.action_slug == "trackEvent" and LITERAL_MARKER not in list_read_paths(
        subscription.mapping.get("event_name")
    )


def _records_every_event(subscription: LocatedSubscription) -> bool:
    return subscription.action_slug == "trackEvent"


def _ignores_consent(subscription: LocatedSubscription) -> bool:
    return not is_path_read(list_read_paths(subscription.mapping), "context.consent")


_PlatformNote: TypeAlias = tuple[str, Callable[[LocatedSubscription], bool], str, str]
_PLATFORM_NOTES: tuple[_PlatformNote, ...] = (
    (
        "D6",
        lambda placed: "phone" in _attribute_mappings(placed),
        "the phone number of an event goes to the attribute phone, not to phone_number",
        "Send it with identify calls as well.",
    ),
    ("D8", _identifies_by_email_or_phone, "e-mail address or phone number identify",
     "Set email_as_identifier or phone_number_as_identifier to false if they must not."),
    ("D11", _may_lack_user_id, "a call with neither userId nor anonymousId names nobody",
     "Send one of the two."),
    (
        "D18",
        lambda placed: any(_parameter_mapping(placed, each) is not None for each in _ALWAYS_CUSTOM_PARAMETERS),
        f"of {', '.join(_ALWAYS_CUSTOM_PARAMETERS)}, what is mapped arrives as a custom parameter",
        "Create the custom parameter in the panel.",
    ),
    (
        "D19",
        lambda placed: _parameter_mapping(placed, "taxonomy") is not None,
        "a category arrives as one level of taxonomy, and a list of two fails the event",
        "Send the category as one text.",
    ),
    ("D20", _has_equal_prices, "unit_price and unit_sale_price are the same value",
     "Map unit_price to the price before the discount, if it is sent."),
    ("D22", _maps_product_url, "a product without url gets none, not even the page's",
     "Send url with each product."),
    (
        "D27",
        lambda placed: not placed.mapping.get("append_arrays"),
        "lists replace what the profile has",
        "Set append_arrays to true if they must add to it.",
    ),
    (
        "D28",
        lambda placed: any(each in _attribute_mappings(placed) for each in DEVICE_ATTRIBUTES),
        "attributes of the device stand where Insider One lists only some of them",
        "Look on a profile which of them arrive.",
    ),
    ("D29", _sends_unchecked_formats, "birthday and country go out as they come",
     "Send dates that end in Z, and country codes of two letters."),
    ("D30", _forwards_event_name, "event names are sent with all their characters but blanks",
     "Name events in letters, digits, blanks, - and _."),
    (
        "D38",
        _drops_traits,
        f"of {', '.join(_TRAITS_WITHOUT_FIELD)}, what is not mapped under custom is dropped",
        "Map what you need under custom.",
    ),
    ("", _records_every_event, "Order Refunded and Order Cancelled take no order back",
     "Correct order count and order value where they are used."),
    ("D42", _ignores_consent, "context.consent is not read and becomes no opt-in",
     "Send opt-ins as traits."),
)  # fmt: skip
