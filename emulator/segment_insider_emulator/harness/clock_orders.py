"""What the control API is told to do with the clock, checked."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from segment_insider_emulator.clock import SandboxClock, check
from segment_insider_emulator.duration import duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.formats import instant
from segment_insider_emulator.types import JSONObject

EXAMPLE = "2026-11-23T10:00:00Z"
FIELDS: Mapping[str, type] = {"advance": str, "set": str, "freeze": bool, "resume": bool}
RESET: Mapping[str, type] = {"now": str}


def obey(clock: SandboxClock, order: JSONObject, within: str = "") -> None:
    """Do to *clock* what *order* says: one of FIELDS, as {"advance": length}, {"set": time},
    {"freeze": true} or {"resume": true}.

    Args:
        within: What stands before the name of an order in a message, e.g. "body.".
    Raises: EmulatorError, when it says several, or what cannot be done.
    """
    if len(order) != 1:
        what = f"{' and '.join(order)} at once"
        raise EmulatorError(what, "body", "Send one order after the other.")
    ((name, value),) = order.items()
    ORDERS[name](clock, value, within + name)


def reset_time(order: JSONObject) -> datetime | None:
    """The `now` of a reset; None where it has none.

    Raises: EmulatorError, when it is no time, or none that a clock may show.
    """
    if "now" not in order:
        return None
    at = _moment("body.now", order["now"])
    check(at, "body.now")
    return at


def _advance(clock: SandboxClock, length: str, where: str) -> None:
    clock.advance(duration(length, where), where)


def _set(clock: SandboxClock, at: str, where: str) -> None:
    clock.set(_moment(where, at), where)


def _freeze(clock: SandboxClock, wanted: bool, where: str) -> None:
    _must_be_true(where, wanted)
    clock.freeze()


def _resume(clock: SandboxClock, wanted: bool, where: str) -> None:
    _must_be_true(where, wanted)
    clock.resume()


ORDERS: Mapping[str, Callable[[SandboxClock, Any, str], None]] = {
    "advance": _advance,
    "set": _set,
    "freeze": _freeze,
    "resume": _resume,
}


def _moment(where: str, text: str) -> datetime:
    at = instant(text)
    if at is None:
        raise EmulatorError(
            "this is not a time", where, f"Give one with its zone, such as {EXAMPLE}."
        )
    return at


def _must_be_true(where: str, wanted: bool) -> None:
    if not wanted:
        raise EmulatorError("this takes true", where, 'Send {"resume": true} to let it run.')
