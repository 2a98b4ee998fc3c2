"""Values that make an action refuse an event: their field, event paths and what to send instead.

This module does not run when events are delivered.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from segment_insider_emulator.mapping.destination import MAPPING_ERRORS, Subscription
from segment_insider_emulator.mapping.fields import ActionField, FieldType, compile_field_reader
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.path_tracking import TracedValue, join_path
from segment_insider_emulator.mapping.payload_tracer import trace_payload
from segment_insider_emulator.types import JSON, JSONObject


class RejectedValue(NamedTuple):
    """A value that an action's field refuses.

    Args:
        field: The key of the field, e.g. "parameters.unit_price" or "products[0].name".
        label: What Segment calls the field.
        expected_type: The type of the field.
        value: As mapped; None also when a required field has none.
        source_paths: Paths of the event that it comes from or, if it is missing, would come from.
        is_missing: Whether the field is required and has no value.
    """

    field: str
    label: str
    expected_type: FieldType
    value: JSON
    source_paths: tuple[str, ...]
    is_missing: bool = False


def find_rejected_values(subscription: Subscription, event: JSONObject) -> list[RejectedValue]:
    """Return the values for which *subscription*'s action refuses *event*, which matches it.

    Empty if the mapping itself is invalid, or fails before it has values.
    """
    try:
        payload = trace_payload(subscription.mapping, event)
    except MAPPING_ERRORS:
        return []
    return [
        rejected
        for field in subscription.action.fields
        for rejected in _check_field(field, payload.parts.get(field.key), field.key)
    ]


def _check_field(
    field: ActionField, traced: TracedValue | None, field_path: str
) -> Iterator[RejectedValue]:
    if traced is None or traced.value in (MISSING, None):
        if field.required:
            paths = traced.all_influencing_paths - {""} if traced else ()
            yield _create_rejected_value(field, field_path, None, paths, is_missing=True)
    elif field.multiple and isinstance(traced.value, list):
        for index, item in traced.parts.items():
            yield from _check_members(field, item, join_path(field_path, index))
    elif field.type == "object" or field.multiple:
        yield from _check_members(field, traced, field_path)
    else:
        yield from _check_scalar(field, traced, field_path)


def _check_members(
    field: ActionField, traced: TracedValue, field_path: str
) -> Iterator[RejectedValue]:
    if traced.value in (MISSING, None, ""):
        return
    if not isinstance(traced.value, dict):
        yield _create_rejected_value(field, field_path, traced.value, _list_source_paths(traced))
        return
    for member in field.properties:
        if member.key in traced.value and (part := traced.parts.get(member.key)):
            yield from _check_scalar(member, part, f"{field_path}.{member.key}")


def _check_scalar(
    field: ActionField, traced: TracedValue, field_path: str
) -> Iterator[RejectedValue]:
    _, accepted_types, read = compile_field_reader(field, clean=True)
    messages: list[str] = []
    if type(traced.value) not in accepted_types:
        read(traced.value, messages)
    if messages:
        yield _create_rejected_value(field, field_path, traced.value, _list_source_paths(traced))


def _list_source_paths(traced: TracedValue) -> Collection[str]:
    """Return the paths of a traced value; for a part of the event, its own path alone."""
    return [traced.event_path] if traced.event_path else traced.source_paths


def _create_rejected_value(
    field: ActionField,
    field_path: str,
    value: JSON,
    paths: Collection[str],
    *,
    is_missing: bool = False,
) -> RejectedValue:
    source_paths = tuple(sorted(paths))
    return RejectedValue(field_path, field.label, field.type, value, source_paths, is_missing)


_NUMBER_TEXT = re.compile(r"[^\d,.+-]*([+-]?\d[\d,.' \xa0]*?)[^\d]*", re.ASCII)
_GROUPED_DIGITS = re.compile(r"[+-]?(\d+|\d{1,3}([,.]\d{3})+)", re.ASCII)
MAX_NUMBER_CHARS = 40  # of a text that could be one
_BOOLEAN_TEXTS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(
    ("false", "no", "off", "0"), False
)


def suggest_value(value: JSON, expected_type: FieldType) -> JSON:
    """Return the value of *expected_type* that a sender probably means; None if it is not clear."""
    if not isinstance(value, str):
        return None
    if expected_type == "boolean":
        return _BOOLEAN_TEXTS.get(value.strip().lower())
    if expected_type in ("number", "integer"):
        number = _read_written_number(value)
        return int(number) if number is not None and number == int(number) else number
    return None


def _read_written_number(text: str) -> float | None:
    """Read a number as people write it, such as "9,99", "1.299,00 TL" or "$1,299"."""
    if len(text) > MAX_NUMBER_CHARS or not (match := _NUMBER_TEXT.fullmatch(text.strip())):
        return None
    digits = re.sub(r"[' \xa0]", "", match[1]).rstrip(",.")
    last = max(digits.rfind(","), digits.rfind("."))
    separators = {character for character in digits if character in ",."}
    # One separator before three digits could be of thousands or of the fraction.
    if len(separators) == 1 and len(digits) - last == 4:
        return None
    whole, fraction = (digits[:last], digits[last + 1 :]) if last >= 0 else (digits, "")
    if not _GROUPED_DIGITS.fullmatch(whole):
        return None
    return float(f"{re.sub('[,.]', '', whole)}.{fraction or 0}")
