"""Control API routes and commands of the sandbox clock: advance, set, freeze, resume."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint

from segment_insider_emulator.clock import (
    SandboxClock,
    check_clock_range,
    format_iso_utc,
    parse_duration,
)
from segment_insider_emulator.control_api.models import ClockModel
from segment_insider_emulator.control_api.openapi import api_operation
from segment_insider_emulator.control_api.request_parsing import ClockCommandBody, read_request_body
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.services import current_services

TIME_EXAMPLE = "2026-11-23T10:00:00Z"
RESET_EXAMPLE: JSONObject = {"now": TIME_EXAMPLE}

clock_routes = Blueprint("clock", __name__, url_prefix="/emulator/v1")


@clock_routes.get("/clock", endpoint="show")
@api_operation()
def get_clock() -> ClockModel:
    """Return the time of the sandbox clock; `offset` is in seconds ahead of real time."""
    return _build_clock_model()


@clock_routes.post("/clock", endpoint="move")
@api_operation(body=ClockCommandBody, example={"advance": "45 minutes"})
def change_clock() -> ClockModel:
    """Apply one clock command and run the journey steps that are due then."""
    apply_clock_command(current_services().clock, read_request_body(ClockCommandBody), "body.")
    current_services().journeys.advance_due_runs()
    return _build_clock_model()


def _build_clock_model() -> ClockModel:
    reading = current_services().clock.read_time_and_offset()
    offset = round(reading.offset.total_seconds(), 3) or 0.0  # never -0.0
    return ClockModel(now=format_iso_utc(reading.now), frozen=reading.frozen, offset=offset)


def apply_clock_command(clock: SandboxClock, command: JSONObject, path_prefix: str = "") -> None:
    """Apply one command to the sandbox clock: "advance", "set", "freeze" or "resume".

    Args:
        path_prefix: Text before the name of the command in error messages, e.g. "body.".
    Raises: EmulatorError, for several commands or an invalid value.
    """
    if len(command) != 1:
        what = f"{' and '.join(command)} at once"
        raise EmulatorError(what, "body", "Send one command at a time.")
    ((name, value),) = command.items()
    CLOCK_COMMANDS[name](clock, value, path_prefix + name)


def parse_reset_time(body: JSONObject) -> datetime | None:
    """Return the time in `now` of a reset request's body; None without `now`.

    Raises: EmulatorError, when it is not a time, or out of the clock's range.
    """
    if "now" not in body:
        return None
    at = _parse_clock_time("body.now", body["now"])
    check_clock_range(at, "body.now")
    return at


def _advance_clock(clock: SandboxClock, duration_text: str, where: str) -> None:
    clock.advance(parse_duration(duration_text, where), where)


def _set_clock(clock: SandboxClock, time_text: str, where: str) -> None:
    clock.freeze_at(_parse_clock_time(where, time_text), where)


def _freeze_clock(clock: SandboxClock, flag: bool, where: str) -> None:
    _require_true_flag(where, flag)
    clock.freeze()


def _resume_clock(clock: SandboxClock, flag: bool, where: str) -> None:
    _require_true_flag(where, flag)
    clock.resume()


CLOCK_COMMANDS: Mapping[str, Callable[[SandboxClock, Any, str], None]] = {
    "advance": _advance_clock,
    "set": _set_clock,
    "freeze": _freeze_clock,
    "resume": _resume_clock,
}


def _parse_clock_time(where: str, time_text: str) -> datetime:
    at = parse_rfc3339(time_text)
    if at is None:
        raise EmulatorError(
            "invalid time", where, f"Give one with its zone, such as {TIME_EXAMPLE}."
        )
    return at


def _require_true_flag(where: str, flag: bool) -> None:
    if not flag:
        raise EmulatorError("the value must be true", where, 'Send {"resume": true} to let it run.')
