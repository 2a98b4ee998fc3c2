"""References of a JSON Schema replaced by what they name, so that nothing is followed later.

Nothing is fetched, and a schema cannot lead an event round in circles: a reference that names
itself stays as it is, and so does one that leads nowhere. What grows too large is refused.
"""

import re
from urllib.parse import unquote

from segment_insider_emulator.depth import MAX_DEPTH, depth
from segment_insider_emulator.types import JSON, JSONObject

MOST = 20_000  # objects and lists of a schema, references replaced
PLAIN = frozenset({"default", "examples", "enum", "const"})  # keywords that hold plain values
BY_NAME = frozenset({"properties", "patternProperties", "definitions", "dependencies"})


class TooLarge(ValueError):
    """A schema that is too deep or has too many parts; the text says which."""


def inlined(schema: JSONObject) -> tuple[JSONObject, dict[str, str]]:
    """Copy *schema* with its references replaced; also return why the others are not, by text.

    Raises: TooLarge.
    """
    if depth(schema) > MAX_DEPTH:
        raise TooLarge(f"it nests deeper than {MAX_DEPTH} levels")
    used = {name: child for name, child in schema.items() if name != "definitions"}
    inlining = _Inlining(schema)
    copy: JSONObject = inlining.copy(used, ())
    if depth(copy) > MAX_DEPTH:
        raise TooLarge(f"it nests deeper than {MAX_DEPTH} levels, its $refs followed")
    return copy, inlining.faults


class _Inlining:
    def __init__(self, root: JSONObject) -> None:
        self._root = root
        self._seen = 0
        self.faults: dict[str, str] = {}

    def copy(self, value: JSON, within: tuple[str, ...]) -> JSON:
        """Copy *value*, which the references *within* have led to."""
        if not isinstance(value, dict | list):
            return value
        self._seen += 1
        if self._seen > MOST:
            raise TooLarge(f"it has more than {MOST:,} parts, its $refs followed")
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
            return self._kept(reference, "leads out of it, and nothing is fetched")
        if reference in within:
            return self._kept(reference, "leads back to itself")
        named = self._named(reference)
        if named is None:
            return self._kept(reference, "leads nowhere")
        return self.copy(named[0], (*within, reference))

    def _kept(self, reference: str, why: str) -> JSONObject:
        self.faults[reference] = f"$ref {reference!r} {why}"
        return {"$ref": reference}

    def _named(self, reference: str) -> tuple[JSON] | None:
        at: JSON = self._root
        for step in unquote(reference).split("/")[1:]:
            key = re.sub("~1", "/", step).replace("~0", "~")
            if isinstance(at, dict) and key in at:
                at = at[key]
            elif isinstance(at, list) and key.isdecimal() and int(key[:9]) < len(at):
                at = at[int(key[:9])]
            else:
                return None
        return (at,)
