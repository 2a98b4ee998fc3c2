"""The control API's journeys: what is defined, who is in, and what became of them."""

from typing import Never

from flask import Blueprint, abort, request

from segment_insider_emulator.answers import fault
from segment_insider_emulator.capture.journey import STATUSES
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness.queries import ID, read, refuse
from segment_insider_emulator.insider.journeys.definition import Journey
from segment_insider_emulator.insider.journeys.reading import SIMULATED, journey_json, run_json
from segment_insider_emulator.parts import parts
from segment_insider_emulator.types import JSONObject

bp = Blueprint("journeys", __name__, url_prefix="/emulator/v1")

RUN_FILTERS = ("identifier", "status")


@bp.get("/journeys")
def journeys() -> JSONObject:
    """The journeys of the workspace with their counters, in the order of the file."""
    refuse(request.args)
    own = parts().journeys
    shown = [journey_json(each, own.store.tally(each.id)) for each in own.journeys.values()]
    return {"simulated": SIMULATED, "journeys": shown, "next": None}


@bp.get(f"/journeys/{ID}")
def journey(id: int) -> JSONObject:
    """One journey."""
    found = _journey(id)
    tally = parts().journeys.store.tally(id)
    return {"simulated": SIMULATED, **journey_json(found, tally)}


@bp.get(f"/journeys/{ID}/runs")
def runs(id: int) -> JSONObject:
    """Who is or was in a journey, each with a trail; oldest first, or those of one person."""
    _journey(id)
    query = read(request.args, RUN_FILTERS)
    filters = _filters(query.filters)
    if filters is None:
        return {"simulated": SIMULATED, "runs": [], "next": None}
    found, following = parts().journeys.store.runs(
        id, filters, after=query.after, limit=query.limit
    )
    shown = [run_json(run, trail) for run, trail in found]
    return {"simulated": SIMULATED, "runs": shown, "next": following}


def _filters(given: dict[str, str]) -> dict[str, str] | None:
    """What the store can filter by; None when nobody owns the identifier."""
    filters = {}
    if "status" in given:
        if given["status"] not in STATUSES:
            what = f"unknown status {given['status']!r}"
            raise EmulatorError(what, "status", f"Known: {', '.join(STATUSES)}.")
        filters["status"] = given["status"]
    if "identifier" in given:
        owner = next(iter(parts().profiles.find([given["identifier"]])), None)
        if owner is None:
            return None
        filters["profile_id"] = owner.id
    return filters


def _journey(id: int) -> Journey:
    return parts().journeys.journeys.get(id) or _missing(id)


def _missing(id: int) -> Never:
    remedy = "List them with GET /emulator/v1/journeys, or define it in the workspace file."
    abort(fault(404, f"there is no journey {id}", request.path, remedy))
