"""Control API: what goes wrong on purpose at Segment's end."""

from flask import Blueprint

from segment_insider_emulator.harness import bodies
from segment_insider_emulator.parts import parts
from segment_insider_emulator.segment.faults import REMEDY, SHAPE, described, shown
from segment_insider_emulator.types import JSONObject

bp = Blueprint("segment_faults", __name__, url_prefix="/emulator/v1/faults/segment")


@bp.post("")
def add() -> JSONObject:
    """Let the next requests with events meet a fault; gives all that wait."""
    parts().segment_faults.add(described(bodies.fault(SHAPE, REMEDY, required=0)))
    return waiting()


@bp.get("")
def waiting() -> JSONObject:
    """What is still to happen, next first."""
    return {"faults": [shown(fault) for fault in parts().segment_faults.waiting()]}


@bp.delete("")
def clear() -> JSONObject:
    """Answer as usual again."""
    parts().segment_faults.clear()
    return waiting()
