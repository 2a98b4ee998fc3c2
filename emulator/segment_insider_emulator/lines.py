"""Events in files: JSON objects, one a line."""

import orjson

from segment_insider_emulator.depth import MAX_DEPTH, depth
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.types import JSONObject


class BadLine(ValueError):
    """A line that holds no event; the message says why."""


def event_of(line: bytes) -> JSONObject | None:
    """The event on a line; None when the line is empty. Raises: BadLine."""
    try:
        event = parse_json(line)
    except orjson.JSONDecodeError as error:
        if line.strip():
            raise BadLine(_why_no_json(line, error)) from None
        return None
    if not isinstance(event, dict):
        raise BadLine("an event is a JSON object")
    # Counting bytes is cheaper than walking the event, which few lines then need.
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and depth(event) > MAX_DEPTH:
        raise BadLine(f"nested deeper than {MAX_DEPTH} levels")
    return event


def _why_no_json(line: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as fault:
        return f"not UTF-8 text (byte 0x{line[fault.start]:02x}, column {fault.start + 1})"
    return f"not JSON ({error})"
