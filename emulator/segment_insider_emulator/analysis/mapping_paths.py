"""What a mapping says before any event comes: which paths it reads, which keys it writes."""

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.mapping.resolvers import (
    find_template_paths,
    split_path,
    strip_path_prefix,
)
from segment_insider_emulator.types import JSON, JSONObject

# Stands among the paths for a value that is always there.
LITERAL_MARKER = "(literal)"
_LIQUID_PATH_PATTERN = re.compile(r"\b(?:properties|traits|context)(?:\.\w+)+")


def list_read_paths(mapping: JSON, existing_paths: Iterable[str] = ()) -> set[str]:
    """The event paths whose values *mapping* passes on, e.g. {"properties.tax"}.

    Items of a list are written "properties.products[].sku". Paths that are only asked for their
    existence are not among them.

    Args:
        given: Paths that the event is known to have, which decides each @if about them.
    """
    if is_directive(mapping):
        name, options = next(each for each in mapping.items() if each[0].startswith("@"))
        read = _DIRECTIVE_PATH_READERS.get(name)
        return (
            read(options, existing_paths) if read else _paths_in_children(options, existing_paths)
        )
    if isinstance(mapping, dict | list):
        return _paths_in_children(mapping, existing_paths)
    return set() if mapping is None else {LITERAL_MARKER}


def list_written_keys(mapping: JSON) -> dict[str, JSON]:
    """The keys that *mapping* is known to write, each with its mapping.

    The keys of an object taken whole from the event are not known; `takes_whole` says so.
    """
    if not isinstance(mapping, dict):
        return {}
    if not is_directive(mapping):
        return mapping
    known: dict[str, JSON] = {}
    for alternative in _alternative_objects(mapping):
        known |= list_written_keys(alternative)
    return known


def copies_whole_object(mapping: JSON) -> bool:
    """Whether *mapping* takes an object with keys that only the event knows."""
    if not is_directive(mapping):
        return False
    objects = _alternative_objects(mapping)
    return not objects or any(copies_whole_object(each) for each in objects)


def get_product_mapping(mapping: JSON) -> JSON:
    """The mapping of one product in the mapping of `products`; None where there is none."""
    match mapping:
        case {"@arrayPath": [_, shape, *_]}:
            return shape
        case {"@arrayPath": _} | {"@path": _}:
            return {"@path": "$."}
        case _:
            return mapping


def is_path_read(read_paths: set[str], path: str) -> bool:
    """Whether something of what stands at *path* is among the paths *read*."""
    return any(
        each == "" or path == each or path.startswith(f"{each}.") or path.startswith(f"{each}[]")
        or each.startswith((f"{path}.", f"{path}[]"))
        for each in read_paths
    )  # fmt: skip


def _alternative_objects(mapping: JSON) -> list[JSON]:
    match mapping:
        case {"@merge": {"objects": list(objects)}}:
            return objects
        case {"@if": dict(options)}:
            return [options[key] for key in ("then", "else") if key in options]
        case _:
            return []


def _paths_in_children(mapping: JSON, existing_paths: Iterable[str]) -> set[str]:
    parts = mapping.values() if isinstance(mapping, dict) else mapping
    if not isinstance(mapping, dict | list):
        parts = [mapping]
    return set().union(*(list_read_paths(each, existing_paths) for each in parts))


def _paths_in_path_directive(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    return (
        {_normalise_path(options)}
        if isinstance(options, str)
        else list_read_paths(options, existing_paths)
    )


def _paths_in_template(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    if not isinstance(options, str):
        return list_read_paths(options, existing_paths)
    return {_normalise_path(path) for path in find_template_paths(options)} or {LITERAL_MARKER}


def _paths_in_liquid(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    return set(_LIQUID_PATH_PATTERN.findall(str(options))) or {LITERAL_MARKER}


def _paths_in_if(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    if not isinstance(options, dict):
        return set()
    branches = ["then", "else"]
    match options:
        case {"exists": {"@path": str(path)}} if _normalise_path(path) in existing_paths:
            branches = ["then"]
    return set().union(
        *(list_read_paths(options.get(branch), existing_paths) for branch in branches)
    )


def _paths_in_array_path(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    match options:
        case [path, dict() as shape, *_]:
            lists = _paths_in_path_directive(path, existing_paths)
            return {
                f"{each}[].{item}"
                for each in lists
                for item in list_read_paths(shape, existing_paths)
            }
        case [path, *_]:
            return _paths_in_path_directive(path, existing_paths)
        case _:
            return set()


def _paths_in_value_option(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    return (
        list_read_paths(options.get("value"), existing_paths)
        if isinstance(options, dict)
        else set()
    )


def _paths_in_merge(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    return (
        list_read_paths(options.get("objects"), existing_paths)
        if isinstance(options, dict)
        else set()
    )


def _paths_in_transform(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    return (
        list_read_paths(options.get("apply"), existing_paths)
        if isinstance(options, dict)
        else set()
    )


def _normalise_path(path: str) -> str:
    return ".".join(split_path(strip_path_prefix(path)))


_DirectivePathReader: TypeAlias = Callable[[JSON, Iterable[str]], set[str]]
_DIRECTIVE_PATH_READERS: dict[str, _DirectivePathReader] = {
    "@path": _paths_in_path_directive,
    "@template": _paths_in_template,
    "@liquid": _paths_in_liquid,
    "@if": _paths_in_if,
    "@arrayPath": _paths_in_array_path,
    "@case": _paths_in_value_option,
    "@replace": _paths_in_value_option,
    "@json": _paths_in_value_option,
    "@flatten": _paths_in_value_option,
    "@merge": _paths_in_merge,
    "@transform": _paths_in_transform,
    "@literal": lambda options, given: {LITERAL_MARKER},
}

# Fields whose keys are mapped one by one.
CONTAINER_FIELDS = ("attributes", "parameters", "products", "custom_identifiers", "custom")

MappedValues: TypeAlias = dict[tuple[str, ...], JSON]


def list_mapped_values(mapping: JSONObject) -> MappedValues:
    """Each mapped value by field, or by field and key.

    A value of products is named ("products", "sku"); its path begins at the product.
    """
    leaves: MappedValues = {}
    for field, value in mapping.items():
        inner = get_product_mapping(value) if field == "products" else value
        if field not in CONTAINER_FIELDS:
            leaves[(field,)] = value
        elif not copies_whole_object(inner):
            leaves |= {(field, key): each for key, each in list_written_keys(inner).items()}
    return leaves


def list_value_sources(mapping: JSONObject, keys: tuple[str, ...]) -> set[str]:
    """The paths of the event that the value at *keys* is read from, those of products in full."""
    leaf = list_mapped_values(mapping)[keys]
    match mapping.get(keys[0]):
        case {"@arrayPath": [place, dict(), *_]} if keys[0] == "products":
            return list_read_paths({"@arrayPath": [place, {keys[1]: leaf}]})
        case _:
            return list_read_paths(leaf)


def list_open_fields(mapping: JSONObject) -> frozenset[str]:
    """Fields that take objects whose keys only the event knows."""
    return frozenset(
        field
        for field in CONTAINER_FIELDS
        if field in mapping and _is_open_field(field, mapping[field])
    )


def _is_open_field(field: str, value: JSON) -> bool:
    return copies_whole_object(get_product_mapping(value) if field == "products" else value)
