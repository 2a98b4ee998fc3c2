"""Directives: the objects with one @-key that say where a mapped value comes from.

A mapping is compiled once. Compiling never fails: a directive that is used wrongly becomes a
resolver that raises when an event reaches it, because that is when Segment notices.

Source: behaviour recorded from Segment's published mapping kit, 3.170.0.
"""

from collections.abc import Callable
from typing import TypeAlias

import orjson

from emulator.mapping.inlining import inline_object
from emulator.mapping.javascript import (
    MISSING,
    entries,
    is_loosely_empty,
    is_truthy,
    json_text,
    text_of,
    type_name,
    units,
)
from emulator.mapping.liquid import compile_liquid
from emulator.mapping.paths import Resolver, compile_path, compile_template, strip_root
from emulator.mapping.replacing import Replacer, compile_replace
from emulator.mapping.validation import MappingError, check_mapping
from emulator.types import JSON, JSONObject

MAX_PATTERN_UNITS = 10
ROOT_KEY = "__segment_internal_directive"

_Compile: TypeAlias = Callable[[JSON, bool], Resolver]


class DirectiveError(Exception):
    """A directive cannot work on this event; the message is Segment's."""


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
        return inline_object(mapping, keep_missing, compile_mapping)
    name = next(key for key in mapping if key.startswith("@"))
    if name not in DIRECTIVES:
        return _failing(f"{name} is not a valid directive, got undefined")
    return DIRECTIVES[name](mapping[name], keep_missing)


def is_directive(value: JSON) -> bool:
    """Whether *value* has an @-key and, apart from `_metadata`, no other kind of key."""
    return (
        isinstance(value, dict)
        and any(key.startswith("@") for key in value)
        and all(key.startswith("@") or key == "_metadata" for key in value)
    )


def root_mapping(mapping: JSONObject) -> JSONObject:
    """The mapping that is really resolved: the root directive, given the other fields as its own.

    Raises: DirectiveError, when the root directive is malformed.
    """
    if ROOT_KEY not in mapping:
        return mapping
    root = mapping[ROOT_KEY]
    if isinstance(root, dict | list | str) and len(root) > 1:
        raise DirectiveError("The root mapping must only have a single directive object")
    options = next(iter(root.values()), None) if isinstance(root, dict) else None
    if not isinstance(options, dict | list):
        raise DirectiveError("The root directive must be an object")
    fields = {key: value for key, value in mapping.items() if key != ROOT_KEY}
    # On a list JavaScript sets a property that nobody reads.
    own = {**options, "mapping": fields} if isinstance(options, dict) else options
    return {next(iter(root)): own}


def _compile_list(mapping: list[JSON], keep_missing: bool) -> Resolver:
    elements = [compile_mapping(element, keep_missing) for element in mapping]
    return lambda event: [element(event) for element in elements]


def _failing(message: str) -> Resolver:
    return _refusing(DirectiveError(message))


def _nothing(event: JSON) -> JSON:
    return MISSING


def _compile_text(name: str, mapping: JSON, use: Callable[[str], Resolver]) -> Resolver:
    """For directives on one text: used at once when it is plain text, else when it is resolved."""
    if isinstance(mapping, str):
        return use(mapping)
    source = compile_mapping(mapping)

    def resolve(event: JSON) -> JSON:
        text = source(event)
        if not isinstance(text, str):
            raise DirectiveError(f"{name}: expected string, got {type_name(text)}")
        return use(text)(event)

    return resolve


def _path(mapping: JSON, keep_missing: bool) -> Resolver:
    return _compile_text("@path", mapping, lambda path: compile_path(strip_root(path)))


def _template(mapping: JSON, keep_missing: bool) -> Resolver:
    return _compile_text("@template", mapping, compile_template)


def _liquid(mapping: JSON, keep_missing: bool) -> Resolver:
    if not isinstance(mapping, str):
        return _failing("liquid template value must be a string")
    return compile_liquid(mapping)


def _if(options: JSON, keep_missing: bool) -> Resolver:
    if not isinstance(options, dict):
        return _failing('@if requires an object with an "exists" key')
    if not is_truthy(options.get("exists")) and not is_truthy(options.get("blank")):
        return _failing('@if requires an "exists" key or a "blank" key')
    tested = "exists" if "exists" in options else "blank"
    subject = compile_mapping(options[tested])
    then = compile_mapping(options.get("then", MISSING), keep_missing)
    otherwise = _nothing
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


