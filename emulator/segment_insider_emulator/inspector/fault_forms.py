"""Faults as forms ask for them and as people read them."""

from collections.abc import Mapping
from typing import NamedTuple

from segment_insider_emulator.control_api.request_parsing import check_fault
from segment_insider_emulator.delivery import fault_injection as on_way
from segment_insider_emulator.delivery.fault_injection import FaultInjector as WayFaults
from segment_insider_emulator.delivery.fault_injection import InjectedFault as WayFault
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.segment import faults as at_source
from segment_insider_emulator.segment.faults import SegmentFault as SourceFault
from segment_insider_emulator.segment.faults import SegmentFaultQueue as SourceFaults
from segment_insider_emulator.types import JSON, JSONObject

FAULT_SIDES = ("segment", "insider")
ONE_PERCENT = 0.01  # of a percentage, a share


class FaultPreset(NamedTuple):
    """A fault that people want often: what it says on its button, and its fields in the form."""

    title: str
    side: str
    form_values: Mapping[str, str]


FAULT_PRESETS = (
    FaultPreset("503 once", "segment", {"status": "503", "times": "1"}),
    FaultPreset(
        "429, retry after 2 s", "segment", {"status": "429", "retryAfter": "2", "times": "1"}
    ),
    FaultPreset("Close the connection", "segment", {"drop": "true", "times": "1"}),
    FaultPreset("500 once", "insider", {"status": "500", "times": "1"}),
    FaultPreset("429 three times", "insider", {"status": "429", "times": "3"}),
    FaultPreset("No answer once", "insider", {"timeout": "true", "times": "1"}),
    FaultPreset("One in ten fails", "insider", {"status": "503", "percent": "10"}),
)


def parse_segment_fault(form: Mapping[str, str]) -> SourceFault:
    """The fault that a form asks for at Segment's end. Raises: EmulatorError."""
    asked = _parse_fault_fields(form, ("status", "retryAfter", "times"), ("drop", "taken"))
    return at_source.fault_from_json(
        check_fault(asked, at_source.SEGMENT_FAULT_VALIDATOR, at_source.SEGMENT_FAULT_REMEDY)
    )


def parse_delivery_fault(form: Mapping[str, str]) -> WayFault:
    """The fault that a form asks for on the way to Insider One. Raises: EmulatorError."""
    numbers = ("status", "delayMs", "rateLimit", "times")
    asked = _parse_fault_fields(form, numbers, ("timeout", "drop", "taken"))
    if percent := form.get("percent", "").strip():
        asked["share"] = _parse_whole_number(percent, "percent") * ONE_PERCENT
    return on_way.parse_insider_fault(
        check_fault(asked, on_way.INSIDER_FAULT_VALIDATOR, on_way.INSIDER_FAULT_REMEDY)
    )


def describe_segment_faults(faults: SourceFaults) -> list[str]:
    """What is still to happen, next first, each in a sentence."""
    return [
        _describe_segment_fault(at_source.fault_to_json(each)) for each in faults.list_waiting()
    ]


def describe_delivery_faults(faults: WayFaults) -> list[str]:
    """The same for the way to Insider One."""
    return [_describe_delivery_fault(each) for each in faults.list_active()]


def _parse_fault_fields(
    form: Mapping[str, str], number_names: tuple[str, ...], switch_names: tuple[str, ...]
) -> JSONObject:
    asked: JSONObject = {}
    for name in number_names:
        if text := form.get(name, "").strip():
            asked[name] = _parse_whole_number(text, name)
    for name in switch_names:
        if form.get(name):
            asked[name] = True
    return asked


def _parse_whole_number(text: str, where: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise EmulatorError(f"{text[:40]!r} is no whole number", where, "Write digits alone.")
    return int(text)


def _describe_segment_fault(fault: JSONObject) -> str:
    what = "closes the connection" if fault["drop"] else f"answers {fault['status']}"
    if fault["retryAfter"] is not None:
        what += f", retry after {fault['retryAfter']} s"
    return f"{what}{_describe_processed(fault)}, {_describe_repeat_count(fault['times'])}"


def _describe_delivery_fault(fault: JSONObject) -> str:
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
    return f"{' '.join(what)}{_describe_processed(fault)}{share}, {_describe_repeat_count(fault['times'])}"


def _describe_processed(fault: JSONObject) -> str:
    return ", having taken the request" if fault["taken"] else ""


def _describe_repeat_count(times: JSON) -> str:
    if times is None:
        return "until it is cleared"
    return "once" if times == 1 else f"{times} times"
