"""Filters that say how a value is written, whatever its kind.

Source: liquidjs 10.30, `filters/misc.ts`.
"""

import math
from typing import Final

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    entries,
    is_number,
    is_truthy,
    json_text,
)
from segment_insider_emulator.mapping.liquid.errors import Fault
from segment_insider_emulator.mapping.liquid.filters.signature import Filter
from segment_insider_emulator.mapping.liquid.scope import Scope
from segment_insider_emulator.mapping.liquid.values import Word, holds, plain, string
from segment_insider_emulator.types import JSON

_WIDEST_INDENT: Final = 10


def _default(_scope: Scope, value: JSON, fallback: JSON = MISSING, *options: JSON) -> JSON:
    value = plain(value)
    if isinstance(value, str | list):
        return value or fallback
    if value is False and is_truthy(_pairs(options).get("allow_false", MISSING)):
        return False
    return value if holds(value) else fallback


def _pairs(options: tuple[JSON, ...]) -> dict[str, JSON]:
    for each in options:
        if not isinstance(each, list):
            raise Fault(f"Iterator value {string(each)} is not an entry object")
    return {string(each[0]): each[1] for each in options}


def _json(scope: Scope, value: JSON, space: JSON = 0, *_rest: JSON) -> JSON:
    scope.use(_weight(value))
    if value is MISSING:
        return MISSING
    value, indent = _spelled(value), _indent(space)
    return _indented(value, indent, "\n") if indent else json_text(value)


def _spelled(value: JSON) -> JSON:
    """*value* with the words nil, empty and blank as the objects that they are in liquidjs."""
    if isinstance(value, Word):
        return {}
    return [_spelled(each) for each in value] if isinstance(value, list) else value


def _weight(value: JSON) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return len(value) + sum(map(_weight, value))
    return 2 + sum(map(_weight, value.values())) if isinstance(value, dict) else 1


def _indent(space: JSON) -> str:
    if is_number(space):
        width = 0 if math.isnan(space) else min(max(space, 0), _WIDEST_INDENT)
        return " " * int(width)
    return space[:_WIDEST_INDENT] if isinstance(space, str) else ""


def _indented(value: JSON, indent: str, line: str) -> str:
    """The text that `JSON.stringify(value, null, indent)` gives; *line* begins the closing line."""
    inner = line + indent
    if isinstance(value, list) and value:
        elements = (_indented(each, indent, inner) for each in value)
        return f"[{inner}{f',{inner}'.join(elements)}{line}]"
    if isinstance(value, dict) and value:
        members = (f"{json_text(k)}: {_indented(v, indent, inner)}" for k, v in entries(value))
        return f"{{{inner}{f',{inner}'.join(members)}{line}}}"
    return json_text(value)


def _raw(_scope: Scope, value: JSON, *_rest: JSON) -> JSON:
    return value


FILTERS: Final[dict[str, Filter]] = {
    "default": _default,
    "inspect": _json,
    "json": _json,
    "jsonify": _json,
    "raw": _raw,
}
