"""Values that an import meets and cannot use; they keep their place until one walk names them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.types import JSON


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


def unknown_values(value: JSON | Unknown) -> Iterator[Unknown]:
    """Every unknown value in *value*, in order."""
    if isinstance(value, Unknown):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from unknown_values(child)
    elif isinstance(value, list):
        for child in value:
            yield from unknown_values(child)


def printable(value: JSON | Unknown) -> JSON:
    """*value* with each unknown value as text."""
    if isinstance(value, dict):
        return {key: printable(child) for key, child in value.items()}
    if isinstance(value, list):
        return [printable(child) for child in value]
    return f"${{{value.text}}}" if isinstance(value, Unknown) else value
