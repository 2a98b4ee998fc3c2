"""Filters that say how a value is written, whatever its kind.

Source: liquidjs 10.30, `filters/misc.ts`.
"""

import math
from typing import Final

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    is_number,
    is_truthy,
    iter_entries,
    to_json_text,
)
from segment_insider_emulator.mapping.liquid.errors import UnlocatedLiquidError
from segment_insider_emulator.mapping.liquid.filters.signature import LiquidFilter
from segment_insider_emulator.mapping.liquid.scope import LiquidContext
from segment_insider_emulator.mapping.liquid.values import (
    LiquidKeyword,
    is_liquid_truthy,
    to_plain_value,
    to_string,
)
from segment_insider_emulator.types import JSON

_MAX_INDENT: Final = 10


def _default_filter(
    _context: LiquidContext, value: JSON, fallback: JSON = MISSING, *options: JSON
) -> JSON:
    value = to_plain_value(value)
    if isinstance(value, str | list):
        return value or fallback
    if value is False and is_truthy(_read_options(options).get("allow_false", MISSING)):
        return False
    return value if is_liquid_truthy(value) else fallback


def _read_options(options: tuple[JSON, ...]) -> dict[str, JSON]:
    for each in options:
        if not isinstance(each, list):
            raise UnlocatedLiquidError(f"Iterator value {to_string(each)} is not an entry object")
    return {to_string(each[0]): each[1] for each in options}


def _json_filter(
    context: LiquidContext, value: JSON, space: JSON = 0, *_extra_arguments: JSON
) -> JSON:
    context.count_memory(_count_memory_units(value))
    if value is MISSING:
        return MISSING
    value, indent = _replace_keywords(value), _get_indent(space)
    return _format_indented_json(value, indent, "\n") if indent else to_json_text(value)


def _replace_keywords(value: JSON) -> JSON:
    """*value* with the words nil, empty and blank as the objects that they are in liquidjs."""
    if isinstance(value, LiquidKeyword):
        return {}
    return [_replace_keywords(each) for each in value] if isinstance(value, list) else value


def _count_memory_units(value: JSON) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return len(value) + sum(map(_count_memory_units, value))
    return 2 + sum(map(_count_memory_units, value.values())) if isinstance(value, dict) else 1


def _get_indent(space: JSON) -> str:
    if is_number(space):
        width = 0 if math.isnan(space) else min(max(space, 0), _MAX_INDENT)
        return " " * int(width)
    return space[:_MAX_INDENT] if isinstance(space, str) else ""


def _format_indented_json(value: JSON, indent: str, line: str) -> str:
    """The text that `JSON.stringify(value, null, indent)` gives; *line* begins the closing line."""
    inner = line + indent
    if isinstance(value, list) and value:
        elements = (_format_indented_json(each, indent, inner) for each in value)
        return f"[{inner}{f',{inner}'.join(elements)}{line}]"
    if isinstance(value, dict) and value:
        members = (
            f"{to_json_text(k)}: {_format_indented_json(v, indent, inner)}"
            for k, v in iter_entries(value)
        )
        return f"{{{inner}{f',{inner}'.join(members)}{line}}}"
    return to_json_text(value)


def _raw_filter(_context: LiquidContext, value: JSON, *_extra_arguments: JSON) -> JSON:
    return value


OUTPUT_FILTERS: Final[dict[str, LiquidFilter]] = {
    "default": _default_filter,
    "inspect": _json_filter,
    "json": _json_filter,
    "jsonify": _json_filter,
    "raw": _raw_filter,
}
