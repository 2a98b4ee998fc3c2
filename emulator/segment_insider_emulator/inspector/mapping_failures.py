"""Causes of a failed mapping in plain words: the property, what is wrong with it, what to send."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from segment_insider_emulator.inspector.json_tree import ValueMark, compact_json
from segment_insider_emulator.inspector.rendering import shorten
from segment_insider_emulator.mapping.rejected_values import RejectedValue, suggest_value
from segment_insider_emulator.types import JSON

# Type of a field -> how a sentence names it, and what to send.
EXPECTED_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "string": ("a text", "Send a text."),
    "number": ("a number", "Send a number, without quotes."),
    "integer": ("a whole number", "Send a whole number, without quotes."),
    "boolean": ("true or false", "Send true or false, without quotes."),
    "datetime": ("a time", "Send a time such as 2026-11-23T10:00:00Z."),
    "object": ("an object", "Send an object or, for several, a list of objects."),
}
MAX_VALUE_CHARS: Final = 60


class FailureCause(NamedTuple):
    """One cause of a failed mapping.

    Args:
        paths: Properties of the event that cause it; empty if the mapping alone does.
        fields: Keys of the fields that refuse the value, e.g. "parameters.unit_price".
        requirement: What the value must be, in a few words, e.g. "must be a number".
        what: A sentence about the value without its subject, the paths.
        remedy: What to send, or to change in the mapping.
    """

    paths: tuple[str, ...]
    fields: tuple[str, ...]
    requirement: str
    what: str
    remedy: str

    def get_mark(self) -> ValueMark:
        """Return the mark of the properties that cause the failure."""
        return ValueMark("failed", self.requirement)


def describe_failure_causes(rejected_values: Iterable[RejectedValue]) -> tuple[FailureCause, ...]:
    """Describe why an action refused an event: one cause for each property, not for each field."""
    groups: dict[tuple[tuple[str, ...], str, bool], list[RejectedValue]] = {}
    for rejected in rejected_values:
        key = (rejected.source_paths, rejected.expected_type, rejected.is_missing)
        groups.setdefault(key, []).append(rejected)
    return tuple(_describe_group(group) for group in groups.values())


def _describe_group(group: list[RejectedValue]) -> FailureCause:
    first = group[0]
    labels = " and ".join(dict.fromkeys(rejected.label for rejected in group))
    expected, remedy = EXPECTED_TYPES[first.expected_type]
    fields = tuple(rejected.field for rejected in group)
    if first.is_missing:
        what = f"has no value, but {labels} is required"
        return FailureCause(first.source_paths, fields, "is required", what, "Send it.")
    requirement = f"must be {expected}"
    what = f"is {_describe_value(first.value)}, but {labels} {requirement}"
    suggested = suggest_value(first.value, first.expected_type)
    if not first.source_paths:
        remedy = "Change it in the mapping."
    elif suggested is not None:
        remedy = f"Send {_describe_value(suggested)}."
    return FailureCause(first.source_paths, fields, requirement, what, remedy)


def _describe_value(value: JSON) -> str:
    text = shorten(compact_json(value), MAX_VALUE_CHARS)
    if isinstance(value, bool) or value is None:
        return text
    kinds = ((str, "text"), (dict, "object"), (list, "list"))
    kind = next((name for type_, name in kinds if isinstance(value, type_)), "number")
    return f"the {kind} {text}"
