"""The filters of liquidjs 10.30 by name: each takes the scope, the value and its arguments.

What an argument leaves out is undefined; `name: value` arrives as the pair [name, value].
"""

from collections.abc import Callable
from typing import Any, Final

from segment_insider_emulator.mapping.liquid.filters import (
    dates,
    encodings,
    lists,
    numbers,
    output,
    texts,
)

LIQUID_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    **dates.DATE_FILTERS,
    **encodings.ENCODING_FILTERS,
    **lists.LIST_FILTERS,
    **numbers.NUMBER_FILTERS,
    **output.OUTPUT_FILTERS,
    **texts.TEXT_FILTERS,
}
