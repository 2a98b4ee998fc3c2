"""How most filters take their arguments: arithmetic ones as numbers, textual ones a text."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from segment_insider_emulator.mapping.liquid.scope import LiquidContext
from segment_insider_emulator.mapping.liquid.values import format_output, to_number_or_zero
from segment_insider_emulator.types import JSON

LiquidFilter = Callable[..., Any]


def number_filter(function: Callable[..., float]) -> LiquidFilter:
    """Give *function* the value and the arguments as numbers, 0 for what is none."""

    @wraps(function)
    def filtered(_scope: LiquidContext, *values: JSON) -> float:
        return function(*map(to_number_or_zero, values))

    return filtered


def text_filter(function: LiquidFilter) -> LiquidFilter:
    """Give *function* the value as text, counted as memory, and the arguments as they are."""

    @wraps(function)
    def filtered(scope: LiquidContext, value: JSON, *arguments: JSON) -> JSON:
        text = format_output(value)
        scope.count_memory(len(text))
        return function(text, *arguments)

    return filtered
