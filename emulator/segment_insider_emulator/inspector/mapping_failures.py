"""Causes of a failed mapping in plain words: the property, what is wrong with it, what to send."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from segment_insider_emulator.inspector.json_tree import ValueMark, compact_json
from segment_insider_emulator.inspector.rendering import shorten
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.destination import compile_subscription
from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.mapping.fields import FieldType
from segment_insider_emulator.mapping.rejected_values import (
    RejectedValue,
    find_rejected_values,
    suggest_value,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.edits import WorkspaceEdit, apply_workspace_edit

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
        value: The refused value, None if there is none.
        expected_type: The type of the fields.
        edits: Edits of the mapping that convert the value; () if the sender has to change it.
    """

    paths: tuple[str, ...]
    fields: tuple[str, ...]
    requirement: str
    what: str
    remedy: str
    value: JSON = None
    expected_type: FieldType = "string"
    edits: tuple[WorkspaceEdit, ...] = ()

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
    return FailureCause(
        first.source_paths, fields, requirement, what, remedy, first.value, first.expected_type
    )


def suggest_failure_edits(
    cause: FailureCause, index: int, destination: JSONObject, event: JSONObject
) -> tuple[WorkspaceEdit, ...]:
    """Return the edits of subscription *index* (from 0) that convert the refused value.

    Only edits after which the subscription takes the value; () when there are none.
    """
    conversion = _find_conversion(cause)
    if conversion is None:
        return ()
    name, options = conversion
    definition = destination["subscriptions"][index]
    mapping = definition.get("settings", ACTIONS[definition["actionSlug"]].default_mapping)
    edits = []
    edited = destination
    for keys, value in filter(None, (_find_mapped_value(mapping, key) for key in cause.fields)):
        place = ("subscriptions", index, "settings", *keys)
        edits.append(WorkspaceEdit(place, {name: {**options, "value": value}}))
        edited = apply_workspace_edit(edited, edits[-1])
    subscription = compile_subscription(edited["subscriptions"][index], edited["settings"])
    still_refused = {rejected.field for rejected in find_rejected_values(subscription, event)}
    return () if still_refused.intersection(cause.fields) else tuple(edits)


def _find_conversion(cause: FailureCause) -> tuple[str, JSONObject] | None:
    """Return the directive and its options that convert a refused value; None without one."""
    value = cause.value
    if cause.expected_type == "string" and isinstance(value, dict | list):
        return "@json", {"mode": "encode"}
    if not isinstance(value, str):
        return None
    if cause.expected_type == "boolean":
        pair = next((pair for pair in BOOLEAN_WORDS if value in pair), None)
        return (
            ("@replace", _build_replacements((pair[0], "true"), (pair[1], "false")))
            if pair
            else None
        )
    if cause.expected_type in ("number", "integer"):
        number = suggest_value(value, cause.expected_type)
        for replacements in _list_number_replacements(value):
            if _replace_in_text(value, replacements) == number:
                return "@replace", _build_replacements(*replacements)
    return None


Replacement: TypeAlias = tuple[str, str]
BOOLEAN_WORDS: Final = (("yes", "no"), ("Yes", "No"), ("on", "off"), ("True", "False"))


def _list_number_replacements(text: str) -> Iterator[tuple[Replacement, ...]]:
    """Yield replacements that may turn a text into a number: a comma, thousands, a currency."""
    comma, thousands = (",", "."), (",", "")
    yield from ((comma,), ((".", ""), comma), (thousands,))
    currency = re.sub(r"[\d.,]", "", text)
    if currency and text.count(currency) == 1:
        yield from (((currency, ""),), ((currency, ""), comma), ((currency, ""), thousands))


def _replace_in_text(text: str, replacements: Iterable[Replacement]) -> float | None:
    for pattern, replacement in replacements:
        text = text.replace(pattern, replacement)
    try:
        return float(text)
    except ValueError:
        return None


def _build_replacements(*replacements: Replacement) -> JSONObject:
    """Return the options of `@replace`, which takes two replacements."""
    return {
        f"{name}{number or ''}": text
        for number, pair in zip((0, 2), replacements, strict=False)
        for name, text in zip(("pattern", "replacement"), pair, strict=True)
    }


def _find_mapped_value(mapping: JSON, field_key: str) -> tuple[tuple[str | int, ...], JSON] | None:
    """Return keys and value of the mapping of a field such as "products[0].price".

    None if it is not written out, but part of what a directive copies.
    """
    keys: tuple[str | int, ...] = ()
    for name in re.sub(r"\[\d+\]", "", field_key).split("."):
        match mapping:
            case {"@arrayPath": [_, dict() as shape, *_]}:
                keys, mapping = (*keys, "@arrayPath", 1), shape
        if not isinstance(mapping, dict) or is_directive(mapping) or name not in mapping:
            return None
        keys, mapping = (*keys, name), mapping[name]
    return keys, mapping


def _describe_value(value: JSON) -> str:
    text = shorten(compact_json(value), MAX_VALUE_CHARS)
    if isinstance(value, bool) or value is None:
        return text
    kinds = ((str, "text"), (dict, "object"), (list, "list"))
    kind = next((name for type_, name in kinds if isinstance(value, type_)), "number")
    return f"the {kind} {text}"
