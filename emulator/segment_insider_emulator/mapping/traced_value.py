"""Values with the paths of the event that they were made from.

Nothing here runs when events are delivered.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Self, TypeAlias

from segment_insider_emulator.mapping.javascript import MISSING, entries, is_truthy, member
from segment_insider_emulator.mapping.tracing import leaves, path_below
from segment_insider_emulator.types import JSON, JSONObject

Paths: TypeAlias = frozenset[str]
Key: TypeAlias = str | int
NO_PATHS: Final[Paths] = frozenset()


@dataclass(slots=True, eq=False)
class TracedValue:
    """A value, and the paths of the event that have an influence on it.

    Paths are dotted, lists are numbered: "properties.products[0].name".

    Args:
        value: MISSING where there is none.
        reads: Paths whose values went into it; those of *parts* come on top.
        decided_by: Paths that decided that it is this value and not another.
        unused: Paths that were looked at and put nothing into it.
        always_there: Whether it has a value whatever *reads* hold, as a template has.
        path: Its place in the event; None for what the mapping made.
        mapping: The part of the mapping that made it; None when that is the part around it.
    """

    value: JSON
    reads: Paths = NO_PATHS
    decided_by: Paths = NO_PATHS
    unused: Paths = NO_PATHS
    always_there: bool = False
    path: str | None = None
    mapping: JSON = None
    _parts: "dict[Key, TracedValue] | None" = None

    @classmethod
    def of_event(cls, value: JSON, path: str = "") -> Self:
        """Return the value at *path* of an event."""
        return cls(value, NO_PATHS if is_filled(value) else frozenset((path,)), path=path)

    @classmethod
    def of_parts(cls, value: JSON, parts: "dict[Key, TracedValue]") -> Self:
        """Return an object or a list that a mapping put together.

        Args:
            parts: May have keys that *value* lacks: what would stand there has no value.
        """
        return cls(value, _parts=parts)

    @property
    def parts(self) -> "dict[Key, TracedValue]":
        """The members of an object or a list, the items of which are numbered from 0."""
        if self._parts is None:
            value = self.value
            pairs: Iterable[tuple[Key, JSON]] = ()
            if isinstance(value, dict):
                pairs = value.items()
            elif isinstance(value, list):
                pairs = enumerate(value)
            self._parts = {key: self._part(each, key) for key, each in pairs}
        return self._parts

    @property
    def is_of_event(self) -> bool:
        """Whether it stands in the event just like this."""
        return self.path is not None and self._parts is None

    @property
    def influences(self) -> set[str]:
        """Every path that has an influence on the value or on one of its parts."""
        found = {*self.reads, *self.decided_by, *self.unused}
        if self.path is not None and self._parts is None:
            if is_filled(self.value):
                found.update(path for path, _ in leaves(self.value, self.path))
            return found
        return found.union(*(part.influences for part in self.parts.values()))

    @property
    def sources(self) -> set[str]:
        """Every path whose value went into the value or into one of its parts."""
        if self.path is not None and self._parts is None:
            return self.influences - self.decided_by - self.unused | self.reads
        return {*self.reads}.union(*(part.sources for part in self.parts.values()))

    @property
    def presence(self) -> Paths:
        """The paths that decide whether there is a value, and not null."""
        return self.decided_by if self.always_there else self.reads | self.decided_by

    def chosen_by(self, paths: Iterable[str]) -> Self:
        """Return the same value, decided by *paths* as well."""
        more = self.decided_by.union(paths)
        return self if more == self.decided_by else replace(self, decided_by=more)

    def member(self, key: str) -> "TracedValue":
        """Return what `javascript.member` gives, with its paths."""
        if isinstance(self.value, dict):
            if key in self.value:
                return self.parts[key].chosen_by(self.decided_by)
            return self._nothing_below(key)
        if self.value is MISSING:
            return self._nothing_below(key) if self.path else self
        if not is_truthy(self.value):
            return self
        found = member(self.value, key)
        if not isinstance(self.value, list):
            return replace(self, value=found, path=None, always_there=False, _parts=None)
        if key == "length":
            # What an entry has inside does not change how many there are.
            entries_read = (part.reads for part in self.parts.values())
            return TracedValue(found, self.reads.union(*entries_read), self.decided_by)
        if key.isascii() and key.isdigit() and int(key) in self.parts:
            return self.parts[int(key)].chosen_by(self.decided_by)
        return self._nothing_below(int(key) if key.isascii() and key.isdigit() else key)

    def members(self) -> "list[tuple[str, TracedValue]]":
        """Return what `javascript.entries` gives, with the paths of each value."""
        pairs: list[tuple[str, TracedValue]] = []
        for key, each in entries(self.value):
            if isinstance(self.value, str):
                part = replace(self, value=each, path=None, _parts=None)
            else:
                part = self.parts[int(key) if isinstance(self.value, list) else key]
            pairs.append((key, part.chosen_by(self.decided_by)))
        return pairs

    @property
    def absent(self) -> "dict[Key, TracedValue]":
        """The parts without a value, which *value* does not have."""
        own: JSONObject = self.value if isinstance(self.value, dict) else {}
        is_list = isinstance(self.value, list)
        parts = {} if is_list else self._parts or {}
        return {key: part for key, part in parts.items() if key not in own}

    def _part(self, value: JSON, key: Key) -> "TracedValue":
        if self.path is not None:
            return TracedValue.of_event(value, path_below(self.path, key))
        return TracedValue(value, self.reads)

    def _nothing_below(self, key: Key) -> "TracedValue":
        """What stands at a key that is not there; with the path at which it was sought."""
        path = None if self.path is None else path_below(self.path, key)
        reads = self.reads if path is None else self.reads | {path}
        part = (self._parts or {}).get(key)
        decided_by = self.decided_by.union(part.influences) if part else self.decided_by
        return TracedValue(MISSING, reads, decided_by, path=path)


def is_filled(value: JSON) -> bool:
    """Check whether *value* is an object or a list with something in it."""
    return isinstance(value, dict | list) and bool(value)


def text_influences(traced: TracedValue) -> set[str]:
    """Return the paths that show when a value is written as text; those of an object do not."""
    found = {*traced.reads, *traced.decided_by}
    if isinstance(traced.value, list):
        found = found.union(*(text_influences(part) for part in traced.parts.values()))
    return found


def choose(chosen: TracedValue, other: TracedValue | None, deciding: Iterable[str]) -> TracedValue:
    """Return *chosen*, in whose place *other* would be if the paths *deciding* had other values.

    Args:
        other: None when it cannot be known.
    """
    by = frozenset(deciding)
    if not by:
        return chosen
    if other is None:
        return chosen.chosen_by(by)
    if _is_alike(chosen.value, other.value) and not other.influences & by:
        return chosen
    nothing = TracedValue(MISSING)
    if isinstance(chosen.value, dict) and isinstance(other.value, dict):
        parts = {
            key: choose(chosen.parts.get(key, nothing), other.parts.get(key, nothing), by)
            for key in {**chosen.parts, **other.parts}
        }
        return replace(chosen, _parts=parts)
    if isinstance(other.value, dict) and not is_filled(chosen.value):
        return replace(
            chosen.chosen_by(by), _parts={key: nothing.chosen_by(by) for key in other.parts}
        )
    return chosen.chosen_by(by)


def _is_alike(one: JSON, other: JSON) -> bool:
    """Whether both are the same JSON; for Python, `True` would equal `1`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_alike(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_alike, one, other))
    return type(one) is type(other) and one == other
