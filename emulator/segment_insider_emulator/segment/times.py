"""The four times of an event, and the skew of a client's clock."""

from datetime import UTC, datetime

from segment_insider_emulator.types import JSON


def parse(value: JSON) -> datetime | None:
    """Read an ISO 8601 time with `Z`, an offset or neither (then UTC); None when it is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def corrected(original: datetime, sent: datetime | None, received: datetime) -> datetime:
    """When it happened by Segment's clock: the event is as old as the client says it is.

    Args:
        original: When it happened, by the client's clock.
        sent: When it was sent, by the same clock; None corrects nothing.
        received: When it arrived, by Segment's clock.
    Source: Segment, Spec: Common Fields, "Timestamps".
    """
    if sent is None or not is_correctable(original, sent, received):
        return original
    return received - (sent - original)


def is_correctable(original: datetime, sent: datetime, received: datetime) -> bool:
    """Check whether the client's clock can be used: not if it is off by thousands of years."""
    try:
        received - (sent - original)
    except OverflowError:
        return False
    return True
