"""Which parts of an event are looked at: containers that remember what was taken out of them.

Resolvers treat these containers like any dict or list, only slower; the normal path of an event
never meets them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, SupportsIndex, overload

from segment_insider_emulator.types import JSON, JSONObject

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_values


def track_reads(value: JSON, read_paths: set[str], path: str = "") -> JSON:
    """Return a copy of *value* that adds the path of every value taken from it to *reads*.

    Paths are dotted, lists are numbered: "properties.products[0].name". An empty object or list
    counts as a value.
    """
    if isinstance(value, dict):
        return _TrackedObject(value, path, read_paths)
    return _TrackedList(value, path, read_paths) if isinstance(value, list) else value


def strip_tracking(value: JSON) -> JSON:
    """Return *value* with plain objects and lists in place of those that `traced` made."""
    if isinstance(value, dict):
        return {key: strip_tracking(dict.__getitem__(value, key)) for key in value}
    if isinstance(value, list):
        return [strip_tracking(list.__getitem__(value, at)) for at in range(len(value))]
    return value


def iter_leaves(value: JSON, path: str = "") -> Iterator[tuple[str, JSON]]:
    """The path and value of everything in *value* that is no object or list with content."""
    if isinstance(value, dict) and value:
        for key in value:
            yield from iter_leaves(dict.__getitem__(value, key), join_path(path, key))
    elif isinstance(value, list) and value:
        for at in range(len(value)):
            yield from iter_leaves(list.__getitem__(value, at), join_path(path, at))
    else:
        yield path, value


def join_path(path: str, key: str | int) -> str:
    """Return the path of a member of the object at *path*, or of an item of the list."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def mark_all_read(value: JSON) -> None:
    """Count everything inside the containers of *value* as read: they are sent as they are."""
    if isinstance(value, _TrackedObject | _TrackedList):
        value.read_paths.update(path for path, _ in iter_leaves(value, value.path))
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            mark_all_read(part)


def _is_nonempty_tracked(value: JSON) -> bool:
    return isinstance(value, _TrackedObject | _TrackedList) and bool(value)


class _TrackedObject(dict[str, JSON]):
    def __init__(self, value: JSONObject, path: str, read_paths: set[str]) -> None:
        super().__init__(
            (k, track_reads(v, read_paths, join_path(path, k))) for k, v in value.items()
        )
        self.path, self.read_paths = path, read_paths

    def _record_read(self, key: str) -> None:
        if key in self and not _is_nonempty_tracked(super().__getitem__(key)):
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
    def __init__(self, value: list[JSON], path: str, read_paths: set[str]) -> None:
        super().__init__(
            track_reads(v, read_paths, join_path(path, at)) for at, v in enumerate(value)
        )
        self.path, self.read_paths = path, read_paths

    def _record_read(self, index: int) -> None:
        if not _is_nonempty_tracked(super().__getitem__(index)):
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
        for at in range(len(self)):
            self._record_read(at)
        return super().__iter__()
