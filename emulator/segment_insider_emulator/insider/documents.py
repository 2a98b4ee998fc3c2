"""The JSON documents of this end: schemas and code lists."""

import json
from importlib.resources import files

from emulator.types import JSONObject


def document(name: str) -> JSONObject:
    """Read a document of `schemas/`, e.g. "user"."""
    text = files("emulator.insider.schemas").joinpath(f"{name}.json").read_text("utf-8")
    read: JSONObject = json.loads(text)
    return read
