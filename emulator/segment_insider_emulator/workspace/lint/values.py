"""What a mapping says before any event comes: which paths it reads, which keys it writes."""

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.mapping.paths import keys_of, strip_root, template_paths
from segment_insider_emulator.types import JSON

# Stands among the paths for a value that is always there.
LITERAL = "(literal)"
_LIQUID_PATH = re.compile(r"\b(?:properties|traits|context)(?:\.\w+)+")


def sources(mapping: JSON, given: Iterable[str] = ()) -> set[str]:
    """The event paths whose values *mapping* passes on, e.g. {"properties.tax"}.

    Items of a list are written "properties.products[].sku". Paths that are only asked for their
    existence are not among them.

    Args:
        given: Paths that the event is known to have, which decides each @if about them.
    """
    if is_directive(mapping):
        name, options = next(each for each in mapping.items() if each[0].startswith("@"))
        read = _READERS.get(name)
        return read(options, given) if read else _of_parts(options, given)
    if isinstance(mapping, dict | list):
        return _of_parts(mapping, given)
    return set() if mapping is None else {LITERAL}


def members(mapping: JSON) -> dict[str, JSON]:
    """The keys that *mapping* is known to write, each with its mapping.

    The keys of an object taken whole from the event are not known; `takes_whole` says so.
    """
    if not isinstance(mapping, dict):
        return {}
    if not is_directive(mapping):
        return mapping
    known: dict[str, JSON] = {}
    for alternative in _objects(mapping):
        known |= members(alternative)
    return known


def takes_whole(mapping: JSON) -> bool:
    """Whether *mapping* takes an object with keys that only the event knows."""
    if not is_directive(mapping):
        return False
    objects = _objects(mapping)
    return not objects or any(takes_whole(each) for each in objects)


def product_shape(mapping: JSON) -> JSON:
    """The mapping of one product in the mapping of `products`; None where there is none."""
    match mapping:
        case {"@arrayPath": [_, shape, *_]}:
            return shape
        case {"@arrayPath": _} | {"@path": _}:
            return {"@path": "$."}
        case _:
            return mapping


def covers(read: set[str], path: str) -> bool:
    """Whether something of what stands at *path* is among the paths *read*."""
    return any(
        each == "" or path == each or path.startswith(f"{each}.") or path.startswith(f"{each}[]")
        or each.startswith((f"{path}.", f"{path}[]"))
        for each in read
    )  # fmt: skip


def _objects(mapping: JSON) -> list[JSON]:
    match mapping:
        case {"@merge": {"objects": list(objects)}}:
            return objects
        case {"@if": dict(options)}:
            return [options[key] for key in ("then", "else") if key in options]
        case _:
            return []


def _of_parts(mapping: JSON, given: Iterable[str]) -> set[str]:
    parts = mapping.values() if isinstance(mapping, dict) else mapping
    if not isinstance(mapping, dict | list):
        parts = [mapping]
    return set().union(*(sources(each, given) for each in parts))


def _of_path(options: JSON, given: Iterable[str]) -> set[str]:
    return {_dotted(options)} if isinstance(options, str) else sources(options, given)


def _of_template(options: JSON, given: Iterable[str]) -> set[str]:
    if not isinstance(options, str):
        return sources(options, given)
    return {_dotted(path) for path in template_paths(options)} or {LITERAL}


def _of_liquid(options: JSON, given: Iterable[str]) -> set[str]:
    return set(_LIQUID_PATH.findall(str(options))) or {LITERAL}


def _of_if(options: JSON, given: Iterable[str]) -> set[str]:
    if not isinstance(options, dict):
        return set()
    branches = ["then", "else"]
    match options:
        case {"exists": {"@path": str(path)}} if _dotted(path) in given:
            branches = ["then"]
    return set().union(*(sources(options.get(branch), given) for branch in branches))


def _of_array(options: JSON, given: Iterable[str]) -> set[str]:
    match options:
        case [path, dict() as shape, *_]:
            lists = _of_path(path, given)
            return {f"{each}[].{item}" for each in lists for item in sources(shape, given)}
        case [path, *_]:
            return _of_path(path, given)
        case _:
            return set()


def _of_case(options: JSON, given: Iterable[str]) -> set[str]:
    return sources(options.get("value"), given) if isinstance(options, dict) else set()


def _of_merge(options: JSON, given: Iterable[str]) -> set[str]:
    return sources(options.get("objects"), given) if isinstance(options, dict) else set()


def _of_transform(options: JSON, given: Iterable[str]) -> set[str]:
    return sources(options.get("apply"), given) if isinstance(options, dict) else set()


def _dotted(path: str) -> str:
    return ".".join(keys_of(strip_root(path)))


_Read: TypeAlias = Callable[[JSON, Iterable[str]], set[str]]
_READERS: dict[str, _Read] = {
    "@path": _of_path,
    "@template": _of_template,
    "@liquid": _of_liquid,
    "@if": _of_if,
    "@arrayPath": _of_array,
    "@case": _of_case,
    "@replace": _of_case,
    "@json": _of_case,
    "@flatten": _of_case,
    "@merge": _of_merge,
    "@transform": _of_transform,
    "@literal": lambda options, given: {LITERAL},
}
