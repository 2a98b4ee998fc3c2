"""Directives that choose, shape and join values: conditions, lists, objects."""

from segment_insider_emulator.mapping.codegen import compile_object
from segment_insider_emulator.mapping.javascript import (
    MISSING,
    drop_missing,
    equals_empty_text,
    get_type_name,
    is_truthy,
    iter_entries,
)
from segment_insider_emulator.mapping.resolvers import (
    DirectiveCompiler,
    DirectiveError,
    MappingCompiler,
    Resolver,
    build_directive_error_resolver,
    compile_path,
    resolve_to_missing,
    strip_path_prefix,
)
from segment_insider_emulator.mapping.text_directives import TEXT_DIRECTIVES
from segment_insider_emulator.mapping.validation import compile_validated
from segment_insider_emulator.types import JSON, JSONObject


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
    subject = compile_mapping(options[tested])
    then = compile_mapping(options.get("then", MISSING), keep_missing)
    otherwise: Resolver = resolve_to_missing
    if is_truthy(options.get("else")):
        otherwise = compile_mapping(options["else"], keep_missing)
    if tested == "blank":
        return _build_if_not_blank_resolver(subject, then, otherwise)
    if options.get("then", MISSING) == options["exists"] and not keep_missing:
        return _build_first_existing_resolver(subject, otherwise)

    def resolve(event: JSON) -> JSON:
        value = subject(event)
        return otherwise(event) if value is None or value is MISSING else then(event)

    return resolve


def _build_first_existing_resolver(subject: Resolver, resolve_else: Resolver) -> Resolver:
    # Most mappings test what they then take: one look at the event is enough.
    def resolve(event: JSON) -> JSON:
        value = subject(event)
        return resolve_else(event) if value is None or value is MISSING else value

    return resolve


def _build_if_not_blank_resolver(
    subject: Resolver, resolve_then: Resolver, resolve_else: Resolver
) -> Resolver:
    # The published directive takes "then" when the value is not blank, whatever its name says.
    def resolve(event: JSON) -> JSON:
        value = subject(event)
        blank = value is None or value is MISSING or equals_empty_text(value)
        return resolve_else(event) if blank else resolve_then(event)

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
        root = compile_path(strip_path_prefix(path))
    else:
        root = compile_mapping(path, keep_missing)
    if not isinstance(shape, dict) or not shape:
        return root
    resolve_item = compile_mapping(shape, keep_missing)

    def resolve(event: JSON) -> JSON:
        found = root(event)
        if isinstance(found, list):
            return [resolve_item(item) for item in found]
        return [resolve_item(found)] if isinstance(found, dict) else found

    return resolve


def _compile_flatten_directive(
    options: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    if not isinstance(options, dict):
        return build_directive_error_resolver('@flatten requires an object with a "separator" key')
    if not is_truthy(options.get("separator")):
        return build_directive_error_resolver('@flatten requires a "separator" key')
    separator = compile_mapping(options["separator"])
    # A key without a value still removes an earlier one that flattens to the same name.
    subject = compile_mapping(options.get("value", MISSING), True)
    omit_arrays = is_truthy(options.get("omitArrays"))

    def resolve(event: JSON) -> JSON:
        glue = separator(event)
        if not isinstance(glue, str):
            raise DirectiveError("@flatten requires a string separator")
        flat = _flatten_value(subject(event), "", glue, omit_arrays)
        return flat if keep_missing else drop_missing(flat)

    return resolve


def _flatten_value(value: JSON, prefix: str, separator: str, omit_arrays: bool) -> JSONObject:
    if not isinstance(value, dict) and (omit_arrays or not isinstance(value, list)):
        return {prefix: value}
    flat: JSONObject = {}
    for key, each in iter_entries(value):
        flat |= _flatten_value(
            each, f"{prefix}{separator}{key}" if prefix else key, separator, omit_arrays
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
    direction = compile_mapping(options["direction"])
    if not is_truthy(options.get("objects")):
        return build_directive_error_resolver('@merge requires a "objects" key')
    if not isinstance(options["objects"], list):
        return build_directive_error_resolver(
            f"@merge: expected opts.array, got {get_type_name(options['objects'])}"
        )
    # A key without a value still removes what an earlier object put there.
    objects = [compile_mapping(each, True) for each in options["objects"]]

    def resolve(event: JSON) -> JSON:
        left = direction(event) == "left"
        merged: JSONObject = {}
        found = [each(event) for each in objects]
        for each in reversed(found) if left else found:
            merged.update(iter_entries(each))
        return merged if keep_missing else drop_missing(merged)

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
    apply = compile_validated(options["apply"], compile_mapping)
    mapping = compile_mapping(options["mapping"], keep_missing)

    def resolve(event: JSON) -> JSON:
        if event is MISSING:
            event = {}  # as a parameter left out: the outer one of two may have made nothing
        if not isinstance(event, dict):
            raise DirectiveError(f"data must be an object, got {get_type_name(event)}")
        return mapping(apply(event))

    return resolve


def _compile_exclude_when_null_directive(
    mapping: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    subject = compile_mapping(mapping, keep_missing)

    def resolve(event: JSON) -> JSON:
        value = subject(event)
        if value is None:
            return MISSING
        excluded = _replace_nulls_with_missing(value)
        return excluded if keep_missing else drop_missing(excluded)

    return resolve


def _replace_nulls_with_missing(value: JSON) -> JSON:
    if not isinstance(value, dict):
        return value
    return {
        key: MISSING if each is None else _replace_nulls_with_missing(each)
        for key, each in value.items()
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


def compile_mapping(mapping: JSON, keep_missing: bool = False) -> Resolver:
    """Turn a mapping into a resolver of events.

    Args:
        mapping: A JSON value; objects with an @-key are directives, at any depth.
        keep_missing: Whether keys without a value stay, as MISSING, in objects.
    Returns: A function from event to JSON value; MISSING where nothing was found. Lists keep
        MISSING elements, which are sent as null.
    Raises: The resolver raises DirectiveError, LiquidError or MappingError.
    """
    if isinstance(mapping, list):
        return _compile_list(mapping, keep_missing)
    if not isinstance(mapping, dict):
        return lambda event: mapping
    if not is_directive(mapping):
        return compile_object(mapping, keep_missing, compile_mapping)
    name = next(key for key in mapping if key.startswith("@"))
    if name not in DIRECTIVES:
        return build_directive_error_resolver(f"{name} is not a valid directive, got undefined")
    return DIRECTIVES[name](mapping[name], keep_missing, compile_mapping)


def is_directive(value: JSON) -> bool:
    """Whether *value* has an @-key and, apart from `_metadata`, no other kind of key."""
    return (
        isinstance(value, dict)
        and any(key.startswith("@") for key in value)
        and all(key.startswith("@") or key == "_metadata" for key in value)
    )


def _compile_list(mapping: list[JSON], keep_missing: bool) -> Resolver:
    elements = [compile_mapping(element, keep_missing) for element in mapping]
    return lambda event: [element(event) for element in elements]
