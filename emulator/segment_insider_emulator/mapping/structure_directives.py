"""Directives that choose, shape and join values: conditions, lists, objects."""

from segment_insider_emulator.mapping.compiling import (
    Compile,
    Directive,
    DirectiveError,
    failing,
    nothing,
)
from segment_insider_emulator.mapping.javascript import (
    MISSING,
    entries,
    is_loosely_empty,
    is_truthy,
    type_name,
    without_missing,
)
from segment_insider_emulator.mapping.paths import Resolver, compile_path, strip_root
from segment_insider_emulator.mapping.root import compile_checked
from segment_insider_emulator.types import JSON, JSONObject


def _literal(mapping: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    return compile_mapping(mapping, keep_missing)


def _if(options: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    if not isinstance(options, dict):
        return failing('@if requires an object with an "exists" key')
    if not is_truthy(options.get("exists")) and not is_truthy(options.get("blank")):
        return failing('@if requires an "exists" key or a "blank" key')
    tested = "exists" if "exists" in options else "blank"
    subject = compile_mapping(options[tested])
    then = compile_mapping(options.get("then", MISSING), keep_missing)
    otherwise: Resolver = nothing
    if is_truthy(options.get("else")):
        otherwise = compile_mapping(options["else"], keep_missing)
    if tested == "blank":
        return _if_not_blank(subject, then, otherwise)
    if options.get("then", MISSING) == options["exists"] and not keep_missing:
        return _first_that_exists(subject, otherwise)

    def resolve(event: JSON) -> JSON:
        value = subject(event)
        return otherwise(event) if value is None or value is MISSING else then(event)

    return resolve


def _first_that_exists(subject: Resolver, otherwise: Resolver) -> Resolver:
    # Most mappings test what they then take: one look at the event is enough.
    def resolve(event: JSON) -> JSON:
        value = subject(event)
        return otherwise(event) if value is None or value is MISSING else value

    return resolve


def _if_not_blank(subject: Resolver, then: Resolver, otherwise: Resolver) -> Resolver:
    # The published directive takes "then" when the value is not blank, whatever its name says.
    def resolve(event: JSON) -> JSON:
        value = subject(event)
        blank = value is None or value is MISSING or is_loosely_empty(value)
        return otherwise(event) if blank else then(event)

    return resolve


def _array_path(mapping: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    if not isinstance(mapping, list):
        return failing(f"@arrayPath expected array, got {type_name(mapping)}")
    path, shape = [*mapping, MISSING, MISSING][:2]
    if isinstance(path, str):
        root = compile_path(strip_root(path))
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


def _flatten(options: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    if not isinstance(options, dict):
        return failing('@flatten requires an object with a "separator" key')
    if not is_truthy(options.get("separator")):
        return failing('@flatten requires a "separator" key')
    separator = compile_mapping(options["separator"])
    # A key without a value still removes an earlier one that flattens to the same name.
    subject = compile_mapping(options.get("value", MISSING), True)
    omit_arrays = is_truthy(options.get("omitArrays"))

    def resolve(event: JSON) -> JSON:
        glue = separator(event)
        if not isinstance(glue, str):
            raise DirectiveError("@flatten requires a string separator")
        flat = _flattened(subject(event), "", glue, omit_arrays)
        return flat if keep_missing else without_missing(flat)

    return resolve


def _flattened(value: JSON, prefix: str, glue: str, omit_arrays: bool) -> JSONObject:
    if not isinstance(value, dict) and (omit_arrays or not isinstance(value, list)):
        return {prefix: value}
    flat: JSONObject = {}
    for key, each in entries(value):
        flat |= _flattened(each, f"{prefix}{glue}{key}" if prefix else key, glue, omit_arrays)
    return flat


def _merge(options: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    if not isinstance(options, dict):
        return failing('@merge requires an object with an "objects" key and a "direction" key')
    if not is_truthy(options.get("direction")):
        return failing('@merge requires a "direction" key')
    direction = compile_mapping(options["direction"])
    if not is_truthy(options.get("objects")):
        return failing('@merge requires a "objects" key')
    if not isinstance(options["objects"], list):
        return failing(f"@merge: expected opts.array, got {type_name(options['objects'])}")
    # A key without a value still removes what an earlier object put there.
    objects = [compile_mapping(each, True) for each in options["objects"]]

    def resolve(event: JSON) -> JSON:
        left = direction(event) == "left"
        merged: JSONObject = {}
        found = [each(event) for each in objects]
        for each in reversed(found) if left else found:
            merged.update(entries(each))
        return merged if keep_missing else without_missing(merged)

    return resolve


def _transform(options: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    if not isinstance(options, dict):
        return failing('@transform requires an object with an "apply" key and a "mapping" key')
    for required in ("mapping", "apply"):
        if not is_truthy(options.get(required)):
            return failing(f'@transform requires a "{required}" key')
    if not isinstance(options["apply"], dict):
        return failing('@transform "apply" key should be an object')
    apply = compile_checked(options["apply"], compile_mapping)
    mapping = compile_mapping(options["mapping"], keep_missing)

    def resolve(event: JSON) -> JSON:
        if event is MISSING:
            event = {}  # as a parameter left out: the outer one of two may have made nothing
        if not isinstance(event, dict):
            raise DirectiveError(f"data must be an object, got {type_name(event)}")
        return mapping(apply(event))

    return resolve


def _exclude_when_null(mapping: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    subject = compile_mapping(mapping, keep_missing)

    def resolve(event: JSON) -> JSON:
        value = subject(event)
        if value is None:
            return MISSING
        excluded = _nulls_to_missing(value)
        return excluded if keep_missing else without_missing(excluded)

    return resolve


def _nulls_to_missing(value: JSON) -> JSON:
    if not isinstance(value, dict):
        return value
    return {
        key: MISSING if each is None else _nulls_to_missing(each) for key, each in value.items()
    }


STRUCTURE_DIRECTIVES: dict[str, Directive] = {
    "@literal": _literal,
    "@if": _if,
    "@arrayPath": _array_path,
    "@flatten": _flatten,
    "@merge": _merge,
    "@transform": _transform,
    "@excludeWhenNull": _exclude_when_null,
}
