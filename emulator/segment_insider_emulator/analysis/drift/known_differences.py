"""The known differences D1 to D42 between what is documented and what happens.

Source: Insider One's guide for Segment and its API collection, and the published destination.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.analysis.drift.deviations import (
    Deviation,
    DeviationEffect,
    DeviationTable,
    PreviewedDeviation,
    fold_path_spelling,
)
from segment_insider_emulator.analysis.mapping_paths import (
    LITERAL_MARKER,
    is_path_read,
    list_read_paths,
)
from segment_insider_emulator.mapping.directives import get_product_mapping, list_written_keys
from segment_insider_emulator.types import JSON

# Attributes of the device that a person uses.
DEVICE_ATTRIBUTES = (
    "app_version", "idfa", "model", "last_ip", "carrier", "os_version", "platform", "timezone",
    "locale",
)  # fmt: skip


def _iter_known_difference_paths() -> Iterator[tuple[str, str]]:
    """Yield (mapping field, id such as "D16") of each known difference of all actions."""
    for difference_id, paths in {
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
        yield from ((path, difference_id) for path in paths.split())


_DIFFERENCE_BY_PATH = dict(_iter_known_difference_paths())
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


def get_known_difference_id(action_slug: str, *keys: str) -> str:
    """Return the id of the known difference about a mapping field, e.g. ("parameters", "tax")."""
    dotted = ".".join(keys)
    action_differences = _DIFFERENCE_BY_ACTION.get(action_slug, {})
    return (
        action_differences.get(dotted)
        or _DIFFERENCE_BY_PATH.get(dotted)
        or _DIFFERENCE_BY_PATH.get(keys[0], "")
    )


DifferenceState: TypeAlias = Literal["departs", "holds", "in order", "not seen", "always", "known"]


@dataclass(frozen=True, slots=True)
class KnownDifference:
    """One known difference from the guide, and whether it affects a workspace.

    Args:
        difference_id: E.g. "D16".
        what: The difference, a full sentence.
        state: "departs": a deviation other than a note has it; "holds": a note has it; "in order":
            the workspace does not have it; "not seen": only traffic could show it and did not;
            "always": no mapping changes it.
        deviation_count: Number of deviations that have it, including notes.
    """

    difference_id: str
    what: str
    state: DifferenceState
    deviation_count: int


def evaluate_known_differences(tables: list[DeviationTable]) -> list[KnownDifference]:
    """Return every known difference with its state in the workspace of a drift report."""
    effects = _group_effects(deviation for table in tables for deviation in table.deviations)
    known_effects = _group_effects(deviation for table in tables for deviation in table.known)
    return [
        KnownDifference(
            difference_id,
            what,
            _get_difference_state(kind, effects[difference_id], known_effects[difference_id]),
            len(effects[difference_id]),
        )
        for difference_id, (kind, what) in _load_known_guide_differences().items()
    ]


def _group_effects(deviations: Iterable[PreviewedDeviation]) -> dict[str, list[DeviationEffect]]:
    effects: dict[str, list[DeviationEffect]] = {
        name: [] for name in _load_known_guide_differences()
    }
    for deviation in deviations:
        effects.setdefault(deviation.difference_id, []).append(deviation.effect)
    return effects


def _get_difference_state(
    kind: str, effects: list[DeviationEffect], known_effects: list[DeviationEffect]
) -> DifferenceState:
    if effects:
        return "holds" if set(effects) == {"note"} else "departs"
    if known_effects:
        return "known"
    states: dict[str, DifferenceState] = {"traffic": "not seen", "standing": "always"}
    return states.get(kind, "in order")


@cache
def _load_known_guide_differences() -> dict[str, tuple[str, str]]:
    text = files(__package__).joinpath("known_differences.json").read_text("utf-8")
    differences: dict[str, tuple[str, str]] = json.loads(text)
    return differences


# Segment's reserved traits for which the profile action has no field.
_TRAITS_WITHOUT_FIELD = ("name", "title", "company", "username", "createdAt", "avatar")
_ALWAYS_CUSTOM_PARAMETERS = (
    "shipping_cost", "promotion_name", "promotion_discount", "color", "size", "locale",
)  # fmt: skip

# Longer lists are replaced by a number.
_MAX_LISTED_NAMES = 2


def find_insider_guide_differences(context: AnalysisContext) -> Iterator[Deviation]:
    """Yield a note for each difference of Insider One from its guide that affects the mappings."""
    for difference_id, applies_to, what, remedy in _PLATFORM_NOTES:
        names = [
            repr(subscription.name)
            for subscription in context.subscriptions
            if applies_to(subscription)
        ]
        if names:
            text = f"{what} ({_format_subscription_names(names, len(context.subscriptions))})"
            where = "destination.subscriptions"
            yield Deviation(difference_id, "", ("guide",), "note", where, text, remedy)


def _format_subscription_names(names: list[str], subscription_count: int) -> str:
    if len(names) <= _MAX_LISTED_NAMES:
        return ", ".join(names)
    return (
        "all subscriptions" if len(names) == subscription_count else f"{len(names)} subscriptions"
    )


def _get_parameter_or_product_mapping(subscription: LocatedSubscription, key: str) -> JSON:
    """Return the mapping of an event parameter, or else the product mapping of that name."""
    parameters = list_written_keys(subscription.mapping.get("parameters"))
    return parameters.get(key) or list_written_keys(
        get_product_mapping(subscription.mapping.get("products"))
    ).get(key)


def _get_mapping_of_attribute_key(subscription: LocatedSubscription, key: str) -> JSON:
    is_profile = subscription.action_slug == "updateUserProfile"
    return (
        subscription.mapping.get(key)
        if is_profile
        else _get_attribute_mappings(subscription).get(key)
    )


def _get_attribute_mappings(subscription: LocatedSubscription) -> dict[str, JSON]:
    return list_written_keys(subscription.mapping.get("attributes"))


def _identifies_by_email_or_phone(subscription: LocatedSubscription) -> bool:
    switches = ("email_as_identifier", "phone_number_as_identifier")
    return any(subscription.mapping.get(switch) is True for switch in switches)


def _may_lack_user_id(subscription: LocatedSubscription) -> bool:
    id_mappings = (
        subscription.mapping.get("uuid"),
        subscription.mapping.get("segment_anonymous_id"),
    )
    return all(LITERAL_MARKER not in list_read_paths(mapping) for mapping in id_mappings)


def _maps_both_prices_to_same_value(subscription: LocatedSubscription) -> bool:
    price = _get_parameter_or_product_mapping(subscription, "unit_price")
    return price is not None and price == _get_parameter_or_product_mapping(
        subscription, "unit_sale_price"
    )


def _maps_product_url(subscription: LocatedSubscription) -> bool:
    return "url" in list_written_keys(get_product_mapping(subscription.mapping.get("products")))


def _drops_reserved_traits(subscription: LocatedSubscription) -> bool:
    read_paths = list_read_paths(subscription.mapping)
    is_profile_action = subscription.action_slug == "updateUserProfile"
    return is_profile_action and not all(
        is_path_read(read_paths, f"traits.{trait}") for trait in _TRAITS_WITHOUT_FIELD
    )


def _sends_birthday_or_country(subscription: LocatedSubscription) -> bool:
    return any(
        _get_mapping_of_attribute_key(subscription, field) is not None
        for field in ("birthday", "country")
    )


def _forwards_event_name(subscription: LocatedSubscription) -> bool:
    return subscription.action_slug == "trackEvent" and LITERAL_MARKER not in list_read_paths(
        subscription.mapping.get("event_name")
    )


def _is_track_event_action(subscription: LocatedSubscription) -> bool:
    return subscription.action_slug == "trackEvent"


def _ignores_consent(subscription: LocatedSubscription) -> bool:
    return not is_path_read(list_read_paths(subscription.mapping), "context.consent")


_PlatformNote: TypeAlias = tuple[str, Callable[[LocatedSubscription], bool], str, str]
_PLATFORM_NOTES: tuple[_PlatformNote, ...] = (
    (
        "D6",
        lambda subscription: "phone" in _get_attribute_mappings(subscription),
        "the phone number of an event goes to the attribute phone, not to phone_number",
        "Send it with identify calls as well.",
    ),
    (
        "D8",
        _identifies_by_email_or_phone,
        "the e-mail address or phone number is used as an identifier",
        "Set email_as_identifier or phone_number_as_identifier to false if they must not.",
    ),
    (
        "D11",
        _may_lack_user_id,
        "a call with neither userId nor anonymousId identifies no user",
        "Send one of the two.",
    ),
    (
        "D18",
        lambda subscription: any(
            _get_parameter_or_product_mapping(subscription, parameter) is not None
            for parameter in _ALWAYS_CUSTOM_PARAMETERS
        ),
        f"of {', '.join(_ALWAYS_CUSTOM_PARAMETERS)}, what is mapped arrives as a custom parameter",
        "Create the custom parameter in the panel.",
    ),
    (
        "D19",
        lambda subscription: (
            _get_parameter_or_product_mapping(subscription, "taxonomy") is not None
        ),
        "a category arrives as one level of taxonomy, and a list of two fails the event",
        "Send the category as one text.",
    ),
    (
        "D20",
        _maps_both_prices_to_same_value,
        "unit_price and unit_sale_price are the same value",
        "Map unit_price to the price before the discount, if it is sent.",
    ),
    (
        "D22",
        _maps_product_url,
        "a product without url gets none, not even the page's",
        "Send url with each product.",
    ),
    (
        "D27",
        lambda subscription: not subscription.mapping.get("append_arrays"),
        "lists replace what the profile has",
        "Set append_arrays to true if they must add to it.",
    ),
    (
        "D28",
        lambda subscription: any(
            attribute in _get_attribute_mappings(subscription) for attribute in DEVICE_ATTRIBUTES
        ),
        "device attributes are sent at the top level, where Insider One lists only some of them",
        "Check on a profile which of them arrive.",
    ),
    (
        "D29",
        _sends_birthday_or_country,
        "birthday and country are sent unchanged",
        "Send dates that end in Z, and country codes of two letters.",
    ),
    (
        "D30",
        _forwards_event_name,
        "event names keep all characters except spaces",
        "Use only letters, digits, spaces, - and _ in event names.",
    ),
    (
        "D38",
        _drops_reserved_traits,
        f"of {', '.join(_TRAITS_WITHOUT_FIELD)}, what is not mapped under custom is dropped",
        "Map what you need under custom.",
    ),
    (
        "",
        _is_track_event_action,
        "Order Refunded and Order Cancelled do not cancel an order",
        "Correct order count and order value where they are used.",
    ),
    (
        "D42",
        _ignores_consent,
        "context.consent is not read and does not become an opt-in",
        "Send opt-ins as traits.",
    ),
)


# Property of Segment's specs -> parameter of the catalogue's mapping.
_PARAMETER_BY_PROPERTY = {
    "category": "taxonomy", "price": "unit_price", "image_url": "product_image_url",
    "order_id": "event_group_id",
}  # fmt: skip


def get_difference_id_of_unread_property(subscription: LocatedSubscription, path: str) -> str:
    """Return the id of the known difference about a property that no mapping reads."""
    name = re.split(r"[.\[]", path.removeprefix("properties.").removeprefix("traits."))[0]
    if path.startswith("traits."):
        optin = "optin" in fold_path_spelling(name)
        return "D3" if optin else get_known_difference_id(subscription.action_slug, name) or "D38"
    difference_id = get_known_difference_id(
        subscription.action_slug, "parameters", _PARAMETER_BY_PROPERTY.get(name, name)
    )
    # Only carts are rejected without it.
    return (
        "D17"
        if difference_id == "D41" and subscription.action_slug != "cartViewedEvent"
        else difference_id
    )
