"""Events in files: JSON objects, one a line."""

import orjson

from segment_insider_emulator.depth import MAX_DEPTH, nesting_depth
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.types import JSONObject


class InvalidLine(ValueError):
    """A line that holds no event; the message says why."""


def parse_event_line(line: bytes) -> JSONObject | None:
    """The event on a line; None when the line is empty. Raises: BadLine."""
    try:
        event = parse_json(line)
    except orjson.JSONDecodeError as error:
        if line.strip():
            raise InvalidLine(_json_error_text(line, error)) from None
        return None
    if not isinstance(event, dict):
        raise InvalidLine("an event is a JSON object")
    # Counting bytes is cheaper than walking the event, which few lines then need.
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and nesting_depth(event) > MAX_DEPTH:
        raise InvalidLine(f"nested deeper than {MAX_DEPTH} levels")
    return event


def _json_error_text(line: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as fault:
        return f"not UTF-8 text (byte 0x{line[fault.start]:02x}, column {fault.start + 1})"
    return f"not JSON ({error})"
