"""Typed fields of destination actions, and how Segment cleans and coerces their values.

Values are first cleaned (empty ones removed), then coerced to the type of their field, as
Segment's JSON Schema validator does.
Source: behaviour recorded from Segment's published actions core, 3.170.0.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from segment_insider_emulator.mapping.date_parser import parse_date_ms
from segment_insider_emulator.mapping.javascript import (
    MISSING,
    WHITE_SPACE,
    get_type_name,
    is_number,
    to_js_number,
    to_js_string,
)
from segment_insider_emulator.types import JSON, JSONObject

FieldType: TypeAlias = Literal["string", "number", "integer", "boolean", "datetime", "object"]


@dataclass(frozen=True, slots=True)
class ActionField:
    """One typed field of a destination action.

    Args:
        key: The key in a subscription's mapping.
        label: What Segment's form and its messages call the field.
        multiple: Whether the field is a list of values of *type*.
        properties: The typed keys of an object; other keys are allowed and have no type.
        default: The mapping Segment proposes; MISSING for none.
    """

    key: str
    label: str
    type: FieldType = "string"
    description: str = ""
    required: bool = False
    multiple: bool = False
    properties: tuple["ActionField", ...] = ()
    default: JSON = MISSING


class PayloadValidationError(Exception):
    """The mapped values do not fit the action's fields; the message is Segment's."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(" ".join(messages))


PayloadReader: TypeAlias = Callable[[JSON], JSONObject]
_ErrorMessages: TypeAlias = list[str]
_ValueReader: TypeAlias = Callable[[JSON, _ErrorMessages], JSON]
# Key, Python types that are accepted unchanged, reader of other values.
FieldReader: TypeAlias = tuple[str, frozenset[type], _ValueReader]

_NOT_AN_OBJECT_TEXT = "must be an object but it was"


def compile_payload_reader(
    fields: tuple[ActionField, ...], *, drop_empty_text: bool = False, clean: bool = True
) -> PayloadReader:
    """Return a function that reads, cleans and coerces the values of *fields* from a payload.

    Args:
        drop_empty_text: Whether empty text counts as no value, as it does for single events.
        clean: Whether empty values are removed, rather than coerced.
    Returns: A function from mapped payload to the coerced values of *fields* alone.
    Raises: The reader raises PayloadValidationError.
    """
    readers = [compile_field_reader(field, clean, drop_empty_text) for field in fields]
    required = [field.key for field in fields if field.required]

    def read(payload: JSON) -> JSONObject:
        if not isinstance(payload, dict):
            description = _describe_value_type(MISSING if payload in (None, "") else payload)
            raise PayloadValidationError([f"The root value {_NOT_AN_OBJECT_TEXT} {description}."])
        messages: _ErrorMessages = []
        values: JSONObject = {}
        for key, accepted_types, read_value in readers:
            value = payload.get(key, MISSING)
            if type(value) not in accepted_types:
                value = MISSING if value is MISSING else read_value(value, messages)
            elif value == "" and drop_empty_text:
                value = MISSING
            if value is not MISSING:
                values[key] = value
        missing = [key for key in required if key not in values]
        if missing or messages:
            missing_messages = [
                f"The root value is missing the required field '{key}'." for key in missing
            ]
            raise PayloadValidationError(missing_messages + messages)
        return values

    return read


def compile_field_reader(
    field: ActionField, clean: bool, drop_empty_text: bool = False
) -> FieldReader:
    """Compile a field to its key, accepted types and reader; see `compile_payload_reader`."""
    if field.multiple:
        accepted_types, read = frozenset[type](), _build_list_reader(field)
    elif field.type == "object":
        accepted_types, read = frozenset[type](), _build_object_reader(field)
    else:
        accepted_types, read = TYPES_ACCEPTED_UNCHANGED[field.type], _build_scalar_reader(field)
    if clean:
        is_text = field.type in ("string", "datetime") and not field.multiple
        read = _wrap_reader_to_drop_empty_values(
            read, keep_empty_text=is_text and not drop_empty_text
        )
    return field.key, accepted_types, read


def _wrap_reader_to_drop_empty_values(
    read_value: _ValueReader, *, keep_empty_text: bool
) -> _ValueReader:
    def read_cleaned(value: JSON, messages: _ErrorMessages) -> JSON:
        if value is None or (value == "" and not keep_empty_text):
            return MISSING
        return read_value(value, messages)

    return read_cleaned


def _build_scalar_reader(field: ActionField) -> _ValueReader:
    coerce = COERCIONS_BY_TYPE[field.type]
    expected = "string or number" if field.type == "datetime" else field.type
    article = "an" if expected == "integer" else "a"

    def read(value: JSON, messages: _ErrorMessages) -> JSON:
        try:
            coerced = value = coerce(value)
        except CoercionError as error:
            coerced = error.value
            description = _describe_value_type(coerced)
            messages.append(f"{field.label} must be {article} {expected} but it was {description}.")
        if (
            field.type == "datetime"
            and isinstance(coerced, str)
            and not is_accepted_date_text(coerced)
        ):
            messages.append(f"{field.label} must be a valid date-like string but it was not.")
        return value

    return read


def _build_object_reader(field: ActionField) -> _ValueReader:
    read_properties = _build_properties_reader(field, clean=True)

    def read(value: JSON, messages: _ErrorMessages) -> JSON:
        if not isinstance(value, dict):
            messages.append(f"{field.label} {_NOT_AN_OBJECT_TEXT} {_describe_value_type(value)}.")
            return value
        return read_properties(value, messages)

    return read


