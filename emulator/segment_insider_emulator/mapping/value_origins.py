"""Origins of request values: where each value comes from, and which values are not sent.

The place of a value in the body is not defined twice: the action builds a body from marks in place
of values, and the marks are searched in it.
"""

import dataclasses
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace

from segment_insider_emulator.mapping.destination import MAPPING_ERRORS, Subscription
from segment_insider_emulator.mapping.fields import ActionField
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.path_tracking import (
    TracedValue,
    is_nonempty_container,
    join_path,
)
from segment_insider_emulator.mapping.payload_tracer import trace_payload
from segment_insider_emulator.mapping.upserts import normalise_name
from segment_insider_emulator.types import JSON, JSONObject

# Fields that switch how a body is built -> the path in a user where the effect shows.
_SWITCH_FIELD_PATHS = {
    "email_as_identifier": "identifiers.email",
    "phone_number_as_identifier": "identifiers.phone_number",
    "append_arrays": "not_append",
}
_MARK_PATTERN = re.compile("\x01(\\d+)\x01")


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """Origin of one mapped value: its event paths, its mapping and its places in the request.

    Args:
        at: Paths in the body, e.g. "users[0].events[1].event_params.name"; empty when the value
            is not sent.
        value: The value as sent; None also when there is none.
        field: The action's field, e.g. "parameters.currency" or "products[0].name".
        mapping: The part of the mapping that produced the value.
        read: Paths of the event that influence the value.
        decided_by: Those of *read* that only decide which value it is, such as the subject of an
            `@if`.
        sought: Paths that were looked up and that the event does not have.
    """

    at: list[str]
    value: JSON
    field: str
    mapping: JSON
    read: list[str]
    decided_by: list[str] = dataclasses.field(default_factory=list)
    sought: list[str] = dataclasses.field(default_factory=list)


@dataclass(slots=True)
class _MappedValue:
    """A mapped value of a field; its place in the body is not known yet."""

    field: str
    value: JSON
    mapping: JSON
    influencing_paths: set[str]
    source_paths: set[str]

    def create_value_origin(
        self, body_paths: list[str], value: JSON, present_paths: Set[str]
    ) -> ValueOrigin:
        return ValueOrigin(
            body_paths,
            None if value is MISSING else value,
            self.field,
            self.mapping,
            sorted(self.influencing_paths & present_paths),
            sorted((self.influencing_paths - self.source_paths) & present_paths),
            sorted(self.influencing_paths - present_paths - {""}),
        )


def find_value_origins(
    subscription: Subscription, event: JSONObject, present_paths: Set[str]
) -> list[ValueOrigin]:
    """Return the origin of each value that *subscription* maps from *event*, which matches it.

    Paths that were read and gave no value have an origin, too, without a path in the body.

    Args:
        present_paths: The paths of the event that have a value.
    """
    try:
        payload = trace_payload(subscription.mapping, event)
    except MAPPING_ERRORS:
        return []  # the mapping is rejected before it reads anything
    try:
        values = subscription.resolve_field_values(event)
    except MAPPING_ERRORS:
        # Nothing is sent, but the paths read still show what the mapping intends.
        marker = _ValueMarker()
        marker.mark_fields(subscription, payload.value, payload)
        return [
            mapped.create_value_origin([], None, present_paths)
            for mapped in marker.mapped_values
            if mapped.influencing_paths & present_paths
        ]
    marker = _ValueMarker()
    marked = marker.mark_fields(subscription, values, payload)
    sent_user = subscription.action.build_user(values)
    marks: dict[int, list[tuple[str, JSON]]] = {}
    for number, body_path, value in _find_mark_positions(
        subscription.action.build_user(marked), sent_user, "users[0]"
    ):
        marks.setdefault(number, []).append((body_path, value))
    return [
        mapped.create_value_origin(
            [body_path for body_path, _ in places],
            places[0][1] if places else mapped.value,
            present_paths,
        )
        for number, mapped in enumerate(marker.mapped_values)
        if number in marker.marked_numbers or mapped.influencing_paths & present_paths
        for places in [
            marks.get(number) or list(_find_switch_field_effects(mapped.field, sent_user))
        ]
    ]


def find_read_paths(subscription: Subscription, event: JSONObject) -> set[str]:
    """Return every event path that the origins of `find_value_origins` contain."""
    try:
        payload = trace_payload(subscription.mapping, event)
    except MAPPING_ERRORS:
        return set()
    read_paths = {*payload.own_source_paths, *payload.deciding_paths, *payload.unused_paths}
    parts = (payload.parts.get(field.key) for field in subscription.action.fields)
    return read_paths.union(*(part.all_influencing_paths for part in parts if part))


def _find_mark_positions(
    marked: JSON, sent: JSON, body_path: str
) -> Iterator[tuple[int, str, JSON]]:
    """Yield each mark's number, its place in the request body and the value sent there."""
    if isinstance(marked, str) and (mark := _MARK_PATTERN.search(marked)):
        yield int(mark[1]), body_path, sent
    elif isinstance(marked, dict) and isinstance(sent, dict):
        for key in (key for key in marked if key in sent):
            yield from _find_mark_positions(marked[key], sent[key], join_path(body_path, key))
    elif isinstance(marked, list) and isinstance(sent, list):
        for index, (part, sent_part) in enumerate(zip(marked, sent, strict=False)):
            yield from _find_mark_positions(part, sent_part, join_path(body_path, index))


def _find_switch_field_effects(field_key: str, sent: JSONObject) -> Iterator[tuple[str, JSON]]:
    """Yield the places in the body where a switch field shows its effect, not its value."""
    if field_key == "products" and sent.get("events") == []:
        yield "users[0].events", []
    *parent_keys, name = _SWITCH_FIELD_PATHS.get(field_key, "").split(".")
    parent = sent[parent_keys[0]] if parent_keys else sent
    if name in parent:
        yield f"users[0].{_SWITCH_FIELD_PATHS[field_key]}", parent[name]


