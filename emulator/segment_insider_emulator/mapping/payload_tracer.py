"""A mapping resolver that traces each value to its event paths, for explanations.

The directives themselves compute the values; this module follows which values they read. A
generated test compares both.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from segment_insider_emulator.mapping.codegen import (
    render_template_and_list_paths,
    split_path,
    strip_path_prefix,
)
from segment_insider_emulator.mapping.destination import MAPPING_ERRORS
from segment_insider_emulator.mapping.directives import compile_mapping, is_directive
from segment_insider_emulator.mapping.javascript import MISSING, equals_empty_text, is_truthy
from segment_insider_emulator.mapping.path_tracking import (
    PartKey,
    TracedValue,
    add_paths_where_alternative_differs,
    find_paths_visible_in_text,
    is_nonempty_container,
    iter_leaves,
    join_path,
    mark_all_values_read,
    strip_tracking,
    track_reads,
)
from segment_insider_emulator.mapping.validation import (
    Resolver,
    apply_root_directive,
    validate_mapping,
)
from segment_insider_emulator.types import JSON, JSONObject

_RESOLVER_CACHE_SIZE = 1024  # parts of mappings
_MAX_CACHED_MAPPING_CHARS = 2_000  # characters of one
_MAX_VALID_MAPPINGS = 256
# By identity, as many events go through one mapping; an object here keeps its identity.
_valid_mappings: dict[int, JSONObject] = {}


def trace_payload(mapping: JSONObject, event: JSONObject) -> TracedValue:
    """Resolve a whole *mapping* for *event*, with the event paths of each value.

    A field that fails has no value; the paths read before the failure are in `unused_paths`.

    Raises: MappingError, DirectiveError or NullRootDirectiveError, when the mapping is invalid.
    """
    processed = apply_root_directive(mapping)
    if _valid_mappings.get(id(mapping)) is not mapping:
        validate_mapping(processed)
        if len(_valid_mappings) >= _MAX_VALID_MAPPINGS:
            _valid_mappings.clear()
        _valid_mappings[id(mapping)] = mapping
    source = TracedValue.from_event(event)
    if not isinstance(processed, dict) or is_directive(processed):
        return _trace_field_mapping(processed, source)
    parts: dict[PartKey, TracedValue] = {
        key: _trace_field_mapping(part, source) for key, part in processed.items()
    }
    return _build_traced_object(parts, keep_missing=False)


def _trace_field_mapping(mapping: JSON, source: TracedValue) -> TracedValue:
    tracer = _MappingTracer()
    try:
        return replace(tracer.trace_mapping(mapping, source), mapping=mapping)
    except MAPPING_ERRORS:
        return TracedValue(
            MISSING,
            unused_paths=_expand_visited_paths(tracer.visited_paths, source.value),
            mapping=mapping,
        )


def _expand_visited_paths(visited_paths: set[str], event: JSON) -> frozenset[str]:
    """Return the paths of *event* that are in *visited_paths* or below one of them."""
    prefixes = tuple(
        prefix for path in visited_paths for prefix in (f"{path}.", f"{path}[") if path
    )
    return frozenset(
        path
        for path, _ in iter_leaves(event)
        if "" in visited_paths or path in visited_paths or path.startswith(prefixes)
    )


def _build_traced_object(parts: dict[PartKey, TracedValue], *, keep_missing: bool) -> TracedValue:
    value = {
        key: part.value for key, part in parts.items() if keep_missing or part.value is not MISSING
    }
    return TracedValue.from_parts(value, parts)


class _MappingTracer:
    """Tracer of one field's mapping; *visited_paths* are the event paths looked at so far."""

    def __init__(self) -> None:
        self.visited_paths: set[str] = set()

    def trace_mapping(
        self, mapping: JSON, source: TracedValue, keep_missing: bool = False
    ) -> TracedValue:
        """Return the value that `compile_mapping` gives for *mapping*, with its paths."""
        if isinstance(mapping, list):
            items = [self.trace_mapping(part, source, keep_missing) for part in mapping]
            return TracedValue.from_parts([item.value for item in items], dict(enumerate(items)))
        if not isinstance(mapping, dict):
            return TracedValue(mapping)
        if not is_directive(mapping):
            parts: dict[PartKey, TracedValue] = {
                key: replace(self.trace_mapping(part, source, keep_missing), mapping=part)
                for key, part in mapping.items()
            }
            return _build_traced_object(parts, keep_missing=keep_missing)
        name = next(key for key in mapping if key.startswith("@"))
        trace_directive = _DIRECTIVE_TRACERS.get(name)
        traced = (
            trace_directive(self, mapping[name], source, keep_missing) if trace_directive else None
        )
        # None: the options are invalid, or only the directive can evaluate them.
        return traced or self.resolve_and_track_reads(mapping, source, keep_missing)

    def resolve_and_track_reads(
        self, mapping: JSON, source: TracedValue, keep_missing: bool = False
    ) -> TracedValue:
        """Resolve *mapping* with the compiled directive on a tracked copy of *source*."""
        read_paths: set[str] = set()
        try:
            value = _get_compiled_mapping(mapping, keep_missing)(
                track_reads(source.value, read_paths)
            )
            mark_all_values_read(value)
        finally:
            event_paths = frozenset(self._find_event_paths(source, read_paths))
            self.visited_paths |= event_paths
        return TracedValue(strip_tracking(value), event_paths)

    def follow_path(self, source: TracedValue, keys: tuple[str, ...]) -> TracedValue:
        """Return the traced value at the path *keys* of *source*."""
        for key in keys:
            source = source.get_member(key)
        self.visited_paths |= source.own_source_paths
        if is_nonempty_container(source.value):
            self.visited_paths |= (
                source.all_influencing_paths if source.event_path is None else {source.event_path}
            )
        return source

    def _find_event_paths(self, source: TracedValue, read_paths: set[str]) -> set[str]:
        """Return the event paths behind *read_paths*, which are relative to *source*."""
        if source.event_path == "" and not source.deciding_paths:
            return read_paths
        event_paths: set[str] = set()
        for path, part in _list_leaf_parts(source, ""):
            if path in read_paths:
                event_paths |= part.all_influencing_paths
        return event_paths


