"""Functions for JSON values and texts: parsing, nesting depth, surrogates, differences."""

import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import orjson

from segment_insider_emulator.types import JSON, JSONObject

if TYPE_CHECKING:
    from segment_insider_emulator.masking import Masking

# Nobody documents a limit; no event of a shop comes near this one.
MAX_DEPTH = 100


# Set while a request, report or command is masked.
current_masking: ContextVar["Masking | None"] = ContextVar("masking", default=None)


def mask_text(text: str) -> str:
    """Mask a text if the current request is masked."""
    masking = current_masking.get()
    return masking.mask_text(text) if masking else text


def mask_document(document: JSON) -> Any:
    """Mask a JSON document if the current request is masked."""
    masking = current_masking.get()
    return masking.mask_document(document) if masking else document


def mask_json_lines(raw: bytes) -> bytes:
    """Mask JSON documents, one a line, if the current request is masked."""
    masking = current_masking.get()
    if masking is None:
        return raw
    return b"\n".join(masking.mask_text(line.decode()).encode() for line in raw.split(b"\n"))


def measure_nesting_depth(value: JSON) -> int:
    """Return how deep the objects and lists of a JSON value are nested: 1 for {}, 0 for 5."""
    levels = 0
    layer = [value]
    while layer := [one for one in layer if isinstance(one, dict | list)]:
        levels += 1
        layer = [
            child for one in layer for child in (one.values() if isinstance(one, dict) else one)
        ]
    return levels


