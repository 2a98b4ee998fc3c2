"""Descriptions of mappings and triggers in plain words, for pages of the inspector."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple, TypeAlias

import orjson

from segment_insider_emulator.mapping.catalog import DestinationAction
from segment_insider_emulator.mapping.codegen import strip_path_prefix
from segment_insider_emulator.mapping.directives import DIRECTIVES, is_directive
from segment_insider_emulator.mapping.fields import ActionField
from segment_insider_emulator.mapping.javascript import to_json_text
from segment_insider_emulator.mapping.triggers import (
    TriggerCondition,
    TriggerError,
    TriggerGroup,
    parse_trigger,
)
from segment_insider_emulator.types import JSON, JSONObject

PieceKind: TypeAlias = Literal["path", "value", "word"]


class TextPiece(NamedTuple):
    """One piece of a mapping's description: an event path, a literal value or a word."""

    kind: PieceKind
    text: str


@dataclass(frozen=True, slots=True)
class MappingLine:
    """One field of a mapping with the description of its value, as a line of a page.

    Args:
        key: Its place in the mapping, e.g. "parameters.currency" or "products[].name".
        label: As the catalogue has it; the key where the field is not of the catalogue.
        description: Where its value comes from; empty if its members follow.
        mapping: The part of the mapping, unchanged.
        is_required: Whether the action refuses an event without it.
        indent_level: 0 for a field, 1 for a member of one.
    """

    key: str
    label: str
    description: tuple[TextPiece, ...]
    mapping: JSON
    is_required: bool
    indent_level: int = 0


def describe_mapping(action: DestinationAction, mapping: JSON) -> list[MappingLine]:
    """Describe a mapping's fields in plain words: those of the action first, then unknown ones."""
    if not isinstance(mapping, dict) or is_directive(mapping):
        return [
            MappingLine("", "The whole mapping", describe_value_source(mapping), mapping, False)
        ]
    known = {field.key: field for field in action.fields}
    keys = [key for key in known if key in mapping] + [key for key in mapping if key not in known]
    return [
        line for key in keys for line in _describe_action_field(key, known.get(key), mapping[key])
    ]


def describe_value_source(mapping: JSON) -> tuple[TextPiece, ...]:
    """Describe where a mapped value comes from, e.g. traits.email or else "unknown"."""
    return tuple(_build_value_description(mapping))


def join_text_pieces(pieces: tuple[TextPiece, ...]) -> str:
    """Join the pieces of a mapping's description on a page into one text."""
    return " ".join(piece.text for piece in pieces)


def _describe_action_field(
    key: str, field: ActionField | None, mapping: JSON
) -> Iterator[MappingLine]:
    label, required = (field.label, field.required) if field else (key, False)
    members = (
        {property_field.key: property_field for property_field in field.properties} if field else {}
    )
    match mapping:
        case {"@arrayPath": [path, dict() as shape, *_]} if len(mapping) == 1:
            head = (
                TextPiece("word", "for each of"),
                *_build_value_description(_build_path_directive(path)),
            )
            yield MappingLine(key, label, head, mapping, required)
            yield from _describe_object_field_members(f"{key}[].", shape, members)
        case {"@merge": {"objects": [*objects, dict() as own], "direction": "right"}} if (
            own and not is_directive(own)
        ):
            over = (
                *_describe_joined_mappings(objects, "merged with"),
                TextPiece("word", "but with"),
            )
            yield MappingLine(key, label, tuple(over), mapping, required)
            yield from _describe_object_field_members(f"{key}.", own, members)
        case dict() if mapping and not is_directive(mapping):
            yield MappingLine(key, label, (), mapping, required)
            yield from _describe_object_field_members(f"{key}.", mapping, members)
        case _:
            yield MappingLine(key, label, describe_value_source(mapping), mapping, required)


def _describe_object_field_members(
    prefix: str, mapping: JSONObject, known: dict[str, ActionField]
) -> Iterator[MappingLine]:
    for key, part in mapping.items():
        field = known.get(key)
        label, required = (field.label, field.required) if field else (key, False)
        yield MappingLine(
            f"{prefix}{key}", label, describe_value_source(part), part, required, indent_level=1
        )


def _build_path_directive(path: JSON) -> JSON:
    return {"@path": path} if isinstance(path, str) else path


def _build_value_description(mapping: JSON) -> Iterator[TextPiece]:
    if isinstance(mapping, dict) and is_directive(mapping):
        name = next(key for key in mapping if key.startswith("@"))
        say = _DIRECTIVE_DESCRIBERS.get(name)
        pieces = say(mapping[name]) if say else None
        yield from pieces if pieces is not None else _describe_directive_as_json(mapping, name)
    elif isinstance(mapping, dict) and mapping:
        yield TextPiece("word", "an object of")
        yield from _describe_object_members(list(mapping.items()))
    elif isinstance(mapping, list) and mapping:
        yield TextPiece("word", "a list of")
        yield from _describe_joined_mappings(mapping, ",")
    else:
        yield TextPiece("value", _to_json_text(mapping))


