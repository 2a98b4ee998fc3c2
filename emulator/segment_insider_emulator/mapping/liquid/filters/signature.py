"""How most filters take their arguments: arithmetic ones as numbers, textual ones a text."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from segment_insider_emulator.mapping.liquid.scope import Scope
from segment_insider_emulator.mapping.liquid.values import number_or_zero, stringify
from segment_insider_emulator.types import JSON

Filter = Callable[..., Any]


def arithmetic(function: Callable[..., float]) -> Filter:
    """Give *function* the value and the arguments as numbers, 0 for what is none."""

    @wraps(function)
    def filtered(_scope: Scope, *values: JSON) -> float:
        return function(*map(number_or_zero, values))

    return filtered


def textual(function: Filter) -> Filter:
    """Give *function* the value as text, counted as memory, and the arguments as they are."""

    @wraps(function)
    def filtered(scope: Scope, value: JSON, *arguments: JSON) -> JSON:
        text = stringify(value)
        scope.use(len(text))
        return function(text, *arguments)

    return filtered
