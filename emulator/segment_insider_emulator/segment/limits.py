"""How large and how deep a call may be.

Source: Segment, HTTP API, "Max request size" and "Batch". Whether a limit counts bytes before or
after gzip is not documented: here it counts them unpacked.
"""

from typing import Final

import orjson

from segment_insider_emulator.depth import MAX_DEPTH, nesting_depth
from segment_insider_emulator.types import JSON

MAX_EVENT_BYTES: Final = 32 * 1024
MAX_BATCH_BYTES: Final = 500 * 1024
MAX_BATCH_EVENTS: Final = 2_500
MAX_MESSAGE_ID_LENGTH: Final = 100  # characters


def depth_problem(value: JSON) -> str | None:
    """Say by how much *value* is nested too deep; None when it is not."""
    levels = nesting_depth(value)
    return f"it is {levels} levels deep, {MAX_DEPTH} are taken" if levels > MAX_DEPTH else None


def size_problem(value: JSON, max_bytes: int = MAX_EVENT_BYTES) -> str | None:
    """Say by how much *value*, no deeper than MAX_DEPTH, has too many bytes as compact JSON."""
    size = len(orjson.dumps(value))
    return f"it has {size:,} bytes, Segment takes {max_bytes:,}" if size > max_bytes else None


def truncate_depth(value: JSON, max_depth: int = MAX_DEPTH) -> JSON:
    """Copy *value* with an ellipsis for whatever lies deeper than *levels*."""
    if not isinstance(value, dict | list):
        return value
    if max_depth == 0:
        return "…"
    if isinstance(value, dict):
        return {name: truncate_depth(child, max_depth - 1) for name, child in value.items()}
    return [truncate_depth(child, max_depth - 1) for child in value]
