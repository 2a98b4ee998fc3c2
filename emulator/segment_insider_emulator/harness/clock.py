"""The control API's clock: time that stands still, moves forward and starts afresh."""

from flask import Blueprint

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.harness import bodies
from segment_insider_emulator.harness.clock_orders import CLOCK_COMMAND_FIELDS, apply_clock_command
from segment_insider_emulator.parts import current_services
from segment_insider_emulator.types import JSONObject

clock_routes = Blueprint("clock", __name__, url_prefix="/emulator/v1")


@clock_routes.get("/clock")
def show() -> JSONObject:
    """{"now", "frozen", "offset"}; `offset` in seconds ahead of the machine's clock."""
    reading = current_services().clock.read()
    offset = round(reading.offset.total_seconds(), 3) or 0.0  # never -0.0
    return {"now": format_iso_utc(reading.now), "frozen": reading.frozen, "offset": offset}


@clock_routes.post("/clock")
def move() -> JSONObject:
    """Do what the body says, see obey, and take on what is due by then."""
    apply_clock_command(current_services().clock, bodies.read_body(CLOCK_COMMAND_FIELDS), "body.")
    current_services().journeys.advance_due_runs()
    return show()
