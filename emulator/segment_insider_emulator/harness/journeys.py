"""The control API's journeys: what is defined, who is in, and what became of them."""

from typing import Never

from flask import Blueprint, abort, request

from segment_insider_emulator.answers import error_response
from segment_insider_emulator.capture.journey import JOURNEY_RUN_STATUSES
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness.queries import ID_ROUTE, parse_page_query, refuse_parameters
from segment_insider_emulator.insider.journeys.definition import JourneyDefinition
from segment_insider_emulator.insider.journeys.reading import (
    SIMULATION_NOTICE,
    serialize_journey,
    serialize_run,
)
from segment_insider_emulator.parts import current_services
from segment_insider_emulator.types import JSONObject

journey_routes = Blueprint("journeys", __name__, url_prefix="/emulator/v1")

JOURNEY_RUN_FILTERS = ("identifier", "status")


@journey_routes.get("/journeys")
def journeys() -> JSONObject:
    """The journeys of the workspace with their counters, in the order of the file."""
    refuse_parameters(request.args)
    journey_services = current_services().journeys
    journeys_json = [
        serialize_journey(each, journey_services.run_store.count_outcomes(each.id))
        for each in journey_services.definitions.values()
    ]
    return {"simulated": SIMULATION_NOTICE, "journeys": journeys_json, "next": None}


@journey_routes.get(f"/journeys/{ID_ROUTE}")
def journey(id: int) -> JSONObject:
    """One journey."""
    definition = _find_journey(id)
    tally = current_services().journeys.run_store.count_outcomes(id)
    return {"simulated": SIMULATION_NOTICE, **serialize_journey(definition, tally)}


@journey_routes.get(f"/journeys/{ID_ROUTE}/runs")
def runs(id: int) -> JSONObject:
    """Who is or was in a journey, each with a trail; oldest first, or those of one person."""
    _find_journey(id)
    query = parse_page_query(request.args, JOURNEY_RUN_FILTERS)
    filters = _journey_run_filters(query.filters)
    if filters is None:
        return {"simulated": SIMULATION_NOTICE, "runs": [], "next": None}
    page, following = current_services().journeys.run_store.list_runs(
        id, filters, after_id=query.after, limit=query.limit
    )
    runs_json = [serialize_run(run, trail) for run, trail in page]
    return {"simulated": SIMULATION_NOTICE, "runs": runs_json, "next": following}


def _journey_run_filters(query_filters: dict[str, str]) -> dict[str, str] | None:
    """What the store can filter by; None when nobody owns the identifier."""
    filters = {}
    if "status" in query_filters:
        if query_filters["status"] not in JOURNEY_RUN_STATUSES:
            what = f"unknown status {query_filters['status']!r}"
            raise EmulatorError(what, "status", f"Known: {', '.join(JOURNEY_RUN_STATUSES)}.")
        filters["status"] = query_filters["status"]
    if "identifier" in query_filters:
        owner = next(
            iter(current_services().profiles.find_by_identifiers([query_filters["identifier"]])),
            None,
        )
        if owner is None:
            return None
        filters["profile_id"] = owner.id
    return filters


def _find_journey(id: int) -> JourneyDefinition:
    return current_services().journeys.definitions.get(id) or _abort_journey_not_found(id)


def _abort_journey_not_found(id: int) -> Never:
    remedy = "List them with GET /emulator/v1/journeys, or define it in the workspace file."
    abort(error_response(404, f"there is no journey {id}", request.path, remedy))
