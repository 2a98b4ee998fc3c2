"""Values that know the event paths they come from, for explanations of mappings.

`track_reads` wraps an event in objects and lists that record what resolvers read from them.
`TracedValue` is a value together with the paths that it comes from. Delivery uses neither.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self, SupportsIndex, TypeAlias, overload

from segment_insider_emulator.mapping.javascript import MISSING, get_member, is_truthy, iter_entries
from segment_insider_emulator.types import JSON, JSONObject

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_values


def track_reads(value: JSON, read_paths: set[str], path: str = "") -> JSON:
    """Return a copy of *value* that adds the path of every value read from it to *read_paths*.

    Paths are dotted, lists are numbered: "properties.products[0].name". An empty object or list
    counts as a value.
    """
    if isinstance(value, dict):
        return _TrackedObject(value, path, read_paths)
    return _TrackedList(value, path, read_paths) if isinstance(value, list) else value


def strip_tracking(value: JSON) -> JSON:
    """Return *value* with plain objects and lists in place of tracked ones."""
    if isinstance(value, dict):
        return {key: strip_tracking(dict.__getitem__(value, key)) for key in value}
    if isinstance(value, list):
        return [strip_tracking(list.__getitem__(value, index)) for index in range(len(value))]
    return value


def iter_leaves(value: JSON, path: str = "") -> Iterator[tuple[str, JSON]]:
    """Yield path and value of every leaf of a JSON value: scalars, empty objects and lists."""
    if isinstance(value, dict) and value:
        for key in value:
            yield from iter_leaves(dict.__getitem__(value, key), join_path(path, key))
    elif isinstance(value, list) and value:
        for index in range(len(value)):
            yield from iter_leaves(list.__getitem__(value, index), join_path(path, index))
    else:
        yield path, value


def join_path(path: str, key: str | int) -> str:
    """Return the path of a member of the object, or an item of the list, at *path*."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def mark_all_values_read(value: JSON) -> None:
    """Record everything inside the tracked containers of *value* as read."""
    if isinstance(value, _TrackedObject | _TrackedList):
        value.read_paths.update(path for path, _ in iter_leaves(value, value.path))
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            mark_all_values_read(part)


def _is_nonempty_tracked_container(value: JSON) -> bool:
    return isinstance(value, _TrackedObject | _TrackedList) and bool(value)


