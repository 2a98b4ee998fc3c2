"""Archives of one shop's events for tests of dry runs."""

import gzip
from collections.abc import Iterable
from pathlib import Path

import orjson

from segment_insider_emulator.types import JSONObject

DAY = "2026-03-14"


def make_track_event(number: int, event: str = "Order Completed", **changes: object) -> JSONObject:
    """Return a track call as Segment archives it."""
    return {
        "type": "track",
        "event": event,
        "messageId": f"m{number}",
        "userId": f"u{number}",
        "timestamp": f"{DAY}T10:00:00.000Z",
        "receivedAt": f"{DAY}T10:00:01.000Z",
        "properties": {
            "order_id": f"o-{number}",
            "currency": "EUR",
            "revenue": 29.5,
            "products": [
                {"product_id": "mug", "price": 8.5, "quantity": 1},
                {"product_id": "tray", "price": 21, "quantity": 1},
            ],
        },
        **changes,
    }


def format_ndjson(events: Iterable[JSONObject]) -> bytes:
    """Return *events* as lines of JSON."""
    return b"".join(orjson.dumps(event) + b"\n" for event in events)


def write_archive(path: Path, events: Iterable[JSONObject]) -> Path:
    """Write *events* to a file, compressed if its name ends in .gz; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = format_ndjson(events)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
