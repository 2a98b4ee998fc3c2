r"""Transformations of Segment: rename events, move, set, drop, keep and hash their properties.

Source: Segment, Public API, `TransformationV1`; Protocols, "Transformations": a `.` in a path leads
into an object, `\.` is a dot in a name. What the pages leave open follows `mapProperties` of
`@segment/tsub` 2.0.1, `transformers.ts`: one transformation reads only values as they were before
it, and a value is written only where its object exists.
"""

import base64
import hashlib
import hmac
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from segment_insider_emulator.filtering.fql_evaluator import evaluate_fql_node, matches_event
from segment_insider_emulator.filtering.fql_parser import (
    FqlNode,
    FqlSyntaxError,
    parse_field_path,
    parse_fql_statement,
)
from segment_insider_emulator.filtering.result import (
    SOURCE_STEP,
    ChangeKind,
    EventChange,
    FilterResult,
    FilterStep,
    Rejection,
)
from segment_insider_emulator.types import JSON, JSONObject

Keys: TypeAlias = tuple[str, ...]  # of a path, from the event on
CONTAINERS: Final = ("properties", "traits")
# Keys of a document that change or drop an event.
EFFECT_KEYS: Final = (
    *("drop", "newEventName", "propertyRenames", "propertyValueTransformations"),
    *("fqlDefinedProperties", "propertyDrops", "allowProperties", "hashPropertiesConfiguration"),
)
DROP_CODE: Final = "FILTERED_BY_RULES"
HASH_ALGORITHMS: Final = ("MD5", "SHA1", "SHA256", "SHA384", "SHA512")
_ENCODERS: Final[dict[str, Callable[[bytes], str]]] = {
    "HEX": bytes.hex,
    "BASE16": bytes.hex,
    "BASE64": lambda digest: base64.b64encode(digest).decode(),
    "BASE64URL": lambda digest: base64.urlsafe_b64encode(digest).decode(),
}
_parse_path = lru_cache(4096)(parse_field_path)


@dataclass(frozen=True, slots=True)
class Transformation:
    """One enabled transformation of Segment, compiled.

    Args:
        name: For messages, e.g. "transformation 'Fix names'".
        condition: Its FQL; None if a statement of it cannot be parsed, see *error*.
        step: The step of Segment's Delivery Overview that counts what it drops.
        computed: Path -> FQL of its new value.
    """

    name: str
    condition: FqlNode | None
    error: str
    step: FilterStep
    document: JSONObject
    computed: tuple[tuple[Keys, FqlNode], ...] = ()


def compile_transformations(
    documents: Iterable[JSONObject], step: FilterStep = SOURCE_STEP
) -> tuple[Transformation, ...]:
    """Compile the enabled transformations among *documents* of Segment's Public API."""
    return tuple(
        _compile_transformation(document, step)
        for document in documents
        if document.get("enabled", True)
    )


def _compile_transformation(document: JSONObject, step: FilterStep) -> Transformation:
    name = f"transformation {document['name']!r}"
    try:
        condition = parse_fql_statement(document["if"])
        computed = tuple(
            (parse_field_path(entry["propertyName"]), parse_fql_statement(entry["fql"]))
            for entry in document.get("fqlDefinedProperties") or ()
        )
    except FqlSyntaxError as error:
        return Transformation(name, None, str(error), step, document)
    return Transformation(name, condition, "", step, document, computed)


def apply_transformations(
    transformations: tuple[Transformation, ...], event: JSONObject
) -> FilterResult:
    """Apply the transformations that match *event*, in order; each sees what the last one made.

    One that cannot be read drops the event: Segment does so with an invalid FQL statement, so that
    a statement about personal values cannot leak them. (documented)
    """
    changes: list[EventChange] = []
    for transformation in transformations:
        if transformation.condition is None:
            detail = f"{transformation.name} fails and drops it: {transformation.error}"
            rejection = Rejection(transformation.step, "INTERNAL", detail)
            return FilterResult(event, rejection, changes=tuple(changes))
        if not matches_event(transformation.condition, event):
            continue
        if transformation.document.get("drop"):
            rejection = Rejection(transformation.step, DROP_CODE, f"{transformation.name} drops it")
            return FilterResult(event, rejection, changes=tuple(changes))
        editor = _EventEditor(event, transformation.name)
        editor.apply(transformation)
        event = editor.event
        changes += editor.changes
    return FilterResult(event, changes=tuple(changes))


