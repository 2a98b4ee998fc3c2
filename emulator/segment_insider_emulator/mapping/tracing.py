"""Which parts of an event are looked at: containers that remember what was taken out of them.

Resolvers treat these containers like any dict or list, only slower; the normal path of an event
never meets them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, SupportsIndex, overload

from segment_insider_emulator.types import JSON, JSONObject

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_values


def traced(value: JSON, reads: set[str], path: str = "") -> JSON:
    """Return a copy of *value* that adds the path of every value taken from it to *reads*.

    Paths are dotted, lists are numbered: "properties.products[0].name". An empty object or list
    counts as a value.
    """
    if isinstance(value, dict):
        return _Object(value, path, reads)
    return _List(value, path, reads) if isinstance(value, list) else value


def untraced(value: JSON) -> JSON:
    """Return *value* with plain objects and lists in place of those that `traced` made."""
    if isinstance(value, dict):
        return {key: untraced(dict.__getitem__(value, key)) for key in value}
    if isinstance(value, list):
        return [untraced(list.__getitem__(value, at)) for at in range(len(value))]
    return value


def leaves(value: JSON, path: str = "") -> Iterator[tuple[str, JSON]]:
    """The path and value of everything in *value* that is no object or list with content."""
    if isinstance(value, dict) and value:
        for key in value:
            yield from leaves(dict.__getitem__(value, key), path_below(path, key))
    elif isinstance(value, list) and value:
        for at in range(len(value)):
            yield from leaves(list.__getitem__(value, at), path_below(path, at))
    else:
        yield path, value


def path_below(path: str, key: str | int) -> str:
    """Return the path of a member of the object at *path*, or of an item of the list."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def note_whole(value: JSON) -> None:
    """Count everything inside the containers of *value* as read: they are sent as they are."""
    if isinstance(value, _Object | _List):
        value.reads.update(path for path, _ in leaves(value, value.path))
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            note_whole(part)


def _is_filled(value: JSON) -> bool:
    return isinstance(value, _Object | _List) and bool(value)


class _Object(dict[str, JSON]):
    def __init__(self, value: JSONObject, path: str, reads: set[str]) -> None:
        super().__init__((k, traced(v, reads, path_below(path, k))) for k, v in value.items())
        self.path, self.reads = path, reads

    def _note(self, key: str) -> None:
        if key in self and not _is_filled(super().__getitem__(key)):
            self.reads.add(path_below(self.path, key))

    def get(self, key: str, default: JSON = None) -> JSON:
        self._note(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> JSON:
        self._note(key)
        return super().__getitem__(key)

    def items(self) -> "dict_items[str, JSON]":
        for key in self:
            self._note(key)
        return super().items()

    def values(self) -> "dict_values[str, JSON]":
        for key in self:
            self._note(key)
        return super().values()


class _List(list[JSON]):
    def __init__(self, value: list[JSON], path: str, reads: set[str]) -> None:
        super().__init__(traced(v, reads, path_below(path, at)) for at, v in enumerate(value))
        self.path, self.reads = path, reads

    def _note(self, at: int) -> None:
        if not _is_filled(super().__getitem__(at)):
            self.reads.add(path_below(self.path, at if at >= 0 else len(self) + at))

    @overload
    def __getitem__(self, at: SupportsIndex) -> JSON: ...
    @overload
    def __getitem__(self, at: slice) -> list[JSON]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> JSON:
        if isinstance(at, slice):
            for index in range(*at.indices(len(self))):
                self._note(index)
        else:
            self._note(int(at))
        return super().__getitem__(at)

    def __iter__(self) -> Iterator[JSON]:
        for at in range(len(self)):
            self._note(at)
        return super().__iter__()