def _describe_directive_as_json(mapping: JSON, name: str) -> Iterator[TextPiece]:
    yield TextPiece("value", _to_json_text(mapping))
    if name not in DIRECTIVES:
        yield TextPiece("word", f"of which {name} is no directive")


def _describe_object_members(members: list[tuple[str, JSON]]) -> Iterator[TextPiece]:
    for at, (key, part) in enumerate(members):
        yield TextPiece("word", f"{', ' if at else ''}{key}:")
        yield from _build_value_description(part)


def _describe_joined_mappings(parts: list[JSON], separator: str) -> Iterator[TextPiece]:
    for at, part in enumerate(parts):
        if at:
            yield TextPiece("word", separator)
        yield from _build_value_description(part)


# None means that the options cannot be described; the page then shows the JSON.
_OptionalPieces: TypeAlias = "Iterator[TextPiece] | list[TextPiece] | None"


def _describe_path_directive(options: JSON) -> _OptionalPieces:
    return (
        [TextPiece("path", strip_path_prefix(options) or "the whole event")]
        if _is_string(options)
        else None
    )


def _describe_template_directive(options: JSON) -> _OptionalPieces:
    return (
        [TextPiece("word", "the text"), TextPiece("value", options)]
        if _is_string(options)
        else None
    )


def _describe_liquid_directive(options: JSON) -> _OptionalPieces:
    return [TextPiece("word", "what Liquid makes of"), TextPiece("value", _to_json_text(options))]


def _describe_if_directive(options: JSON) -> _OptionalPieces:
    if not isinstance(options, dict) or not (options.get("exists") or options.get("blank")):
        return None
    tested = "exists" if "exists" in options else "blank"
    subject, then, otherwise = options[tested], options.get("then"), options.get("else")
    if then is None and otherwise is None:
        return [TextPiece("word", "nothing: it is left out")]
    rest = [] if otherwise is None else list(_build_value_description(otherwise))
    if tested == "exists" and then == subject:
        return [
            *_build_value_description(subject),
            *([TextPiece("word", "or else"), *rest] if rest else []),
        ]
    # Segment's directive uses "then" if the value is not blank, despite its name.
    holds = "has a value:" if tested == "exists" else "is not blank:"
    chosen = (
        list(_build_value_description(then))
        if "then" in options
        else [TextPiece("word", "nothing")]
    )
    other = [TextPiece("word", "; otherwise"), *(rest or [TextPiece("word", "nothing")])]
    return [
        TextPiece("word", "if"),
        *_build_value_description(subject),
        TextPiece("word", holds),
        *chosen,
        *other,
    ]


def _describe_array_path_directive(options: JSON) -> _OptionalPieces:
    if not isinstance(options, list) or not options:
        return None
    shape = options[1] if len(options) > 1 else None
    loop_pieces = [
        TextPiece("word", "for each of"),
        *_build_value_description(_build_path_directive(options[0])),
    ]
    if not isinstance(shape, dict) or not shape:
        return list(_build_value_description(_build_path_directive(options[0])))
    return [*loop_pieces, TextPiece("word", ":"), *_build_value_description(shape)]


def _describe_case_directive(options: JSON) -> _OptionalPieces:
    if not isinstance(options, dict):
        return None
    return [
        *_build_value_description(options.get("value")),
        TextPiece("word", f"in {options.get('operator')} case"),
    ]


def _describe_replace_directive(options: JSON) -> _OptionalPieces:
    if not isinstance(options, dict):
        return None
    steps = [TextPiece("word", "with"), TextPiece("value", _to_json_text(options.get("pattern")))]
    steps += [
        TextPiece("word", "replaced by"),
        TextPiece("value", _to_json_text(options.get("replacement", ""))),
    ]
    if options.get("pattern2"):
        steps += [TextPiece("word", "and"), TextPiece("value", _to_json_text(options["pattern2"]))]
        steps += [
            TextPiece("word", "by"),
            TextPiece("value", _to_json_text(options.get("replacement2", ""))),
        ]
    return [*_build_value_description(options.get("value")), *steps]


def _describe_json_directive(options: JSON) -> _OptionalPieces:
    if not isinstance(options, dict):
        return None
    how = {"encode": "written as JSON text", "decode": "read from JSON text"}
    mode_text = how.get(str(options.get("mode")), "in a JSON mode that does not exist")
    return [*_build_value_description(options.get("value")), TextPiece("word", mode_text)]


