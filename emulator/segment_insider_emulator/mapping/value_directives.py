"""Compilers of directives for one value: @path, @template, @liquid, @case, @replace, @json."""

import json
import re
from collections.abc import Callable
from typing import TypeAlias

import orjson

from segment_insider_emulator.mapping.codegen import (
    compile_path,
    compile_path_template,
    strip_path_prefix,
)
from segment_insider_emulator.mapping.javascript import (
    MISSING,
    count_utf16_units,
    get_type_name,
    is_truthy,
    to_js_string,
    to_json_text,
)
from segment_insider_emulator.mapping.validation import (
    DirectiveCompiler,
    DirectiveError,
    MappingCompiler,
    Resolver,
    build_directive_error_resolver,
    resolve_to_missing,
)
from segment_insider_emulator.types import JSON, JSONObject

MAX_REPLACE_OPTION_UNITS = 10

TextReplacer: TypeAlias = Callable[[str], str]

_REPLACEMENT_REFERENCE = re.compile(r"\$([$&`'])")


def compile_text_replacer(
    pattern: str, replacement: str, *, ignore_case: bool, replace_all: bool
) -> TextReplacer:
    """Return a function that replaces the literal *pattern* in a text.

    *replacement* may contain the references `$$`, `$&`, `` $` `` and `$'` of JavaScript.
    """
    fold = _fold_case if ignore_case else str
    folded_pattern = fold(pattern)

    def replace(text: str) -> str:
        folded = fold(text)
        pieces: list[str] = []
        text_begin = 0
        begin = folded.find(folded_pattern)
        while begin >= 0:
            end = begin + len(pattern)
            pieces += (
                text[text_begin:begin],
                _expand_replacement_references(replacement, text, begin, end),
            )
            text_begin = end
            begin = folded.find(folded_pattern, end) if replace_all else -1
        return "".join([*pieces, text[text_begin:]])

    return replace


def _expand_replacement_references(replacement: str, text: str, start: int, end: int) -> str:
    if "$" not in replacement:
        return replacement
    meanings = {"$": "$", "&": text[start:end], "`": text[:start], "'": text[end:]}
    return _REPLACEMENT_REFERENCE.sub(lambda reference: meanings[reference[1]], replacement)


def _fold_case(text: str) -> str:
    """Fold the case of each character as JavaScript does, one for one.

    It compares upper-case forms if they are single characters, and do not turn a character outside
    ASCII into one inside it.

    """
    return "".join(map(_fold_character_case, text))


def _fold_character_case(char: str) -> str:
    upper = char.upper()
    if len(upper) > 1 or ord(char) > 0xFFFF or (ord(char) > 127 and ord(upper) < 128):
        return char
    return upper


def _compile_directive_of_one_text(
    directive_name: str,
    mapping: JSON,
    compile_mapping: MappingCompiler,
    compile_text: Callable[[str], Resolver],
) -> Resolver:
    """Compile a directive that takes one text, literal or from another directive."""
    if isinstance(mapping, str):
        return compile_text(mapping)
    resolve_text = compile_mapping(mapping)

    def resolve(event: JSON) -> JSON:
        text = resolve_text(event)
        if not isinstance(text, str):
            raise DirectiveError(f"{directive_name}: expected string, got {get_type_name(text)}")
        return compile_text(text)(event)

    return resolve


