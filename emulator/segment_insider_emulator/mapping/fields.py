"""The typed fields of an action, and what Segment makes of the values mapped into them.

Values are first cleaned (empty ones removed), then coerced to the type of their field, as
Segment's JSON Schema validator does it.
Source: behaviour recorded from Segment's published actions core, 3.170.0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from segment_insider_emulator.mapping.coercion import COERCIONS, FAST, Misfit, is_date_like
from segment_insider_emulator.mapping.javascript import MISSING, type_name
from segment_insider_emulator.types import JSON, JSONObject

Type: TypeAlias = Literal["string", "number", "integer", "boolean", "datetime", "object"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an action.

    Args:
        key: The key in a subscription's mapping.
        label: What Segment's form and its messages call the field.
        multiple: Whether the field is a list of values of *type*.
        properties: The typed keys of an object; other keys are allowed and have no type.
        default: The mapping Segment proposes; MISSING for none.
    """

    key: str
    label: str
    type: Type = "string"
    description: str = ""
    required: bool = False
    multiple: bool = False
    properties: tuple["Field", ...] = ()
    default: JSON = MISSING


class PayloadError(Exception):
    """The mapped values do not fit the action's fields; the message is Segment's."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(" ".join(faults))


Reader: TypeAlias = Callable[[JSON], JSONObject]
_Faults: TypeAlias = list[str]
_Read: TypeAlias = Callable[[JSON, _Faults], JSON]
# The key, the Python types that are taken as they are, and how any other value is read.
Member: TypeAlias = tuple[str, frozenset[type], _Read]

_NOT_AN_OBJECT = "must be an object but it was"


def compile_fields(
    fields: tuple[Field, ...], *, drop_empty_text: bool = False, clean: bool = True
) -> Reader:
    """Turn fields into a reader of payloads.

    Args:
        drop_empty_text: Whether empty text counts as nothing, as it does for single events.
        clean: Whether empty values are removed, rather than coerced.
    Returns: A function from mapped payload to the coerced values of *fields* alone.
    Raises: The reader raises PayloadError.
    """
    members = [compile_member(field, clean, drop_empty_text) for field in fields]
    required = [field.key for field in fields if field.required]

    def read(payload: JSON) -> JSONObject:
        if not isinstance(payload, dict):
            was = _described(MISSING if payload in (None, "") else payload)
            raise PayloadError([f"The root value {_NOT_AN_OBJECT} {was}."])
        faults: _Faults = []
        values: JSONObject = {}
        for key, taken, read_member in members:
            value = payload.get(key, MISSING)
            if type(value) not in taken:
                value = MISSING if value is MISSING else read_member(value, faults)
            elif value == "" and drop_empty_text:
                value = MISSING
            if value is not MISSING:
                values[key] = value
        missing = [key for key in required if key not in values]
        if missing or faults:
            first = [f"The root value is missing the required field '{key}'." for key in missing]
            raise PayloadError(first + faults)
        return values

    return read


def compile_member(field: Field, clean: bool, drop_empty_text: bool = False) -> Member:
    """How the value of one field is read; see `compile_fields`."""
    if field.multiple:
        taken, read = frozenset[type](), _list_reader(field)
    elif field.type == "object":
        taken, read = frozenset[type](), _object_reader(field)
    else:
        taken, read = FAST[field.type], _scalar_reader(field)
    if clean:
        holds_text = field.type in ("string", "datetime") and not field.multiple
        read = _cleaned(read, keeps_empty_text=holds_text and not drop_empty_text)
    return field.key, taken, read


def _cleaned(read: _Read, *, keeps_empty_text: bool) -> _Read:
    def read_cleaned(value: JSON, faults: _Faults) -> JSON:
        if value is None or (value == "" and not keeps_empty_text):
            return MISSING
        return read(value, faults)

    return read_cleaned


def _scalar_reader(field: Field) -> _Read:
    coerce = COERCIONS[field.type]
    expected = "string or number" if field.type == "datetime" else field.type
    article = "an" if expected == "integer" else "a"

    def read(value: JSON, faults: _Faults) -> JSON:
        try:
            found = value = coerce(value)
        except Misfit as misfit:
            found = misfit.value
            was = _described(found)
            faults.append(f"{field.label} must be {article} {expected} but it was {was}.")
        if field.type == "datetime" and isinstance(found, str) and not is_date_like(found):
            faults.append(f"{field.label} must be a valid date-like string but it was not.")
        return value

    return read


def _object_reader(field: Field) -> _Read:
    coerce = _property_coercion(field, clean=True)

    def read(value: JSON, faults: _Faults) -> JSON:
        if not isinstance(value, dict):
            faults.append(f"{field.label} {_NOT_AN_OBJECT} {_described(value)}.")
            return value
        return coerce(value, faults)

    return read


def _list_reader(field: Field) -> _Read:
    coerce = _property_coercion(field, clean=False)

    def read(value: JSON, faults: _Faults) -> JSON:
        items = value if isinstance(value, list) else [value]
        kept = [item for item in items if item is not None and item is not MISSING and item != ""]
        read_items = []
        for at, item in enumerate(kept if isinstance(value, list) else items):
            if isinstance(item, dict):
                read_items.append(coerce(item, faults))
            else:
                place = f"The value at /{field.key}/{at}"
                faults.append(f"{place} {_NOT_AN_OBJECT} {_described(item)}.")
        return read_items

    return read


def _property_coercion(field: Field, *, clean: bool) -> Callable[[JSONObject, _Faults], JSONObject]:
    members = {each.key: compile_member(each, clean) for each in field.properties}
    order = list(members)

    def coerce(value: JSONObject, faults: _Faults) -> JSONObject:
        changed: JSONObject | None = None
        found: dict[str, _Faults] = {}
        for key, old in value.items():
            member = members.get(key)
            if member is None or type(old) in member[1]:
                continue
            # The value may be a part of the event itself, which nobody may change.
            changed = dict(value) if changed is None else changed
            new = member[2](old, found.setdefault(key, []))
            if new is MISSING:
                del changed[key]
            else:
                changed[key] = new
        for key in sorted(found, key=order.index):
            faults += found[key]
        return value if changed is None else changed

    return coerce


def _described(value: JSON) -> str:
    if value is None or value is MISSING:
        return type_name(value)
    name = type_name(value)
    return f"{'an' if name in ('array', 'object') else 'a'} {name}"
