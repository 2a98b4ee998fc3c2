"""What the control API is told to do with the clock, checked."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from emulator.clock import SandboxClock, check
from emulator.duration import duration
from emulator.errors import EmulatorError
from emulator.insider.formats import instant
from emulator.types import JSONObject

EXAMPLE = "2026-11-23T10:00:00Z"
FIELDS: Mapping[str, type] = {"advance": str, "set": str, "freeze": bool, "resume": bool}
RESET: Mapping[str, type] = {"now": str}


def obey(clock: SandboxClock, order: JSONObject) -> None:
    """Do to *clock* what *order* says: one of FIELDS, as {"advance": length}, {"set": time},
    {"freeze": true} or {"resume": true}.

    Raises: EmulatorError, when it says several, or what cannot be done.
    """
    if len(order) != 1:
        what = f"{' and '.join(order)} at once"
        raise EmulatorError(what, "body", "Send one order after the other.")
    ((name, value),) = order.items()
    ORDERS[name](clock, value)


def reset_time(order: JSONObject) -> datetime | None:
    """The `now` of a reset; None where it has none.

    Raises: EmulatorError, when it is no time, or none that a clock may show.
    """
    if "now" not in order:
        return None
    at = _moment("now", order["now"])
    check(at, "now")
    return at


def _advance(clock: SandboxClock, length: str) -> None:
    clock.advance(duration(length, "advance"))


def _set(clock: SandboxClock, at: str) -> None:
    clock.set(_moment("set", at))


def _freeze(clock: SandboxClock, wanted: bool) -> None:
    _must_be_true("freeze", wanted)
    clock.freeze()


def _resume(clock: SandboxClock, wanted: bool) -> None:
    _must_be_true("resume", wanted)
    clock.resume()


ORDERS: Mapping[str, Callable[[SandboxClock, Any], None]] = {
    "advance": _advance,
    "set": _set,
    "freeze": _freeze,
    "resume": _resume,
}


def _moment(name: str, text: str) -> datetime:
    at = instant(text)
    if at is None:
        raise EmulatorError("this is no time", name, f"Give one with its zone, such as {EXAMPLE}.")
    return at


def _must_be_true(name: str, wanted: bool) -> None:
    if not wanted:
        raise EmulatorError(f"{name} takes true", name, 'Send {"resume": true} to let it run.')
