"""References of a JSON Schema replaced by what they name, so that nothing is followed later.

Nothing is fetched, and a schema cannot lead an event round in circles: a reference that names
itself stays as it is, and so does one that leads nowhere. What grows too large is refused.
"""

import re
from urllib.parse import unquote

from segment_insider_emulator.depth import MAX_DEPTH, nesting_depth
from segment_insider_emulator.types import JSON, JSONObject

MAX_SCHEMA_PARTS = 20_000  # objects and lists of a schema, references replaced
PLAIN_VALUE_KEYWORDS = frozenset(
    {"default", "examples", "enum", "const"}
)  # keywords that hold plain values
SCHEMA_MAP_KEYWORDS = frozenset({"properties", "patternProperties", "definitions", "dependencies"})


class SchemaTooLarge(ValueError):
    """A schema that is too deep or has too many parts; the text says which."""


def inline_references(schema: JSONObject) -> tuple[JSONObject, dict[str, str]]:
    """Copy *schema* with its references replaced; also return why the others are not, by text.

    Raises: TooLarge.
    """
    if nesting_depth(schema) > MAX_DEPTH:
        raise SchemaTooLarge(f"it nests deeper than {MAX_DEPTH} levels")
    used = {name: child for name, child in schema.items() if name != "definitions"}
    inlining = _ReferenceInliner(schema)
    copy: JSONObject = inlining.copy_inlined(used, ())
    if nesting_depth(copy) > MAX_DEPTH:
        raise SchemaTooLarge(f"it nests deeper than {MAX_DEPTH} levels, its $refs followed")
    return copy, inlining.unresolved


class _ReferenceInliner:
    def __init__(self, root: JSONObject) -> None:
        self._root = root
        self._part_count = 0
        self.unresolved: dict[str, str] = {}

    def copy_inlined(self, value: JSON, open_references: tuple[str, ...]) -> JSON:
        """Copy *value*, which the references *within* have led to."""
        if not isinstance(value, dict | list):
            return value
        self._part_count += 1
        if self._part_count > MAX_SCHEMA_PARTS:
            raise SchemaTooLarge(f"it has more than {MAX_SCHEMA_PARTS:,} parts, its $refs followed")
        if isinstance(value, list):
            return [self.copy_inlined(each, open_references) for each in value]
        reference = value.get("$ref")
        if isinstance(reference, str):
            # In draft 7, whatever stands beside a reference does not count.
            return self._inline_reference(reference, open_references)
        return {
            name: self._copy_keyword_value(name, child, open_references)
            for name, child in value.items()
        }

    def _copy_keyword_value(
        self, keyword: str, value: JSON, open_references: tuple[str, ...]
    ) -> JSON:
        if keyword in PLAIN_VALUE_KEYWORDS:
            return value
        if keyword in SCHEMA_MAP_KEYWORDS and isinstance(value, dict):
            return {
                name: self.copy_inlined(child, open_references) for name, child in value.items()
            }
        return self.copy_inlined(value, open_references)

    def _inline_reference(self, reference: str, open_references: tuple[str, ...]) -> JSON:
        if not reference.startswith("#"):
            return self._leave_unresolved(reference, "leads out of it, and nothing is fetched")
        if reference in open_references:
            return self._leave_unresolved(reference, "leads back to itself")
        named = self._find_target(reference)
        if named is None:
            return self._leave_unresolved(reference, "leads nowhere")
        return self.copy_inlined(named[0], (*open_references, reference))

    def _leave_unresolved(self, reference: str, reason: str) -> JSONObject:
        self.unresolved[reference] = f"$ref {reference!r} {reason}"
        return {"$ref": reference}

    def _find_target(self, reference: str) -> tuple[JSON] | None:
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