def _build_list_reader(field: ActionField) -> _ValueReader:
    read_properties = _build_properties_reader(field, clean=False)

    def read(value: JSON, messages: _ErrorMessages) -> JSON:
        items = value if isinstance(value, list) else [value]
        filled_items = [
            item for item in items if item is not None and item is not MISSING and item != ""
        ]
        read_items = []
        for index, item in enumerate(filled_items if isinstance(value, list) else items):
            if isinstance(item, dict):
                read_items.append(read_properties(item, messages))
            else:
                item_path = f"The value at /{field.key}/{index}"
                messages.append(f"{item_path} {_NOT_AN_OBJECT_TEXT} {_describe_value_type(item)}.")
        return read_items

    return read


def _build_properties_reader(
    field: ActionField, *, clean: bool
) -> Callable[[JSONObject, _ErrorMessages], JSONObject]:
    readers = {
        property_field.key: compile_field_reader(property_field, clean)
        for property_field in field.properties
    }
    order = list(readers)

    def read_properties(value: JSONObject, messages: _ErrorMessages) -> JSONObject:
        changed: JSONObject | None = None
        messages_by_key: dict[str, _ErrorMessages] = {}
        for key, member in value.items():
            reader = readers.get(key)
            if reader is None or type(member) in reader[1]:
                continue
            # The value may be a part of the event, which must not change.
            changed = dict(value) if changed is None else changed
            new_member = reader[2](member, messages_by_key.setdefault(key, []))
            if new_member is MISSING:
                del changed[key]
            else:
                changed[key] = new_member
        for key in sorted(messages_by_key, key=order.index):
            messages += messages_by_key[key]
        return value if changed is None else changed

    return read_properties


def _describe_value_type(value: JSON) -> str:
    if value is None or value is MISSING:
        return get_type_name(value)
    name = get_type_name(value)
    return f"{'an' if name in ('array', 'object') else 'a'} {name}"


class CoercionError(ValueError):
    """A field's value cannot be coerced; for a list of one item, *value* is that item."""

    def __init__(self, value: JSON) -> None:
        super().__init__()
        self.value = value


def _unwrap_single_item(value: JSON) -> JSON:
    """Return the item of a list of one; any other value unchanged."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _coerce_to_string(value: JSON) -> JSON:
    value = _unwrap_single_item(value)
    if isinstance(value, str | bool | int | float):
        return to_js_string(value)
    if value is None:
        return ""
    raise CoercionError(value)


def _coerce_to_number(value: JSON) -> JSON:
    value = _unwrap_single_item(value)
    if isinstance(value, bool) or value is None:
        return int(value or 0)
    number = to_js_number(value) if isinstance(value, str) and value else value
    if not is_number(number) or math.isnan(number):
        raise CoercionError(value)
    return number


def _coerce_to_integer(value: JSON) -> JSON:
    number = _coerce_to_number(value)
    # Infinity has no remainder in JavaScript, so "Infinity" passes and is sent as null.
    if math.isfinite(number) and number % 1:
        raise CoercionError(_unwrap_single_item(value))
    return number


def _coerce_to_boolean(value: JSON) -> JSON:
    value = _unwrap_single_item(value)
    if value is None or value == "false" or value == 0:
        return False
    if value == "true" or value == 1:
        return True
    raise CoercionError(value)


def _coerce_to_datetime(value: JSON) -> JSON:
    if isinstance(value, str) or is_number(value):
        return value
    value = _unwrap_single_item(value)
    if value is None or isinstance(value, bool) or is_number(value):
        return "" if value is None else to_js_string(value)
    # Text in a list is accepted only when it can be a number.
    if isinstance(value, str) and value and not math.isnan(to_js_number(value)):
        return to_js_number(value)
    raise CoercionError(value)


COERCIONS_BY_TYPE: dict[str, Callable[[JSON], JSON]] = {
    "string": _coerce_to_string,
    "number": _coerce_to_number,
    "integer": _coerce_to_integer,
    "boolean": _coerce_to_boolean,
    "datetime": _coerce_to_datetime,
}
# Python types that each field type accepts unchanged.
TYPES_ACCEPTED_UNCHANGED: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "datetime": frozenset({int, float}),
}

_COMMON_DATE_PATTERN = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z",
    re.ASCII,
)
# Segment's date library parses this before JavaScript does, unless it ends in Z.
_LENIENT_DATE_PATTERN = re.compile(
    r"[0-9]{4}[-/]?(?:[0-9]{1,2})?[-/]?[0-9]{0,2}"
    rf"(?:[Tt{WHITE_SPACE}])*(?:[0-9]{{1,2}})?:?(?:[0-9]{{1,2}})?:?(?:[0-9]{{1,2}})?[.:]?[0-9]*"
)
_MAX_EPOCH_SECONDS = 8.64e12


def is_accepted_date_text(text: str) -> bool:
    """Return whether Segment accepts *text* as a date: epoch seconds or a text with a date."""
    if _COMMON_DATE_PATTERN.fullmatch(text):
        return True
    number = to_js_number(text)
    if to_js_string(number) == text:
        return abs(number) <= _MAX_EPOCH_SECONDS
    if text[-1:] not in ("Z", "z") and _LENIENT_DATE_PATTERN.fullmatch(text):
        return True
    return not math.isnan(parse_date_ms(text))
