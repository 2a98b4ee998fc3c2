"""The parts of a mapping that make one value each."""

from typing import TypeAlias

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.lint.values import (
    members,
    product_shape,
    sources,
    takes_whole,
)

# Fields whose keys are mapped one by one.
CONTAINERS = ("attributes", "parameters", "products", "custom_identifiers", "custom")

Leaves: TypeAlias = dict[tuple[str, ...], JSON]


def leaves_of(mapping: JSONObject) -> Leaves:
    """Each mapped value by field, or by field and key.

    A value of products is named ("products", "sku"); its path begins at the product.
    """
    leaves: Leaves = {}
    for field, value in mapping.items():
        inner = product_shape(value) if field == "products" else value
        if field not in CONTAINERS:
            leaves[(field,)] = value
        elif not takes_whole(inner):
            leaves |= {(field, key): each for key, each in members(inner).items()}
    return leaves


def read_by(mapping: JSONObject, keys: tuple[str, ...]) -> set[str]:
    """The paths of the event that the value at *keys* is read from, those of products in full."""
    leaf = leaves_of(mapping)[keys]
    match mapping.get(keys[0]):
        case {"@arrayPath": [place, dict(), *_]} if keys[0] == "products":
            return sources({"@arrayPath": [place, {keys[1]: leaf}]})
        case _:
            return sources(leaf)


def open_fields(mapping: JSONObject) -> frozenset[str]:
    """Fields that take objects whose keys only the event knows."""
    return frozenset(
        field for field in CONTAINERS if field in mapping and _is_open(field, mapping[field])
    )


def _is_open(field: str, value: JSON) -> bool:
    return takes_whole(product_shape(value) if field == "products" else value)
