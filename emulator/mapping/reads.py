"""Which paths of an event the parts of a mapping read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from emulator.mapping.directives import compile_mapping, is_directive
from emulator.mapping.paths import Resolver
from emulator.mapping.root import ROOT_KEY, compile_checked
from emulator.mapping.subscription import FAULTS
from emulator.mapping.tracing import note_whole, traced
from emulator.types import JSON, JSONObject

_REMEMBERED = 1024  # parts of mappings
_LARGEST_REMEMBERED = 2_000  # characters of one


@dataclass(frozen=True, slots=True)
class Watched:
    """An event that tells what is read of it; one serves all mappings, one after the other."""

    event: JSONObject
    _reads: set[str]

    @classmethod
    def of(cls, event: JSONObject) -> Self:
        reads: set[str] = set()
        return cls(traced(event, reads), reads)

    def parts(self, mapping: JSONObject) -> Iterator[tuple[str, tuple[JSON, list[str]]]]:
        """Every part of *mapping* that makes one field, with the paths that it reads.

        Yields: e.g. ("products[0].name", ({"@path": "title"}, ["properties.products[0].title"])).
        """
        if is_directive(mapping) or ROOT_KEY in mapping:
            whole = compile_checked(mapping, compile_mapping)
            yield "", (mapping, self._read_by(whole, self.event))
            return
        for key, part in mapping.items():
            shape, items = self._shaped(part)
            if items:
                read = {name: (each, _resolver(each)) for name, each in shape.items()}
                for at, item in enumerate(items):
                    for name, (each, resolve) in read.items():
                        yield f"{key}[{at}].{name}", (each, self._read_by(resolve, item))
            elif isinstance(part, dict) and part and not is_directive(part):
                for name, each in part.items():
                    yield f"{key}.{name}", (each, self._read_by(_resolver(each), self.event))
            else:
                yield key, (part, self._read_by(_resolver(part), self.event))

    def _shaped(self, part: JSON) -> tuple[JSONObject, list[JSON]]:
        """For an `@arrayPath` with a shape: the shape and the items."""
        options = part.get("@arrayPath") if isinstance(part, dict) else None
        if not isinstance(options, list) or len(options) < 2 or not isinstance(options[0], str):
            return {}, []
        path, shape = options[:2]
        found = _resolver({"@path": path})(self.event)
        if not isinstance(shape, dict) or is_directive(shape) or not isinstance(found, list):
            return {}, []
        return shape, found

    def _read_by(self, resolve: Resolver, source: JSON) -> list[str]:
        self._reads.clear()
        if not isinstance(source, dict):
            return []
        try:
            note_whole(resolve(source))
        except FAULTS:
            return []
        return sorted(self._reads)


def _resolver(part: JSON) -> Resolver:
    text = json.dumps(part)
    return _remembered(text) if len(text) <= _LARGEST_REMEMBERED else compile_mapping(part)


@lru_cache(_REMEMBERED)
def _remembered(part: str) -> Resolver:
    return compile_mapping(json.loads(part))
