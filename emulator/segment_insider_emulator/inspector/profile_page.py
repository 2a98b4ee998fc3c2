"""What the page of one person shows: identity, attributes, reach, history in the guide's groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segment_insider_emulator.capture.profile import Profile, ProfileEvent
from segment_insider_emulator.insider.catalog import display_name
from segment_insider_emulator.insider.personal import personal
from segment_insider_emulator.insider.reach import reach
from segment_insider_emulator.types import JSON, JSONObject

CHANNELS = {"email": "E-mail", "sms": "SMS", "whatsapp": "WhatsApp", "web_push": "Web push"}
# The guide: "viewed products, items added to cart", and purchases.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Viewed": (
        "product_detail_page_view", "listing_page_view", "homepage_view", "other_page_view",
    ),
    "In cart": (
        "item_added_to_cart", "item_removed_from_cart", "cart_page_view", "cart_cleared",
        "checkout_page_view",
    ),
    "Bought": ("confirmation_page_view",),
}  # fmt: skip
OTHER = "Everything else"
_NAMES = ("name", "surname")
_FOREMOST = ("email", "phone_number", "uuid")
_ANONYMOUS = "segment_anonymous_id"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One type with its values, the latest first."""

    type: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; *written* is an ISO 8601 time."""

    place: str
    value: JSON
    written: str | None
    known: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """Whether one channel reaches the person, and if not, why."""

    title: str
    reachable: bool
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of the history. *summed_up* is "2 x Mug", "8.5 EUR" and so on."""

    event: ProfileEvent
    title: str
    summed_up: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Events that the guide names together, the newest first; *left_out* older ones are not shown.

    Args:
        left_out: Events that are older than those shown.
    """

    title: str
    happened: tuple[Happened, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class ProfilePage:
    """One person."""

    id: str
    name: str
    created_at: str
    updated_at: str
    identifiers: tuple[Identifier, ...]
    attributes: tuple[Attribute, ...]
    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    personal: JSONObject
    groups: tuple[Group, ...]
    trail: tuple[JSONObject, ...]


def profile_page(profile: Profile, most: int = 100) -> ProfilePage:
    """Say what Insider One would know.

    Args:
        most: Events of one group that are shown.
    """
    notes = (note for each in reach(profile.attributes).values() for note in each["notes"])
    return ProfilePage(
        id=profile.id,
        name=called(profile),
        created_at=profile.created_at,
        updated_at=profile.updated_at,
        identifiers=tuple(
            Identifier(type, tuple(reversed(values)))
            for type, values in profile.identifiers.items()
        ),
        attributes=_attributes(profile),
        channels=channels(profile),
        notes=tuple(dict.fromkeys(notes)),
        personal=personal(profile),
        groups=_groups(profile.events, most),
        trail=tuple(reversed(profile.trail)),
    )


def called(profile: Profile) -> str:
    """What to call somebody: by name, else by the identifier that people know best."""
    names = [str(profile.attributes[each]) for each in _NAMES if profile.attributes.get(each)]
    if names:
        return " ".join(names)
    known = {type: values[-1] for type, values in profile.identifiers.items() if values}
    for type in (*_FOREMOST, *known):
        if type in known and type != _ANONYMOUS:
            return known[type]
    return f"Anonymous {known.get(_ANONYMOUS, profile.id)[:8]}"


def channels(profile: Profile) -> tuple[Channel, ...]:
    """Which channels reach somebody."""
    return tuple(
        Channel(CHANNELS[name], each["reachable"], tuple(each["why"]))
        for name, each in reach(profile.attributes).items()
    )


def _attributes(profile: Profile) -> tuple[Attribute, ...]:
    """Default ones first, then custom ones, then what Insider One does not know."""
    order = {"custom": 1, "unrecognised": 2}
    places = sorted(
        profile.attributes, key=lambda each: (order.get(each.partition(".")[0], 0), each)
    )
    return tuple(
        Attribute(
            place.removeprefix("unrecognised."),
            profile.attributes[place],
            profile.written.get(place),
            known=not place.startswith("unrecognised."),
        )
        for place in places
    )


def _groups(events: Sequence[ProfileEvent], most: int) -> tuple[Group, ...]:
    newest = sorted(events, key=lambda event: event.occurred_at, reverse=True)
    group_of = {name: title for title, names in GROUPS.items() for name in names}
    sorted_in: dict[str, list[ProfileEvent]] = {title: [] for title in (*GROUPS, OTHER)}
    for event in newest:
        sorted_in[group_of.get(event.name, OTHER)].append(event)
    return tuple(
        Group(title, tuple(map(_happened, made[:most])), max(len(made) - most, 0))
        for title, made in sorted_in.items()
    )


def _happened(event: ProfileEvent) -> Happened:
    """All parameters are one click away; here stands what tells one event from the next."""
    params = event.params
    told = []
    if product := params.get("name") or params.get("product_id"):
        quantity = params.get("quantity")
        told.append(f"{quantity} x {product}" if quantity is not None else str(product))
    if (price := params.get("unit_sale_price")) is not None:
        told.append(" ".join(str(each) for each in (price, params.get("currency")) if each))
    names = ("event_group_id", "journey_campaign_name")
    told += [str(params[name]) for name in names if params.get(name) is not None]
    return Happened(event, display_name(event.name), tuple(told))
