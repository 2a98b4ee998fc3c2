"""Parse and check the JSON bodies and query parameters of requests."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import TypeAlias, cast

import orjson
from flask import request
from jsonschema import Draft202012Validator

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.storage.records import VERDICTS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import format_path, suggest_name

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
    """Return the checked JSON object in the body of the current request.

    Args:
        fields: Name -> one of KINDS, for each that may be there.
        min_fields: How many of them are required; with 0 the body may be empty.
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
    """Return the checked fault in the body of the current request.

    Args:
        validator: Checks the fault.
        remedy: The same in words.
        min_fields: With 0 the body may be empty.
    Raises: EmulatorError, naming the first mistake.
    """
    return check_fault(_parse_request_body(remedy, min_fields), validator, remedy)


def check_fault(fault_json: JSON, validator: Draft202012Validator, remedy: str) -> JSONObject:
    """Return *fault_json* when it is valid. Raises: EmulatorError, naming the first error.

    Raises: EmulatorError, naming the first mistake.
    """
    error = next(validator.iter_errors(fault_json), None)
    if error is not None:
        where = format_path("body", *error.absolute_path)
        raise EmulatorError("this is no fault that can be had", where, remedy)
    return cast(JSONObject, fault_json)


def check_fields(
    value: JSON, fields: Mapping[str, FieldType], where: str, *, min_fields: int = 1
) -> JSONObject:
    """Return *value* when it is an object with the allowed fields and at least *min_fields*.

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


PROFILE_FILTERS = ("identifier",)  # a type and a value, such as uuid:u1
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_ID = 2**63 - 1
ID_ROUTE = (
    f"<int(max={MAX_ID}):id>"  # in a route: a larger one is no id, and no number to a database
)


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A requested page: at most *limit* rows after id *after*, oldest first."""

    filters: dict[str, str]
    after: int
    limit: int


def parse_page_query(args: Mapping[str, str], filters: Collection[str]) -> PageQuery:
    """Parse the filters, `after` and `limit` of a list; empty values are ignored.

    Raises: EmulatorError, for an unknown parameter or a value that cannot be meant.
    """
    filter_values = _known_filters(args, filters, [*filters, "after", "limit"])
    after = _parse_number("after", args.get("after") or "0", 0, MAX_ID)
    limit = _parse_number("limit", args.get("limit") or str(DEFAULT_LIMIT), 1, MAX_LIMIT)
    return PageQuery(filter_values, after, limit)


def parse_filters(args: Mapping[str, str], filters: Collection[str]) -> dict[str, str]:
    """Parse filters alone, for a request that returns one record. Raises: EmulatorError."""
    return _known_filters(args, filters, list(filters))


def _known_filters(
    args: Mapping[str, str], filters: Collection[str], known_parameters: list[str]
) -> dict[str, str]:
    for name in args:
        if name not in known_parameters:
            raise EmulatorError(
                f"unknown parameter {name!r}", "query", f"Known: {', '.join(known_parameters)}."
            )
    filter_values = {name: args[name] for name in filters if args.get(name)}
    if ":" not in filter_values.get("identifier", ":"):
        remedy = "Give its type and value, such as uuid:u1."
        raise EmulatorError(
            f"{filter_values['identifier']!r} is no identifier", "identifier", remedy
        )
    if (verdict := filter_values.get("verdict", VERDICTS[0])) not in VERDICTS:
        remedy = f"Known: {', '.join(VERDICTS)}."
        raise EmulatorError(f"unknown verdict {verdict!r}", "verdict", remedy)
    return filter_values


def refuse_parameters(args: Mapping[str, str]) -> None:
    """Refuse all query parameters. Raises: EmulatorError, naming the first.

    Raises: EmulatorError, naming the first of *args*.
    """
    for name in args:
        raise EmulatorError(f"unknown parameter {name!r}", "query", "Send none.")


def _parse_number(name: str, text: str, minimum: int, maximum: int) -> int:
    # A long run of digits is refused before Python spends time on it.
    number = int(text) if text.isdecimal() and len(text) < 20 else -1
    if not minimum <= number <= maximum:
        remedy = f"Give a whole number from {minimum} to {maximum}."
        raise EmulatorError(f"{text[:40]!r} cannot be used", name, remedy)
    return number
