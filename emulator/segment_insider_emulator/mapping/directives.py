"""Compilers for mappings and their directives, the objects with one @-key.

A mapping is compiled once. Compiling never fails: a directive that is used wrongly becomes a
resolver that raises when an event arrives, because that is when Segment notices.

Source: behaviour recorded from Segment's published mapping kit, 3.170.0.
"""

from segment_insider_emulator.mapping.codegen import (
    compile_object_mapping,
    compile_path,
    strip_path_prefix,
)
from segment_insider_emulator.mapping.javascript import (
    MISSING,
    drop_missing_keys,
    equals_empty_text,
    get_type_name,
    is_truthy,
    iter_entries,
)
from segment_insider_emulator.mapping.validation import (
    DirectiveCompiler,
    DirectiveError,
    MappingCompiler,
    Resolver,
    build_directive_error_resolver,
    compile_validated_mapping,
    resolve_to_missing,
)
from segment_insider_emulator.mapping.value_directives import TEXT_DIRECTIVES
from segment_insider_emulator.types import JSON, JSONObject


def compile_mapping(mapping: JSON, keep_missing: bool = False) -> Resolver:
    """Compile a mapping to a function that resolves it for an event.

    Args:
        mapping: A JSON value; objects with an @-key are directives, at any depth.
        keep_missing: Whether keys without a value stay, as MISSING, in objects.
    Returns: A function from event to JSON value; MISSING where there is no value. Lists keep
        MISSING elements, which are sent as null.
    Raises: The resolver raises DirectiveError, LiquidError or MappingError.
    """
    if isinstance(mapping, list):
        return _compile_list(mapping, keep_missing)
    if not isinstance(mapping, dict):
        return lambda event: mapping
    if not is_directive(mapping):
        return compile_object_mapping(mapping, keep_missing, compile_mapping)
    name = next(key for key in mapping if key.startswith("@"))
    if name not in DIRECTIVES:
        return build_directive_error_resolver(f"{name} is not a valid directive, got undefined")
    return DIRECTIVES[name](mapping[name], keep_missing, compile_mapping)


def is_directive(value: JSON) -> bool:
    """Return whether a mapping is a directive: one @-key or more, and no others but `_metadata`."""
    return (
        isinstance(value, dict)
        and any(key.startswith("@") for key in value)
        and all(key.startswith("@") or key == "_metadata" for key in value)
    )


def _compile_list(mapping: list[JSON], keep_missing: bool) -> Resolver:
    resolvers = [compile_mapping(resolve, keep_missing) for resolve in mapping]
    return lambda event: [resolve(event) for resolve in resolvers]


