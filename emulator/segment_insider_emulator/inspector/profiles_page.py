"""Profiles pages of the inspector: a searchable list, and one profile with its history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, request

from segment_insider_emulator.insider.catalog import get_event_display_name
from segment_insider_emulator.insider.profile_json import (
    build_personalisation_data,
    check_reachability,
    serialize_unsubscribe_groups,
)
from segment_insider_emulator.inspector.journey_view_model import build_run_view
from segment_insider_emulator.inspector.list_query import get_int_parameter
from segment_insider_emulator.inspector.profile_timeline import (
    MAX_EVENTS,
    build_timeline,
    find_moment,
    find_values_before_change,
)
from segment_insider_emulator.inspector.rendering import render_page
from segment_insider_emulator.storage.records import Profile, ProfileEvent
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.services import current_services

CHANNEL_TITLES = {"email": "E-mail", "sms": "SMS", "whatsapp": "WhatsApp", "web_push": "Web push"}
# The guide: "viewed products, items added to cart", and purchases.
EVENT_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Viewed": (
        "product_detail_page_view", "listing_page_view", "homepage_view", "other_page_view",
    ),
    "In cart": (
        "item_added_to_cart", "item_removed_from_cart", "cart_page_view", "cart_cleared",
        "checkout_page_view",
    ),
    "Bought": ("confirmation_page_view",),
}  # fmt: skip
OTHER_EVENTS_TITLE = "Everything else"
LATEST_EVENTS_OF_GROUP = 5  # until the group is opened
EVENTS_PER_PAGE = 50  # of an opened group
_NAME_ATTRIBUTES = ("name", "surname")
_PREFERRED_IDENTIFIERS = ("email", "phone_number", "uuid")
_ANONYMOUS_ID_TYPE = "segment_anonymous_id"


@dataclass(frozen=True, slots=True)
class IdentifierView:
    """One identifier type of a profile on its page, with the values, latest first."""

    type: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttributeView:
    """One attribute of a profile on its page; *written_at* is an ISO 8601 time."""

    path: str
    value: JSON
    written_at: str | None
    is_known: bool


@dataclass(frozen=True, slots=True)
class ChannelReachabilityView:
    """Whether a channel can reach the person of a profile, and the reasons if not."""

    title: str
    is_reachable: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistoryEventView:
    """One event in a profile's history on its page, with summary texts such as "2 x Mug"."""

    event: ProfileEvent
    title: str
    summary_parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventGroupView:
    """A page of a group of a profile's events, newest first.

    Args:
        key: Of the group in the page's URL, e.g. "in-cart".
        start: How many newer events of the group are not on this page.
        count: All events of the group.
    """

    key: str
    title: str
    events: tuple[HistoryEventView, ...]
    start: int
    count: int

    @property
    def end(self) -> int:
        """Return the position after the last event of the page."""
        return self.start + len(self.events)


@dataclass(frozen=True, slots=True)
class ProfileViewModel:
    """View model of the page of one profile."""

    id: str
    name: str
    created_at: str
    updated_at: str
    identifiers: tuple[IdentifierView, ...]
    attributes: tuple[AttributeView, ...]
    channels: tuple[ChannelReachabilityView, ...]
    notes: tuple[str, ...]
    unsubscribe_groups: list[JSONObject]
    personalisation: JSONObject
    event_groups: tuple[EventGroupView, ...]
    trail: tuple[JSONObject, ...]


def build_profile_view_model(
    profile: Profile, opened_group: str = "", group_start: int = 0
) -> ProfileViewModel:
    """Build the view model of one profile for its page.

    Args:
        opened_group: Key of the event group that shows a whole page of events.
        group_start: Where that page starts.
    """
    notes = (
        note
        for reachability in check_reachability(profile.attributes).values()
        for note in reachability["notes"]
    )
    return ProfileViewModel(
        id=profile.id,
        name=get_person_display_name(profile),
        created_at=profile.created_at,
        updated_at=profile.updated_at,
        identifiers=tuple(
            IdentifierView(type, tuple(reversed(values)))
            for type, values in profile.identifiers.items()
        ),
        attributes=_list_attributes(profile),
        channels=list_channel_reachability(profile),
        notes=tuple(dict.fromkeys(notes)),
        unsubscribe_groups=serialize_unsubscribe_groups(profile.attributes),
        personalisation=build_personalisation_data(profile),
        event_groups=_group_history_events(profile.events, opened_group, group_start),
        trail=tuple(reversed(profile.trail)),
    )


def get_person_display_name(profile: Profile) -> str:
    """Return the display name of a profile: the person's name, or the best known identifier."""
    names = [
        str(profile.attributes[attribute])
        for attribute in _NAME_ATTRIBUTES
        if profile.attributes.get(attribute)
    ]
    if names:
        return " ".join(names)
    known = {type: values[-1] for type, values in profile.identifiers.items() if values}
    for type in (*_PREFERRED_IDENTIFIERS, *known):
        if type in known and type != _ANONYMOUS_ID_TYPE:
            return known[type]
    return f"Anonymous {known.get(_ANONYMOUS_ID_TYPE, profile.id)[:8]}"