def transform_events(
    documents: Iterable[JSONObject], events: Iterable[JSONObject]
) -> Iterator[JSONObject]:
    """Yield events as all enabled transformations leave them, without those that they drop."""
    transformations = compile_transformations(documents)
    for event in events:
        result = apply_transformations(transformations, event)
        if result.rejection is None:
            yield result.event


class _EventEditor:
    """Editor of one event by one transformation; copies what it changes, and notes each change."""

    def __init__(self, event: JSONObject, by: str) -> None:
        self.event = self._before = event
        self._copies: dict[int, JSONObject] = {}  # objects of the event that were copied, by id
        self._by = by
        self.changes: list[EventChange] = []

    def apply(self, transformation: Transformation) -> None:
        """Make all changes: moves, values, drops, allowed names, hashes, the event's name."""
        document, kind = transformation.document, self._before.get("type")
        for rename in document.get("propertyRenames") or ():
            self._move(
                resolve_property_path(rename["oldName"], kind),
                resolve_property_path(rename["newName"], kind),
            )
        self._set_values(transformation)
        for name in document.get("propertyDrops") or ():
            self._remove(resolve_property_path(name, kind))
        self._keep_only_allowed(document.get("allowProperties") or (), kind)
        if hashing := document.get("hashPropertiesConfiguration"):
            self._hash(hashing)
        if kind == "track":
            self._rename_event(document.get("newEventName"))

    def _rename_event(self, name: str | None) -> None:
        if name and name != self._before.get("event"):
            self._note("renamed event", name, str(self._before.get("event")))
            self._open(())["event"] = name

    def _set_values(self, transformation: Transformation) -> None:
        for entry in transformation.document.get("propertyValueTransformations") or ():
            for path in entry["propertyPaths"]:
                self._set(_parse_path(path), entry["propertyValue"])
        for keys, statement in transformation.computed:
            value = _convert_to_json_value(evaluate_fql_node(statement, self._before))
            if value is not None:
                self._set(keys, value)

    def _move(self, old: Keys, new: Keys) -> None:
        found, value = _find_value(self._before, old)
        if found and old and old != new and self._write(new, value):
            self._delete(old)
            self._note("moved", format_field_path(new), format_field_path(old))

    def _set(self, keys: Keys, value: JSON) -> None:
        found, before = _find_value(self.event, keys)
        if (not found or before != value) and self._write(keys, value):
            self._note("set" if found else "added", format_field_path(keys))

    def _remove(self, keys: Keys) -> None:
        if keys and self._delete(keys):
            self._note("removed", format_field_path(keys))

    def _keep_only_allowed(self, names: Iterable[str], kind: JSON) -> None:
        allowed = _build_allowed_tree(resolve_property_path(name, kind) for name in names)
        for container, tree in allowed.items():
            for keys in list(_list_other_paths(self.event.get(container), tree, (container,))):
                self._remove(keys)

    def _hash(self, hashing: JSONObject) -> None:
        for path in hashing["paths"]:
            keys = _parse_path(path)
            found, value = _find_value(self.event, keys)
            if found and value is not None and self._write(keys, hash_value(value, hashing)):
                self._note("hashed", format_field_path(keys))

    def _write(self, keys: Keys, value: JSON) -> bool:
        """Write a value unless the object around it was not there; return whether it was."""
        if not keys or not isinstance(_find_value(self._before, keys[:-1])[1], dict):
            return False
        self._open(keys[:-1])[keys[-1]] = value
        return True

    def _delete(self, keys: Keys) -> bool:
        """Delete the value at a path; return whether there was one."""
        if not _find_value(self.event, keys)[0]:
            return False
        del self._open(keys[:-1])[keys[-1]]
        return True

    def _open(self, keys: Keys) -> JSONObject:
        """Return the object at a path for changes; each object on the path is copied once."""
        opened = self.event = self._copy(self.event)
        for key in keys:
            opened[key] = opened = self._copy(opened.get(key))
        return opened

    def _copy(self, value: JSON) -> JSONObject:
        if id(value) in self._copies:
            return self._copies[id(value)]
        copy = dict(value) if isinstance(value, dict) else {}
        self._copies[id(copy)] = copy
        return copy

    def _note(self, kind: ChangeKind, field: str, was: str = "") -> None:
        self.changes.append(EventChange(self._by, kind, field, was))


