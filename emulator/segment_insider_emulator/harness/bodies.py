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
from segment_insider_emulator.workspace.finding import did_you_mean
from segment_insider_emulator.workspace.structure import place

Kind: TypeAlias = type | UnionType
KINDS: Mapping[Kind, str] = {
    str: "text",
    bool: "true or false",
    dict: "an object",
    str | dict: "text or an object",
    list: "a list",
    int: "a whole number",
}


def read(fields: Mapping[str, Kind], *, required: int = 1) -> JSONObject:
    """The JSON object of the current request.

    Args:
        fields: Name -> one of KINDS, for each that may be there.
        required: How many of them must be; with 0 the body may be empty.
    Raises: EmulatorError, naming the first mistake.
    """
    return check(_json(_shape(fields), required), fields, "body", required=required)


def fault(shape: Draft202012Validator, remedy: str, *, required: int = 1) -> JSONObject:
    """The fault that the current request asks for, at either end.

    Args:
        shape: What there may be in it.
        remedy: The same in words.
        required: With 0 the body may be empty.
    Raises: EmulatorError, naming the first mistake.
    """
    return possible(_json(remedy, required), shape, remedy)


def possible(asked: JSON, shape: Draft202012Validator, remedy: str) -> JSONObject:
    """*asked*, a fault that fits *shape*. Raises: EmulatorError, naming the first mistake."""
    error = next(shape.iter_errors(asked), None)
    if error is not None:
        where = place("body", *error.absolute_path)
        raise EmulatorError("this is no fault that can be had", where, remedy)
    return cast(JSONObject, asked)


def check(value: JSON, fields: Mapping[str, Kind], where: str, *, required: int = 1) -> JSONObject:
    """*value*, an object with *required* of *fields* or more, and no others.

    Raises: EmulatorError.
    """
    if not isinstance(value, dict):
        raise EmulatorError("this is no JSON object", where, _shape(fields))
    for name, given in value.items():
        if name not in fields:
            remedy = did_you_mean(name, list(fields)) if fields else _shape(fields)
            raise EmulatorError(f"unknown key {name[:80]!r}", where, remedy)
        if not isinstance(given, fields[name]):
            raise EmulatorError(
                f"{name} is not {KINDS[fields[name]]}", f"{where}.{name}", _shape(fields)
            )
    if len(value) < required:
        missing = [name for name in fields if name not in value]
        link = " and " if required == len(fields) else " or "
        raise EmulatorError(f"{link.join(missing)} missing", where, _shape(fields))
    return value


def _json(remedy: str, required: int) -> JSON:
    raw = request.get_data()
    if not required and not raw.strip():
        return {}
    try:
        return parse_json(raw)
    except orjson.JSONDecodeError as error:
        raise EmulatorError("this is no JSON", "body", remedy) from error


def _shape(fields: Mapping[str, Kind]) -> str:
    if not fields:
        return "Send an empty body."
    return f"Send {', '.join(f'{name} ({KINDS[kind]})' for name, kind in fields.items())}."
