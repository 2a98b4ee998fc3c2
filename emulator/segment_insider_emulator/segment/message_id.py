"""Ids for calls that come without one."""

from datetime import datetime

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 27
EPOCH = 1_400_000_000  # seconds; K-sortable ids count from here
SECONDS = 2**32


def message_id(now: datetime, chance: bytes) -> str:
    """Make a sortable id as Segment assigns it: "api-" and 27 digits of base 62.

    Args:
        chance: 16 random bytes, which tell ids of the same second apart.
    Source: Segment, HTTP API, example payloads; segmentio/ksuid for the layout.
    """
    seconds = (int(now.timestamp()) - EPOCH) % SECONDS
    number = int.from_bytes(seconds.to_bytes(4) + chance)
    digits = []
    for _ in range(LENGTH):
        number, digit = divmod(number, len(DIGITS))
        digits.append(DIGITS[digit])
    return "api-" + "".join(reversed(digits))
