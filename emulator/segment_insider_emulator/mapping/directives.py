"""Directives: the objects with one @-key that say where a mapped value comes from.

A mapping is compiled once. Compiling never fails: a directive that is used wrongly becomes a
resolver that raises when an event reaches it, because that is when Segment notices.

Source: behaviour recorded from Segment's published mapping kit, 3.170.0.
"""

from segment_insider_emulator.mapping.compiling import (
    DirectiveCompiler,
    build_directive_error_resolver,
)
from segment_insider_emulator.mapping.inlining import compile_object
from segment_insider_emulator.mapping.paths import Resolver
from segment_insider_emulator.mapping.structure_directives import STRUCTURE_DIRECTIVES
from segment_insider_emulator.mapping.text_directives import TEXT_DIRECTIVES
from segment_insider_emulator.types import JSON

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
