"""The four times of an event, and the skew of a client's clock."""

from datetime import UTC, datetime

from segment_insider_emulator.types import JSON


def parse_iso_time(value: JSON) -> datetime | None:
    """Read an ISO 8601 time with `Z`, an offset or neither (then UTC); None when it is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def correct_clock_skew(
    original_at: datetime, sent_at: datetime | None, received_at: datetime
) -> datetime:
    """When it happened by Segment's clock: the event is as old as the client says it is.

    Args:
        original: When it happened, by the client's clock.
        sent: When it was sent, by the same clock; None corrects nothing.
        received: When it arrived, by Segment's clock.
    Source: Segment, Spec: Common Fields, "Timestamps".
    """
    if sent_at is None or not is_skew_correctable(original_at, sent_at, received_at):
        return original_at
    return received_at - (sent_at - original_at)


def is_skew_correctable(original_at: datetime, sent_at: datetime, received_at: datetime) -> bool:
    """Check whether the client's clock can be used: not if it is off by thousands of years."""
    try:
        received_at - (sent_at - original_at)
    except OverflowError:
        return False
    return True
