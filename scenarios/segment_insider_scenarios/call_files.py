"""Files of calls, as an app would send them: one JSON object a line, or a list of them."""

from collections.abc import Iterator
from pathlib import Path

import orjson

from segment_insider_emulator.depth import MAX_DEPTH, depth
from segment_insider_emulator.encoding import utf8
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.types import JSON, JSONObject

TYPES = ("track", "identify", "page", "screen", "group", "alias")
LARGEST = 5_000_000  # bytes of a file
REMEDY = f"Each call is an object with a type: {', '.join(TYPES)}."


def read_calls(path: Path) -> Iterator[tuple[str, JSONObject]]:
    """Place and call, e.g. ("shop.ndjson:3", {"type": "track", ...}), in the order of the file.

    Raises: EmulatorError, when the file cannot be read, or a call has no type.
    """
    for where, call in _documents(path):
        if not isinstance(call, dict) or call.get("type") not in TYPES:
            raise EmulatorError("this is no call", where, REMEDY)
        if depth(call) > MAX_DEPTH:
            raise EmulatorError(f"nested deeper than {MAX_DEPTH} levels", where, REMEDY)
        yield where, call


def _documents(path: Path) -> Iterator[tuple[str, JSON]]:
    content = _content(path)
    if content.lstrip().startswith(b"["):
        for number, call in enumerate(_parsed(content, path.name), start=1):
            yield f"{path.name}[{number}]", call
        return
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            where = f"{path.name}:{number}"
            yield where, _parsed(line, where)


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        remedy = "Name one that stands beside the feature file."
        raise EmulatorError(what, str(path), remedy) from error
    if len(content) > LARGEST:
        remedy = f"Keep it below {LARGEST:,} bytes."
        raise EmulatorError(f"{len(content):,} bytes are too many", path.name, remedy)
    return utf8(content, path.name)


def _parsed(text: bytes, where: str) -> JSON:
    try:
        return parse_json(text)
    except orjson.JSONDecodeError as error:
        raise EmulatorError(f"not JSON ({error})", where, REMEDY) from error
