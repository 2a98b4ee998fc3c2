"""What the control API is told to do with the clock, checked."""

from collections.abc import Callable, Mapping
from datetime import datetime

import orjson

from emulator.clock import SandboxClock
from emulator.duration import duration
from emulator.errors import EmulatorError
from emulator.insider.formats import instant
from emulator.types import JSON, JSONObject

EXAMPLE = "2026-11-23T10:00:00Z"


def obey(clock: SandboxClock, body: bytes) -> None:
    """Do to *clock* what *body* says: {"advance": length}, {"set": time}, {"freeze": true} or
    {"resume": true}.

    Raises: EmulatorError, when it says none of them, or several, or what cannot be done.
    """
    order = _object(body)
    if len(order) != 1 or (name := next(iter(order))) not in ORDERS:
        known = ", ".join(ORDERS)
        raise EmulatorError("this is no order for the clock", "body", f"Give one of {known}.")
    ORDERS[name](clock, order[name])


def reset_time(body: bytes) -> datetime | None:
    """The `now` of a reset; None where it has none. Raises: EmulatorError, for anything else."""
    order = _object(body) if body.strip() else {}
    if set(order) - {"now"}:
        remedy = f'Send no body, or {{"now": "{EXAMPLE}"}}.'
        raise EmulatorError("this is no order for a reset", "body", remedy)
    return _moment("now", order["now"]) if "now" in order else None


def _object(body: bytes) -> JSONObject:
    try:
        order = orjson.loads(body)
    except orjson.JSONDecodeError:
        order = None
    if not isinstance(order, dict):
        raise EmulatorError("the body is no JSON object", "body", 'Send {"advance": "45 minutes"}.')
    return order


def _advance(clock: SandboxClock, length: JSON) -> None:
    clock.advance(duration(length if isinstance(length, str) else str(length), "advance"))


def _set(clock: SandboxClock, at: JSON) -> None:
    clock.set(_moment("set", at))


def _freeze(clock: SandboxClock, wanted: JSON) -> None:
    _must_be_true("freeze", wanted)
    clock.freeze()


def _resume(clock: SandboxClock, wanted: JSON) -> None:
    _must_be_true("resume", wanted)
    clock.resume()


ORDERS: Mapping[str, Callable[[SandboxClock, JSON], None]] = {
    "advance": _advance,
    "set": _set,
    "freeze": _freeze,
    "resume": _resume,
}


def _moment(name: str, text: JSON) -> datetime:
    at = instant(text) if isinstance(text, str) else None
    if at is None:
        raise EmulatorError("this is no time", name, f"Give one with its zone, such as {EXAMPLE}.")
    return at


def _must_be_true(name: str, wanted: JSON) -> None:
    if wanted is not True:
        raise EmulatorError(f"{name} takes true", name, 'Send {"resume": true} to let it run.')
