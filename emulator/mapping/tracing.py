"""Which parts of an event a mapping reads: containers that remember what was taken out of them.

Resolvers treat these containers like any dict or list, only slower; the normal path of an event
never meets them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, SupportsIndex, overload

from emulator.types import JSON, JSONObject

if TYPE_CHECKING:
    from _collections_abc import dict_items


def traced(event: JSONObject, reads: set[str]) -> JSONObject:
    """A copy of *event* that adds the path of every value taken from it to *reads*.

    Paths are dotted, lists are numbered: "properties.products[0].name".
    """
    return _Object(event, "", reads)


def leaves(value: JSON, path: str = "") -> Iterator[tuple[str, JSON]]:
    """The path and value of everything in *value* that is no object or list with content."""
    if isinstance(value, dict) and value:
        for key in value:
            yield from leaves(dict.__getitem__(value, key), _below(path, key))
    elif isinstance(value, list) and value:
        for at in range(len(value)):
            yield from leaves(list.__getitem__(value, at), f"{path}[{at}]")
    else:
        yield path, value


def note_whole(value: JSON) -> None:
    """Count everything inside the containers of *value* as read: they are sent as they are."""
    if isinstance(value, _Object | _List):
        value.reads.update(path for path, _ in leaves(value, value.path))
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            note_whole(each)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _wrapped(value: JSON, path: str, reads: set[str]) -> JSON:
    if isinstance(value, dict):
        return _Object(value, path, reads)
    return _List(value, path, reads) if isinstance(value, list) else value


class _Object(dict[str, JSON]):
    def __init__(self, value: JSONObject, path: str, reads: set[str]) -> None:
        super().__init__((k, _wrapped(v, _below(path, k), reads)) for k, v in value.items())
        self.path, self.reads = path, reads

    def _note(self, key: str) -> None:
        if key in self and not isinstance(super().__getitem__(key), _Object | _List):
            self.reads.add(_below(self.path, key))

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


class _List(list[JSON]):
    def __init__(self, value: list[JSON], path: str, reads: set[str]) -> None:
        super().__init__(_wrapped(v, f"{path}[{at}]", reads) for at, v in enumerate(value))
        self.path, self.reads = path, reads

    def _note(self, at: int) -> None:
        if not isinstance(super().__getitem__(at), _Object | _List):
            self.reads.add(f"{self.path}[{at}]")

    @overload
    def __getitem__(self, at: SupportsIndex) -> JSON: ...
    @overload
    def __getitem__(self, at: slice) -> list[JSON]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> JSON:
        if not isinstance(at, slice):
            self._note(int(at))
        return super().__getitem__(at)

    def __iter__(self) -> Iterator[JSON]:
        for at in range(len(self)):
            self._note(at)
        return super().__iter__()
