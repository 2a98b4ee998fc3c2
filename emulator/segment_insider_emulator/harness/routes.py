"""The control API's addresses."""

from collections.abc import Callable
from typing import Never

from flask import Blueprint, abort, request

from segment_insider_emulator import __version__
from segment_insider_emulator.answers import error_response
from segment_insider_emulator.capture.profile import Profile
from segment_insider_emulator.capture.records import MessageRecord
from segment_insider_emulator.capture.store import DELIVERY_FILTERS, MESSAGE_FILTERS
from segment_insider_emulator.harness import bodies, shapes
from segment_insider_emulator.harness.clock_orders import RESET_FIELDS, parse_reset_time
from segment_insider_emulator.harness.queries import (
    ID_ROUTE,
    PROFILE_FILTERS,
    parse_filters,
    parse_page_query,
)
from segment_insider_emulator.insider.reading import serialize_profile, serialize_profile_event
from segment_insider_emulator.parts import current_services
from segment_insider_emulator.types import JSONObject

MAX_PAGE_CHARACTERS = 4_000_000  # characters of JSON, behind which a page of a list ends
MAX_EVENTS_PER_PROFILE = 1000  # shown with it
MAX_EVENTS_PER_PAGE = 5000  # behind which a page of profiles ends

capture_routes = Blueprint("harness", __name__, url_prefix="/emulator/v1")


@capture_routes.get("/health")
def health() -> JSONObject:
    """Answers as soon as the emulator can take events."""
    return {"status": "ok", "version": __version__}


@capture_routes.get("/messages")
def messages() -> JSONObject:
    """What SDKs sent, oldest first."""
    query = parse_page_query(request.args, MESSAGE_FILTERS)
    records, following = current_services().store.list_messages(
        query.filters,
        after_id=query.after,
        limit=query.limit,
        max_json_characters=MAX_PAGE_CHARACTERS,
    )
    return {"messages": [shapes.message_json(each) for each in records], "next": following}


@capture_routes.get("/messages/newest")
def newest_message() -> JSONObject:
    """The last message that the filters find, with the deliveries it led to."""
    record = current_services().store.find_newest_message(
        parse_filters(request.args, MESSAGE_FILTERS)
    )
    return _message_with_deliveries(record or _abort_no_match("message"))


@capture_routes.get("/deliveries/newest")
def newest_delivery() -> JSONObject:
    """The last delivery that the filters find."""
    newest = current_services().store.find_newest_delivery(
        parse_filters(request.args, DELIVERY_FILTERS)
    )
    return shapes.delivery_json(newest or _abort_no_match("delivery"))


@capture_routes.get(f"/messages/{ID_ROUTE}")
def message(id: int) -> JSONObject:
    """One message with the deliveries it led to."""
    return _message_with_deliveries(
        current_services().store.get_message(id) or _abort_not_found("message", id)
    )


@capture_routes.get("/deliveries")
def deliveries() -> JSONObject:
    """What subscriptions sent to Insider One, oldest first."""
    query = parse_page_query(request.args, DELIVERY_FILTERS)
    records, following = current_services().store.list_deliveries(
        query.filters,
        after_id=query.after,
        limit=query.limit,
        max_json_characters=MAX_PAGE_CHARACTERS,
    )
    return {"deliveries": [shapes.delivery_json(each) for each in records], "next": following}


@capture_routes.get(f"/deliveries/{ID_ROUTE}")
def delivery(id: int) -> JSONObject:
    """One delivery."""
    return shapes.delivery_json(
        current_services().store.get_delivery(id) or _abort_not_found("delivery", id)
    )


@capture_routes.get("/profiles")
def profiles() -> JSONObject:
    """Who Insider One would know, oldest first, or the one who owns an identifier.

    A page ends early where its profiles have many events, of which each shows the oldest.
    """
    query = parse_page_query(request.args, PROFILE_FILTERS)
    current_services().endpoint.delete_expired_data()
    records, following = current_services().profiles.list_with_events(
        query.filters.get("identifier"), after_number=query.after, limit=query.limit
    )
    page: list[JSONObject] = []
    events = 0
    for profile in records:
        if events > MAX_EVENTS_PER_PAGE:
            break
        page.append(_profile_with_first_events(profile))
        events += len(page[-1]["events"])
    if len(page) < len(records):
        following = records[len(page) - 1].number
    return {"profiles": page, "next": following}


@capture_routes.get("/profiles/<id>")
def profile(id: str) -> JSONObject:
    """One profile by its Profile ID."""
    current_services().endpoint.delete_expired_data()
    return _profile_with_first_events(
        current_services().profiles.get_with_events(id) or _abort_not_found("profile", id)
    )


@capture_routes.get("/profiles/<id>/events")
def profile_events(id: str) -> JSONObject:
    """The events of one profile, oldest first; `after` counts those before the page."""
    query = parse_page_query(request.args, ())
    current_services().endpoint.delete_expired_data()
    profile = current_services().profiles.get_with_events(id) or _abort_not_found("profile", id)
    end = query.after + query.limit
    events_json = [serialize_profile_event(event) for event in profile.events[query.after : end]]
    return {"events": events_json, "next": end if end < len(profile.events) else None}


@capture_routes.post("/reset")
def reset() -> JSONObject:
    """Forget all that happened, and faults; the clock follows the machine again.

    A body {"now": time} makes the clock stand still at that time, which may be in the past. Both
    panels are set back to the workspace file.
    """
    current_services().reset(parse_reset_time(bodies.read_body(RESET_FIELDS, min_fields=0)))
    return {}


@capture_routes.post("/reset/captures")
def reset_captures() -> JSONObject:
    """Forget messages and deliveries alone."""
    return _run_reset(current_services().reset_traffic)


@capture_routes.post("/reset/profiles")
def reset_profiles() -> JSONObject:
    """Forget profiles and their journeys alone."""
    return _run_reset(current_services().reset_profiles)


@capture_routes.post("/reset/faults")
def reset_faults() -> JSONObject:
    """Forget what was to go wrong, at either end."""
    return _run_reset(current_services().reset_faults)


@capture_routes.post("/reset/clock")
def reset_clock() -> JSONObject:
    """Let the clock follow the machine again, or stand still at a time: {"now"}."""
    current_services().clock.reset(parse_reset_time(bodies.read_body(RESET_FIELDS, min_fields=0)))
    return {}


def _run_reset(reset_action: Callable[[], None]) -> JSONObject:
    bodies.read_body({}, min_fields=0)
    reset_action()
    return {}


def _profile_with_first_events(profile: Profile) -> JSONObject:
    """*profile* with its oldest events, how many it has, and where the next ones begin."""
    shown_profile = serialize_profile(profile)
    count = len(shown_profile["events"])
    following = MAX_EVENTS_PER_PROFILE if count > MAX_EVENTS_PER_PROFILE else None
    events = shown_profile["events"][:MAX_EVENTS_PER_PROFILE]
    return {**shown_profile, "events": events, "event_count": count, "events_next": following}


def _message_with_deliveries(record: MessageRecord) -> JSONObject:
    deliveries_json = [shapes.delivery_json(each) for each in record.deliveries]
    return {**shapes.message_json(record), "deliveries": deliveries_json}


def _abort_no_match(kind: str) -> Never:
    remedy = "Ask for less, or wait for it with POST /emulator/v1/wait-for."
    abort(error_response(404, f"no {kind} matches", request.path, remedy))


def _abort_not_found(kind: str, id: int | str) -> Never:
    listed = request.path.rpartition("/")[0]
    abort(
        error_response(
            404, f"there is no {kind} {id}", request.path, f"List them with GET {listed}."
        )
    )
