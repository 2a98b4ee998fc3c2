"""The parts of a mapping that make one value each."""

from typing import TypeAlias

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.lint.values import (
    copies_whole_object,
    get_product_mapping,
    list_read_paths,
    list_written_keys,
)

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
