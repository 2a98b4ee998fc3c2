"""Where each value of a request comes from, and which values did not get into it.

Where a value ends up in the body is not said twice: the action builds a body of marks instead of
values, and the marks are looked up in it.
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

# They say how a body is built, and where that shows in a user, if it shows.
_SWITCH_FIELD_PATHS = {
    "email_as_identifier": "identifiers.email",
    "phone_number_as_identifier": "identifiers.phone_number",
    "append_arrays": "not_append",
}
_MARK_PATTERN = re.compile("\x01(\\d+)\x01")


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """One mapped value.

    Args:
        at: Places in the body, e.g. "users[0].events[1].event_params.name"; empty when the value
            did not get into the body.
        value: As it is sent; None also for no value.
        field: The action's field, e.g. "parameters.currency" or "products[0].name".
        mapping: The part of the mapping that produced the value.
        read: Paths of the event that have an influence on the value.
        decided_by: Those of *read* that only decided which value it is, such as the subject of an
            `@if`.
        sought: Paths that were looked for and that the event does not have.
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
    """One value of a field before it is known where it went."""

    field: str
    value: JSON
    mapping: JSON
    influencing_paths: set[str]
    source_paths: set[str]

    def create_origin(
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
    """Return the origin of each value that *subscription* makes of *event*, which it takes.

    What was read and gave no value has an origin as well, in no place.

    Args:
        present: The paths of the event that have a value.
    """
    try:
        payload = trace_payload(subscription.mapping, event)
    except MAPPING_ERRORS:
        return []  # the mapping is refused before it reads anything
    try:
        values = subscription.resolve_field_values(event)
    except MAPPING_ERRORS:
        # Nothing is sent, but what was read still tells what was meant.
        walk = _ValueMarker()
        walk.mark_fields(subscription, payload.value, payload)
        return [
            mapped.create_origin([], None, present_paths)
            for mapped in walk.mapped_values
            if mapped.influencing_paths & present_paths
        ]
    walk = _ValueMarker()
    marked = walk.mark_fields(subscription, values, payload)
    sent = subscription.action.build_user(values)
    places: dict[int, list[tuple[str, JSON]]] = {}
    for number, place, value in _find_marks(
        subscription.action.build_user(marked), sent, "users[0]"
    ):
        places.setdefault(number, []).append((place, value))
    return [
        mapped.create_origin(
            [place for place, _ in found], found[0][1] if found else mapped.value, present_paths
        )
        for number, mapped in enumerate(walk.mapped_values)
        if number in walk.marked_numbers or mapped.influencing_paths & present_paths
        for found in [places.get(number) or list(_find_switch_effects(mapped.field, sent))]
    ]


def find_read_paths(subscription: Subscription, event: JSONObject) -> set[str]:
    """Return every path that an origin of `origins_of` names."""
    try:
        payload = trace_payload(subscription.mapping, event)
    except MAPPING_ERRORS:
        return set()
    read = {*payload.own_source_paths, *payload.deciding_paths, *payload.unused_paths}
    parts = (payload.parts.get(field.key) for field in subscription.action.fields)
    return read.union(*(part.influencing_paths for part in parts if part))


def _find_marks(marked: JSON, sent: JSON, body_path: str) -> Iterator[tuple[int, str, JSON]]:
    """The number of each mark in *marked*, with its place and what is sent there."""
    if isinstance(marked, str) and (mark := _MARK_PATTERN.search(marked)):
        yield int(mark[1]), body_path, sent
    elif isinstance(marked, dict) and isinstance(sent, dict):
        for key in (key for key in marked if key in sent):
            yield from _find_marks(marked[key], sent[key], join_path(body_path, key))
    elif isinstance(marked, list) and isinstance(sent, list):
        for at, (part, sent_part) in enumerate(zip(marked, sent, strict=False)):
            yield from _find_marks(part, sent_part, join_path(body_path, at))


def _find_switch_effects(field_key: str, sent: JSONObject) -> Iterator[tuple[str, JSON]]:
    """What the field *key* decided without standing there itself, if that shows."""
    if field_key == "products" and sent.get("events") == []:
        yield "users[0].events", []
    *above, name = _SWITCH_FIELD_PATHS.get(field_key, "").split(".")
    holder = sent[above[0]] if above else sent
    if name in holder:
        yield f"users[0].{_SWITCH_FIELD_PATHS[field_key]}", holder[name]


class _ValueMarker:
    """Puts marks in place of values.

    The mark of a value is its number in *found*; *marked* are the numbers that were used.
    """

    def __init__(self) -> None:
        self.mapped_values: list[_MappedValue] = []
        self.marked_numbers: set[int] = set()
        self._overriding_paths: dict[str, set[str]] = {}

    def mark_fields(
        self, subscription: Subscription, values: JSON, payload: TracedValue
    ) -> JSONObject:
        """Return the *values* of the action's fields with marks in place of them."""
        marked: JSONObject = {}
        outside = payload.own_source_paths | payload.deciding_paths | payload.unused_paths
        if outside and not is_nonempty_container(payload.value):
            self._record_value("", MISSING, payload)
        self._overriding_paths = _find_overriding_paths(payload, values)
        for field in subscription.action.fields:
            if field.key in payload.parts:
                value = values.get(field.key, MISSING) if isinstance(values, dict) else MISSING
                part = payload.parts[field.key].with_deciding_paths(outside)
                value = self._mark_field(field, value, part)
                if value is not MISSING:
                    marked[field.key] = value
        return marked

    def _mark_field(self, field: ActionField, value: JSON, part: TracedValue) -> JSON:
        key = field.key
        if key in _SWITCH_FIELD_PATHS or value is MISSING:
            self._record_value(key, value, part)
            return value
        if field.multiple and isinstance(value, list):
            return self._mark_items(value, part, key)
        if isinstance(value, dict):
            return self._mark_members(value, part, key, None)
        return self._mark_value(value, part, key, None)

    def _mark_items(self, values: list[JSON], part: TracedValue, field_path: str) -> list[JSON]:
        """Mark a list of objects, from which Segment takes empty entries out."""
        whole = part.own_source_paths | part.deciding_paths
        items = list(part.parts.values()) if isinstance(part.value, list) else [part]
        filled = [item for item in items if not _is_empty_value(item.value)]
        for at, item in enumerate(items):
            if _is_empty_value(item.value):
                self._record_value(join_path(field_path, at), MISSING, item)
        if not filled or part.unused_paths:
            self._record_value(field_path, values, part)
        values = [value for value in values if not _is_empty_value(value)]
        return [
            self._mark_members(
                value,
                self._add_overriding_paths(item.with_deciding_paths(whole)),
                join_path(field_path, at),
                part.mapping,
            )
            if isinstance(value, dict)
            else self._mark_value(value, item, join_path(field_path, at), part.mapping)
            for at, (value, item) in enumerate(zip(values, filled, strict=False))
        ]

    def _add_overriding_paths(self, item: TracedValue) -> TracedValue:
        """*item*, whose values are sent only where no parameter of the event has that name."""
        parts = {
            key: part.with_deciding_paths(self._overriding_paths.get(normalise_name(str(key)), ()))
            for key, part in item.parts.items()
        }
        return replace(item, _parts=parts)

    def _mark_members(
        self, value: JSONObject, part: TracedValue, field_path: str, mapping: JSON
    ) -> JSONObject:
        mapping = mapping if part.mapping is None else part.mapping
        own = part.own_source_paths | part.deciding_paths
        if part.unused_paths or (own and not part.parts):
            self._record_value(field_path, value or MISSING, part)
        parts = {key: member.with_deciding_paths(own) for key, member in part.parts.items()}
        for key in (key for key in parts if key not in value):
            self._record_value(join_path(field_path, key), MISSING, parts[key])
        return {
            key: self._mark_value(each, parts.get(key, part), join_path(field_path, key), mapping)
            for key, each in value.items()
        }

    def _mark_value(self, value: JSON, part: TracedValue, field_path: str, mapping: JSON) -> JSON:
        mapping = mapping if part.mapping is None else part.mapping
        if isinstance(value, dict) and value:
            return self._mark_members(value, part, field_path, mapping)
        if isinstance(value, list) and value and all(isinstance(e, dict) and e for e in value):
            own = part.own_source_paths | part.deciding_paths
            return [
                self._mark_members(
                    each,
                    part.parts.get(at, part).with_deciding_paths(own),
                    join_path(field_path, at),
                    mapping,
                )
                for at, each in enumerate(value)
            ]
        self._record_value(field_path, value, part, mapping)
        self.marked_numbers.add(len(self.mapped_values) - 1)
        return f"\x01{len(self.mapped_values) - 1}\x01"

    def _record_value(
        self, field_path: str, value: JSON, part: TracedValue, mapping: JSON = None
    ) -> None:
        mapping = mapping if part.mapping is None else part.mapping
        self.mapped_values.append(
            _MappedValue(field_path, value, mapping, part.influencing_paths, part.source_paths)
        )


def _find_overriding_paths(payload: TracedValue, values: JSON) -> dict[str, set[str]]:
    """Name of an event parameter without a value -> the paths that could give it one."""
    parameters = payload.parts.get("parameters")
    if parameters is None or not isinstance(values, dict):
        return {}
    sent = values.get("parameters", {})
    return {
        normalise_name(str(key)): part.influencing_paths
        for key, part in parameters.parts.items()
        if key not in sent
    }


def _is_empty_value(value: JSON) -> bool:
    return value is None or value is MISSING or value == ""