def _compile_literal_directive(
    mapping: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    return compile_mapping(mapping, keep_missing)


def _compile_if_directive(
    options: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    if not isinstance(options, dict):
        return build_directive_error_resolver('@if requires an object with an "exists" key')
    if not is_truthy(options.get("exists")) and not is_truthy(options.get("blank")):
        return build_directive_error_resolver('@if requires an "exists" key or a "blank" key')
    tested = "exists" if "exists" in options else "blank"
    resolve_subject = compile_mapping(options[tested])
    resolve_then = compile_mapping(options.get("then", MISSING), keep_missing)
    resolve_else: Resolver = resolve_to_missing
    if is_truthy(options.get("else")):
        resolve_else = compile_mapping(options["else"], keep_missing)
    if tested == "blank":
        return _build_if_not_blank_resolver(resolve_subject, resolve_then, resolve_else)
    if options.get("then", MISSING) == options["exists"] and not keep_missing:
        return _build_first_existing_resolver(resolve_subject, resolve_else)

    def resolve(event: JSON) -> JSON:
        value = resolve_subject(event)
        return resolve_else(event) if value is None or value is MISSING else resolve_then(event)

    return resolve


def _build_first_existing_resolver(resolve_subject: Resolver, resolve_else: Resolver) -> Resolver:
    # Most mappings take the value that they test: reading it once is enough.
    def resolve(event: JSON) -> JSON:
        value = resolve_subject(event)
        return resolve_else(event) if value is None or value is MISSING else value

    return resolve


def _build_if_not_blank_resolver(
    resolve_subject: Resolver, resolve_then: Resolver, resolve_else: Resolver
) -> Resolver:
    # The published directive takes "then" when the value is not blank, in spite of its name.
    def resolve(event: JSON) -> JSON:
        value = resolve_subject(event)
        is_blank = value is None or value is MISSING or equals_empty_text(value)
        return resolve_else(event) if is_blank else resolve_then(event)

    return resolve


def _compile_array_path_directive(
    mapping: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    if not isinstance(mapping, list):
        return build_directive_error_resolver(
            f"@arrayPath expected array, got {get_type_name(mapping)}"
        )
    path, shape = [*mapping, MISSING, MISSING][:2]
    if isinstance(path, str):
        resolve_root = compile_path(strip_path_prefix(path))
    else:
        resolve_root = compile_mapping(path, keep_missing)
    if not isinstance(shape, dict) or not shape:
        return resolve_root
    resolve_item = compile_mapping(shape, keep_missing)

    def resolve(event: JSON) -> JSON:
        root = resolve_root(event)
        if isinstance(root, list):
            return [resolve_item(item) for item in root]
        return [resolve_item(root)] if isinstance(root, dict) else root

    return resolve


def _compile_flatten_directive(
    options: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    if not isinstance(options, dict):
        return build_directive_error_resolver('@flatten requires an object with a "separator" key')
    if not is_truthy(options.get("separator")):
        return build_directive_error_resolver('@flatten requires a "separator" key')
    resolve_separator = compile_mapping(options["separator"])
    # A key without a value still removes an earlier one that flattens to the same name.
    resolve_value = compile_mapping(options.get("value", MISSING), True)
    omit_arrays = is_truthy(options.get("omitArrays"))

    def resolve(event: JSON) -> JSON:
        separator = resolve_separator(event)
        if not isinstance(separator, str):
            raise DirectiveError("@flatten requires a string separator")
        flat = _flatten_value(resolve_value(event), "", separator, omit_arrays)
        return flat if keep_missing else drop_missing_keys(flat)

    return resolve


def _flatten_value(value: JSON, prefix: str, separator: str, omit_arrays: bool) -> JSONObject:
    if not isinstance(value, dict) and (omit_arrays or not isinstance(value, list)):
        return {prefix: value}
    flat: JSONObject = {}
    for key, member in iter_entries(value):
        flat |= _flatten_value(
            member, f"{prefix}{separator}{key}" if prefix else key, separator, omit_arrays
        )
    return flat


def _compile_merge_directive(
    options: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    if not isinstance(options, dict):
        return build_directive_error_resolver(
            '@merge requires an object with an "objects" key and a "direction" key'
        )
    if not is_truthy(options.get("direction")):
        return build_directive_error_resolver('@merge requires a "direction" key')
    resolve_direction = compile_mapping(options["direction"])
    if not is_truthy(options.get("objects")):
        return build_directive_error_resolver('@merge requires a "objects" key')
    if not isinstance(options["objects"], list):
        return build_directive_error_resolver(
            f"@merge: expected opts.array, got {get_type_name(options['objects'])}"
        )
    # A key without a value still removes the value of an earlier object.
    object_resolvers = [compile_mapping(member, True) for member in options["objects"]]

    def resolve(event: JSON) -> JSON:
        is_left = resolve_direction(event) == "left"
        merged: JSONObject = {}
        resolved = [resolve_object(event) for resolve_object in object_resolvers]
        for members in reversed(resolved) if is_left else resolved:
            merged.update(iter_entries(members))
        return merged if keep_missing else drop_missing_keys(merged)

    return resolve


def _compile_transform_directive(
    options: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    if not isinstance(options, dict):
        return build_directive_error_resolver(
            '@transform requires an object with an "apply" key and a "mapping" key'
        )
    for required in ("mapping", "apply"):
        if not is_truthy(options.get(required)):
            return build_directive_error_resolver(f'@transform requires a "{required}" key')
    if not isinstance(options["apply"], dict):
        return build_directive_error_resolver('@transform "apply" key should be an object')
    resolve_applied = compile_validated_mapping(options["apply"], compile_mapping)
    resolve_mapping = compile_mapping(options["mapping"], keep_missing)

    def resolve(event: JSON) -> JSON:
        if event is MISSING:
            event = {}  # an omitted parameter: an outer @transform may have no result
        if not isinstance(event, dict):
            raise DirectiveError(f"data must be an object, got {get_type_name(event)}")
        return resolve_mapping(resolve_applied(event))

    return resolve


def _compile_exclude_when_null_directive(
    mapping: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    resolve_value = compile_mapping(mapping, keep_missing)

    def resolve(event: JSON) -> JSON:
        value = resolve_value(event)
        if value is None:
            return MISSING
        result = _replace_nulls_with_missing(value)
        return result if keep_missing else drop_missing_keys(result)

    return resolve


def _replace_nulls_with_missing(value: JSON) -> JSON:
    if not isinstance(value, dict):
        return value
    return {
        key: MISSING if member is None else _replace_nulls_with_missing(member)
        for key, member in value.items()
    }


STRUCTURE_DIRECTIVES: dict[str, DirectiveCompiler] = {
    "@literal": _compile_literal_directive,
    "@if": _compile_if_directive,
    "@arrayPath": _compile_array_path_directive,
    "@flatten": _compile_flatten_directive,
    "@merge": _compile_merge_directive,
    "@transform": _compile_transform_directive,
    "@excludeWhenNull": _compile_exclude_when_null_directive,
}

DIRECTIVES: dict[str, DirectiveCompiler] = {**TEXT_DIRECTIVES, **STRUCTURE_DIRECTIVES}


def list_written_keys(mapping: JSON) -> dict[str, JSON]:
    """Return the keys that a mapping is known to write, each with its own mapping.

    Keys of an object that is copied whole are unknown, see `copies_whole_object`.
    """
    if not isinstance(mapping, dict):
        return {}
    if not is_directive(mapping):
        return mapping
    known: dict[str, JSON] = {}
    for alternative in _list_branch_and_merge_mappings(mapping):
        known |= list_written_keys(alternative)
    return known


def copies_whole_object(mapping: JSON) -> bool:
    """Return whether a mapping copies an object whose keys are known only from the event."""
    if not is_directive(mapping):
        return False
    objects = _list_branch_and_merge_mappings(mapping)
    return not objects or any(copies_whole_object(alternative) for alternative in objects)


def get_product_mapping(mapping: JSON) -> JSON:
    """Return the mapping of one product within the mapping of `products`; None without one."""
    match mapping:
        case {"@arrayPath": [_, shape, *_]}:
            return shape
        case {"@arrayPath": _} | {"@path": _}:
            return {"@path": "$."}
        case _:
            return mapping


def _list_branch_and_merge_mappings(mapping: JSON) -> list[JSON]:
    match mapping:
        case {"@merge": {"objects": list(objects)}}:
            return objects
        case {"@if": dict(options)}:
            return [options[key] for key in ("then", "else") if key in options]
        case _:
            return []
