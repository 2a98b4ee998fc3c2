"""Files of calls, as an app would send them: one JSON object a line, or a list of them."""

from collections.abc import Iterator
from pathlib import Path

import orjson

from segment_insider_emulator.depth import MAX_DEPTH, nesting_depth
from segment_insider_emulator.encoding import read_utf8_bytes
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.types import JSON, JSONObject

CALL_TYPES = ("track", "identify", "page", "screen", "group", "alias")
MAX_FILE_BYTES = 5_000_000  # bytes of a file
CALL_FORMAT_HINT = f"Each call is an object with a type: {', '.join(CALL_TYPES)}."


def read_call_file(path: Path) -> Iterator[tuple[str, JSONObject]]:
    """Place and call, e.g. ("shop.ndjson:3", {"type": "track", ...}), in the order of the file.

    Raises: EmulatorError, when the file cannot be read, or a call has no type.
    """
    for where, call in _parse_documents(path):
        if not isinstance(call, dict) or call.get("type") not in CALL_TYPES:
            raise EmulatorError("this is no call", where, CALL_FORMAT_HINT)
        if nesting_depth(call) > MAX_DEPTH:
            raise EmulatorError(f"nested deeper than {MAX_DEPTH} levels", where, CALL_FORMAT_HINT)
        yield where, call


def _parse_documents(path: Path) -> Iterator[tuple[str, JSON]]:
    content = _read_file_bytes(path)
    if content.lstrip().startswith(b"["):
        for number, call in enumerate(_parse_json_text(content, path.name), start=1):
            yield f"{path.name}[{number}]", call
        return
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            where = f"{path.name}:{number}"
            yield where, _parse_json_text(line, where)


def _read_file_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        remedy = "Name one that stands beside the feature file."
        raise EmulatorError(what, str(path), remedy) from error
    if len(content) > MAX_FILE_BYTES:
        remedy = f"Keep it below {MAX_FILE_BYTES:,} bytes."
        raise EmulatorError(f"{len(content):,} bytes are too many", path.name, remedy)
    return read_utf8_bytes(content, path.name)


def _parse_json_text(text: bytes, where: str) -> JSON:
    try:
        return parse_json(text)
    except orjson.JSONDecodeError as error:
        raise EmulatorError(f"not JSON ({error})", where, CALL_FORMAT_HINT) from error
