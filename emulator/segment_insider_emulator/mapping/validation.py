"""Validation of mappings: which shapes each directive takes, with Segment's own error texts.

Source: behaviour recorded from Segment's published mapping kit, 3.170.0.
"""

from collections.abc import Callable
from itertools import chain
from typing import TypeAlias

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    entries,
    json_text,
    type_name,
    units,
)
from segment_insider_emulator.types import JSON, JSONObject

Where: TypeAlias = tuple[str, ...]
Check: TypeAlias = Callable[[JSON, Where], list[str]]


class MappingError(Exception):
    """A mapping that Segment refuses.

    Args:
        faults: One sentence for each fault, with its place, e.g. "/uuid/@path should be ...".
        aggregate: Whether Segment reports a list of faults; a lone one at the root it does not.
    """

    def __init__(self, faults: list[str], *, aggregate: bool) -> None:
        self.aggregate = aggregate
        self.name = "AggregateError" if aggregate else "ValidationError"
        listed = "".join(f"\n    ValidationError: {fault}" for fault in faults)
        super().__init__(listed if aggregate else faults[0])


class _Aggregate(list[str]):
    """Faults that Segment gathers into one error, even if there is only one."""


def check_mapping(mapping: JSON) -> None:
    """Raises: MappingError, when *mapping* has a fault."""
    faults = mapping_errors(mapping)
    if faults:
        raise MappingError(faults, aggregate=isinstance(faults, _Aggregate))


def mapping_errors(mapping: JSON, where: Where = ()) -> list[str]:
    """The faults of *mapping*, each with its place; lists are not looked into."""
    if _is_directive(mapping):
        return _check_directive(mapping, where)
    return _check_object(mapping, where) if isinstance(mapping, dict) else []


def _is_directive(value: JSON) -> bool:
    return isinstance(value, dict) and any(key.startswith("@") for key in value)


def _fault(where: Where, message: str) -> list[str]:
    return [f"/{'/'.join(where)} {message}."]


def _kind(value: JSON) -> str:
    return "directive" if _is_directive(value) else type_name(value)


def _check_directive(mapping: JSONObject, where: Where) -> list[str]:
    names = [key for key in mapping if key.startswith("@")]
    others = [key for key in mapping if not key.startswith("@") and key != "_metadata"]
    if len(names) > 1 or others:
        count = len(names) if len(names) > 1 else len(mapping)
        return _fault(where, f"should only have one @-prefixed key but it has {count} keys")
    check = _DIRECTIVES.get(names[0])
    if check is None:
        return _fault(where, f"has an invalid directive: {names[0]}")
    return check(mapping[names[0]], (*where, names[0]))


def _check_object(value: JSON, where: Where) -> list[str]:
    if not isinstance(value, dict) or _is_directive(value):
        return _wrong_kind(value, where, "an object")
    faults = (mapping_errors(each, (*where, key)) for key, each in entries(value))
    return _Aggregate(chain.from_iterable(faults))


def _wrong_kind(value: JSON, where: Where, expected: str) -> list[str]:
    kind = _kind(value)
    article = "an" if kind[0] in "aeiou" else "a"
    return _fault(where, f"should be {expected} but it is {article} {kind}")


def _one_of_kinds(expected: str, *kinds: str) -> Check:
    def check(value: JSON, where: Where) -> list[str]:
        kind = _kind(value)
        if kind == "directive" and "directive" in kinds:
            return _check_directive(value, where)
        return [] if kind in kinds else _wrong_kind(value, where, expected)

    return check


_any_value = _one_of_kinds(
    "a mapping directive or a JSON value",
    "directive", "object", "array", "boolean", "string", "number", "null",
)  # fmt: skip
_text = _one_of_kinds("a string", "string")
_boolean = _one_of_kinds("a boolean", "boolean")
_list = _one_of_kinds("an array", "array")
_directive_or_text = _one_of_kinds("a string or a mapping directive", "directive", "string")
_object_kind = _one_of_kinds("a object or a mapping directive", "directive", "object")


def _directive_or_object(value: JSON, where: Where) -> list[str]:
    return _object_kind(value, where) or mapping_errors(value, where)


def _text_of_length(shortest: int, longest: int) -> Check:
    def check(value: JSON, where: Where) -> list[str]:
        if not isinstance(value, str):
            return _text(value, where)
        if units(value) < shortest:
            return _fault(where, f"should be a string of length {shortest} or greater")
        if units(value) > longest:
            return _fault(where, f"should be a string of length {longest} or less")
        return []

    return check


def _one_of(*allowed: str) -> Check:
    def check(value: JSON, where: Where) -> list[str]:
        if not isinstance(value, str) or value.lower() in allowed:
            return _text(value, where)
        listed = ", ".join(allowed)
        return _fault(where, f"should be one of {listed} but it is {json_text(value)}")

    return check


def _options(required: dict[str, Check], optional: dict[str, Check], *order: str) -> Check:
    """Checks of an object of options, made in the published *order* of the options."""

    def check(value: JSON, where: Where) -> list[str]:
        faults = _check_object(value, where)
        if faults:
            return faults
        faults = _Aggregate()
        for key in order or (*required, *optional):
            option = value.get(key, MISSING)
            if option is not MISSING:
                faults += {**required, **optional}[key](option, (*where, key))
            elif key in required:
                faults += _fault(where, f"should have field {json_text(key)} but it doesn't")
        return faults

    return check


def _merge(value: JSON, where: Where) -> list[str]:
    faults = _options({"objects": _list}, {"direction": _one_of("left", "right")},
                      "direction", "objects")(value, where)  # fmt: skip
    if faults:
        return faults
    # The first object at fault is the only one named, and without its place.
    found = (_directive_or_object(each, ()) for each in value["objects"])
    return next(filter(None, found), [])


def _array_path(value: JSON, where: Where) -> list[str]:
    if not isinstance(value, list):
        return _list(value, where)
    path, shape = [*value, MISSING, MISSING][:2]
    return _directive_or_text(path, where) or mapping_errors(shape, where)


_DIRECTIVES: dict[str, Check] = {
    "@if": _options({}, {"exists": _any_value, "then": _any_value, "else": _any_value}),
    "@case": _options({}, {"operator": _text, "value": _directive_or_text}),
    "@replace": _options(
        {"pattern": _text_of_length(1, 10), "value": _directive_or_text},
        {"replacement": _text_of_length(0, 10), "ignorecase": _boolean, "global": _boolean},
        "pattern", "replacement", "value", "ignorecase", "global",
    ),
    "@arrayPath": _array_path,
    "@path": _directive_or_text,
    "@json": _options({"value": _any_value, "mode": _one_of("encode", "decode")}, {}),
    "@flatten": _options({"value": _any_value}, {"separator": _text}, "separator", "value"),
    "@merge": _merge,
    "@template": _directive_or_text,
    "@literal": _any_value,
    "@transform": _options({"apply": _directive_or_object, "mapping": _directive_or_object}, {}),
    "@excludeWhenNull": _any_value,
    "@liquid": _text,
}  # fmt: skip
