"""Classes and parsers of the workspace file's key `segment`: options of the Segment side."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from segment_insider_emulator.types import JSONObject

ScreenCalls: TypeAlias = Literal["warn", "filter"]


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """Options of the Segment side; the workspace file has the same names in camelCase.

    Args:
        context_ip: Fill `context.ip` of browsers and apps in.
        screen_calls: "warn" delivers a screen call that a mapping takes, "filter" stops it.
    """

    context_ip: bool = True
    screen_calls: ScreenCalls = "warn"


def read_segment_options(document: JSONObject) -> SegmentOptions:
    """Read the options under `segment` of a valid workspace document."""
    return SegmentOptions(document.get("contextIp", True), document.get("screenCalls", "warn"))
