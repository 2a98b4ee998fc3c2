"""Validation of mappings with Segment's error texts, and the root directive.

Source: behaviour recorded from Segment's published mapping kit, 3.170.0.
"""

from collections.abc import Callable
from itertools import chain
from typing import Protocol, TypeAlias

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    count_utf16_units,
    get_type_name,
    iter_entries,
    to_json_text,
)
from segment_insider_emulator.types import JSON, JSONObject

Resolver: TypeAlias = Callable[[JSON], JSON]


class DirectiveError(Exception):
    """A directive cannot be applied to this event; the message is Segment's."""


class MappingCompiler(Protocol):
    """Compiler for the mapping inside a directive; see `directives.compile_mapping`."""

    def __call__(self, mapping: JSON, keep_missing: bool = False) -> Resolver: ...


# Arguments: value of the @-key, whether objects keep MISSING values, compiler of inner mappings.
DirectiveCompiler: TypeAlias = Callable[[JSON, bool, MappingCompiler], Resolver]


def resolve_to_missing(event: JSON) -> JSON:
    """Return MISSING for every event."""
    return MISSING


def build_directive_error_resolver(message: str) -> Resolver:
    """Return a resolver that raises DirectiveError with *message* for every event."""
    return build_error_resolver(DirectiveError(message))


def build_error_resolver(error: Exception) -> Resolver:
    """Return a resolver that raises *error* for every event."""

    def resolve(event: JSON) -> JSON:
        # Its traceback would grow with each event, and keep all of them in memory.
        raise error.with_traceback(None)

    return resolve


MappingPath: TypeAlias = tuple[str, ...]
MappingCheck: TypeAlias = Callable[[JSON, MappingPath], list[str]]


class MappingError(Exception):
    """Segment rejects the mapping.

    Args:
        messages: One sentence per error, with its path, e.g. "/uuid/@path should be ...".
        is_aggregate: Whether Segment reports a list; a single error at the root it does not.
    """

    def __init__(self, messages: list[str], *, is_aggregate: bool) -> None:
        self.is_aggregate = is_aggregate
        self.error_name = "AggregateError" if is_aggregate else "ValidationError"
        listing = "".join(f"\n    ValidationError: {message}" for message in messages)
        super().__init__(listing if is_aggregate else messages[0])


class _AggregatedMessages(list[str]):
    """Error messages that Segment reports as one AggregateError, even if there is only one."""


def validate_mapping(mapping: JSON) -> None:
    """Raise MappingError when *mapping* is invalid."""
    messages = find_mapping_errors(mapping)
    if messages:
        raise MappingError(messages, is_aggregate=isinstance(messages, _AggregatedMessages))


def find_mapping_errors(mapping: JSON, path: MappingPath = ()) -> list[str]:
    """Return the error messages of *mapping*, each with its path; lists are not checked inside."""
    if _has_directive_key(mapping):
        return _check_directive(mapping, path)
    return _check_object(mapping, path) if isinstance(mapping, dict) else []


def _has_directive_key(value: JSON) -> bool:
    return isinstance(value, dict) and any(key.startswith("@") for key in value)


def _format_mapping_error(path: MappingPath, message: str) -> list[str]:
    return [f"/{'/'.join(path)} {message}."]


def _get_mapping_kind(value: JSON) -> str:
    return "directive" if _has_directive_key(value) else get_type_name(value)


def _check_directive(mapping: JSONObject, path: MappingPath) -> list[str]:
    names = [key for key in mapping if key.startswith("@")]
    other_keys = [key for key in mapping if not key.startswith("@") and key != "_metadata"]
    if len(names) > 1 or other_keys:
        count = len(names) if len(names) > 1 else len(mapping)
        return _format_mapping_error(
            path, f"should only have one @-prefixed key but it has {count} keys"
        )
    check = _DIRECTIVE_CHECKS.get(names[0])
    if check is None:
        return _format_mapping_error(path, f"has an invalid directive: {names[0]}")
    return check(mapping[names[0]], (*path, names[0]))


def _check_object(value: JSON, path: MappingPath) -> list[str]:
    if not isinstance(value, dict) or _has_directive_key(value):
        return _format_wrong_kind_error(value, path, "an object")
    messages = (find_mapping_errors(member, (*path, key)) for key, member in iter_entries(value))
    return _AggregatedMessages(chain.from_iterable(messages))


def _format_wrong_kind_error(value: JSON, path: MappingPath, expected: str) -> list[str]:
    kind = _get_mapping_kind(value)
    article = "an" if kind[0] in "aeiou" else "a"
    return _format_mapping_error(path, f"should be {expected} but it is {article} {kind}")


def _make_mapping_kind_check(expected: str, *kinds: str) -> MappingCheck:
    def check(value: JSON, path: MappingPath) -> list[str]:
        kind = _get_mapping_kind(value)
        if kind == "directive" and "directive" in kinds:
            return _check_directive(value, path)
        return [] if kind in kinds else _format_wrong_kind_error(value, path, expected)

    return check


_check_any_value = _make_mapping_kind_check(
    "a mapping directive or a JSON value",
    "directive", "object", "array", "boolean", "string", "number", "null",
)  # fmt: skip
_check_text = _make_mapping_kind_check("a string", "string")
_check_boolean = _make_mapping_kind_check("a boolean", "boolean")
_check_list = _make_mapping_kind_check("an array", "array")
_check_text_or_directive = _make_mapping_kind_check(
    "a string or a mapping directive", "directive", "string"
)
_check_object_kind = _make_mapping_kind_check(
    "a object or a mapping directive", "directive", "object"
)