def _list_leaf_parts(source: TracedValue, path: str) -> "list[tuple[str, TracedValue]]":
    if not is_nonempty_container(source.value):
        return [(path, source)]
    return [
        pair
        for key, part in source.parts.items()
        for pair in _list_leaf_parts(
            part.with_deciding_paths(source.deciding_paths), join_path(path, key)
        )
    ]


def _get_compiled_mapping(mapping: JSON, keep_missing: bool) -> Resolver:
    text = json.dumps(mapping)
    if len(text) <= _MAX_CACHED_MAPPING_CHARS:
        return _compile_mapping_cached(text, keep_missing)
    return compile_mapping(mapping, keep_missing)


@lru_cache(_RESOLVER_CACHE_SIZE)
def _compile_mapping_cached(mapping: str, keep_missing: bool) -> Resolver:
    return compile_mapping(json.loads(mapping), keep_missing)


# Returns None for options that only the directive itself can evaluate.
_DirectiveTracer: TypeAlias = Callable[
    [_MappingTracer, JSON, TracedValue, bool], TracedValue | None
]


def _trace_text_option_of_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue
) -> TracedValue | None:
    """Return the traced text that a directive takes; None when it is not a text."""
    text = (
        TracedValue(options) if isinstance(options, str) else tracer.trace_mapping(options, source)
    )
    return text if isinstance(text.value, str) else None


def _trace_path_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    text = _trace_text_option_of_directive(tracer, options, source)
    if text is None:
        return None
    return tracer.follow_path(
        source, split_path(strip_path_prefix(text.value))
    ).with_deciding_paths(text.all_influencing_paths)


def _trace_template_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    text = _trace_text_option_of_directive(tracer, options, source)
    if text is None:
        return None
    rendered, paths = render_template_and_list_paths(text.value, source.value)
    printed = [tracer.follow_path(source, split_path(path)) for path in paths]
    source_paths = text.all_influencing_paths.union(*map(find_paths_visible_in_text, printed))
    return TracedValue(
        rendered, frozenset(source_paths), text.presence_paths, is_always_present=True
    )


def _trace_literal_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    return tracer.trace_mapping(options, source, keep_missing)


def _trace_if_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict):
        return None
    if not is_truthy(options.get("exists")) and not is_truthy(options.get("blank")):
        return None
    tested = "exists" if "exists" in options else "blank"
    subject = tracer.trace_mapping(options[tested], source)
    then_mapping = options.get("then", MISSING)
    else_mapping = options["else"] if is_truthy(options.get("else")) else MISSING
    deciding_paths = set(subject.presence_paths)
    is_empty = subject.value is None or subject.value is MISSING
    if tested == "blank":
        is_empty = is_empty or equals_empty_text(subject.value)
        if not isinstance(subject.value, list) or len(subject.value) < 2:
            deciding_paths |= find_paths_visible_in_text(subject)
    chosen_mapping, other_mapping = (
        (else_mapping, then_mapping) if is_empty else (then_mapping, else_mapping)
    )
    value = tracer.trace_mapping(chosen_mapping, source, keep_missing)
    try:
        alternative = tracer.trace_mapping(other_mapping, source, keep_missing)
    except MAPPING_ERRORS:
        return value.with_deciding_paths(deciding_paths)
    return add_paths_where_alternative_differs(value, alternative, deciding_paths)


def _trace_array_path_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, list):
        return None
    path, shape = [*options, MISSING, MISSING][:2]
    root = (
        tracer.follow_path(source, split_path(strip_path_prefix(path)))
        if isinstance(path, str)
        else tracer.trace_mapping(path, source, keep_missing)
    )
    if not isinstance(shape, dict) or not shape:
        return root
    if isinstance(root.value, list):
        sources = list(root.parts.values())
    elif isinstance(root.value, dict):
        sources = [root]
    else:
        return root
    items = [tracer.trace_mapping(shape, item, keep_missing) for item in sources]
    traced_list = TracedValue.from_parts([item.value for item in items], dict(enumerate(items)))
    return replace(
        traced_list, own_source_paths=root.own_source_paths, deciding_paths=root.deciding_paths
    )


