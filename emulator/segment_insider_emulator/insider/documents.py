"""The JSON documents of this end: schemas and code lists."""

import json
from importlib.resources import files

from segment_insider_emulator.types import JSONObject


def load_json_document(name: str) -> JSONObject:
    """Read a document of `schemas/`, e.g. "user"."""
    text = (
        files("segment_insider_emulator.insider.schemas")
        .joinpath(f"{name}.json")
        .read_text("utf-8")
    )
    content: JSONObject = json.loads(text)
    return content
