"""When events share a request: the four settings that Segment adds to every action.

Source: Segment, action-destinations, "Batching"; batches of at most 1,000 events or 4 MB, formed
for each destination, mapping and combination of the batch keys' values. (documented)
"""

from dataclasses import dataclass
from typing import Self

import orjson

from segment_insider_emulator.mapping import Subscription
from segment_insider_emulator.mapping.subscription import FAULTS
from segment_insider_emulator.types import JSON, JSONObject

MOST_EVENTS = 1000  # also the most users that Insider One takes in one request
MOST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """How one mapping collects events.

    Args:
        size: Events of one batch at most.
        size_bytes: Bytes of their JSON at most; an event that is larger goes alone.
        keys: Fields of the action; events that differ in one of them do not share a batch.
    """

    size: int = MOST_EVENTS
    size_bytes: int = MOST_BYTES
    keys: tuple[str, ...] = ()

    @classmethod
    def of(cls, mapping: JSONObject) -> Self | None:
        """The terms in *mapping*; None when it sends each event alone.

        Assumed: a number out of range is taken as the nearest one that is in it.
        """
        if mapping.get("enable_batching") not in (True, "true"):
            return None
        keys = mapping.get("batch_keys")
        return cls(
            _bounded(mapping.get("batch_size"), MOST_EVENTS),
            _bounded(mapping.get("batch_bytes"), MOST_BYTES),
            tuple(key for key in keys if isinstance(key, str)) if isinstance(keys, list) else (),
        )

    def kind(self, subscription: Subscription, event: JSONObject) -> bytes:
        """What *event* has in the batch keys; events of one kind may share a batch."""
        if not self.keys:
            return b""
        try:
            values = subscription.values(event)
        except FAULTS:
            return b""  # the batch tells what is wrong with it
        return orjson.dumps([values.get(key) for key in self.keys], default=str)


def _bounded(given: JSON, most: int) -> int:
    if isinstance(given, str) and given.isdecimal() and len(given) < 10:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        return most
    return min(max(given, 1), most)
