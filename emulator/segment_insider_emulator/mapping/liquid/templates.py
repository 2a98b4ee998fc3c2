"""Templates compiled once, so that a mapping can render them for each event."""

from collections.abc import Callable
from typing import Final

from segment_insider_emulator.mapping.javascript import count_utf16_units
from segment_insider_emulator.mapping.liquid.environment import LiquidEngine
from segment_insider_emulator.mapping.liquid.errors import LiquidError
from segment_insider_emulator.types import JSON

MAX_TEMPLATE_UNITS: Final = 1_000

_ENGINE: Final = LiquidEngine()


def compile_liquid_template(source: str) -> Callable[[JSON], str]:
    """Parse *source*; the result renders one event to text.

    Compiling never fails. The result raises LiquidError for an event that cannot be rendered,
    and for every event when *source* does not parse: that is when Segment notices.
    """
    try:
        template = _ENGINE.parse_template(_check_template_length(source))
    except LiquidError as error:
        return _build_error_renderer(error)
    return template.render_event


def find_syntax_error(source: str) -> str:
    """Why every rendering of *source* fails, in Segment's words; "" when it parses."""
    try:
        _ENGINE.parse_template(_check_template_length(source))
    except LiquidError as error:
        return str(error)
    return ""


def _check_template_length(source: str) -> str:
    if count_utf16_units(source) > MAX_TEMPLATE_UNITS:
        limit = f"liquid template values are limited to {MAX_TEMPLATE_UNITS} characters"
        raise LiquidError("Error", limit)
    return source


def _build_error_renderer(error: LiquidError) -> Callable[[JSON], str]:
    def fail(_event: JSON) -> str:
        raise LiquidError(error.error_name, str(error))

    return fail
