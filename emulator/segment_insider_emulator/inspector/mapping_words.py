"""A mapping as people read it: where each field's value comes from, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import orjson

from segment_insider_emulator.mapping.catalog import Action
from segment_insider_emulator.mapping.directives import DIRECTIVES, is_directive
from segment_insider_emulator.mapping.fields import Field
from segment_insider_emulator.mapping.paths import strip_root
from segment_insider_emulator.types import JSON, JSONObject

Kind: TypeAlias = Literal["path", "value", "word"]


class Piece(NamedTuple):
    """A stretch of text: a place in the event, a value as it stands, or a word between them."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One field and what is put into it.

    Args:
        key: Its place in the mapping, e.g. "parameters.currency" or "products[].name".
        label: As the catalogue has it; the key where the field is not of the catalogue.
        said: Where its value comes from; empty for a field whose members follow.
        mapping: The part of the mapping, as it stands.
        required: Whether the action refuses an event without it.
        level: 0 for a field, 1 for a member of one.
    """

    key: str
    label: str
    said: tuple[Piece, ...]
    mapping: JSON
    required: bool
    level: int = 0


def lines(action: Action, mapping: JSON) -> list[Line]:
    """The fields of *mapping* in the catalogue's order, then what the catalogue does not know."""
    if not isinstance(mapping, dict) or is_directive(mapping):
        return [Line("", "The whole mapping", said(mapping), mapping, False)]
    known = {field.key: field for field in action.fields}
    keys = [key for key in known if key in mapping] + [key for key in mapping if key not in known]
    return [line for key in keys for line in _field(key, known.get(key), mapping[key])]


def said(mapping: JSON) -> tuple[Piece, ...]:
    """Where the value of *mapping* comes from, e.g. traits.email or else "unknown"."""
    return tuple(_said(mapping))


def text(pieces: tuple[Piece, ...]) -> str:
    """*pieces* without their kinds."""
    return " ".join(each.text for each in pieces)


def _field(key: str, field: Field | None, mapping: JSON) -> Iterator[Line]:
    label, required = (field.label, field.required) if field else (key, False)
    members = {each.key: each for each in field.properties} if field else {}
    match mapping:
        case {"@arrayPath": [path, dict() as shape, *_]} if len(mapping) == 1:
            head = (Piece("word", "for each of"), *_said(_as_path(path)))
            yield Line(key, label, head, mapping, required)
            yield from _members(f"{key}[].", shape, members)
        case {"@merge": {"objects": [*objects, dict() as own], "direction": "right"}} if (
            own and not is_directive(own)
        ):
            over = (*_listed(objects, "merged with"), Piece("word", "but with"))
            yield Line(key, label, tuple(over), mapping, required)
            yield from _members(f"{key}.", own, members)
        case dict() if mapping and not is_directive(mapping):
            yield Line(key, label, (), mapping, required)
            yield from _members(f"{key}.", mapping, members)
        case _:
            yield Line(key, label, said(mapping), mapping, required)


def _members(prefix: str, mapping: JSONObject, known: dict[str, Field]) -> Iterator[Line]:
    for key, part in mapping.items():
        field = known.get(key)
        label, required = (field.label, field.required) if field else (key, False)
        yield Line(f"{prefix}{key}", label, said(part), part, required, level=1)


def _as_path(path: JSON) -> JSON:
    return {"@path": path} if isinstance(path, str) else path


def _said(mapping: JSON) -> Iterator[Piece]:
    if isinstance(mapping, dict) and is_directive(mapping):
        name = next(key for key in mapping if key.startswith("@"))
        say = _DIRECTIVES.get(name)
        pieces = say(mapping[name]) if say else None
        yield from pieces if pieces is not None else _as_it_stands(mapping, name)
    elif isinstance(mapping, dict) and mapping:
        yield Piece("word", "an object of")
        yield from _joined(list(mapping.items()))
    elif isinstance(mapping, list) and mapping:
        yield Piece("word", "a list of")
        yield from _listed(mapping, ",")
    else:
        yield Piece("value", _json(mapping))


def _as_it_stands(mapping: JSON, name: str) -> Iterator[Piece]:
    yield Piece("value", _json(mapping))
    if name not in DIRECTIVES:
        yield Piece("word", f"of which {name} is no directive")


def _joined(members: list[tuple[str, JSON]]) -> Iterator[Piece]:
    for at, (key, part) in enumerate(members):
        yield Piece("word", f"{', ' if at else ''}{key}:")
        yield from _said(part)