def _describe_flatten_directive(options: JSON) -> _OptionalPieces:
    if not isinstance(options, dict):
        return None
    separator = list(_build_value_description(options.get("separator")))
    return [
        *_build_value_description(options.get("value")),
        TextPiece("word", "made flat, keys joined by"),
        *separator,
    ]


def _describe_merge_directive(options: JSON) -> _OptionalPieces:
    if not isinstance(options, dict) or not isinstance(options.get("objects"), list):
        return None
    winner = "the first" if options.get("direction") == "left" else "the last"
    return [
        *_describe_joined_mappings(options["objects"], "merged with"),
        TextPiece("word", f"({winner} wins)"),
    ]


def _describe_transform_directive(options: JSON) -> _OptionalPieces:
    if not isinstance(options, dict):
        return None
    applied_pieces = list(_build_value_description(options.get("apply")))
    return [
        *_build_value_description(options.get("mapping")),
        TextPiece("word", ", read from"),
        *applied_pieces,
    ]


def _describe_exclude_when_null_directive(options: JSON) -> _OptionalPieces:
    return [*_build_value_description(options), TextPiece("word", "unless it is null")]


_DIRECTIVE_DESCRIBERS = {
    "@path": _describe_path_directive,
    "@template": _describe_template_directive,
    "@liquid": _describe_liquid_directive,
    "@literal": _build_value_description,
    "@if": _describe_if_directive,
    "@arrayPath": _describe_array_path_directive,
    "@case": _describe_case_directive,
    "@replace": _describe_replace_directive,
    "@json": _describe_json_directive,
    "@flatten": _describe_flatten_directive,
    "@merge": _describe_merge_directive,
    "@transform": _describe_transform_directive,
    "@excludeWhenNull": _describe_exclude_when_null_directive,
}


def _is_string(value: JSON) -> bool:
    return isinstance(value, str)


def _to_json_text(value: JSON) -> str:
    return orjson.dumps(value).decode()


# Series such as "a != 1 and a != 2": joining word -> operator and phrase.
_SERIES_PHRASES = {"and": ("!=", "is none of"), "or": ("=", "is one of")}
_OPERATOR_PHRASES = {
    "=": "is",
    "!=": "is not",
    "number_equals": "is",
    "number_not_equals": "is not",
    "exists": "exists",
    "not_exists": "does not exist",
    "is_true": "is true",
    "is_false": "is false",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "not_starts_with": "does not start with",
    "ends_with": "ends with",
    "not_ends_with": "does not end with",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
}


def describe_trigger(trigger: JSON) -> str:
    """Describe a trigger in plain words, e.g. type is "track" and event is "Order Completed"."""
    if not isinstance(trigger, str) or not trigger:
        return "no trigger: it takes no event"
    try:
        return _describe_condition_group(parse_trigger(trigger), outermost=True)
    except TriggerError as error:
        return f"malformed, so it takes no event ({error})"


def _describe_condition_group(group: TriggerGroup, *, outermost: bool = False) -> str:
    parts = list(_describe_group_children(group))
    joined = f" {group.operator} ".join(parts)
    return joined if outermost or len(parts) < 2 else f"({joined})"


def _describe_group_children(group: TriggerGroup) -> Iterator[str]:
    """Describe a trigger group's conditions; combine consecutive comparisons of one field."""
    operator, words = _SERIES_PHRASES.get(group.operator, ("", ""))
    for field, series in groupby(
        group.children, lambda child: _get_compared_field(child, operator)
    ):
        children = list(series)
        if field and len(children) > 1:
            values = [
                to_json_text(node.value) for node in children if isinstance(node, TriggerCondition)
            ]
            yield f"{field} {words} {', '.join(values)}"
        else:
            yield from map(_describe_trigger_node, children)


def _get_compared_field(node: TriggerCondition | TriggerGroup | None, operator: str) -> str:
    """Return the field that a trigger condition compares with *operator*; "" for other nodes."""
    if not isinstance(node, TriggerCondition) or node.operator != operator:
        return ""
    return ".".join((node.root, *node.path))


def _describe_trigger_node(node: TriggerCondition | TriggerGroup | None) -> str:
    if node is None:
        return "empty parentheses, which fail every event that reaches them"
    return (
        _describe_condition(node)
        if isinstance(node, TriggerCondition)
        else _describe_condition_group(node)
    )


def _describe_condition(condition: TriggerCondition) -> str:
    field = ".".join((condition.root, *condition.path))
    phrase = _OPERATOR_PHRASES.get(condition.operator)
    if phrase is None:
        return f"{field} {condition.operator} (no operator: it never holds)"
    unary = condition.operator in ("exists", "not_exists", "is_true", "is_false")
    return f"{field} {phrase}" if unary else f"{field} {phrase} {to_json_text(condition.value)}"
