"""Values of an import that are not JSON yet, or that it cannot use.

Those keep their place until one walk names them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from segment_insider_emulator.types import JSON

# JSON, Unknown, Encoded or Template; objects and lists may hold any of them.
ImportValue: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """A value that is not known here. Two are equal when they have the same text.

    Args:
        text: What is written in its place, e.g. "var.trigger".
        where: File, resource and attribute, e.g. "shop.tf: segment_source.web.name".
        reason: Why it is not known, a clause; "" is that only Terraform can work it out.
    """

    text: str
    where: str = field(default="", compare=False)
    reason: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.reason or f"only Terraform knows {self.text}"


@dataclass(frozen=True, slots=True)
class JsonEncodedValue:
    """The argument of `jsonencode`: JSON whose text was never written."""

    value: ImportValue


@dataclass(frozen=True, slots=True)
class TemplateValue:
    """A text with values in it: parts that are joined, and how it is written."""

    parts: list[ImportValue]
    text: str


def encode_json_text(encoded: JsonEncodedValue) -> str | UnknownValue:
    """Write the JSON text of a `jsonencode`; Unknown when a value in it is not known."""
    inside = next(iterate_unknown_values(encoded.value), None)
    return UnknownValue("jsonencode(…)", inside.where) if inside else json.dumps(encoded.value)


def replace_encoded_values(
    value: ImportValue, encode: Callable[[JsonEncodedValue], str | UnknownValue] = encode_json_text
) -> ImportValue:
    """Replace each Encoded in *value* by its text."""
    if isinstance(value, dict):
        return {key: replace_encoded_values(child, encode) for key, child in value.items()}
    if isinstance(value, list):
        return [replace_encoded_values(child, encode) for child in value]
    return encode(value) if isinstance(value, JsonEncodedValue) else value


def iterate_unknown_values(value: JSON | UnknownValue) -> Iterator[UnknownValue]:
    """Yield every unknown value in *value*, in order."""
    if isinstance(value, UnknownValue):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from iterate_unknown_values(child)
    elif isinstance(value, list):
        for child in value:
            yield from iterate_unknown_values(child)


def make_printable(value: JSON | UnknownValue) -> JSON:
    """Return *value* with each unknown value as text."""
    if isinstance(value, dict):
        return {key: make_printable(child) for key, child in value.items()}
    if isinstance(value, list):
        return [make_printable(child) for child in value]
    return f"${{{value.text}}}" if isinstance(value, UnknownValue) else value
