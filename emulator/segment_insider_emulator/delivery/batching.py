"""When events share a request: the four settings that Segment adds to every action.

Source: Segment, action-destinations, "Batching"; batches of at most 1,000 events or 4 MB, formed
for each destination, mapping and combination of the batch keys' values. (documented)
"""

from dataclasses import dataclass
from typing import Self

import orjson

from segment_insider_emulator.mapping import Subscription
from segment_insider_emulator.mapping.subscription import MAPPING_ERRORS
from segment_insider_emulator.types import JSON, JSONObject

MAX_EVENTS_PER_REQUEST = 1000  # also the most users that Insider One takes in one request
MAX_REQUEST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How one mapping collects events.

    Args:
        size: Events of one batch at most.
        size_bytes: Bytes of their JSON at most; an event that is larger goes alone.
        keys: Fields of the action; events that differ in one of them do not share a batch.
    """

    max_events: int = MAX_EVENTS_PER_REQUEST
    max_bytes: int = MAX_REQUEST_BYTES
    key_fields: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, mapping: JSONObject) -> Self | None:
        """The terms in *mapping*; None when it sends each event alone.

        Assumed: a number out of range is taken as the nearest one that is in it.
        """
        if mapping.get("enable_batching") not in (True, "true"):
            return None
        keys = mapping.get("batch_keys")
        return cls(
            _clamp_setting(mapping.get("batch_size"), MAX_EVENTS_PER_REQUEST),
            _clamp_setting(mapping.get("batch_bytes"), MAX_REQUEST_BYTES),
            tuple(key for key in keys if isinstance(key, str)) if isinstance(keys, list) else (),
        )

    def batch_key(self, subscription: Subscription, event: JSONObject) -> bytes:
        """What *event* has in the batch keys; events of one kind may share a batch."""
        if not self.key_fields:
            return b""
        try:
            values = subscription.resolve_field_values(event)
        except MAPPING_ERRORS:
            return b""  # the batch tells what is wrong with it
        return orjson.dumps([values.get(key) for key in self.key_fields], default=str)


def _clamp_setting(value: JSON, maximum: int) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return maximum
    return min(max(value, 1), maximum)
