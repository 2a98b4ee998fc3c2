"""Control API: what goes wrong on purpose at Segment's end."""

import orjson
from flask import Blueprint, request

from emulator.errors import EmulatorError
from emulator.parts import parts
from emulator.segment.faults import REMEDY, read, shown
from emulator.types import JSONObject

bp = Blueprint("segment_faults", __name__, url_prefix="/emulator/v1/faults/segment")


@bp.post("")
def add() -> JSONObject:
    """Let the next requests with events meet a fault; gives all that wait."""
    try:
        asked = orjson.loads(request.get_data() or b"{}")
    except orjson.JSONDecodeError as error:
        raise EmulatorError(f"not JSON ({error})", "body", REMEDY) from error
    parts().segment_faults.add(read(asked))
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
