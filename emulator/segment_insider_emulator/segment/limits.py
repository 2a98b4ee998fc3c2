"""How large and how deep a call may be.

Source: Segment, HTTP API, "Max request size" and "Batch". Whether a limit counts bytes before or
after gzip is not documented: here it counts them unpacked.
"""

from typing import Final

import orjson

from segment_insider_emulator.depth import MAX_DEPTH, depth
from segment_insider_emulator.types import JSON

EVENT_BYTES: Final = 32 * 1024
BATCH_BYTES: Final = 500 * 1024
BATCH_EVENTS: Final = 2_500
LONG_MESSAGE_ID: Final = 100  # characters


def too_deep(value: JSON) -> str | None:
    """Say by how much *value* is nested too deep; None when it is not."""
    levels = depth(value)
    return f"it is {levels} levels deep, {MAX_DEPTH} are taken" if levels > MAX_DEPTH else None


def too_heavy(value: JSON, most: int = EVENT_BYTES) -> str | None:
    """Say by how much *value*, no deeper than MAX_DEPTH, has too many bytes as compact JSON."""
    size = len(orjson.dumps(value))
    return f"it has {size:,} bytes, Segment takes {most:,}" if size > most else None


def pruned(value: JSON, levels: int = MAX_DEPTH) -> JSON:
    """Copy *value* with an ellipsis for whatever lies deeper than *levels*."""
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return "…"
    if isinstance(value, dict):
        return {name: pruned(child, levels - 1) for name, child in value.items()}
    return [pruned(child, levels - 1) for child in value]
