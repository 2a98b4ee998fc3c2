"""References of a JSON Schema replaced by what they name, so that nothing is followed later.

Nothing is fetched, and a schema cannot lead an event round in circles: what names itself is
refused, and so is what grows too large.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from emulator.depth import MAX_DEPTH, depth
from emulator.types import JSON, JSONObject

MOST = 20_000  # objects and lists of a schema, references replaced
PLAIN = frozenset({"default", "examples", "enum", "const"})  # keywords that hold plain values
BY_NAME = frozenset({"properties", "patternProperties", "definitions", "dependencies"})


class ReferenceFault(ValueError):
    """A reference that cannot be replaced; the text says why."""


def inlined(schema: JSONObject) -> JSONObject:
    """A copy of *schema* without references. Raises: ReferenceFault."""
    if depth(schema) > MAX_DEPTH:
        raise ReferenceFault(f"it nests deeper than {MAX_DEPTH} levels")
    used = {name: child for name, child in schema.items() if name != "definitions"}
    copy: JSONObject = _Inlining(schema).copy(used, ())
    if depth(copy) > MAX_DEPTH:
        raise ReferenceFault(f"it nests deeper than {MAX_DEPTH} levels, its $refs followed")
    return copy


def schemas(schema: JSON) -> Iterator[JSONObject]:
    """*schema* and every schema inside it."""
    if isinstance(schema, list):
        for each in schema:
            yield from schemas(each)
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword, child in schema.items():
        if keyword in BY_NAME and isinstance(child, dict):
            yield from schemas([*child.values()])
        elif keyword not in PLAIN:
            yield from schemas(child)


class _Inlining:
    def __init__(self, root: JSONObject) -> None:
        self._root = root
        self._seen = 0

    def copy(self, value: JSON, within: tuple[str, ...]) -> JSON:
        """Copy *value*, which the references *within* have led to."""
        if not isinstance(value, dict | list):
            return value
        self._seen += 1
        if self._seen > MOST:
            raise ReferenceFault(f"it has more than {MOST:,} parts, its $refs followed")
        if isinstance(value, list):
            return [self.copy(each, within) for each in value]
        reference = value.get("$ref")
        if isinstance(reference, str):
            # In draft 7, whatever stands beside a reference does not count.
            return self._followed(reference, within)
        return {name: self._below(name, child, within) for name, child in value.items()}

    def _below(self, keyword: str, value: JSON, within: tuple[str, ...]) -> JSON:
        if keyword in PLAIN:
            return value
        if keyword in BY_NAME and isinstance(value, dict):
            return {name: self.copy(child, within) for name, child in value.items()}
        return self.copy(value, within)

    def _followed(self, reference: str, within: tuple[str, ...]) -> JSON:
        if not reference.startswith("#"):
            raise ReferenceFault(f"$ref {reference!r} leads out of it, and nothing is fetched")
        if reference in within:
            raise ReferenceFault(f"$ref {reference!r} leads back to itself")
        return self.copy(self._named(reference), (*within, reference))

    def _named(self, reference: str) -> JSON:
        at: JSON = self._root
        for step in unquote(reference).split("/")[1:]:
            key = re.sub("~1", "/", step).replace("~0", "~")
            listed = at if isinstance(at, list) else []
            held = at if isinstance(at, dict) else {str(n): each for n, each in enumerate(listed)}
            if key not in held:
                raise ReferenceFault(f"$ref {reference!r} leads nowhere")
            at = held[key]
        return at
