"""Validation of mappings: which shapes each directive takes, with Segment's own error texts.

Source: behaviour recorded from Segment's published mapping kit, 3.170.0.
"""

from collections.abc import Callable
from itertools import chain
from typing import TypeAlias

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    count_utf16_units,
    get_type_name,
    iter_entries,
    to_json_text,
)
from segment_insider_emulator.mapping.resolvers import (
    DirectiveError,
    MappingCompiler,
    Resolver,
    build_error_resolver,
)
from segment_insider_emulator.types import JSON, JSONObject

MappingPath: TypeAlias = tuple[str, ...]
MappingCheck: TypeAlias = Callable[[JSON, MappingPath], list[str]]


class MappingError(Exception):
    """A mapping that Segment refuses.

    Args:
        faults: One sentence for each fault, with its place, e.g. "/uuid/@path should be ...".
        aggregate: Whether Segment reports a list of faults; a lone one at the root it does not.
    """

    def __init__(self, messages: list[str], *, is_aggregate: bool) -> None:
        self.is_aggregate = is_aggregate
        self.error_name = "AggregateError" if is_aggregate else "ValidationError"
        listed = "".join(f"\n    ValidationError: {fault}" for fault in messages)
        super().__init__(listed if is_aggregate else messages[0])


class _AggregatedMessages(list[str]):
    """Faults that Segment gathers into one error, even if there is only one."""


def validate_mapping(mapping: JSON) -> None:
    """Raises: MappingError, when *mapping* has a fault."""
    faults = find_mapping_errors(mapping)
    if faults:
        raise MappingError(faults, is_aggregate=isinstance(faults, _AggregatedMessages))


def find_mapping_errors(mapping: JSON, path: MappingPath = ()) -> list[str]:
    """The faults of *mapping*, each with its place; lists are not looked into."""
    if _has_directive_key(mapping):
        return _check_directive(mapping, path)
    return _check_object(mapping, path) if isinstance(mapping, dict) else []


def _has_directive_key(value: JSON) -> bool:
    return isinstance(value, dict) and any(key.startswith("@") for key in value)


def _format_error(path: MappingPath, message: str) -> list[str]:
    return [f"/{'/'.join(path)} {message}."]


def _get_mapping_kind(value: JSON) -> str:
    return "directive" if _has_directive_key(value) else get_type_name(value)


def _check_directive(mapping: JSONObject, path: MappingPath) -> list[str]:
    names = [key for key in mapping if key.startswith("@")]
    others = [key for key in mapping if not key.startswith("@") and key != "_metadata"]
    if len(names) > 1 or others:
        count = len(names) if len(names) > 1 else len(mapping)
        return _format_error(path, f"should only have one @-prefixed key but it has {count} keys")
    check = _DIRECTIVE_CHECKS.get(names[0])
    if check is None:
        return _format_error(path, f"has an invalid directive: {names[0]}")
    return check(mapping[names[0]], (*path, names[0]))


def _check_object(value: JSON, path: MappingPath) -> list[str]:
    if not isinstance(value, dict) or _has_directive_key(value):
        return _report_wrong_kind(value, path, "an object")
    faults = (find_mapping_errors(each, (*path, key)) for key, each in iter_entries(value))
    return _AggregatedMessages(chain.from_iterable(faults))


def _report_wrong_kind(value: JSON, path: MappingPath, expected: str) -> list[str]:
    kind = _get_mapping_kind(value)
    article = "an" if kind[0] in "aeiou" else "a"
    return _format_error(path, f"should be {expected} but it is {article} {kind}")


def _make_kind_check(expected: str, *kinds: str) -> MappingCheck:
    def check(value: JSON, where: MappingPath) -> list[str]:
        kind = _get_mapping_kind(value)
        if kind == "directive" and "directive" in kinds:
            return _check_directive(value, where)
        return [] if kind in kinds else _report_wrong_kind(value, where, expected)

    return check