class _ValueMarker:
    """Replacement of values by numbered marks, to find their places in the body.

    A mark contains the index of the value in *mapped_values*; *marked_numbers* are the used ones.
    """

    def __init__(self) -> None:
        self.mapped_values: list[_MappedValue] = []
        self.marked_numbers: set[int] = set()
        self._overriding_paths: dict[str, set[str]] = {}

    def mark_fields(
        self, subscription: Subscription, values: JSON, payload: TracedValue
    ) -> JSONObject:
        """Return the *values* of the action's fields, replaced by marks."""
        marked: JSONObject = {}
        payload_paths = payload.own_source_paths | payload.deciding_paths | payload.unused_paths
        if payload_paths and not is_nonempty_container(payload.value):
            self._record_mapped_value("", MISSING, payload)
        self._overriding_paths = _find_paths_for_empty_parameters(payload, values)
        for field in subscription.action.fields:
            if field.key in payload.parts:
                value = values.get(field.key, MISSING) if isinstance(values, dict) else MISSING
                part = payload.parts[field.key].with_deciding_paths(payload_paths)
                value = self._mark_field(field, value, part)
                if value is not MISSING:
                    marked[field.key] = value
        return marked

    def _mark_field(self, field: ActionField, value: JSON, part: TracedValue) -> JSON:
        key = field.key
        if key in _SWITCH_FIELD_PATHS or value is MISSING:
            self._record_mapped_value(key, value, part)
            return value
        if field.multiple and isinstance(value, list):
            return self._mark_list_items(value, part, key)
        if isinstance(value, dict):
            return self._mark_object_members(value, part, key, None)
        return self._mark_value(value, part, key, None)

    def _mark_list_items(
        self, values: list[JSON], part: TracedValue, field_path: str
    ) -> list[JSON]:
        """Mark a list of objects; Segment removes empty items from it."""
        list_paths = part.own_source_paths | part.deciding_paths
        items = list(part.parts.values()) if isinstance(part.value, list) else [part]
        filled_items = [item for item in items if not _is_empty_value(item.value)]
        for index, item in enumerate(items):
            if _is_empty_value(item.value):
                self._record_mapped_value(join_path(field_path, index), MISSING, item)
        if not filled_items or part.unused_paths:
            self._record_mapped_value(field_path, values, part)
        values = [value for value in values if not _is_empty_value(value)]
        return [
            self._mark_object_members(
                value,
                self._add_overriding_paths(item.with_deciding_paths(list_paths)),
                join_path(field_path, index),
                part.mapping,
            )
            if isinstance(value, dict)
            else self._mark_value(value, item, join_path(field_path, index), part.mapping)
            for index, (value, item) in enumerate(zip(values, filled_items, strict=False))
        ]

    def _add_overriding_paths(self, item: TracedValue) -> TracedValue:
        """Add to *item* the parameters that override its values when they have one."""
        parts = {
            key: part.with_deciding_paths(self._overriding_paths.get(normalise_name(str(key)), ()))
            for key, part in item.parts.items()
        }
        return replace(item, _parts=parts)

    def _mark_object_members(
        self, value: JSONObject, part: TracedValue, field_path: str, mapping: JSON
    ) -> JSONObject:
        mapping = mapping if part.mapping is None else part.mapping
        object_paths = part.own_source_paths | part.deciding_paths
        if part.unused_paths or (object_paths and not part.parts):
            self._record_mapped_value(field_path, value or MISSING, part)
        parts = {
            key: member.with_deciding_paths(object_paths) for key, member in part.parts.items()
        }
        for key in (key for key in parts if key not in value):
            self._record_mapped_value(join_path(field_path, key), MISSING, parts[key])
        return {
            key: self._mark_value(
                member_value, parts.get(key, part), join_path(field_path, key), mapping
            )
            for key, member_value in value.items()
        }

    def _mark_value(self, value: JSON, part: TracedValue, field_path: str, mapping: JSON) -> JSON:
        mapping = mapping if part.mapping is None else part.mapping
        if isinstance(value, dict) and value:
            return self._mark_object_members(value, part, field_path, mapping)
        if (
            isinstance(value, list)
            and value
            and all(isinstance(item, dict) and item for item in value)
        ):
            list_paths = part.own_source_paths | part.deciding_paths
            return [
                self._mark_object_members(
                    item,
                    part.parts.get(index, part).with_deciding_paths(list_paths),
                    join_path(field_path, index),
                    mapping,
                )
                for index, item in enumerate(value)
            ]
        self._record_mapped_value(field_path, value, part, mapping)
        self.marked_numbers.add(len(self.mapped_values) - 1)
        return f"\x01{len(self.mapped_values) - 1}\x01"

    def _record_mapped_value(
        self, field_path: str, value: JSON, part: TracedValue, mapping: JSON = None
    ) -> None:
        mapping = mapping if part.mapping is None else part.mapping
        self.mapped_values.append(
            _MappedValue(field_path, value, mapping, part.all_influencing_paths, part.source_paths)
        )


def _find_paths_for_empty_parameters(payload: TracedValue, values: JSON) -> dict[str, set[str]]:
    """Return parameter names without a value -> the paths that could give them one."""
    parameters = payload.parts.get("parameters")
    if parameters is None or not isinstance(values, dict):
        return {}
    sent_parameters = values.get("parameters", {})
    return {
        normalise_name(str(key)): part.all_influencing_paths
        for key, part in parameters.parts.items()
        if key not in sent_parameters
    }


def _is_empty_value(value: JSON) -> bool:
    return value is None or value is MISSING or value == ""