def _compile_path_directive(
    mapping: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    return _compile_directive_of_one_text(
        "@path", mapping, compile_mapping, lambda path: compile_path(strip_path_prefix(path))
    )


def _compile_template_directive(
    mapping: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    return _compile_directive_of_one_text(
        "@template", mapping, compile_mapping, compile_path_template
    )


def _compile_liquid_directive(
    mapping: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    if not isinstance(mapping, str):
        return build_directive_error_resolver("liquid template value must be a string")
    # Loaded on demand: most mappings contain no Liquid template.
    from segment_insider_emulator.mapping.liquid.templates import compile_liquid_template

    return compile_liquid_template(mapping)


def _compile_case_directive(
    options: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    if not isinstance(options, dict):
        return build_directive_error_resolver('@case requires an object with a "operator" key')
    if not is_truthy(options.get("operator")):
        return build_directive_error_resolver('@case requires a "operator" key')
    if not is_truthy(options.get("value")):
        return resolve_to_missing
    resolve_value = compile_mapping(options["value"], keep_missing)
    change_case = {"lower": str.lower, "upper": str.upper}.get(to_js_string(options["operator"]))

    def resolve(event: JSON) -> JSON:
        value = resolve_value(event)
        if not isinstance(value, str):
            return value
        if change_case is None:
            raise DirectiveError('operator key should have a value of "lower" or "upper"')
        return change_case(value)

    return resolve


def _compile_replace_directive(
    options: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    if not isinstance(options, dict):
        return build_directive_error_resolver('@replace requires an object with a "pattern" key')
    if not is_truthy(options.get("pattern")):
        return build_directive_error_resolver('@replace requires a "pattern" key')
    if not is_truthy(options.get("value")):
        return resolve_to_missing
    resolve_value = compile_mapping(options["value"])
    replacers = _compile_text_replacers(options)

    def resolve(event: JSON) -> JSON:
        value = resolve_value(event)
        if replacers is None or not isinstance(value, str | int | float):
            return ""
        text = to_js_string(value)
        for pattern, replacement, replace in replacers:
            _check_replace_option_length("pattern", pattern)
            _check_replace_option_length("replacement", replacement)
            text = replace(text)
        return text

    return resolve


def _compile_text_replacers(options: JSONObject) -> list[tuple[str, str, TextReplacer]] | None:
    """Compile the replacements of `@replace`, in order; None when an option has a wrong type."""
    known_options = {key: value for key, value in options.items() if value is not None}
    ignore_case, replace_all = (
        known_options.get("ignorecase", False),
        known_options.get("global", True),
    )
    if not isinstance(ignore_case, bool) or not isinstance(replace_all, bool):
        return None
    replacers = []
    for suffix in ("", "2"):
        pattern, replacement = (
            known_options.get(f"pattern{suffix}"),
            known_options.get(f"replacement{suffix}", ""),
        )
        if isinstance(pattern, str) and pattern and isinstance(replacement, str):
            replacer = compile_text_replacer(
                pattern, replacement, ignore_case=ignore_case, replace_all=replace_all
            )
            replacers.append((pattern, replacement, replacer))
        elif not suffix:
            return None
    return replacers


def _check_replace_option_length(option_name: str, text: str) -> None:
    if count_utf16_units(text) > MAX_REPLACE_OPTION_UNITS:
        raise DirectiveError(
            f'@replace requires a "{option_name}" less than {MAX_REPLACE_OPTION_UNITS} characters'
        )


def _compile_json_directive(
    options: JSON, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    if not isinstance(options, dict):
        return build_directive_error_resolver('@json requires an object with a "value" key')
    for required in ("mode", "value"):
        if not is_truthy(options.get(required)):
            return build_directive_error_resolver(f'@json requires a "{required}" key')
    convert = {"encode": _encode_json, "decode": _decode_json}.get(to_js_string(options["mode"]))
    resolve_value = compile_mapping(options["value"], keep_missing)
    return (
        (lambda event: convert(resolve_value(event)))
        if convert
        else _build_discarding_resolver(resolve_value)
    )


def _build_discarding_resolver(resolve_value: Resolver) -> Resolver:
    def resolve(event: JSON) -> JSON:
        resolve_value(event)
        return MISSING

    return resolve


def _encode_json(value: JSON) -> JSON:
    return MISSING if value is MISSING else to_json_text(value)


def _decode_json(value: JSON) -> JSON:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return _decode_json_leniently(value)


def _decode_json_leniently(text: str) -> JSON:
    """Parse JSON that JavaScript accepts and orjson rejects: unbounded numbers, lone surrogates."""
    try:
        return json.loads(text, parse_int=float, parse_constant=_reject_json_constant)
    except (ValueError, RecursionError):
        return text


def _reject_json_constant(constant: str) -> JSON:
    raise ValueError(f"{constant} is not JSON")


TEXT_DIRECTIVES: dict[str, DirectiveCompiler] = {
    "@path": _compile_path_directive,
    "@template": _compile_template_directive,
    "@liquid": _compile_liquid_directive,
    "@case": _compile_case_directive,
    "@replace": _compile_replace_directive,
    "@json": _compile_json_directive,
}
