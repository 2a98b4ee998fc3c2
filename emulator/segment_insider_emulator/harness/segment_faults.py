"""Control API: what goes wrong on purpose at Segment's end."""

from flask import Blueprint

from segment_insider_emulator.harness import bodies
from segment_insider_emulator.parts import current_services
from segment_insider_emulator.segment.faults import (
    SEGMENT_FAULT_REMEDY,
    SEGMENT_FAULT_VALIDATOR,
    fault_from_json,
    fault_to_json,
)
from segment_insider_emulator.types import JSONObject

segment_fault_routes = Blueprint(
    "segment_faults", __name__, url_prefix="/emulator/v1/faults/segment"
)


@segment_fault_routes.post("")
def add() -> JSONObject:
    """Let the next requests with events meet a fault; gives all that wait."""
    current_services().segment_faults.add(
        fault_from_json(
            bodies.read_fault_body(SEGMENT_FAULT_VALIDATOR, SEGMENT_FAULT_REMEDY, min_fields=0)
        )
    )
    return waiting()


@segment_fault_routes.get("")
def waiting() -> JSONObject:
    """What is still to happen, next first."""
    return {
        "faults": [
            fault_to_json(fault) for fault in current_services().segment_faults.list_waiting()
        ]
    }


@segment_fault_routes.delete("")
def clear() -> JSONObject:
    """Answer as usual again."""
    current_services().segment_faults.clear()
    return waiting()