def _case(options: JSON, keep_missing: bool) -> Resolver:
    if not isinstance(options, dict):
        return _failing('@case requires an object with a "operator" key')
    if not is_truthy(options.get("operator")):
        return _failing('@case requires a "operator" key')
    if not is_truthy(options.get("value")):
        return _nothing
    subject = compile_mapping(options["value"], keep_missing)
    change = {"lower": str.lower, "upper": str.upper}.get(text_of(options["operator"]))

    def resolve(event: JSON) -> JSON:
        value = subject(event)
        if not isinstance(value, str):
            return value
        if change is None:
            raise DirectiveError('operator key should have a value of "lower" or "upper"')
        return change(value)

    return resolve


def _replace(options: JSON, keep_missing: bool) -> Resolver:
    if not isinstance(options, dict):
        return _failing('@replace requires an object with a "pattern" key')
    if not is_truthy(options.get("pattern")):
        return _failing('@replace requires a "pattern" key')
    if not is_truthy(options.get("value")):
        return _nothing
    subject = compile_mapping(options["value"])
    steps = _replacers(options)

    def resolve(event: JSON) -> JSON:
        value = subject(event)
        if steps is None or not isinstance(value, str | int | float):
            return ""
        text = text_of(value)
        for pattern, replacement, replacer in steps:
            _check_length("pattern", pattern)
            _check_length("replacement", replacement)
            text = replacer(text)
        return text

    return resolve


def _replacers(options: JSONObject) -> list[tuple[str, str, Replacer]] | None:
    """The replacements in order; None when an option has a type that makes Segment give up."""
    given = {key: value for key, value in options.items() if value is not None}
    ignore_case, everywhere = given.get("ignorecase", False), given.get("global", True)
    if not isinstance(ignore_case, bool) or not isinstance(everywhere, bool):
        return None
    steps = []
    for suffix in ("", "2"):
        pattern, replacement = given.get(f"pattern{suffix}"), given.get(f"replacement{suffix}", "")
        if isinstance(pattern, str) and pattern and isinstance(replacement, str):
            replacer = compile_replace(
                pattern, replacement, ignore_case=ignore_case, everywhere=everywhere
            )
            steps.append((pattern, replacement, replacer))
        elif not suffix:
            return None
    return steps


def _check_length(option: str, text: str) -> None:
    if units(text) > MAX_PATTERN_UNITS:
        raise DirectiveError(
            f'@replace requires a "{option}" less than {MAX_PATTERN_UNITS} characters'
        )


def _array_path(mapping: JSON, keep_missing: bool) -> Resolver:
    if not isinstance(mapping, list):
        return _failing(f"@arrayPath expected array, got {type_name(mapping)}")
    path, shape = [*mapping, MISSING, MISSING][:2]
    root = compile_path(strip_root(path)) if isinstance(path, str) else compile_mapping(path)
    if not isinstance(shape, dict) or not shape:
        return root
    resolve_item = compile_mapping(shape, keep_missing)

    def resolve(event: JSON) -> JSON:
        found = root(event)
        if isinstance(found, list):
            return [resolve_item(item) for item in found]
        return [resolve_item(found)] if isinstance(found, dict) else found

    return resolve


def _literal(mapping: JSON, keep_missing: bool) -> Resolver:
    return compile_mapping(mapping, keep_missing)


def _flatten(options: JSON, keep_missing: bool) -> Resolver:
    if not isinstance(options, dict):
        return _failing('@flatten requires an object with a "separator" key')
    if not is_truthy(options.get("separator")):
        return _failing('@flatten requires a "separator" key')
    separator = compile_mapping(options["separator"])
    subject = compile_mapping(options.get("value", MISSING))
    omit_arrays = is_truthy(options.get("omitArrays"))

    def resolve(event: JSON) -> JSON:
        glue = separator(event)
        if not isinstance(glue, str):
            raise DirectiveError("@flatten requires a string separator")
        return _flattened(subject(event), "", glue, omit_arrays)

    return resolve


