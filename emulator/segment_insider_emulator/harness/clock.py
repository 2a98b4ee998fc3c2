"""The control API's clock: time that stands still, moves forward and starts afresh."""

from flask import Blueprint

from segment_insider_emulator.clock import iso
from segment_insider_emulator.harness import bodies
from segment_insider_emulator.harness.clock_orders import FIELDS, obey
from segment_insider_emulator.parts import parts
from segment_insider_emulator.types import JSONObject

bp = Blueprint("clock", __name__, url_prefix="/emulator/v1")


@bp.get("/clock")
def show() -> JSONObject:
    """{"now", "frozen", "offset"}; `offset` in seconds ahead of the machine's clock."""
    reading = parts().clock.read()
    offset = round(reading.offset.total_seconds(), 3) or 0.0  # never -0.0
    return {"now": iso(reading.now), "frozen": reading.frozen, "offset": offset}


@bp.post("/clock")
def move() -> JSONObject:
    """Do what the body says, see obey, and take on what is due by then."""
    obey(parts().clock, bodies.read(FIELDS), "body.")
    parts().journeys.run_due()
    return show()
