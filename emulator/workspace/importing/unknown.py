"""Values that an import meets and cannot use; they keep their place until one walk names them."""

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


def contains_unknown(value: JSON | Unknown) -> bool:
    """Whether *value* is unknown or has an unknown value anywhere inside it."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Unknown):
            return True
        if isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
    return False


def printable(value: JSON | Unknown) -> JSON:
    """*value* with each unknown value as text."""
    if isinstance(value, dict):
        return {key: printable(child) for key, child in value.items()}
    if isinstance(value, list):
        return [printable(child) for child in value]
    return f"${{{value.text}}}" if isinstance(value, Unknown) else value