DECIMAL_COMMA_NUMBER = re.compile(r"-?\d+(?:\.\d{3})*,\d+")  # no JSON: 8,50, as written in Turkey
REPLACEMENT_CHARACTER = "\ufffd"  # the replacement of a half character
_MAX_INT64_DIGITS = 19  # of a whole number that 64 bits hold, whatever it is
_REPLACEMENT_UTF8 = REPLACEMENT_CHARACTER.encode()
# A pair, a half, or any other escape; a backslash that is escaped is one of the last.
_ESCAPE_PATTERN = (
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_ESCAPE_IN_TEXT = re.compile(_ESCAPE_PATTERN, re.DOTALL)
_ESCAPE_IN_BYTES = re.compile(_ESCAPE_PATTERN.encode(), re.DOTALL)


def replace_lone_surrogates(text: str) -> str:
    """Replace each escaped lone surrogate in JSON *text* by the escape of U+FFFD."""
    return _ESCAPE_IN_TEXT.sub(lambda match: "\\ufffd" if match[1] else match[0], text)


def encode_json(value: Any) -> str:
    """Return a value as JSON text."""
    return orjson.dumps(value).decode()


def encode_optional_json(value: Any) -> str | None:
    """Return a value as JSON text; None stays None."""
    return None if value is None else orjson.dumps(value).decode()


def decode_optional_json(text: str | None) -> Any:
    """Return the value of a stored JSON text; None stays None.

    A request that masks people remembers those in it.
    """
    document = None if text is None else orjson.loads(text)
    if masking := current_masking.get():
        masking.learn(document)
    return document


def decode_attributes(text: str | None) -> Any:
    """Return the attributes of a profile from a stored JSON text."""
    attributes = decode_optional_json(text)
    if masking := current_masking.get():
        masking.learn({"attributes": attributes})
    return attributes


def is_json_text(text: str) -> bool:
    """Return whether a string is valid JSON."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def parse_json(raw: bytes) -> JSON:
    """Parse JSON in UTF-8; each lone surrogate becomes U+FFFD.

    Raises: orjson.JSONDecodeError.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        whole = _ESCAPE_IN_BYTES.sub(lambda match: rb"\ufffd" if match[1] else match[0], raw)
        if whole == raw:
            raise
        return orjson.loads(whole)


def parse_json_integer(text: str) -> int | float:
    """Parse an integer of JSON; one over 64 bits becomes a float, as in JavaScript."""
    if len(text) < _MAX_INT64_DIGITS:
        return int(text)
    number = float(text)
    return int(text) if abs(number) < 2**63 else number


def may_have_replacement_character(json_bytes: bytes) -> bool:
    """Return False when no text in *json_bytes* has U+FFFD or a lone surrogate, by a fast check."""
    return b"\\" in json_bytes or _REPLACEMENT_UTF8[:1] in json_bytes


def find_replacement_character(value: JSON) -> str | None:
    """Return the dotted path of the first text in a JSON value with U+FFFD; None without one."""
    if _REPLACEMENT_UTF8 not in orjson.dumps(value):
        return None
    waiting: list[tuple[str, JSON]] = [("", value)]
    while waiting:
        path, current = waiting.pop()
        if isinstance(current, str) and REPLACEMENT_CHARACTER in current:
            return path
        members = current.items() if isinstance(current, dict) else ()
        items = enumerate(current) if isinstance(current, list) else ()
        below = [(f"{path}.{name}".lstrip("."), child) for name, child in (*members, *items)]
        damaged = [name for name, _ in members if REPLACEMENT_CHARACTER in name]
        if damaged:
            return f"{path}.{damaged[0]}".lstrip(".")
        waiting += reversed(below)
    return None


class InvalidEventLine(ValueError):
    """Error when a line of a JSONL file is not an event; the message says why."""


def parse_event_line(line: bytes) -> JSONObject | None:
    """Parse the event on a line of JSONL; None for an empty line. Raises: InvalidEventLine."""
    try:
        event = parse_json(line)
    except orjson.JSONDecodeError as error:
        if line.strip():
            raise InvalidEventLine(_describe_json_error(line, error)) from None
        return None
    if not isinstance(event, dict):
        raise InvalidEventLine("an event is a JSON object")
    # Counting bytes is cheaper than walking the event, which few lines then need.
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and measure_nesting_depth(event) > MAX_DEPTH:
        raise InvalidEventLine(f"nested deeper than {MAX_DEPTH} levels")
    return event


def _describe_json_error(line: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as fault:
        return f"not UTF-8 text (byte 0x{line[fault.start]:02x}, column {fault.start + 1})"
    return f"not JSON ({error})"


def parse_json_or_text(body: bytes | str) -> JSON:
    """Parse a response body as JSON; return other bodies, such as a proxy's page, as text."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body if isinstance(body, str) else body.decode(errors="replace")


def describe_json_differences(expected: JSON, actual: JSON, path: str) -> Iterator[str]:
    """Yield one line of text for each path at which two JSON values differ."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in {**expected, **actual}:
            yield from _describe_member_differences(expected, actual, key, f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            extra = _truncate_json(actual[len(expected) :]) if len(actual) > len(expected) else ""
            more = f", among them {extra}" if extra else ""
            yield f"{path}: expected {len(expected)} entries, received {len(actual)}{more}"
        for at, (expected_item, actual_item) in enumerate(zip(expected, actual, strict=False)):
            yield from describe_json_differences(expected_item, actual_item, f"{path}[{at}]")
    elif not _is_same_json_value(expected, actual):
        yield f"{path}: expected {_truncate_json(expected)}, received {_truncate_json(actual)}"


def _describe_member_differences(
    expected: JSONObject, actual: JSONObject, key: str, path: str
) -> Iterator[str]:
    if key not in actual:
        yield f"{path}: expected {_truncate_json(expected[key])}, received nothing"
    elif key not in expected:
        yield f"{path}: expected nothing, received {_truncate_json(actual[key])}"
    else:
        yield from describe_json_differences(expected[key], actual[key], path)


def _is_same_json_value(expected: JSON, actual: JSON) -> bool:
    """Return whether two JSON values are equal; numbers compare as doubles, true is not 1."""
    numbers = [
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        for value in (expected, actual)
    ]
    if None in numbers:
        return type(expected) is type(actual) and bool(expected == actual)
    return numbers[0] == numbers[1]


def _truncate_json(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"
