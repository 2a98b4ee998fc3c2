"""Ids for calls that come without one."""

from datetime import datetime

BASE62_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KSUID_LENGTH = 27
KSUID_EPOCH = 1_400_000_000  # seconds; K-sortable ids count from here
KSUID_SECOND_RANGE = 2**32


def generate_message_id(now: datetime, random_bytes: bytes) -> str:
    """Make a sortable id as Segment assigns it: "api-" and 27 digits of base 62.

    Args:
        chance: 16 random bytes, which tell ids of the same second apart.
    Source: Segment, HTTP API, example payloads; segmentio/ksuid for the layout.
    """
    seconds = (int(now.timestamp()) - KSUID_EPOCH) % KSUID_SECOND_RANGE
    number = int.from_bytes(seconds.to_bytes(4) + random_bytes)
    digits = []
    for _ in range(KSUID_LENGTH):
        number, digit = divmod(number, len(BASE62_DIGITS))
        digits.append(BASE62_DIGITS[digit])
    return "api-" + "".join(reversed(digits))
