"""The directives once more, for explanations: each value with the paths that made it.

What a directive makes of its values is left to the directive itself; this module says which of
them it looks at. A generated test holds both to the same values.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from segment_insider_emulator.mapping.directives import compile_mapping, is_directive
from segment_insider_emulator.mapping.javascript import MISSING, is_loosely_empty, is_truthy
from segment_insider_emulator.mapping.paths import Resolver, keys_of, printed_paths, strip_root
from segment_insider_emulator.mapping.root import root_mapping
from segment_insider_emulator.mapping.subscription import FAULTS
from segment_insider_emulator.mapping.traced_value import (
    Key,
    TracedValue,
    choose,
    is_filled,
    text_influences,
)
from segment_insider_emulator.mapping.tracing import (
    leaves,
    note_whole,
    path_below,
    traced,
    untraced,
)
from segment_insider_emulator.mapping.validation import check_mapping
from segment_insider_emulator.types import JSON, JSONObject

_REMEMBERED = 1024  # parts of mappings
_LARGEST_REMEMBERED = 2_000  # characters of one


def trace_payload(mapping: JSONObject, event: JSONObject) -> TracedValue:
    """Resolve a whole *mapping* for *event*.

    A field that fails has no value, and all that was read before it failed in `unused`.

    Raises: MappingError, DirectiveError or NullRootError for a mapping that is refused.
    """
    processed = root_mapping(mapping)
    check_mapping(processed)
    source = TracedValue.of_event(event)
    if not isinstance(processed, dict) or is_directive(processed):
        return _trace_field(processed, source)
    parts: dict[Key, TracedValue] = {
        key: _trace_field(part, source) for key, part in processed.items()
    }
    return _object(parts, keep_missing=False)


def _trace_field(part: JSON, source: TracedValue) -> TracedValue:
    tracer = _Tracer()
    try:
        return replace(tracer.trace(part, source), mapping=part)
    except FAULTS:
        return TracedValue(MISSING, unused=_below(tracer.visited, source.value), mapping=part)


def _below(visited: set[str], event: JSON) -> frozenset[str]:
    """The paths of *event* that are among *visited*, or below one."""
    below = tuple(end for path in visited for end in (f"{path}.", f"{path}[") if path)
    return frozenset(
        path
        for path, _ in leaves(event)
        if "" in visited or path in visited or path.startswith(below)
    )


def _object(parts: dict[Key, TracedValue], *, keep_missing: bool) -> TracedValue:
    value = {
        key: part.value for key, part in parts.items() if keep_missing or part.value is not MISSING
    }
    return TracedValue.of_parts(value, parts)


class _Tracer:
    """Traces one field; *visited* are the paths that it came to so far."""

    def __init__(self) -> None:
        self.visited: set[str] = set()

    def trace(self, mapping: JSON, source: TracedValue, keep_missing: bool = False) -> TracedValue:
        """Return what `compile_mapping` makes of *mapping* and *source*. Raises: One of FAULTS."""
        if isinstance(mapping, list):
            items = [self.trace(part, source, keep_missing) for part in mapping]
            return TracedValue.of_parts([item.value for item in items], dict(enumerate(items)))
        if not isinstance(mapping, dict):
            return TracedValue(mapping)
        if not is_directive(mapping):
            parts: dict[Key, TracedValue] = {
                key: replace(self.trace(part, source, keep_missing), mapping=part)
                for key, part in mapping.items()
            }
            return _object(parts, keep_missing=keep_missing)
        name = next(key for key in mapping if key.startswith("@"))
        directive = _DIRECTIVES.get(name)
        found = directive(self, mapping[name], source, keep_missing) if directive else None
        # Options that the directive does not take, or takes in a way of its own.
        return found or self.run(mapping, source, keep_missing)

    def run(self, mapping: JSON, source: TracedValue, keep_missing: bool = False) -> TracedValue:
        """Run *mapping* as it is delivered, on values that note what is taken from them."""
        reads: set[str] = set()
        try:
            value = _resolver(mapping, keep_missing)(traced(source.value, reads))
            note_whole(value)
        finally:
            found = frozenset(self._paths(source, reads))
            self.visited |= found
        return TracedValue(untraced(value), found)

    def walk(self, source: TracedValue, keys: tuple[str, ...]) -> TracedValue:
        """Return what a path finds."""
        for key in keys:
            source = source.member(key)
        self.visited |= source.reads
        if is_filled(source.value):
            self.visited |= source.influences if source.path is None else {source.path}
        return source

    def _paths(self, source: TracedValue, reads: set[str]) -> set[str]:
        """The paths of the event behind *reads*, which begin at *source*."""
        if source.path == "" and not source.decided_by:
            return reads
        own: set[str] = set()
        for path, part in _leaf_parts(source, ""):
            if path in reads:
                own |= part.influences
        return own


def _leaf_parts(source: TracedValue, path: str) -> "list[tuple[str, TracedValue]]":
    if not is_filled(source.value):
        return [(path, source)]
    return [
        pair
        for key, part in source.parts.items()
        for pair in _leaf_parts(part.chosen_by(source.decided_by), path_below(path, key))
    ]


def _resolver(mapping: JSON, keep_missing: bool) -> Resolver:
    text = json.dumps(mapping)
    if len(text) <= _LARGEST_REMEMBERED:
        return _remembered(text, keep_missing)
    return compile_mapping(mapping, keep_missing)


@lru_cache(_REMEMBERED)
def _remembered(mapping: str, keep_missing: bool) -> Resolver:
    return compile_mapping(json.loads(mapping), keep_missing)


# Each gives None for options that only the directive itself can judge.
_Trace: TypeAlias = Callable[[_Tracer, JSON, TracedValue, bool], TracedValue | None]


def _text(tracer: _Tracer, options: JSON, source: TracedValue) -> TracedValue | None:
    """The text of a directive on one text; None when it is no text."""
    text = TracedValue(options) if isinstance(options, str) else tracer.trace(options, source)
    return text if isinstance(text.value, str) else None


def _path(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    text = _text(tracer, options, source)
    if text is None:
        return None
    return tracer.walk(source, keys_of(strip_root(text.value))).chosen_by(text.influences)


def _template(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    text = _text(tracer, options, source)
    if text is None:
        return None
    rendered, paths = printed_paths(text.value, source.value)
    found = [tracer.walk(source, keys_of(path)) for path in paths]
    reads = text.influences.union(*map(text_influences, found))
    return TracedValue(rendered, frozenset(reads), text.presence, always_there=True)


def _literal(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    return tracer.trace(options, source, keep_missing)


def _if(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict):
        return None
    if not is_truthy(options.get("exists")) and not is_truthy(options.get("blank")):
        return None
    tested = "exists" if "exists" in options else "blank"
    subject = tracer.trace(options[tested], source)
    then = options.get("then", MISSING)
    otherwise = options["else"] if is_truthy(options.get("else")) else MISSING
    deciding = set(subject.presence)
    is_empty = subject.value is None or subject.value is MISSING
    if tested == "blank":
        is_empty = is_empty or is_loosely_empty(subject.value)
        if not isinstance(subject.value, list) or len(subject.value) < 2:
            deciding |= text_influences(subject)
    chosen, other = (otherwise, then) if is_empty else (then, otherwise)
    value = tracer.trace(chosen, source, keep_missing)
    try:
        alternative = tracer.trace(other, source, keep_missing)
    except FAULTS:
        return value.chosen_by(deciding)
    return choose(value, alternative, deciding)


def _array_path(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, list):
        return None
    path, shape = [*options, MISSING, MISSING][:2]
    root = (
        tracer.walk(source, keys_of(strip_root(path)))
        if isinstance(path, str)
        else tracer.trace(path, source, keep_missing)
    )
    if not isinstance(shape, dict) or not shape:
        return root
    if isinstance(root.value, list):
        sources = list(root.parts.values())
    elif isinstance(root.value, dict):
        sources = [root]
    else:
        return root
    items = [tracer.trace(shape, item, keep_missing) for item in sources]
    made = TracedValue.of_parts([item.value for item in items], dict(enumerate(items)))
    return replace(made, reads=root.reads, decided_by=root.decided_by)


def _case(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not is_truthy(options.get("operator")):
        return None
    if not is_truthy(options.get("value")):
        return None
    subject = tracer.trace(options["value"], source, keep_missing)
    if not isinstance(subject.value, str):
        return subject
    value = _resolver({"@case": options}, keep_missing)(source.value)
    return replace(subject, value=value, path=None)


def _replace(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not is_truthy(options.get("pattern")):
        return None
    if not is_truthy(options.get("value")):
        return None
    subject = tracer.trace(options["value"], source)
    value = _resolver({"@replace": options}, keep_missing)(source.value)
    return TracedValue(value, subject.reads, subject.decided_by, always_there=True)


def _json(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not is_truthy(options.get("value")):
        return None
    if options.get("mode") not in ("encode", "decode"):
        return None
    subject = tracer.trace(options["value"], source, keep_missing)
    if options["mode"] == "decode" and not isinstance(subject.value, str):
        return subject
    value = _resolver({"@json": options}, keep_missing)(source.value)
    return TracedValue(value, frozenset(subject.influences), subject.decided_by)


def _flatten(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not is_truthy(options.get("separator")):
        return None
    separator = tracer.trace(options["separator"], source)
    if not isinstance(separator.value, str):
        return None
    subject = tracer.trace(options.get("value", MISSING), source, True)
    parts: dict[Key, TracedValue] = {}
    unused: set[str] = set()

    def flatten(part: TracedValue, prefix: str) -> None:
        value = part.value
        omitted = isinstance(value, list) and is_truthy(options.get("omitArrays"))
        if omitted or not isinstance(value, dict | list):
            parts[prefix] = part.chosen_by(separator.influences)
            return
        if not value:
            unused.update(part.influences)
        unused.update(path for gone in part.absent.values() for path in gone.influences)
        for key, each in part.members():
            flatten(each, f"{prefix}{separator.value}{key}" if prefix else key)

    flatten(subject, "")
    flat = replace(_object(parts, keep_missing=True), unused=frozenset(unused))
    return flat if keep_missing else _without_missing(flat)


def _merge(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not is_truthy(options.get("direction")):
        return None
    if not isinstance(options.get("objects"), list):
        return None
    direction = tracer.trace(options["direction"], source)
    objects = [tracer.trace(each, source, True) for each in options["objects"]]
    merged: dict[Key, TracedValue] = {}
    unused: set[str] = set()
    for each in reversed(objects) if direction.value == "left" else objects:
        merged.update((key, part.chosen_by(direction.influences)) for key, part in each.members())
        for key, part in each.absent.items():
            merged[key] = merged.get(key, TracedValue(MISSING)).chosen_by(part.influences)
        if not is_filled(each.value):
            unused |= each.influences
        unused |= each.unused
    made = replace(_object(merged, keep_missing=True), unused=frozenset(unused))
    return made if keep_missing else _without_missing(made)


def _transform(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not isinstance(options.get("apply"), dict):
        return None
    if not is_truthy(options.get("mapping")) or not options["apply"]:
        return None
    if source.value is MISSING:
        source = TracedValue({})
    if not isinstance(source.value, dict):
        return None
    applied = root_mapping(options["apply"])
    check_mapping(applied)
    return tracer.trace(options["mapping"], tracer.trace(applied, source), keep_missing)


def _exclude_when_null(
    tracer: _Tracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    subject = tracer.trace(options, source, keep_missing)
    excluded = _nulls_to_missing(subject)
    return excluded if keep_missing else _without_missing(excluded)


def _nulls_to_missing(traced_value: TracedValue) -> TracedValue:
    if traced_value.value is None:
        return replace(traced_value, value=MISSING)
    if not isinstance(traced_value.value, dict):
        return traced_value
    parts = {key: _nulls_to_missing(part) for key, part in traced_value.parts.items()}
    return _with_parts(traced_value, parts)


def _without_missing(traced_value: TracedValue) -> TracedValue:
    """*traced_value* without the keys that are MISSING, as `javascript.without_missing` does it."""
    if not is_filled(traced_value.value) or traced_value.is_of_event:
        return traced_value
    parts = {key: _without_missing(part) for key, part in traced_value.parts.items()}
    return _with_parts(traced_value, parts, keep_missing=False)


def _with_parts(
    traced_value: TracedValue, parts: dict[Key, TracedValue], *, keep_missing: bool = True
) -> TracedValue:
    """*traced_value* with other values of its members."""
    if isinstance(traced_value.value, list):
        value: JSON = [part.value for part in parts.values()]
    else:
        own = {key: parts[key].value for key in traced_value.value}
        value = own if keep_missing else {k: v for k, v in own.items() if v is not MISSING}
    return replace(traced_value, value=value, _parts=parts)


_DIRECTIVES: dict[str, _Trace] = {
    "@path": _path,
    "@template": _template,
    "@literal": _literal,
    "@if": _if,
    "@arrayPath": _array_path,
    "@case": _case,
    "@replace": _replace,
    "@json": _json,
    "@flatten": _flatten,
    "@merge": _merge,
    "@transform": _transform,
    "@excludeWhenNull": _exclude_when_null,
}
