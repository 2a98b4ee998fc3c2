"""Whole mappings: the root directive applied, then everything validated."""

from segment_insider_emulator.mapping.compiling import (
    DirectiveError,
    MappingCompiler,
    build_error_resolver,
)
from segment_insider_emulator.mapping.paths import Resolver
from segment_insider_emulator.mapping.validation import MappingError, validate_mapping
from segment_insider_emulator.types import JSON, JSONObject

ROOT_DIRECTIVE_KEY = "__segment_internal_directive"


class NullRootDirectiveError(TypeError):
    """The root directive is null, where JavaScript asks for its keys."""


def apply_root_directive(mapping: JSONObject) -> JSON:
    """The mapping that is really resolved: the root directive, given the other fields as its own.

    A list of one object counts as a directive here, and stays a list.

    Raises: DirectiveError or NullRootError, when the root directive is malformed.
    """
    if ROOT_DIRECTIVE_KEY not in mapping:
        return mapping
    root = mapping[ROOT_DIRECTIVE_KEY]
    if root is None:
        raise NullRootDirectiveError("Cannot convert undefined or null to object")
    if isinstance(root, dict | list | str) and len(root) > 1:
        raise DirectiveError("The root mapping must only have a single directive object")
    members = root.values() if isinstance(root, dict) else root if isinstance(root, list) else ()
    options = next(iter(members), None)
    if not isinstance(options, dict | list):
        raise DirectiveError("The root directive must be an object")
    fields = {key: value for key, value in mapping.items() if key != ROOT_DIRECTIVE_KEY}
    # On a list JavaScript sets a property that nobody reads.
    own = {**options, "mapping": fields} if isinstance(options, dict) else options
    return {next(iter(root)): own} if isinstance(root, dict) else [own]


def compile_validated(mapping: JSONObject, compile_mapping: MappingCompiler) -> Resolver:
    """Compile a whole mapping.

    Raises: The resolver raises MappingError, DirectiveError or NullRootError for a mapping
        that is refused.
    """
    try:
        processed = apply_root_directive(mapping)
        validate_mapping(processed)
    except (MappingError, DirectiveError, NullRootDirectiveError) as error:
        return build_error_resolver(error)
    return compile_mapping(processed)
