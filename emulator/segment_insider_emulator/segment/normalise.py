"""A call that Segment took, as destinations are handed it."""

from datetime import datetime

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.segment.times import correct_clock_skew, parse_iso_time
from segment_insider_emulator.types import JSONObject


def inherit_from_batch(envelope: JSONObject, call: JSONObject) -> JSONObject:
    """Give *call* its batch's `context`, `integrations` and `sentAt`; its own values win.

    Objects merge one level deep: Segment documents the merge, not its precedence or depth.
    """
    lent = dict(call)
    for name in ("context", "integrations"):
        if envelope.get(name):
            lent[name] = {**envelope[name], **(call.get(name) or {})}
    if call.get("sentAt") is None and "sentAt" in envelope:
        lent["sentAt"] = envelope["sentAt"]
    return lent


def normalise_call(call: JSONObject, message_id: str, received_at: datetime) -> JSONObject:
    """Fill in the id and the times of *call*; everything else stays as sent.

    Args:
        call: Its type filled in, its batch's values lent to it.
        now: When it arrived, by Segment's clock.
    Returns: A new event. `originalTimestamp` is the client's `timestamp` as sent, and absent when
        it sent none: what Segment writes then is not documented.
    Source: Segment, Spec: Common Fields.
    """
    received = format_iso_utc(received_at)
    event = {**call, "messageId": message_id, "receivedAt": received, "timestamp": received}
    sent = parse_iso_time(call.get("sentAt"))
    if sent:
        event["sentAt"] = format_iso_utc(sent)
    if call.get("timestamp") is not None:
        event["originalTimestamp"] = call["timestamp"]
    if original := parse_iso_time(call.get("timestamp")):
        event["timestamp"] = format_iso_utc(correct_clock_skew(original, sent, received_at))
    return event
