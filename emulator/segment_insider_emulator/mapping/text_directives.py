"""Directives that make or change a single value: paths, templates, case, replacement, JSON text."""

import json
from collections.abc import Callable

import orjson

from segment_insider_emulator.mapping.compiling import (
    Compile,
    Directive,
    DirectiveError,
    failing,
    nothing,
)
from segment_insider_emulator.mapping.javascript import (
    MISSING,
    is_truthy,
    json_text,
    text_of,
    type_name,
    units,
)
from segment_insider_emulator.mapping.paths import (
    Resolver,
    compile_path,
    compile_template,
    strip_root,
)
from segment_insider_emulator.mapping.replacing import Replacer, compile_replace
from segment_insider_emulator.types import JSON, JSONObject

MAX_PATTERN_UNITS = 10


def _compile_text(
    name: str, mapping: JSON, compile_mapping: Compile, use: Callable[[str], Resolver]
) -> Resolver:
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


def _path(mapping: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    return _compile_text(
        "@path", mapping, compile_mapping, lambda path: compile_path(strip_root(path))
    )


def _template(mapping: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    return _compile_text("@template", mapping, compile_mapping, compile_template)


def _liquid(mapping: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    if not isinstance(mapping, str):
        return failing("liquid template value must be a string")
    # The engine takes a tenth of a second to load, which most mappings need not pay.
    from segment_insider_emulator.mapping.liquid.templates import compile_liquid

    return compile_liquid(mapping)


def _case(options: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    if not isinstance(options, dict):
        return failing('@case requires an object with a "operator" key')
    if not is_truthy(options.get("operator")):
        return failing('@case requires a "operator" key')
    if not is_truthy(options.get("value")):
        return nothing
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


def _replace(options: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    if not isinstance(options, dict):
        return failing('@replace requires an object with a "pattern" key')
    if not is_truthy(options.get("pattern")):
        return failing('@replace requires a "pattern" key')
    if not is_truthy(options.get("value")):
        return nothing
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


def _json(options: JSON, keep_missing: bool, compile_mapping: Compile) -> Resolver:
    if not isinstance(options, dict):
        return failing('@json requires an object with a "value" key')
    for required in ("mode", "value"):
        if not is_truthy(options.get(required)):
            return failing(f'@json requires a "{required}" key')
    convert = {"encode": _encoded, "decode": _decoded}.get(text_of(options["mode"]))
    subject = compile_mapping(options["value"], keep_missing)
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
        return _decoded_leniently(value)


def _decoded_leniently(text: str) -> JSON:
    """Read what JavaScript reads and orjson refuses: numbers without bounds, half surrogates."""
    try:
        return json.loads(text, parse_int=float, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(word: str) -> JSON:
    raise ValueError(f"{word} is not JSON")


TEXT_DIRECTIVES: dict[str, Directive] = {
    "@path": _path,
    "@template": _template,
    "@liquid": _liquid,
    "@case": _case,
    "@replace": _replace,
    "@json": _json,
}