_check_any_value = _make_kind_check(
    "a mapping directive or a JSON value",
    "directive", "object", "array", "boolean", "string", "number", "null",
)  # fmt: skip
_check_text = _make_kind_check("a string", "string")
_check_boolean = _make_kind_check("a boolean", "boolean")
_check_list = _make_kind_check("an array", "array")
_check_text_or_directive = _make_kind_check(
    "a string or a mapping directive", "directive", "string"
)
_check_object_kind = _make_kind_check("a object or a mapping directive", "directive", "object")


def _check_object_or_directive(value: JSON, path: MappingPath) -> list[str]:
    return _check_object_kind(value, path) or find_mapping_errors(value, path)


def _make_length_check(min_length: int, max_length: int) -> MappingCheck:
    def check(value: JSON, where: MappingPath) -> list[str]:
        if not isinstance(value, str):
            return _check_text(value, where)
        if count_utf16_units(value) < min_length:
            return _format_error(where, f"should be a string of length {min_length} or greater")
        if count_utf16_units(value) > max_length:
            return _format_error(where, f"should be a string of length {max_length} or less")
        return []

    return check


def _make_choice_check(*choices: str) -> MappingCheck:
    def check(value: JSON, where: MappingPath) -> list[str]:
        if not isinstance(value, str) or value.lower() in choices:
            return _check_text(value, where)
        listed = ", ".join(choices)
        return _format_error(where, f"should be one of {listed} but it is {to_json_text(value)}")

    return check


def _make_options_check(
    required: dict[str, MappingCheck], optional: dict[str, MappingCheck], *order: str
) -> MappingCheck:
    """Checks of an object of options, made in the published *order* of the options."""

    def check(value: JSON, where: MappingPath) -> list[str]:
        faults = _check_object(value, where)
        if faults:
            return faults
        faults = _AggregatedMessages()
        for key in order or (*required, *optional):
            option = value.get(key, MISSING)
            if option is not MISSING:
                faults += {**required, **optional}[key](option, (*where, key))
            elif key in required:
                faults += _format_error(
                    where, f"should have field {to_json_text(key)} but it doesn't"
                )
        return faults

    return check


def _check_merge_options(value: JSON, path: MappingPath) -> list[str]:
    faults = _make_options_check({"objects": _check_list}, {"direction": _make_choice_check("left", "right")},
                      "direction", "objects")(value, path)  # fmt: skip
    if faults:
        return faults
    # The first object at fault is the only one named, and without its place.
    found = (_check_object_or_directive(each, ()) for each in value["objects"])
    return next(filter(None, found), [])


def _check_array_path_options(value: JSON, mapping_path: MappingPath) -> list[str]:
    if not isinstance(value, list):
        return _check_list(value, mapping_path)
    path, shape = [*value, MISSING, MISSING][:2]
    return _check_text_or_directive(path, mapping_path) or find_mapping_errors(shape, mapping_path)


_DIRECTIVE_CHECKS: dict[str, MappingCheck] = {
    "@if": _make_options_check({}, {"exists": _check_any_value, "then": _check_any_value, "else": _check_any_value}),
    "@case": _make_options_check({}, {"operator": _check_text, "value": _check_text_or_directive}),
    "@replace": _make_options_check(
        {"pattern": _make_length_check(1, 10), "value": _check_text_or_directive},
        {"replacement": _make_length_check(0, 10), "ignorecase": _check_boolean, "global": _check_boolean},
        "pattern", "replacement", "value", "ignorecase", "global",
    ),
    "@arrayPath": _check_array_path_options,
    "@path": _check_text_or_directive,
    "@json": _make_options_check({"value": _check_any_value, "mode": _make_choice_check("encode", "decode")}, {}),
    "@flatten": _make_options_check({"value": _check_any_value}, {"separator": _check_text}, "separator", "value"),
    "@merge": _check_merge_options,
    "@template": _check_text_or_directive,
    "@literal": _check_any_value,
    "@transform": _make_options_check({"apply": _check_object_or_directive, "mapping": _check_object_or_directive}, {}),
    "@excludeWhenNull": _check_any_value,
    "@liquid": _check_text,
}  # fmt: skip

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