def _listed(parts: list[JSON], between: str) -> Iterator[Piece]:
    for at, part in enumerate(parts):
        if at:
            yield Piece("word", between)
        yield from _said(part)


# Each gives None for options that it cannot put into words; the JSON is shown then.
_Said: TypeAlias = "Iterator[Piece] | list[Piece] | None"


def _path(options: JSON) -> _Said:
    return [Piece("path", strip_root(options) or "the whole event")] if _is_text(options) else None


def _template(options: JSON) -> _Said:
    return [Piece("word", "the text"), Piece("value", options)] if _is_text(options) else None


def _liquid(options: JSON) -> _Said:
    return [Piece("word", "what Liquid makes of"), Piece("value", _json(options))]


def _if(options: JSON) -> _Said:
    if not isinstance(options, dict) or not (options.get("exists") or options.get("blank")):
        return None
    tested = "exists" if "exists" in options else "blank"
    subject, then, otherwise = options[tested], options.get("then"), options.get("else")
    if then is None and otherwise is None:
        return [Piece("word", "nothing: it is left out")]
    rest = [] if otherwise is None else list(_said(otherwise))
    if tested == "exists" and then == subject:
        return [*_said(subject), *([Piece("word", "or else"), *rest] if rest else [])]
    # Segment's own directive takes "then" when the value is not blank, whatever its name says.
    holds = "has a value:" if tested == "exists" else "is not blank:"
    chosen = list(_said(then)) if "then" in options else [Piece("word", "nothing")]
    other = [Piece("word", "; otherwise"), *(rest or [Piece("word", "nothing")])]
    return [Piece("word", "if"), *_said(subject), Piece("word", holds), *chosen, *other]


def _array_path(options: JSON) -> _Said:
    if not isinstance(options, list) or not options:
        return None
    shape = options[1] if len(options) > 1 else None
    each = [Piece("word", "for each of"), *_said(_as_path(options[0]))]
    if not isinstance(shape, dict) or not shape:
        return list(_said(_as_path(options[0])))
    return [*each, Piece("word", ":"), *_said(shape)]


def _case(options: JSON) -> _Said:
    if not isinstance(options, dict):
        return None
    return [*_said(options.get("value")), Piece("word", f"in {options.get('operator')} case")]


def _replace(options: JSON) -> _Said:
    if not isinstance(options, dict):
        return None
    steps = [Piece("word", "with"), Piece("value", _json(options.get("pattern")))]
    steps += [Piece("word", "replaced by"), Piece("value", _json(options.get("replacement", "")))]
    if options.get("pattern2"):
        steps += [Piece("word", "and"), Piece("value", _json(options["pattern2"]))]
        steps += [Piece("word", "by"), Piece("value", _json(options.get("replacement2", "")))]
    return [*_said(options.get("value")), *steps]


def _json_directive(options: JSON) -> _Said:
    if not isinstance(options, dict):
        return None
    how = {"encode": "written as JSON text", "decode": "read from JSON text"}
    told = how.get(str(options.get("mode")), "in a JSON mode that does not exist")
    return [*_said(options.get("value")), Piece("word", told)]


def _flatten(options: JSON) -> _Said:
    if not isinstance(options, dict):
        return None
    separator = list(_said(options.get("separator")))
    return [*_said(options.get("value")), Piece("word", "made flat, keys joined by"), *separator]


def _merge(options: JSON) -> _Said:
    if not isinstance(options, dict) or not isinstance(options.get("objects"), list):
        return None
    winner = "the first" if options.get("direction") == "left" else "the last"
    return [*_listed(options["objects"], "merged with"), Piece("word", f"({winner} wins)")]


def _transform(options: JSON) -> _Said:
    if not isinstance(options, dict):
        return None
    made = list(_said(options.get("apply")))
    return [*_said(options.get("mapping")), Piece("word", ", read from"), *made]


def _exclude_when_null(options: JSON) -> _Said:
    return [*_said(options), Piece("word", "unless it is null")]


_DIRECTIVES = {
    "@path": _path,
    "@template": _template,
    "@liquid": _liquid,
    "@literal": _said,
    "@if": _if,
    "@arrayPath": _array_path,
    "@case": _case,
    "@replace": _replace,
    "@json": _json_directive,
    "@flatten": _flatten,
    "@merge": _merge,
    "@transform": _transform,
    "@excludeWhenNull": _exclude_when_null,
}


def _is_text(value: JSON) -> bool:
    return isinstance(value, str)


def _json(value: JSON) -> str:
    return orjson.dumps(value).decode()