def _check_object_or_directive(value: JSON, path: MappingPath) -> list[str]:
    return _check_object_kind(value, path) or find_mapping_errors(value, path)


def _make_length_check(min_length: int, max_length: int) -> MappingCheck:
    def check(value: JSON, path: MappingPath) -> list[str]:
        if not isinstance(value, str):
            return _check_text(value, path)
        if count_utf16_units(value) < min_length:
            return _format_mapping_error(
                path, f"should be a string of length {min_length} or greater"
            )
        if count_utf16_units(value) > max_length:
            return _format_mapping_error(path, f"should be a string of length {max_length} or less")
        return []

    return check


def _make_choice_check(*choices: str) -> MappingCheck:
    def check(value: JSON, path: MappingPath) -> list[str]:
        if not isinstance(value, str) or value.lower() in choices:
            return _check_text(value, path)
        listed = ", ".join(choices)
        return _format_mapping_error(
            path, f"should be one of {listed} but it is {to_json_text(value)}"
        )

    return check


def _make_options_check(
    required: dict[str, MappingCheck], optional: dict[str, MappingCheck], *order: str
) -> MappingCheck:
    """Return a check of a directive's options object; errors come in the published *order*."""

    def check(value: JSON, path: MappingPath) -> list[str]:
        messages = _check_object(value, path)
        if messages:
            return messages
        messages = _AggregatedMessages()
        for key in order or (*required, *optional):
            option = value.get(key, MISSING)
            if option is not MISSING:
                messages += {**required, **optional}[key](option, (*path, key))
            elif key in required:
                messages += _format_mapping_error(
                    path, f"should have field {to_json_text(key)} but it doesn't"
                )
        return messages

    return check


_check_merge_keys = _make_options_check(
    {"objects": _check_list},
    {"direction": _make_choice_check("left", "right")},
    "direction",
    "objects",
)


def _check_merge_directive(value: JSON, path: MappingPath) -> list[str]:
    messages = _check_merge_keys(value, path)
    if messages:
        return messages
    # Only the first invalid object is reported, without its path.
    object_messages = (_check_object_or_directive(merged, ()) for merged in value["objects"])
    return next(filter(None, object_messages), [])


def _check_array_path_options(value: JSON, mapping_path: MappingPath) -> list[str]:
    if not isinstance(value, list):
        return _check_list(value, mapping_path)
    path, shape = [*value, MISSING, MISSING][:2]
    return _check_text_or_directive(path, mapping_path) or find_mapping_errors(shape, mapping_path)


_DIRECTIVE_CHECKS: dict[str, MappingCheck] = {
    "@if": _make_options_check({}, dict.fromkeys(("exists", "then", "else"), _check_any_value)),
    "@case": _make_options_check({}, {"operator": _check_text, "value": _check_text_or_directive}),
    "@replace": _make_options_check(
        {"pattern": _make_length_check(1, 10), "value": _check_text_or_directive},
        {
            "replacement": _make_length_check(0, 10),
            "ignorecase": _check_boolean,
            "global": _check_boolean,
        },
        *("pattern", "replacement", "value", "ignorecase", "global"),
    ),
    "@arrayPath": _check_array_path_options,
    "@path": _check_text_or_directive,
    "@json": _make_options_check(
        {"value": _check_any_value, "mode": _make_choice_check("encode", "decode")}, {}
    ),
    "@flatten": _make_options_check(
        {"value": _check_any_value}, {"separator": _check_text}, "separator", "value"
    ),
    "@merge": _check_merge_directive,
    "@template": _check_text_or_directive,
    "@literal": _check_any_value,
    "@transform": _make_options_check(
        dict.fromkeys(("apply", "mapping"), _check_object_or_directive), {}
    ),
    "@excludeWhenNull": _check_any_value,
    "@liquid": _check_text,
}

ROOT_DIRECTIVE_KEY = "__segment_internal_directive"


class NullRootDirectiveError(TypeError):
    """A mapping's root directive is null, where JavaScript would ask for its keys."""


def apply_root_directive(mapping: JSONObject) -> JSON:
    """Return the mapping to resolve: the root directive with the other fields as its mapping.

    A list of one object counts as a directive here, and stays a list.

    Raises: DirectiveError or NullRootDirectiveError, when the root directive is malformed.
    """
    if ROOT_DIRECTIVE_KEY not in mapping:
        return mapping
    root = mapping[ROOT_DIRECTIVE_KEY]
    if root is None:
        raise NullRootDirectiveError("Cannot convert undefined or null to object")
    if isinstance(root, dict | list | str) and len(root) > 1:
        raise DirectiveError("The root mapping must only have a single directive object")
    directives = root.values() if isinstance(root, dict) else root if isinstance(root, list) else ()
    options = next(iter(directives), None)
    if not isinstance(options, dict | list):
        raise DirectiveError("The root directive must be an object")
    fields = {key: value for key, value in mapping.items() if key != ROOT_DIRECTIVE_KEY}
    # On a list, JavaScript sets a property that is never read.
    root_options = {**options, "mapping": fields} if isinstance(options, dict) else options
    return {next(iter(root)): root_options} if isinstance(root, dict) else [root_options]


def compile_validated_mapping(mapping: JSONObject, compile_mapping: MappingCompiler) -> Resolver:
    """Compile a whole mapping after validating it.

    Raises: The resolver raises MappingError, DirectiveError or NullRootDirectiveError, when the
        mapping is invalid.
    """
    try:
        processed = apply_root_directive(mapping)
        validate_mapping(processed)
    except (MappingError, DirectiveError, NullRootDirectiveError) as error:
        return build_error_resolver(error)
    return compile_mapping(processed)
