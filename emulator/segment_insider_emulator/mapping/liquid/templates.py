"""Templates compiled once, so that a mapping can render them for each event."""

from collections.abc import Callable
from typing import Final

from segment_insider_emulator.mapping.javascript import units
from segment_insider_emulator.mapping.liquid.environment import SegmentLiquid
from segment_insider_emulator.mapping.liquid.errors import LiquidError
from segment_insider_emulator.types import JSON

MAX_UNITS: Final = 1_000

_LIQUID: Final = SegmentLiquid()


def compile_liquid(source: str) -> Callable[[JSON], str]:
    """Parse *source*; the result renders one event to text.

    Compiling never fails. The result raises LiquidError for an event that cannot be rendered,
    and for every event when *source* does not parse: that is when Segment notices.
    """
    try:
        template = _LIQUID.template(_limited(source))
    except LiquidError as error:
        return _raiser(error)
    return template.text


def parse_fault(source: str) -> str:
    """Why every rendering of *source* fails, in Segment's words; "" when it parses."""
    try:
        _LIQUID.template(_limited(source))
    except LiquidError as error:
        return str(error)
    return ""


def _limited(source: str) -> str:
    if units(source) > MAX_UNITS:
        limit = f"liquid template values are limited to {MAX_UNITS} characters"
        raise LiquidError("Error", limit)
    return source


def _raiser(error: LiquidError) -> Callable[[JSON], str]:
    def fail(_event: JSON) -> str:
        raise LiquidError(error.name, str(error))

    return fail
