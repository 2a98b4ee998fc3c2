"""The control API's addresses."""

from typing import Never

from flask import Blueprint, abort, request

from emulator import __version__
from emulator.answers import fault
from emulator.capture.store import DELIVERY_FILTERS, MESSAGE_FILTERS
from emulator.harness import bodies, shapes
from emulator.harness.clock_orders import RESET, reset_time
from emulator.harness.queries import ID, PROFILE_FILTERS, read
from emulator.insider.reading import profile_json
from emulator.parts import parts
from emulator.types import JSONObject

bp = Blueprint("harness", __name__, url_prefix="/emulator/v1")


@bp.get("/health")
def health() -> JSONObject:
    """Answers as soon as the emulator can take events."""
    return {"status": "ok", "version": __version__}


@bp.get("/messages")
def messages() -> JSONObject:
    """What SDKs sent, oldest first."""
    query = read(request.args, MESSAGE_FILTERS)
    found, following = parts().store.messages(query.filters, after=query.after, limit=query.limit)
    return {"messages": [shapes.message(each) for each in found], "next": following}


@bp.get(f"/messages/{ID}")
def message(id: int) -> JSONObject:
    """One message with the deliveries it led to."""
    found = parts().store.message(id) or _missing("message", id)
    made = [shapes.delivery(each) for each in found.deliveries]
    return {**shapes.message(found), "deliveries": made}


@bp.get("/deliveries")
def deliveries() -> JSONObject:
    """What subscriptions sent to Insider One, oldest first."""
    query = read(request.args, DELIVERY_FILTERS)
    found, following = parts().store.deliveries(query.filters, after=query.after, limit=query.limit)
    return {"deliveries": [shapes.delivery(each) for each in found], "next": following}


@bp.get(f"/deliveries/{ID}")
def delivery(id: int) -> JSONObject:
    """One delivery."""
    return shapes.delivery(parts().store.delivery(id) or _missing("delivery", id))


@bp.get("/profiles")
def profiles() -> JSONObject:
    """Who Insider One would know, oldest first, or the one who owns an identifier."""
    query = read(request.args, PROFILE_FILTERS)
    parts().endpoint.keep_up()
    found, following = parts().profiles.list(
        query.filters.get("identifier"), after=query.after, limit=query.limit
    )
    return {"profiles": [profile_json(each) for each in found], "next": following}


@bp.get("/profiles/<id>")
def profile(id: str) -> JSONObject:
    """One profile by its Profile ID."""
    parts().endpoint.keep_up()
    return profile_json(parts().profiles.get(id) or _missing("profile", id))


@bp.post("/reset")
def reset() -> JSONObject:
    """Forget all that happened, and faults; the clock follows the machine again.

    A body {"now": time} makes the clock stand still at that time, which may be in the past. Both
    panels are set back to the workspace file.
    """
    parts().reset(reset_time(bodies.read(RESET, required=0)))
    return {}


def _missing(kind: str, id: int | str) -> Never:
    listed = request.path.rpartition("/")[0]
    abort(fault(404, f"there is no {kind} {id}", request.path, f"List them with GET {listed}."))