def _trace_case_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not is_truthy(options.get("operator")):
        return None
    if not is_truthy(options.get("value")):
        return None
    subject = tracer.trace_mapping(options["value"], source, keep_missing)
    if not isinstance(subject.value, str):
        return subject
    value = _get_compiled_mapping({"@case": options}, keep_missing)(source.value)
    return replace(subject, value=value, event_path=None)


def _trace_replace_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not is_truthy(options.get("pattern")):
        return None
    if not is_truthy(options.get("value")):
        return None
    subject = tracer.trace_mapping(options["value"], source)
    value = _get_compiled_mapping({"@replace": options}, keep_missing)(source.value)
    return TracedValue(
        value, subject.own_source_paths, subject.deciding_paths, is_always_present=True
    )


def _trace_json_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not is_truthy(options.get("value")):
        return None
    if options.get("mode") not in ("encode", "decode"):
        return None
    subject = tracer.trace_mapping(options["value"], source, keep_missing)
    if options["mode"] == "decode" and not isinstance(subject.value, str):
        return subject
    value = _get_compiled_mapping({"@json": options}, keep_missing)(source.value)
    return TracedValue(value, frozenset(subject.all_influencing_paths), subject.deciding_paths)


def _trace_flatten_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not is_truthy(options.get("separator")):
        return None
    separator = tracer.trace_mapping(options["separator"], source)
    if not isinstance(separator.value, str):
        return None
    subject = tracer.trace_mapping(options.get("value", MISSING), source, True)
    parts: dict[PartKey, TracedValue] = {}
    unused_paths: set[str] = set()

    def flatten(part: TracedValue, prefix: str) -> None:
        value = part.value
        is_omitted = isinstance(value, list) and is_truthy(options.get("omitArrays"))
        if is_omitted or not isinstance(value, dict | list):
            parts[prefix] = part.with_deciding_paths(separator.all_influencing_paths)
            return
        if not value:
            unused_paths.update(part.all_influencing_paths)
        unused_paths.update(
            path
            for absent_part in part.parts_without_value.values()
            for path in absent_part.all_influencing_paths
        )
        for key, member in part.list_members():
            flatten(member, f"{prefix}{separator.value}{key}" if prefix else key)

    flatten(subject, "")
    flat = replace(
        _build_traced_object(parts, keep_missing=True), unused_paths=frozenset(unused_paths)
    )
    return flat if keep_missing else flat.drop_missing_keys()


def _trace_merge_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not is_truthy(options.get("direction")):
        return None
    if not isinstance(options.get("objects"), list):
        return None
    direction = tracer.trace_mapping(options["direction"], source)
    objects = [
        tracer.trace_mapping(traced_object, source, True) for traced_object in options["objects"]
    ]
    merged: dict[PartKey, TracedValue] = {}
    unused_paths: set[str] = set()
    for traced_object in reversed(objects) if direction.value == "left" else objects:
        merged.update(
            (key, part.with_deciding_paths(direction.all_influencing_paths))
            for key, part in traced_object.list_members()
        )
        for key, part in traced_object.parts_without_value.items():
            merged[key] = merged.get(key, TracedValue(MISSING)).with_deciding_paths(
                part.all_influencing_paths
            )
        if not is_nonempty_container(traced_object.value):
            unused_paths |= traced_object.all_influencing_paths
        unused_paths |= traced_object.unused_paths
    result = replace(
        _build_traced_object(merged, keep_missing=True), unused_paths=frozenset(unused_paths)
    )
    return result if keep_missing else result.drop_missing_keys()


def _trace_transform_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    if not isinstance(options, dict) or not isinstance(options.get("apply"), dict):
        return None
    if not is_truthy(options.get("mapping")) or not options["apply"]:
        return None
    if source.value is MISSING:
        source = TracedValue({})
    if not isinstance(source.value, dict):
        return None
    applied = apply_root_directive(options["apply"])
    validate_mapping(applied)
    return tracer.trace_mapping(
        options["mapping"], tracer.trace_mapping(applied, source), keep_missing
    )


def _trace_exclude_when_null_directive(
    tracer: _MappingTracer, options: JSON, source: TracedValue, keep_missing: bool
) -> TracedValue | None:
    subject = tracer.trace_mapping(options, source, keep_missing)
    result = subject.replace_nulls_with_missing()
    return result if keep_missing else result.drop_missing_keys()


_DIRECTIVE_TRACERS: dict[str, _DirectiveTracer] = {
    "@path": _trace_path_directive,
    "@template": _trace_template_directive,
    "@literal": _trace_literal_directive,
    "@if": _trace_if_directive,
    "@arrayPath": _trace_array_path_directive,
    "@case": _trace_case_directive,
    "@replace": _trace_replace_directive,
    "@json": _trace_json_directive,
    "@flatten": _trace_flatten_directive,
    "@merge": _trace_merge_directive,
    "@transform": _trace_transform_directive,
    "@excludeWhenNull": _trace_exclude_when_null_directive,
}
