"""Where each value of a request comes from, and which values did not get into it.

Where a value ends up in the body is not said twice: the action builds a body of marks instead of
values, and the marks are looked up in it.
"""

import dataclasses
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace

from segment_insider_emulator.mapping.fields import Field
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.subscription import FAULTS, Subscription
from segment_insider_emulator.mapping.traced_value import TracedValue, is_filled
from segment_insider_emulator.mapping.tracer import trace_payload
from segment_insider_emulator.mapping.tracing import path_below
from segment_insider_emulator.mapping.upserts import normalised
from segment_insider_emulator.types import JSON, JSONObject

# They say how a body is built, and where that shows in a user, if it shows.
_SWITCHES = {
    "email_as_identifier": "identifiers.email",
    "phone_number_as_identifier": "identifiers.phone_number",
    "append_arrays": "not_append",
}
_MARK = re.compile("\x01(\\d+)\x01")


@dataclass(frozen=True, slots=True)
class Origin:
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
class _Mapped:
    """One value of a field before it is known where it went."""

    field: str
    value: JSON
    mapping: JSON
    influences: set[str]
    sources: set[str]

    def origin(self, at: list[str], value: JSON, present: Set[str]) -> Origin:
        return Origin(
            at,
            None if value is MISSING else value,
            self.field,
            self.mapping,
            sorted(self.influences & present),
            sorted((self.influences - self.sources) & present),
            sorted(self.influences - present - {""}),
        )


def origins_of(subscription: Subscription, event: JSONObject, present: Set[str]) -> list[Origin]:
    """Return the origin of each value that *subscription* makes of *event*, which it takes.

    What was read and gave no value has an origin as well, in no place.

    Args:
        present: The paths of the event that have a value.
    """
    try:
        payload = trace_payload(subscription.mapping, event)
    except FAULTS:
        return []  # the mapping is refused before it reads anything
    try:
        values = subscription.values(event)
    except FAULTS:
        # Nothing is sent, but what was read still tells what was meant.
        walk = _Walk()
        walk.mark_fields(subscription, payload.value, payload)
        return [
            mapped.origin([], None, present) for mapped in walk.found if mapped.influences & present
        ]
    walk = _Walk()
    marked = walk.mark_fields(subscription, values, payload)
    sent = subscription.action.user(values)
    places: dict[int, list[tuple[str, JSON]]] = {}
    for number, place, value in _places(subscription.action.user(marked), sent, "users[0]"):
        places.setdefault(number, []).append((place, value))
    return [
        mapped.origin(
            [place for place, _ in found], found[0][1] if found else mapped.value, present
        )
        for number, mapped in enumerate(walk.found)
        if number in walk.marked or mapped.influences & present
        for found in [places.get(number) or list(_switched(mapped.field, sent))]
    ]


def paths_read(subscription: Subscription, event: JSONObject) -> set[str]:
    """Return every path that an origin of `origins_of` names."""
    try:
        payload = trace_payload(subscription.mapping, event)
    except FAULTS:
        return set()
    read = {*payload.reads, *payload.decided_by, *payload.unused}
    parts = (payload.parts.get(field.key) for field in subscription.action.fields)
    return read.union(*(part.influences for part in parts if part))


def _places(marked: JSON, sent: JSON, path: str) -> Iterator[tuple[int, str, JSON]]:
    """The number of each mark in *marked*, with its place and what is sent there."""
    if isinstance(marked, str) and (mark := _MARK.search(marked)):
        yield int(mark[1]), path, sent
    elif isinstance(marked, dict) and isinstance(sent, dict):
        for key in (key for key in marked if key in sent):
            yield from _places(marked[key], sent[key], path_below(path, key))
    elif isinstance(marked, list) and isinstance(sent, list):
        for at, (part, sent_part) in enumerate(zip(marked, sent, strict=False)):
            yield from _places(part, sent_part, path_below(path, at))


def _switched(key: str, sent: JSONObject) -> Iterator[tuple[str, JSON]]:
    """What the field *key* decided without standing there itself, if that shows."""
    if key == "products" and sent.get("events") == []:
        yield "users[0].events", []
    *above, name = _SWITCHES.get(key, "").split(".")
    holder = sent[above[0]] if above else sent
    if name in holder:
        yield f"users[0].{_SWITCHES[key]}", holder[name]


