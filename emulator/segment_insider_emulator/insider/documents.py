"""The JSON documents of this end: schemas and code lists."""

import json
from importlib.resources import files

from segment_insider_emulator.types import JSONObject


def document(name: str) -> JSONObject:
    """Read a document of `schemas/`, e.g. "user"."""
    text = (
        files("segment_insider_emulator.insider.schemas")
        .joinpath(f"{name}.json")
        .read_text("utf-8")
    )
    read: JSONObject = json.loads(text)
    return read
