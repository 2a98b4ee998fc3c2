"""Faults as forms ask for them and as people read them."""

from collections.abc import Mapping
from typing import NamedTuple

from segment_insider_emulator.delivery import fault as on_way
from segment_insider_emulator.delivery.fault import Fault as WayFault
from segment_insider_emulator.delivery.faults import Faults as WayFaults
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness.bodies import possible
from segment_insider_emulator.segment import faults as at_source
from segment_insider_emulator.segment.faults import Fault as SourceFault
from segment_insider_emulator.segment.faults import Faults as SourceFaults
from segment_insider_emulator.types import JSON, JSONObject

SIDES = ("segment", "insider")
ORDINARY = 0.01  # of a percentage, a share


class Preset(NamedTuple):
    """A fault that people want often: what it says on its button, and its fields in the form."""

    title: str
    side: str
    fields: Mapping[str, str]


PRESETS = (
    Preset("503 once", "segment", {"status": "503", "times": "1"}),
    Preset("429, retry after 2 s", "segment", {"status": "429", "retryAfter": "2", "times": "1"}),
    Preset("Close the connection", "segment", {"drop": "true", "times": "1"}),
    Preset("500 once", "insider", {"status": "500", "times": "1"}),
    Preset("429 three times", "insider", {"status": "429", "times": "3"}),
    Preset("No answer once", "insider", {"timeout": "true", "times": "1"}),
    Preset("One in ten fails", "insider", {"status": "503", "percent": "10"}),
)


def at_segment(form: Mapping[str, str]) -> SourceFault:
    """The fault that a form asks for at Segment's end. Raises: EmulatorError."""
    asked = _asked(form, ("status", "retryAfter", "times"), ("drop", "taken"))
    return at_source.described(possible(asked, at_source.SHAPE, at_source.REMEDY))


def on_the_way(form: Mapping[str, str]) -> WayFault:
    """The fault that a form asks for on the way to Insider One. Raises: EmulatorError."""
    numbers = ("status", "delayMs", "rateLimit", "times")
    asked = _asked(form, numbers, ("timeout", "drop", "taken"))
    if percent := form.get("percent", "").strip():
        asked["share"] = _number(percent, "percent") * ORDINARY
    return on_way.described(possible(asked, on_way.SHAPE, on_way.REMEDY))


def waiting_at_segment(faults: SourceFaults) -> list[str]:
    """What is still to happen, next first, each in a sentence."""
    return [_at_segment(at_source.shown(each)) for each in faults.waiting()]


def standing_on_the_way(faults: WayFaults) -> list[str]:
    """The same for the way to Insider One."""
    return [_on_the_way(each) for each in faults.list()]


def _asked(
    form: Mapping[str, str], numbers: tuple[str, ...], switches: tuple[str, ...]
) -> JSONObject:
    asked: JSONObject = {}
    for name in numbers:
        if text := form.get(name, "").strip():
            asked[name] = _number(text, name)
    for name in switches:
        if form.get(name):
            asked[name] = True
    return asked


def _number(text: str, where: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise EmulatorError(f"{text[:40]!r} is no whole number", where, "Write digits alone.")
    return int(text)


def _at_segment(fault: JSONObject) -> str:
    what = "closes the connection" if fault["drop"] else f"answers {fault['status']}"
    if fault["retryAfter"] is not None:
        what += f", retry after {fault['retryAfter']} s"
    return f"{what}{_taken(fault)}, {_times(fault['times'])}"


def _on_the_way(fault: JSONObject) -> str:
    what = []
    if fault["rateLimit"] is not None:
        what.append(f"takes {fault['rateLimit']} requests a minute, the others are answered 429")
    if fault["timeout"]:
        what.append("does not answer")
    elif fault["drop"]:
        what.append("closes the connection")
    elif fault["status"] is not None:
        what.append(f"answers {fault['status']}")
    if fault["delayMs"]:
        what.append(f"after {fault['delayMs']} ms")
    share = f", {fault['share']:.0%} of them" if fault["share"] < 1 else ""
    return f"{' '.join(what)}{_taken(fault)}{share}, {_times(fault['times'])}"


def _taken(fault: JSONObject) -> str:
    return ", having taken the request" if fault["taken"] else ""


def _times(times: JSON) -> str:
    if times is None:
        return "until it is cleared"
    return "once" if times == 1 else f"{times} times"
