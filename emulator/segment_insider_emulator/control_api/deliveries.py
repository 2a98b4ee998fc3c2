"""Control API routes for retries, upserts, injected faults and real-account differences."""

from flask import Blueprint, abort, request

from segment_insider_emulator.control_api import models, request_parsing
from segment_insider_emulator.delivery.fault_injection import (
    INSIDER_FAULT_REMEDY,
    INSIDER_FAULT_VALIDATOR,
    parse_insider_fault,
)
from segment_insider_emulator.segment.faults import (
    SEGMENT_FAULT_REMEDY,
    SEGMENT_FAULT_VALIDATOR,
    fault_from_json,
    fault_to_json,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.json_errors import error_response
from segment_insider_emulator.web.services import current_services

delivery_routes = Blueprint("delivery", __name__, url_prefix="/emulator/v1")


@delivery_routes.post("/deliveries/retry")
def retry() -> JSONObject:
    """Deliver queued messages and retry every unsettled request once, due or not.

    Returns {"attempts": sent requests, "retrying": requests that still wait for a retry}.
    """
    services = current_services()
    services.queue.drain()
    attempt_count = services.pipeline.retries.retry_all()
    return {"attempts": attempt_count, "retrying": len(services.store.upserts.list_pending_ids())}


@delivery_routes.get("/upserts/<id>")
def upsert(id: str) -> JSONObject:
    """Return a whole request that carries a batch or waits for a retry."""
    stored_upsert = current_services().store.upserts.get(id)
    if stored_upsert is None:
        remedy = "A delivery names its own under `upsert`: GET /emulator/v1/deliveries."
        abort(error_response(404, f"there is no upsert {id}", request.path, remedy))
    carried = [each.id for each in current_services().store.upserts.list_deliveries(id)]
    return {**models.upsert_json(stored_upsert), "deliveries": carried}


@delivery_routes.get("/faults")
def faults() -> JSONObject:
    """List the injected faults of requests to Insider One."""
    return {"faults": current_services().insider_faults.list_active()}


@delivery_routes.post("/faults")
def add_fault() -> JSONObject:
    """Inject a fault into deliveries; return all active faults."""
    current_services().insider_faults.add(
        parse_insider_fault(
            request_parsing.read_fault_body(INSIDER_FAULT_VALIDATOR, INSIDER_FAULT_REMEDY)
        )
    )
    return faults()


@delivery_routes.delete("/faults")
def clear_faults() -> JSONObject:
    """Remove all injected faults of deliveries."""
    current_services().insider_faults.clear()
    return faults()


@delivery_routes.get("/fidelity")
def fidelity() -> JSONObject:
    """List how responses of a real account differ from emulated ones, each kind once."""
    services = current_services()
    query = request_parsing.parse_page_query(request.args, ())
    differences, following = services.differences.list_differences(
        after_id=query.after, limit=query.limit
    )
    compared = services.pass_through.compared_count if services.pass_through else 0
    differences_json = [
        {"id": each.id, "times": each.times, "at": each.at, **each.document} for each in differences
    ]
    return {"compared": compared, "differences": differences_json, "next": following}


segment_fault_routes = Blueprint(
    "segment_faults", __name__, url_prefix="/emulator/v1/faults/segment"
)


@segment_fault_routes.post("")
def add() -> JSONObject:
    """Inject a fault into the next requests to Segment; return all waiting faults."""
    current_services().segment_faults.add(
        fault_from_json(
            request_parsing.read_fault_body(
                SEGMENT_FAULT_VALIDATOR, SEGMENT_FAULT_REMEDY, min_fields=0
            )
        )
    )
    return waiting()


@segment_fault_routes.get("")
def waiting() -> JSONObject:
    """List the faults that wait for a request, the next one first."""
    return {
        "faults": [
            fault_to_json(fault) for fault in current_services().segment_faults.list_waiting()
        ]
    }


@segment_fault_routes.delete("")
def clear() -> JSONObject:
    """Remove all faults of Segment's responses."""
    current_services().segment_faults.clear()
    return waiting()