class _TrackedObject(dict[str, JSON]):
    """An object that adds the path of every value read from it to *read_paths*."""

    def __init__(self, value: JSONObject, path: str, read_paths: set[str]) -> None:
        super().__init__(
            (key, track_reads(member, read_paths, join_path(path, key)))
            for key, member in value.items()
        )
        self.path, self.read_paths = path, read_paths

    def _record_read(self, key: str) -> None:
        if key in self and not _is_nonempty_tracked_container(super().__getitem__(key)):
            self.read_paths.add(join_path(self.path, key))

    def get(self, key: str, default: JSON = None) -> JSON:
        self._record_read(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> JSON:
        self._record_read(key)
        return super().__getitem__(key)

    def items(self) -> "dict_items[str, JSON]":
        for key in self:
            self._record_read(key)
        return super().items()

    def values(self) -> "dict_values[str, JSON]":
        for key in self:
            self._record_read(key)
        return super().values()


class _TrackedList(list[JSON]):
    """A list that adds the path of every item read from it to *read_paths*."""

    def __init__(self, value: list[JSON], path: str, read_paths: set[str]) -> None:
        super().__init__(
            track_reads(item, read_paths, join_path(path, index))
            for index, item in enumerate(value)
        )
        self.path, self.read_paths = path, read_paths

    def _record_read(self, index: int) -> None:
        if not _is_nonempty_tracked_container(super().__getitem__(index)):
            self.read_paths.add(join_path(self.path, index if index >= 0 else len(self) + index))

    @overload
    def __getitem__(self, at: SupportsIndex) -> JSON: ...
    @overload
    def __getitem__(self, at: slice) -> list[JSON]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> JSON:
        if isinstance(at, slice):
            for index in range(*at.indices(len(self))):
                self._record_read(index)
        else:
            self._record_read(int(at))
        return super().__getitem__(at)

    def __iter__(self) -> Iterator[JSON]:
        for index in range(len(self)):
            self._record_read(index)
        return super().__iter__()


EventPaths: TypeAlias = frozenset[str]
PartKey: TypeAlias = str | int
NO_PATHS: Final[EventPaths] = frozenset()


@dataclass(slots=True, eq=False)
class TracedValue:
    """A mapped value with the event paths that influence it.

    Paths are dotted, lists are numbered: "properties.products[0].name".

    Args:
        value: MISSING when there is none.
        own_source_paths: Paths of values that are part of it, in addition to those of *parts*.
        deciding_paths: Paths that decided that it is this value and not another.
        unused_paths: Paths that were read and contributed nothing.
        is_always_present: Whether it has a value for any *own_source_paths*, as a template does.
        event_path: Its path in the event; None when the mapping built it.
        mapping: The part of the mapping that built it; None when that is the enclosing part.
    """

    value: JSON
    own_source_paths: EventPaths = NO_PATHS
    deciding_paths: EventPaths = NO_PATHS
    unused_paths: EventPaths = NO_PATHS
    is_always_present: bool = False
    event_path: str | None = None
    mapping: JSON = None
    _parts: "dict[PartKey, TracedValue] | None" = None

    @classmethod
    def from_event(cls, value: JSON, path: str = "") -> Self:
        """Return the traced value at *path* of an event."""
        return cls(
            value, NO_PATHS if is_nonempty_container(value) else frozenset((path,)), event_path=path
        )

    @classmethod
    def from_parts(cls, value: JSON, parts: "dict[PartKey, TracedValue]") -> Self:
        """Return the traced object or list that a mapping built from traced *parts*.

        Args:
            parts: May have keys that *value* does not have: those of parts without a value.
        """
        return cls(value, _parts=parts)

    @property
    def parts(self) -> "dict[PartKey, TracedValue]":
        """Return the traced members of the object, or the traced items of the list by index."""
        if self._parts is None:
            value = self.value
            pairs: Iterable[tuple[PartKey, JSON]] = ()
            if isinstance(value, dict):
                pairs = value.items()
            elif isinstance(value, list):
                pairs = enumerate(value)
            self._parts = {key: self._create_part(part_value, key) for key, part_value in pairs}
        return self._parts

    @property
    def is_event_value(self) -> bool:
        """Return whether the traced value is an unchanged part of the event."""
        return self.event_path is not None and self._parts is None

    @property
    def all_influencing_paths(self) -> set[str]:
        """Every event path that influences the traced value or one of its parts."""
        paths = {*self.own_source_paths, *self.deciding_paths, *self.unused_paths}
        if self.event_path is not None and self._parts is None:
            if is_nonempty_container(self.value):
                paths.update(path for path, _ in iter_leaves(self.value, self.event_path))
            return paths
        return paths.union(*(part.all_influencing_paths for part in self.parts.values()))

    @property
    def source_paths(self) -> set[str]:
        """Return the path of every event value that is part of the traced value."""
        if self.event_path is not None and self._parts is None:
            return (
                self.all_influencing_paths - self.deciding_paths - self.unused_paths
                | self.own_source_paths
            )
        return {*self.own_source_paths}.union(*(part.source_paths for part in self.parts.values()))

    @property
    def presence_paths(self) -> EventPaths:
        """Return the event paths that decide whether there is a value other than null."""
        return (
            self.deciding_paths
            if self.is_always_present
            else self.own_source_paths | self.deciding_paths
        )

    def with_deciding_paths(self, paths: Iterable[str]) -> Self:
        """Return the same traced value with *paths* added to its deciding paths."""
        deciding_paths = self.deciding_paths.union(paths)
        return (
            self
            if deciding_paths == self.deciding_paths
            else replace(self, deciding_paths=deciding_paths)
        )

    def get_member(self, key: str) -> "TracedValue":
        """Return the traced member *key*, as `javascript.get_member` does for plain values."""
        if isinstance(self.value, dict):
            if key in self.value:
                return self.parts[key].with_deciding_paths(self.deciding_paths)
            return self._create_missing_member(key)
        if self.value is MISSING:
            return self._create_missing_member(key) if self.event_path else self
        if not is_truthy(self.value):
            return self
        member = get_member(self.value, key)
        if not isinstance(self.value, list):
            return replace(
                self, value=member, event_path=None, is_always_present=False, _parts=None
            )
        if key == "length":
            # The content of an item does not change the number of items.
            item_paths = (part.own_source_paths for part in self.parts.values())
            return TracedValue(
                member, self.own_source_paths.union(*item_paths), self.deciding_paths
            )
        if key.isascii() and key.isdigit() and int(key) in self.parts:
            return self.parts[int(key)].with_deciding_paths(self.deciding_paths)
        return self._create_missing_member(int(key) if key.isascii() and key.isdigit() else key)

    def list_members(self) -> "list[tuple[str, TracedValue]]":
        """Return the traced pairs, as `javascript.iter_entries` does for plain values."""
        pairs: list[tuple[str, TracedValue]] = []
        for key, member in iter_entries(self.value):
            if isinstance(self.value, str):
                part = replace(self, value=member, event_path=None, _parts=None)
            else:
                part = self.parts[int(key) if isinstance(self.value, list) else key]
            pairs.append((key, part.with_deciding_paths(self.deciding_paths)))
        return pairs

    @property
    def parts_without_value(self) -> "dict[PartKey, TracedValue]":
        """Return the traced parts that have no value and are therefore not in *value*."""
        members: JSONObject = self.value if isinstance(self.value, dict) else {}
        is_list = isinstance(self.value, list)
        parts = {} if is_list else self._parts or {}
        return {key: part for key, part in parts.items() if key not in members}

    def replace_nulls_with_missing(self) -> "TracedValue":
        """Return the traced value with MISSING in place of null, in nested objects, too."""
        if self.value is None:
            return replace(self, value=MISSING)
        if not isinstance(self.value, dict):
            return self
        parts = {key: part.replace_nulls_with_missing() for key, part in self.parts.items()}
        return self._rebuild_from_parts(parts, keep_missing=True)

    def drop_missing_keys(self) -> "TracedValue":
        """Return the traced value without MISSING keys, as `javascript.drop_missing_keys` does."""
        if not is_nonempty_container(self.value) or self.is_event_value:
            return self
        parts = {key: part.drop_missing_keys() for key, part in self.parts.items()}
        return self._rebuild_from_parts(parts, keep_missing=False)

    def _rebuild_from_parts(
        self, parts: "dict[PartKey, TracedValue]", *, keep_missing: bool
    ) -> "TracedValue":
        value: JSON
        if isinstance(self.value, list):
            value = [part.value for part in parts.values()]
        else:
            value = {
                key: parts[key].value
                for key in self.value
                if keep_missing or parts[key].value is not MISSING
            }
        return replace(self, value=value, _parts=parts)

    def _create_part(self, value: JSON, key: PartKey) -> "TracedValue":
        if self.event_path is not None:
            return TracedValue.from_event(value, join_path(self.event_path, key))
        return TracedValue(value, self.own_source_paths)

    def _create_missing_member(self, key: PartKey) -> "TracedValue":
        """Return the MISSING member *key*, with the path at which it was looked for."""
        path = None if self.event_path is None else join_path(self.event_path, key)
        source_paths = self.own_source_paths if path is None else self.own_source_paths | {path}
        part = (self._parts or {}).get(key)
        deciding_paths = (
            self.deciding_paths.union(part.all_influencing_paths) if part else self.deciding_paths
        )
        return TracedValue(MISSING, source_paths, deciding_paths, event_path=path)


def is_nonempty_container(value: JSON) -> bool:
    """Return whether *value* is a non-empty object or list."""
    return isinstance(value, dict | list) and bool(value)


def find_paths_visible_in_text(traced_value: TracedValue) -> set[str]:
    """Return the event paths that show in a traced value's text; an object's text shows none."""
    paths = {*traced_value.own_source_paths, *traced_value.deciding_paths}
    if isinstance(traced_value.value, list):
        paths = paths.union(
            *(find_paths_visible_in_text(part) for part in traced_value.parts.values())
        )
    return paths


def add_paths_where_alternative_differs(
    chosen: TracedValue, alternative: TracedValue | None, deciding_paths: Iterable[str]
) -> TracedValue:
    """Return *chosen* with *deciding_paths* on the parts in which *alternative* differs.

    Args:
        alternative: The value for other values of *deciding_paths*; None when unknown.
    """
    deciding = frozenset(deciding_paths)
    if not deciding:
        return chosen
    if alternative is None:
        return chosen.with_deciding_paths(deciding)
    if (
        _is_same_json(chosen.value, alternative.value)
        and not alternative.all_influencing_paths & deciding
    ):
        return chosen
    missing = TracedValue(MISSING)
    if isinstance(chosen.value, dict) and isinstance(alternative.value, dict):
        parts = {
            key: add_paths_where_alternative_differs(
                chosen.parts.get(key, missing), alternative.parts.get(key, missing), deciding
            )
            for key in {**chosen.parts, **alternative.parts}
        }
        return replace(chosen, _parts=parts)
    if isinstance(alternative.value, dict) and not is_nonempty_container(chosen.value):
        return replace(
            chosen.with_deciding_paths(deciding),
            _parts={key: missing.with_deciding_paths(deciding) for key in alternative.parts},
        )
    return chosen.with_deciding_paths(deciding)


def _is_same_json(left: JSON, right: JSON) -> bool:
    """Return whether two values are the same JSON; in Python alone, `True` would equal `1`."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            _is_same_json(left[key], right[key]) for key in left
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_is_same_json, left, right))
    return type(left) is type(right) and left == right