def _flattened(value: JSON, prefix: str, glue: str, omit_arrays: bool) -> JSONObject:
    if not isinstance(value, dict) and (omit_arrays or not isinstance(value, list)):
        return {} if value is MISSING else {prefix: value}
    flat: JSONObject = {}
    for key, each in entries(value):
        flat |= _flattened(each, f"{prefix}{glue}{key}" if prefix else key, glue, omit_arrays)
    return flat


def _json(options: JSON, keep_missing: bool) -> Resolver:
    if not isinstance(options, dict):
        return _failing('@json requires an object with a "value" key')
    for required in ("mode", "value"):
        if not is_truthy(options.get(required)):
            return _failing(f'@json requires a "{required}" key')
    convert = {"encode": _encoded, "decode": _decoded}.get(text_of(options["mode"]))
    subject = compile_mapping(options["value"])
    return (lambda event: convert(subject(event))) if convert else _ignoring(subject)


def _ignoring(subject: Resolver) -> Resolver:
    def resolve(event: JSON) -> JSON:
        subject(event)
        return MISSING

    return resolve


def _encoded(value: JSON) -> JSON:
    return MISSING if value is MISSING else json_text(value)


def _decoded(value: JSON) -> JSON:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _merge(options: JSON, keep_missing: bool) -> Resolver:
    if not isinstance(options, dict):
        return _failing('@merge requires an object with an "objects" key and a "direction" key')
    if not is_truthy(options.get("direction")):
        return _failing('@merge requires a "direction" key')
    direction = compile_mapping(options["direction"])
    if not is_truthy(options.get("objects")):
        return _failing('@merge requires a "objects" key')
    if not isinstance(options["objects"], list):
        return _failing(f"@merge: expected opts.array, got {type_name(options['objects'])}")
    # A key without a value still removes what an earlier object put there.
    objects = [compile_mapping(each, True) for each in options["objects"]]

    def resolve(event: JSON) -> JSON:
        left = direction(event) == "left"
        merged: JSONObject = {}
        found = [each(event) for each in objects]
        for each in reversed(found) if left else found:
            merged.update(entries(each))
        return merged if keep_missing else _present(merged)

    return resolve


def _present(value: JSONObject) -> JSONObject:
    return {key: each for key, each in value.items() if each is not MISSING}


def _transform(options: JSON, keep_missing: bool) -> Resolver:
    if not isinstance(options, dict):
        return _failing('@transform requires an object with an "apply" key and a "mapping" key')
    for required in ("mapping", "apply"):
        if not is_truthy(options.get(required)):
            return _failing(f'@transform requires a "{required}" key')
    if not isinstance(options["apply"], dict):
        return _failing('@transform "apply" key should be an object')
    apply = compile_checked(options["apply"])
    mapping = compile_mapping(options["mapping"], keep_missing)

    def resolve(event: JSON) -> JSON:
        if not isinstance(event, dict):
            raise DirectiveError(f"data must be an object, got {type_name(event)}")
        return mapping(apply(event))

    return resolve


def compile_checked(mapping: JSONObject) -> Resolver:
    """Compile a whole mapping: the root directive is applied, then everything is validated.

    Raises: The resolver raises MappingError or DirectiveError for a mapping that is refused.
    """
    try:
        processed = root_mapping(mapping)
        check_mapping(processed)
    except (MappingError, DirectiveError) as error:
        return _refusing(error)
    return compile_mapping(processed)


def _refusing(fault: Exception) -> Resolver:
    def resolve(event: JSON) -> JSON:
        raise fault

    return resolve


def _exclude_when_null(mapping: JSON, keep_missing: bool) -> Resolver:
    subject = compile_mapping(mapping, keep_missing)

    def resolve(event: JSON) -> JSON:
        value = subject(event)
        return MISSING if value is None else _without_nulls(value)

    return resolve


def _without_nulls(value: JSON) -> JSON:
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(each) for key, each in value.items() if each is not None}


DIRECTIVES: dict[str, _Compile] = {
    "@path": _path,
    "@template": _template,
    "@if": _if,
    "@case": _case,
    "@replace": _replace,
    "@arrayPath": _array_path,
    "@literal": _literal,
    "@flatten": _flatten,
    "@json": _json,
    "@merge": _merge,
    "@transform": _transform,
    "@excludeWhenNull": _exclude_when_null,
    "@liquid": _liquid,
}
