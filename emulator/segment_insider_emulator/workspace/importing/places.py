"""Which keys a workspace file has a place for, as its JSON Schema lists them."""

import json
from functools import cache
from importlib.resources import files

_SCHEMA_LOCATIONS = {
    "source": ("properties", "source"),
    "destination": ("properties", "destination"),
    "subscription": ("$defs", "subscription"),
    "filter": ("$defs", "filter"),
}


@cache
def list_schema_keys(kind: str) -> frozenset[str]:
    """The keys of a "source", "destination", "subscription" or "filter"."""
    text = files("segment_insider_emulator.workspace").joinpath("schema.json").read_text("utf-8")
    group, name = _SCHEMA_LOCATIONS[kind]
    return frozenset(json.loads(text)[group][name].get("properties", {}))