class _Walk:
    """Puts marks in place of values.

    The mark of a value is its number in *found*; *marked* are the numbers that were used.
    """

    def __init__(self) -> None:
        self.found: list[_Mapped] = []
        self.marked: set[int] = set()
        self._overriding: dict[str, set[str]] = {}

    def mark_fields(
        self, subscription: Subscription, values: JSON, payload: TracedValue
    ) -> JSONObject:
        """Return the *values* of the action's fields with marks in place of them."""
        marked: JSONObject = {}
        outside = payload.reads | payload.decided_by | payload.unused
        if outside and not is_filled(payload.value):
            self._note("", MISSING, payload)
        self._overriding = _overriding(payload, values)
        for field in subscription.action.fields:
            if field.key in payload.parts:
                value = values.get(field.key, MISSING) if isinstance(values, dict) else MISSING
                part = payload.parts[field.key].chosen_by(outside)
                value = self._mark_field(field, value, part)
                if value is not MISSING:
                    marked[field.key] = value
        return marked

    def _mark_field(self, field: Field, value: JSON, part: TracedValue) -> JSON:
        key = field.key
        if key in _SWITCHES or value is MISSING:
            self._note(key, value, part)
            return value
        if field.multiple and isinstance(value, list):
            return self._mark_items(value, part, key)
        if isinstance(value, dict):
            return self._mark_members(value, part, key, None)
        return self._mark(value, part, key, None)

    def _mark_items(self, values: list[JSON], part: TracedValue, name: str) -> list[JSON]:
        """Mark a list of objects, from which Segment takes empty entries out."""
        whole = part.reads | part.decided_by
        items = list(part.parts.values()) if isinstance(part.value, list) else [part]
        filled = [item for item in items if not _is_nothing(item.value)]
        for at, item in enumerate(items):
            if _is_nothing(item.value):
                self._note(path_below(name, at), MISSING, item)
        if not filled or part.unused:
            self._note(name, values, part)
        values = [value for value in values if not _is_nothing(value)]
        return [
            self._mark_members(
                value, self._item(item.chosen_by(whole)), path_below(name, at), part.mapping
            )
            if isinstance(value, dict)
            else self._mark(value, item, path_below(name, at), part.mapping)
            for at, (value, item) in enumerate(zip(values, filled, strict=False))
        ]

    def _item(self, item: TracedValue) -> TracedValue:
        """*item*, whose values are sent only where no parameter of the event has that name."""
        parts = {
            key: part.chosen_by(self._overriding.get(normalised(str(key)), ()))
            for key, part in item.parts.items()
        }
        return replace(item, _parts=parts)

    def _mark_members(
        self, value: JSONObject, part: TracedValue, name: str, mapping: JSON
    ) -> JSONObject:
        mapping = mapping if part.mapping is None else part.mapping
        own = part.reads | part.decided_by
        if part.unused or (own and not part.parts):
            self._note(name, value or MISSING, part)
        parts = {key: member.chosen_by(own) for key, member in part.parts.items()}
        for key in (key for key in parts if key not in value):
            self._note(path_below(name, key), MISSING, parts[key])
        return {
            key: self._mark(each, parts.get(key, part), path_below(name, key), mapping)
            for key, each in value.items()
        }

    def _mark(self, value: JSON, part: TracedValue, name: str, mapping: JSON) -> JSON:
        mapping = mapping if part.mapping is None else part.mapping
        if isinstance(value, dict) and value:
            return self._mark_members(value, part, name, mapping)
        if isinstance(value, list) and value and all(isinstance(e, dict) and e for e in value):
            own = part.reads | part.decided_by
            return [
                self._mark_members(
                    each,
                    part.parts.get(at, part).chosen_by(own),
                    path_below(name, at),
                    mapping,
                )
                for at, each in enumerate(value)
            ]
        self._note(name, value, part, mapping)
        self.marked.add(len(self.found) - 1)
        return f"\x01{len(self.found) - 1}\x01"

    def _note(self, name: str, value: JSON, part: TracedValue, mapping: JSON = None) -> None:
        mapping = mapping if part.mapping is None else part.mapping
        self.found.append(_Mapped(name, value, mapping, part.influences, part.sources))


def _overriding(payload: TracedValue, values: JSON) -> dict[str, set[str]]:
    """Name of an event parameter without a value -> the paths that could give it one."""
    parameters = payload.parts.get("parameters")
    if parameters is None or not isinstance(values, dict):
        return {}
    sent = values.get("parameters", {})
    return {
        normalised(str(key)): part.influences
        for key, part in parameters.parts.items()
        if key not in sent
    }


def _is_nothing(value: JSON) -> bool:
    return value is None or value is MISSING or value == ""
