"""Control API: retries, batches, what goes wrong on the way to Insider One, and what differs."""

from flask import Blueprint, abort, request

from segment_insider_emulator.answers import fault
from segment_insider_emulator.delivery.fault import REMEDY, SHAPE, described
from segment_insider_emulator.harness import bodies, queries, shapes
from segment_insider_emulator.parts import parts
from segment_insider_emulator.types import JSONObject

bp = Blueprint("delivery", __name__, url_prefix="/emulator/v1")

WATCHED = ("/v1/", "/emulator/v1/")  # a request to Insider One's own end may be a retry itself


@bp.before_app_request
def catch_up() -> None:
    """Make the attempts that are due before anybody looks, so that a moved clock is seen."""
    if request.path.startswith(WATCHED):
        parts().road.backlog.retry_due()


@bp.post("/deliveries/retry")
def retry() -> JSONObject:
    """Deliver what waits and try every unsettled request once, due or not.

    {"attempts": requests made, "retrying": those still unsettled}
    """
    own = parts()
    own.queue.drain()
    made = own.road.backlog.retry_all()
    return {"attempts": made, "retrying": len(own.store.upserts.unsettled())}


@bp.get("/upserts/<id>")
def upsert(id: str) -> JSONObject:
    """The whole of a request that carries a batch, or that is tried again."""
    found = parts().store.upserts.get(id)
    if found is None:
        remedy = "A delivery names its own under `upsert`: GET /emulator/v1/deliveries."
        abort(fault(404, f"there is no upsert {id}", request.path, remedy))
    carried = [each.id for each in parts().store.upserts.carried(id)]
    return {**shapes.upsert(found), "deliveries": carried}


@bp.get("/faults")
def faults() -> JSONObject:
    """What is still to go wrong on the way to Insider One."""
    return {"faults": parts().faults.list()}


@bp.post("/faults")
def add_fault() -> JSONObject:
    """Let deliveries meet a fault; gives all that there are."""
    parts().faults.add(described(bodies.fault(SHAPE, REMEDY)))
    return faults()


@bp.delete("/faults")
def clear_faults() -> JSONObject:
    """Let nothing go wrong any more."""
    parts().faults.clear()
    return faults()


@bp.get("/fidelity")
def fidelity() -> JSONObject:
    """Where a real account answered differently from the emulated one, each kind once."""
    own = parts()
    query = queries.read(request.args, ())
    found, following = own.differences.list(after=query.after, limit=query.limit)
    compared = own.pass_through.compared if own.pass_through else 0
    shown = [{"id": each.id, "times": each.times, "at": each.at, **each.document} for each in found]
    return {"compared": compared, "differences": shown, "next": following}
