"""Static analysis of a mapping: which event paths it reads."""

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from segment_insider_emulator.mapping.codegen import (
    find_template_paths,
    split_path,
    strip_path_prefix,
)
from segment_insider_emulator.mapping.directives import (
    copies_whole_object,
    get_product_mapping,
    is_directive,
    list_written_keys,
)
from segment_insider_emulator.types import JSON, JSONObject

# Marks, among the paths, a value that does not depend on the event.
LITERAL_MARKER = "(literal)"
_LIQUID_PATH_PATTERN = re.compile(r"\b(?:properties|traits|context)(?:\.\w+)+")


def list_read_paths(mapping: JSON, existing_paths: Iterable[str] = ()) -> set[str]:
    """Return the event paths whose values *mapping* sends, e.g. {"properties.tax"}.

    Items of a list are written "properties.products[].sku". Paths that only an existence test
    reads are not included.

    Args:
        existing_paths: Paths that the event has; they decide every @if that tests them.
    """
    if is_directive(mapping):
        name, options = next(member for member in mapping.items() if member[0].startswith("@"))
        read_directive = _DIRECTIVE_PATH_READERS.get(name)
        return (
            read_directive(options, existing_paths)
            if read_directive
            else _list_paths_in_children(options, existing_paths)
        )
    if isinstance(mapping, dict | list):
        return _list_paths_in_children(mapping, existing_paths)
    return set() if mapping is None else {LITERAL_MARKER}


def is_path_read(read_paths: set[str], path: str) -> bool:
    """Return whether an event path, or a part of it, is among *read_paths*."""
    return any(
        read_path in ("", path)
        or path.startswith((f"{read_path}.", f"{read_path}[]"))
        or read_path.startswith((f"{path}.", f"{path}[]"))
        for read_path in read_paths
    )


def _list_paths_in_children(mapping: JSON, existing_paths: Iterable[str]) -> set[str]:
    children = mapping.values() if isinstance(mapping, dict) else mapping
    if not isinstance(mapping, dict | list):
        children = [mapping]
    return set().union(*(list_read_paths(child, existing_paths) for child in children))


def _list_paths_in_path_directive(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    return (
        {_normalise_event_path(options)}
        if isinstance(options, str)
        else list_read_paths(options, existing_paths)
    )


def _list_paths_in_template(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    if not isinstance(options, str):
        return list_read_paths(options, existing_paths)
    return {_normalise_event_path(path) for path in find_template_paths(options)} or {
        LITERAL_MARKER
    }


def _list_paths_in_liquid(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    return set(_LIQUID_PATH_PATTERN.findall(str(options))) or {LITERAL_MARKER}


def _list_paths_in_if(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    if not isinstance(options, dict):
        return set()
    branches = ["then", "else"]
    match options:
        case {"exists": {"@path": str(path)}} if _normalise_event_path(path) in existing_paths:
            branches = ["then"]
    return set().union(
        *(list_read_paths(options.get(branch), existing_paths) for branch in branches)
    )


def _list_paths_in_array_path(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    match options:
        case [path, dict() as shape, *_]:
            lists = _list_paths_in_path_directive(path, existing_paths)
            return {
                f"{path}[].{item}"
                for path in lists
                for item in list_read_paths(shape, existing_paths)
            }
        case [path, *_]:
            return _list_paths_in_path_directive(path, existing_paths)
        case _:
            return set()


def _list_paths_in_value_option(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    return (
        list_read_paths(options.get("value"), existing_paths)
        if isinstance(options, dict)
        else set()
    )


def _list_paths_in_merge(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    return (
        list_read_paths(options.get("objects"), existing_paths)
        if isinstance(options, dict)
        else set()
    )


def _list_paths_in_transform(options: JSON, existing_paths: Iterable[str]) -> set[str]:
    return (
        list_read_paths(options.get("apply"), existing_paths)
        if isinstance(options, dict)
        else set()
    )


def _normalise_event_path(path: str) -> str:
    return ".".join(split_path(strip_path_prefix(path)))


_DirectivePathReader: TypeAlias = Callable[[JSON, Iterable[str]], set[str]]
_DIRECTIVE_PATH_READERS: dict[str, _DirectivePathReader] = {
    "@path": _list_paths_in_path_directive,
    "@template": _list_paths_in_template,
    "@liquid": _list_paths_in_liquid,
    "@if": _list_paths_in_if,
    "@arrayPath": _list_paths_in_array_path,
    "@case": _list_paths_in_value_option,
    "@replace": _list_paths_in_value_option,
    "@json": _list_paths_in_value_option,
    "@flatten": _list_paths_in_value_option,
    "@merge": _list_paths_in_merge,
    "@transform": _list_paths_in_transform,
    "@literal": lambda options, existing_paths: {LITERAL_MARKER},
}

# Fields that are objects: each of their keys has its own mapping.
CONTAINER_FIELDS = ("attributes", "parameters", "products", "custom_identifiers", "custom")

MappedValues: TypeAlias = dict[tuple[str, ...], JSON]


def list_mapped_values(mapping: JSONObject) -> MappedValues:
    """Return the mapping of each value by its field, or by its field and key.

    A product value has the keys ("products", "sku"); its paths start at the product.
    """
    mapped_values: MappedValues = {}
    for field, value in mapping.items():
        inner = get_product_mapping(value) if field == "products" else value
        if field not in CONTAINER_FIELDS:
            mapped_values[(field,)] = value
        elif not copies_whole_object(inner):
            mapped_values |= {
                (field, key): written for key, written in list_written_keys(inner).items()
            }
    return mapped_values


def list_event_paths_of_value(mapping: JSONObject, keys: tuple[str, ...]) -> set[str]:
    """Return the event paths that the mapping at *keys* reads, counted from the event."""
    value_mapping = list_mapped_values(mapping)[keys]
    match mapping.get(keys[0]):
        case {"@arrayPath": [list_path, dict(), *_]} if keys[0] == "products":
            return list_read_paths({"@arrayPath": [list_path, {keys[1]: value_mapping}]})
        case _:
            return list_read_paths(value_mapping)


def list_fields_copying_objects(mapping: JSONObject) -> frozenset[str]:
    """Return the mapped fields that copy whole objects, so that any key may be sent."""
    return frozenset(
        field
        for field in CONTAINER_FIELDS
        if field in mapping and _does_field_copy_object(field, mapping[field])
    )


def _does_field_copy_object(field: str, value: JSON) -> bool:
    return copies_whole_object(get_product_mapping(value) if field == "products" else value)