def _convert_to_json_value(value: JSON) -> JSON:
    """Return a value of FQL as JSON has it: 5 for 5.0, and null for NaN."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value


def resolve_property_path(name: str, event_type: JSON) -> Keys:
    """Return the path of a property or trait that a transformation names; () when it names none.

    A name without `properties.` or `traits.` in front is in the object of the event's type.
    (assumed)
    """
    keys = _parse_path(name)
    if not keys or (len(keys) > 1 and keys[0] in CONTAINERS):
        return keys
    return ("traits" if event_type in ("identify", "group") else "properties", *keys)


def format_field_path(keys: Keys) -> str:
    r"""Format a path as text, with `\.` for a dot in a name."""
    return ".".join(key.replace("\\", r"\\").replace(".", r"\.") for key in keys)


def hash_value(value: JSON, hashing: JSONObject) -> str:
    """Hash a value as a transformation's hashPropertiesConfiguration says.

    A text is hashed as UTF-8, anything else as JSON; a key makes it an HMAC; the encoding is HEX
    unless another one is named. (assumed)
    """
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    data, algorithm = text.encode("utf-8", "surrogatepass"), normalise_algorithm(hashing)
    key = hashing.get("key")
    if key:
        digest = hmac.digest(key.encode(), data, algorithm.lower())
    else:
        digest = hashlib.new(algorithm.lower(), data, usedforsecurity=False).digest()
    return _ENCODERS[hashing.get("encoding") or "HEX"](digest)


def normalise_algorithm(hashing: JSONObject) -> str:
    """Return the name of a hash algorithm as in HASH_ALGORITHMS, also of "sha-256"."""
    return str(hashing["algorithm"]).upper().replace("-", "").replace("_", "")


def _find_value(event: JSON, keys: Keys) -> tuple[bool, JSON]:
    """Return whether *event* has a value at a path through objects, and the value."""
    for key in keys:
        if not isinstance(event, dict) or key not in event:
            return False, None
        event = event[key]
    return True, event


def _build_allowed_tree(paths: Iterable[Keys]) -> JSONObject:
    """Join paths to a tree of names; below a path that is allowed as a whole there is nothing."""
    allowed: JSONObject = {}
    whole: set[Keys] = set()
    for keys in sorted(paths, key=len):
        if any(keys[:length] in whole for length in range(1, len(keys))):
            continue
        whole.add(keys)
        branch = allowed
        for key in keys:
            branch = branch.setdefault(key, {})
    return allowed


def _list_other_paths(value: JSON, allowed: JSONObject, at: Keys) -> Iterator[Keys]:
    """Yield the paths of an object that a tree of allowed names does not have; outermost only."""
    if not isinstance(value, dict):
        return
    for key, child in value.items():
        if key not in allowed:
            yield (*at, key)
        elif allowed[key]:
            yield from _list_other_paths(child, allowed[key], (*at, key))


def find_sent_path(changes: Iterable[JSONObject], path: str) -> tuple[str, list[str]]:
    """Follow an event's changes back from a path of the final event to the event as sent.

    Args:
        changes: In the shape of a message's `changes`.
        path: Of a value of the event after all changes.
    Returns: The path in the event before, "" when the value was not in it; and who changed it,
        the last one first.
    """
    by = []
    for change in reversed(list(changes)):
        field = change["field"]
        if change["kind"] == "renamed event" or field not in list_field_prefixes(path):
            continue
        by.append(str(change["by"]))
        if change["kind"] == "added":
            return "", by
        if change["kind"] == "moved":
            path = f"{change['was']}{path[len(field) :]}"
    return path, by


def list_field_prefixes(path: str) -> Iterator[str]:
    """Yield a path and the paths of the objects and lists around its value, the longest first."""
    yield path
    for index in range(len(path) - 1, 0, -1):
        if path[index] in ".[":
            yield path[:index]


def describe_change(change: JSONObject) -> str:
    """Describe one change of an event in a few words, without who made it."""
    field, was = change["field"], change["was"]
    match change["kind"]:
        case "moved":
            return f"{was} becomes {field}"
        case "renamed event":
            return f"the event {was!r} becomes {field!r}"
        case "added":
            return f"{field} is added"
        case "set":
            return f"{field} gets another value"
        case "hashed":
            return f"{field} is hashed"
        case _:
            return f"{field} is removed"
