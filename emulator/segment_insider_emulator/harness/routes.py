"""The control API's addresses."""

from collections.abc import Callable
from typing import Never

from flask import Blueprint, abort, request

from segment_insider_emulator import __version__
from segment_insider_emulator.answers import fault
from segment_insider_emulator.capture.profile import Profile
from segment_insider_emulator.capture.records import Captured
from segment_insider_emulator.capture.store import DELIVERY_FILTERS, MESSAGE_FILTERS
from segment_insider_emulator.harness import bodies, shapes
from segment_insider_emulator.harness.clock_orders import RESET, reset_time
from segment_insider_emulator.harness.queries import ID, PROFILE_FILTERS, one, read
from segment_insider_emulator.insider.reading import event_json, profile_json
from segment_insider_emulator.parts import parts
from segment_insider_emulator.types import JSONObject

LARGEST_PAGE = 4_000_000  # characters of JSON, behind which a page of a list ends
EVENTS_OF_A_PROFILE = 1000  # shown with it
EVENTS_OF_A_PAGE = 5000  # behind which a page of profiles ends

bp = Blueprint("harness", __name__, url_prefix="/emulator/v1")


@bp.get("/health")
def health() -> JSONObject:
    """Answers as soon as the emulator can take events."""
    return {"status": "ok", "version": __version__}


@bp.get("/messages")
def messages() -> JSONObject:
    """What SDKs sent, oldest first."""
    query = read(request.args, MESSAGE_FILTERS)
    found, following = parts().store.messages(
        query.filters, after=query.after, limit=query.limit, characters=LARGEST_PAGE
    )
    return {"messages": [shapes.message(each) for each in found], "next": following}


@bp.get("/messages/newest")
def newest_message() -> JSONObject:
    """The last message that the filters find, with the deliveries it led to."""
    found = parts().store.newest_message(one(request.args, MESSAGE_FILTERS))
    return _whole(found or _none("message"))


@bp.get("/deliveries/newest")
def newest_delivery() -> JSONObject:
    """The last delivery that the filters find."""
    found = parts().store.newest_delivery(one(request.args, DELIVERY_FILTERS))
    return shapes.delivery(found or _none("delivery"))


@bp.get(f"/messages/{ID}")
def message(id: int) -> JSONObject:
    """One message with the deliveries it led to."""
    return _whole(parts().store.message(id) or _missing("message", id))


@bp.get("/deliveries")
def deliveries() -> JSONObject:
    """What subscriptions sent to Insider One, oldest first."""
    query = read(request.args, DELIVERY_FILTERS)
    found, following = parts().store.deliveries(
        query.filters, after=query.after, limit=query.limit, characters=LARGEST_PAGE
    )
    return {"deliveries": [shapes.delivery(each) for each in found], "next": following}


@bp.get(f"/deliveries/{ID}")
def delivery(id: int) -> JSONObject:
    """One delivery."""
    return shapes.delivery(parts().store.delivery(id) or _missing("delivery", id))


@bp.get("/profiles")
def profiles() -> JSONObject:
    """Who Insider One would know, oldest first, or the one who owns an identifier.

    A page ends early where its profiles have many events, of which each shows the oldest.
    """
    query = read(request.args, PROFILE_FILTERS)
    parts().endpoint.keep_up()
    found, following = parts().profiles.list(
        query.filters.get("identifier"), after=query.after, limit=query.limit
    )
    page: list[JSONObject] = []
    events = 0
    for profile in found:
        if events > EVENTS_OF_A_PAGE:
            break
        page.append(_with_some_events(profile))
        events += len(page[-1]["events"])
    if len(page) < len(found):
        following = found[len(page) - 1].number
    return {"profiles": page, "next": following}


@bp.get("/profiles/<id>")
def profile(id: str) -> JSONObject:
    """One profile by its Profile ID."""
    parts().endpoint.keep_up()
    return _with_some_events(parts().profiles.get(id) or _missing("profile", id))


@bp.get("/profiles/<id>/events")
def profile_events(id: str) -> JSONObject:
    """The events of one profile, oldest first; `after` counts those before the page."""
    query = read(request.args, ())
    parts().endpoint.keep_up()
    profile = parts().profiles.get(id) or _missing("profile", id)
    end = query.after + query.limit
    shown = [event_json(event) for event in profile.events[query.after : end]]
    return {"events": shown, "next": end if end < len(profile.events) else None}


@bp.post("/reset")
def reset() -> JSONObject:
    """Forget all that happened, and faults; the clock follows the machine again.

    A body {"now": time} makes the clock stand still at that time, which may be in the past. Both
    panels are set back to the workspace file.
    """
    parts().reset(reset_time(bodies.read(RESET, required=0)))
    return {}


@bp.post("/reset/captures")
def reset_captures() -> JSONObject:
    """Forget messages and deliveries alone."""
    return _reset(parts().reset_captures)


@bp.post("/reset/profiles")
def reset_profiles() -> JSONObject:
    """Forget profiles and their journeys alone."""
    return _reset(parts().reset_profiles)


@bp.post("/reset/faults")
def reset_faults() -> JSONObject:
    """Forget what was to go wrong, at either end."""
    return _reset(parts().reset_faults)


@bp.post("/reset/clock")
def reset_clock() -> JSONObject:
    """Let the clock follow the machine again, or stand still at a time: {"now"}."""
    parts().clock.reset(reset_time(bodies.read(RESET, required=0)))
    return {}


def _reset(order: Callable[[], None]) -> JSONObject:
    bodies.read({}, required=0)
    order()
    return {}


def _with_some_events(profile: Profile) -> JSONObject:
    """*profile* with its oldest events, how many it has, and where the next ones begin."""
    shown = profile_json(profile)
    count = len(shown["events"])
    following = EVENTS_OF_A_PROFILE if count > EVENTS_OF_A_PROFILE else None
    events = shown["events"][:EVENTS_OF_A_PROFILE]
    return {**shown, "events": events, "event_count": count, "events_next": following}


def _whole(found: Captured) -> JSONObject:
    made = [shapes.delivery(each) for each in found.deliveries]
    return {**shapes.message(found), "deliveries": made}


def _none(kind: str) -> Never:
    remedy = "Ask for less, or wait for it with POST /emulator/v1/wait-for."
    abort(fault(404, f"no {kind} matches", request.path, remedy))


def _missing(kind: str, id: int | str) -> Never:
    listed = request.path.rpartition("/")[0]
    abort(fault(404, f"there is no {kind} {id}", request.path, f"List them with GET {listed}."))