def list_channel_reachability(profile: Profile) -> tuple[ChannelReachabilityView, ...]:
    """Return for each channel whether it can reach the person of a profile."""
    return tuple(
        ChannelReachabilityView(
            CHANNEL_TITLES[name], reachability["reachable"], tuple(reachability["why"])
        )
        for name, reachability in check_reachability(profile.attributes).items()
    )


def _list_attributes(profile: Profile) -> tuple[AttributeView, ...]:
    """List a profile's attributes: default ones, then custom ones, then unrecognised ones."""
    order = {"custom": 1, "unrecognised": 2}
    places = sorted(
        profile.attributes, key=lambda path: (order.get(path.partition(".")[0], 0), path)
    )
    return tuple(
        AttributeView(
            place.removeprefix("unrecognised."),
            profile.attributes[place],
            profile.written.get(place),
            is_known=not place.startswith("unrecognised."),
        )
        for place in places
    )


def _group_history_events(
    events: Sequence[ProfileEvent], opened_group: str, group_start: int
) -> tuple[EventGroupView, ...]:
    newest = sorted(events, key=lambda event: event.occurred_at, reverse=True)
    group_of = {name: title for title, names in EVENT_GROUPS.items() for name in names}
    events_by_group: dict[str, list[ProfileEvent]] = {
        title: [] for title in (*EVENT_GROUPS, OTHER_EVENTS_TITLE)
    }
    for event in newest:
        events_by_group[group_of.get(event.name, OTHER_EVENTS_TITLE)].append(event)
    return tuple(
        _build_event_group(title, made, opened_group, group_start)
        for title, made in events_by_group.items()
    )


def _build_event_group(
    title: str, events: list[ProfileEvent], opened_group: str, group_start: int
) -> EventGroupView:
    key = title.lower().replace(" ", "-")
    start, size = 0, LATEST_EVENTS_OF_GROUP
    if key == opened_group:
        start, size = min(group_start, max(len(events) - 1, 0)), EVENTS_PER_PAGE
    page = tuple(map(_build_history_event, events[start : start + size]))
    return EventGroupView(key, title, page, start, len(events))


def _build_history_event(event: ProfileEvent) -> HistoryEventView:
    """Build one entry of a profile's history, with parameters that distinguish it from others."""
    params = event.params
    parts = []
    if product := params.get("name") or params.get("product_id"):
        quantity = params.get("quantity")
        parts.append(f"{quantity} x {product}" if quantity is not None else str(product))
    if (price := params.get("unit_sale_price")) is not None:
        parts.append(" ".join(str(part) for part in (price, params.get("currency")) if part))
    names = ("event_group_id", "journey_campaign_name")
    parts += [str(params[name]) for name in names if params.get(name) is not None]
    return HistoryEventView(event, get_event_display_name(event.name), tuple(parts))


bp = Blueprint("profiles", __name__, url_prefix="/profiles")

PROFILES_PER_PAGE = 50
MAX_SEARCH_CHARS = 200


@bp.get("")
def list_profiles() -> str:
    """Serve the page that lists profiles, newest first; `q` searches identifiers and attributes."""
    services = current_services()
    services.endpoint.delete_expired_data()
    # PostgreSQL text cannot contain this character.
    search = request.args.get("q", "").replace("\0", "").strip()[:MAX_SEARCH_CHARS]
    profiles, next_page = services.profiles.list_newest_profiles(
        search, before_number=get_int_parameter("before"), limit=PROFILES_PER_PAGE
    )
    people = [
        (profile, get_person_display_name(profile), events, list_channel_reachability(profile))
        for profile, events in profiles
    ]
    return render_page("profiles.html", "people", people=people, search=search, following=next_page)


@bp.get("/<id>")
def show_profile(id: str) -> str:
    """Serve the page of one profile; `at` is a change or a time, `before` a page of its timeline.

    Part `moment` is all that depends on these.
    """
    services = current_services()
    services.endpoint.delete_expired_data()
    profiles, at = services.profiles, request.args.get("at", "").strip()
    moment = find_moment(profiles, id, at) or abort(404)
    runs = services.journeys.run_store.list_runs_of_profile(id)
    journeys = services.journeys.definitions
    before = get_int_parameter("before", 0) or None
    group, start = request.args.get("events", ""), get_int_parameter("from", 0)
    profile_view = build_profile_view_model(moment.profile, group, start)
    now = services.clock()
    return render_page(
        "profile.html",
        "moment",
        profile=profile_view,
        moment=moment,
        now=now,
        max_events=MAX_EVENTS,
        opened_group=group,
        timeline=build_timeline(profiles.history, moment, before, runs, journeys),
        values_before=find_values_before_change(profiles.history, moment),
        runs=[
            (journeys.get(run.journey_id), build_run_view(run, trail, profile_view.name, now))
            for run, trail in runs
        ],
    )
