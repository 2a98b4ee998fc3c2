"""Known differences that hold for a workspace as it is: notes, since nothing in it is at fault."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.drift.departure import Found
from segment_insider_emulator.workspace.drift.ids import DEVICE
from segment_insider_emulator.workspace.lint.subject import Placed, Subject
from segment_insider_emulator.workspace.lint.values import (
    LITERAL,
    covers,
    members,
    product_shape,
    sources,
)

# Of Segment's reserved traits, those that the profile action has no field for.
_OTHER_TRAITS = ("name", "title", "company", "username", "createdAt", "avatar")
_ALWAYS_CUSTOM = (
    "shipping_cost", "promotion_name", "promotion_discount", "color", "size", "locale",
)  # fmt: skip

# More names than these are counted instead.
_NAMED = 2


def from_standing(subject: Subject) -> Iterator[Found]:
    """One note for each difference that some subscription has, at the workspace."""
    for id, holds, what, remedy in _NOTES:
        names = [repr(each.name) for each in subject.subscriptions if holds(each)]
        if names:
            told = f"{what} ({_listed(names, len(subject.subscriptions))})"
            where = "destination.subscriptions"
            yield Found(id, "", ("guide",), "note", where, told, remedy)


def _listed(names: list[str], count: int) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return "all subscriptions" if len(names) == count else f"{len(names)} subscriptions"


def _parameter(placed: Placed, key: str) -> JSON:
    """The mapping of an event parameter, or else that of each product."""
    own = members(placed.mapping.get("parameters"))
    return own.get(key) or members(product_shape(placed.mapping.get("products"))).get(key)


def _attribute(placed: Placed, key: str) -> JSON:
    profile = placed.slug == "updateUserProfile"
    return placed.mapping.get(key) if profile else _attributes(placed).get(key)


def _attributes(placed: Placed) -> dict[str, JSON]:
    return members(placed.mapping.get("attributes"))


def _identifies(placed: Placed) -> bool:
    switches = ("email_as_identifier", "phone_number_as_identifier")
    return any(placed.mapping.get(each) is True for each in switches)


def _may_be_nobody(placed: Placed) -> bool:
    ids = (placed.mapping.get("uuid"), placed.mapping.get("segment_anonymous_id"))
    return all(LITERAL not in sources(each) for each in ids)


def _one_price(placed: Placed) -> bool:
    price = _parameter(placed, "unit_price")
    return price is not None and price == _parameter(placed, "unit_sale_price")


def _no_page_url(placed: Placed) -> bool:
    return "url" in members(product_shape(placed.mapping.get("products")))


def _drops_traits(placed: Placed) -> bool:
    read = sources(placed.mapping)
    own = placed.slug == "updateUserProfile"
    return own and not all(covers(read, f"traits.{each}") for each in _OTHER_TRAITS)


def _unchecked(placed: Placed) -> bool:
    return any(_attribute(placed, each) is not None for each in ("birthday", "country"))


def _names_any(placed: Placed) -> bool:
    return placed.slug == "trackEvent" and LITERAL not in sources(placed.mapping.get("event_name"))


def _records_refunds(placed: Placed) -> bool:
    return placed.slug == "trackEvent"


def _ignores_consent(placed: Placed) -> bool:
    return not covers(sources(placed.mapping), "context.consent")


_Note: TypeAlias = tuple[str, Callable[[Placed], bool], str, str]
_NOTES: tuple[_Note, ...] = (
    (
        "D6",
        lambda placed: "phone" in _attributes(placed),
        "the phone number of an event goes to the attribute phone, not to phone_number",
        "Send it with identify calls as well.",
    ),
    ("D8", _identifies, "e-mail address or phone number identify",
     "Set email_as_identifier or phone_number_as_identifier to false if they must not."),
    ("D11", _may_be_nobody, "a call with neither userId nor anonymousId names nobody",
     "Send one of the two."),
    (
        "D18",
        lambda placed: any(_parameter(placed, each) is not None for each in _ALWAYS_CUSTOM),
        f"of {', '.join(_ALWAYS_CUSTOM)}, what is mapped arrives as a custom parameter",
        "Create the custom parameter in the panel.",
    ),
    (
        "D19",
        lambda placed: _parameter(placed, "taxonomy") is not None,
        "a category arrives as one level of taxonomy, and a list of two fails the event",
        "Send the category as one text.",
    ),
    ("D20", _one_price, "unit_price and unit_sale_price are the same value",
     "Map unit_price to the price before the discount, if it is sent."),
    ("D22", _no_page_url, "a product without url gets none, not even the page's",
     "Send url with each product."),
    (
        "D27",
        lambda placed: not placed.mapping.get("append_arrays"),
        "lists replace what the profile has",
        "Set append_arrays to true if they must add to it.",
    ),
    (
        "D28",
        lambda placed: any(each in _attributes(placed) for each in DEVICE),
        "attributes of the device stand where Insider One lists only some of them",
        "Look on a profile which of them arrive.",
    ),
    ("D29", _unchecked, "birthday and country go out as they come",
     "Send dates that end in Z, and country codes of two letters."),
    ("D30", _names_any, "event names are sent with all their characters but blanks",
     "Name events in letters, digits, blanks, - and _."),
    (
        "D38",
        _drops_traits,
        f"of {', '.join(_OTHER_TRAITS)}, what is not mapped under custom is dropped",
        "Map what you need under custom.",
    ),
    ("", _records_refunds, "Order Refunded and Order Cancelled take no order back",
     "Correct order count and order value where they are used."),
    ("D42", _ignores_consent, "context.consent is not read and becomes no opt-in",
     "Send opt-ins as traits."),
)  # fmt: skip
