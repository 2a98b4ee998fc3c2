"""Bodies of the control API's requests, checked."""

from collections.abc import Mapping

import orjson
from flask import request

from emulator.errors import EmulatorError
from emulator.types import JSON, JSONObject
from emulator.workspace.finding import did_you_mean

KINDS: Mapping[type, str] = {str: "text", bool: "true or false", dict: "an object"}


def read(fields: Mapping[str, type], *, required: bool = False) -> JSONObject:
    """The JSON object of the current request.

    Args:
        fields: Name -> one of KINDS, for each that may be there.
        required: Whether all of them must be.
    Raises: EmulatorError, naming the first mistake.
    """
    try:
        body = orjson.loads(request.get_data())
    except orjson.JSONDecodeError as error:
        raise EmulatorError("this is no JSON", "body", _shape(fields)) from error
    return check(body, fields, "body", required=required)


def check(
    value: JSON, fields: Mapping[str, type], where: str, *, required: bool = False
) -> JSONObject:
    """*value*, an object with *fields* and no others. Raises: EmulatorError."""
    if not isinstance(value, dict):
        raise EmulatorError("this is no JSON object", where, _shape(fields))
    for name, given in value.items():
        if name not in fields:
            raise EmulatorError(f"unknown key {name!r}", where, did_you_mean(name, list(fields)))
        if not isinstance(given, fields[name]):
            raise EmulatorError(
                f"{name} is not {KINDS[fields[name]]}", f"{where}.{name}", _shape(fields)
            )
    missing = [name for name in fields if name not in value]
    if missing and (required or not value):
        raise EmulatorError(f"{' and '.join(missing)} missing", where, _shape(fields))
    return value


def _shape(fields: Mapping[str, type]) -> str:
    return f"Send {', '.join(f'{name} ({KINDS[kind]})' for name, kind in fields.items())}."
