"""Values of an import that are not JSON yet, or that it cannot use.

Those keep their place until one walk names them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from segment_insider_emulator.types import JSON

# JSON, Unknown, Encoded or Template; objects and lists may hold any of them.
Value: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Unknown:
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
class Encoded:
    """The argument of `jsonencode`: JSON whose text was never written."""

    value: Value


@dataclass(frozen=True, slots=True)
class Template:
    """A text with values in it: parts that are joined, and how it is written."""

    parts: list[Value]
    text: str


def encoded_text(encoded: Encoded) -> str | Unknown:
    """Write the JSON text of a `jsonencode`; Unknown when a value in it is not known."""
    inside = next(unknown_values(encoded.value), None)
    return Unknown("jsonencode(…)", inside.where) if inside else json.dumps(encoded.value)


def with_encoded_texts(
    value: Value, text_of: Callable[[Encoded], str | Unknown] = encoded_text
) -> Value:
    """Replace each Encoded in *value* by its text."""
    if isinstance(value, dict):
        return {key: with_encoded_texts(child, text_of) for key, child in value.items()}
    if isinstance(value, list):
        return [with_encoded_texts(child, text_of) for child in value]
    return text_of(value) if isinstance(value, Encoded) else value


def unknown_values(value: JSON | Unknown) -> Iterator[Unknown]:
    """Yield every unknown value in *value*, in order."""
    if isinstance(value, Unknown):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from unknown_values(child)
    elif isinstance(value, list):
        for child in value:
            yield from unknown_values(child)


def printable(value: JSON | Unknown) -> JSON:
    """Return *value* with each unknown value as text."""
    if isinstance(value, dict):
        return {key: printable(child) for key, child in value.items()}
    if isinstance(value, list):
        return [printable(child) for child in value]
    return f"${{{value.text}}}" if isinstance(value, Unknown) else value
