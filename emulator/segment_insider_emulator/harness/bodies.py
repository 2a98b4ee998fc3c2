"""Bodies of the control API's requests, checked."""

from collections.abc import Mapping
from types import UnionType
from typing import TypeAlias, cast

import orjson
from flask import request
from jsonschema import Draft202012Validator

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import suggest_name
from segment_insider_emulator.workspace.structure import format_path

FieldType: TypeAlias = type | UnionType
FIELD_TYPE_NAMES: Mapping[FieldType, str] = {
    str: "text",
    bool: "true or false",
    dict: "an object",
    str | dict: "text or an object",
    list: "a list",
    int: "a whole number",
}


def read_body(fields: Mapping[str, FieldType], *, min_fields: int = 1) -> JSONObject:
    """The JSON object of the current request.

    Args:
        fields: Name -> one of KINDS, for each that may be there.
        required: How many of them must be; with 0 the body may be empty.
    Raises: EmulatorError, naming the first mistake.
    """
    return check_fields(
        _parse_request_body(_describe_fields(fields), min_fields),
        fields,
        "body",
        min_fields=min_fields,
    )


def read_fault_body(
    validator: Draft202012Validator, remedy: str, *, min_fields: int = 1
) -> JSONObject:
    """The fault that the current request asks for, at either end.

    Args:
        shape: What there may be in it.
        remedy: The same in words.
        required: With 0 the body may be empty.
    Raises: EmulatorError, naming the first mistake.
    """
    return check_fault(_parse_request_body(remedy, min_fields), validator, remedy)


def check_fault(fault_json: JSON, validator: Draft202012Validator, remedy: str) -> JSONObject:
    """*asked*, a fault that fits *shape*. Raises: EmulatorError, naming the first mistake."""
    error = next(validator.iter_errors(fault_json), None)
    if error is not None:
        where = format_path("body", *error.absolute_path)
        raise EmulatorError("this is no fault that can be had", where, remedy)
    return cast(JSONObject, fault_json)


def check_fields(
    value: JSON, fields: Mapping[str, FieldType], where: str, *, min_fields: int = 1
) -> JSONObject:
    """*value*, an object with *required* of *fields* or more, and no others.

    Raises: EmulatorError.
    """
    if not isinstance(value, dict):
        raise EmulatorError("this is no JSON object", where, _describe_fields(fields))
    for name, field_value in value.items():
        if name not in fields:
            remedy = suggest_name(name, list(fields)) if fields else _describe_fields(fields)
            raise EmulatorError(f"unknown key {name[:80]!r}", where, remedy)
        if not isinstance(field_value, fields[name]):
            raise EmulatorError(
                f"{name} is not {FIELD_TYPE_NAMES[fields[name]]}",
                f"{where}.{name}",
                _describe_fields(fields),
            )
    if len(value) < min_fields:
        missing = [name for name in fields if name not in value]
        link = " and " if min_fields == len(fields) else " or "
        raise EmulatorError(f"{link.join(missing)} missing", where, _describe_fields(fields))
    return value


def _parse_request_body(remedy: str, min_fields: int) -> JSON:
    raw = request.get_data()
    if not min_fields and not raw.strip():
        return {}
    try:
        return parse_json(raw)
    except orjson.JSONDecodeError as error:
        raise EmulatorError("this is no JSON", "body", remedy) from error


def _describe_fields(fields: Mapping[str, FieldType]) -> str:
    if not fields:
        return "Send an empty body."
    return (
        f"Send {', '.join(f'{name} ({FIELD_TYPE_NAMES[kind]})' for name, kind in fields.items())}."
    )
