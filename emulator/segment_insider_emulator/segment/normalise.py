"""A call that Segment took, as destinations are handed it."""

from datetime import datetime

from segment_insider_emulator.clock import iso
from segment_insider_emulator.segment.times import corrected, parse
from segment_insider_emulator.types import JSONObject


def lend(envelope: JSONObject, call: JSONObject) -> JSONObject:
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


def normalise(call: JSONObject, message_id: str, now: datetime) -> JSONObject:
    """Fill in the id and the times of *call*; everything else stays as sent.

    Args:
        call: Its type filled in, its batch's values lent to it.
        now: When it arrived, by Segment's clock.
    Returns: A new event. `originalTimestamp` is the client's `timestamp` as sent, and absent when
        it sent none: what Segment writes then is not documented.
    Source: Segment, Spec: Common Fields.
    """
    received = iso(now)
    event = {**call, "messageId": message_id, "receivedAt": received, "timestamp": received}
    sent = parse(call.get("sentAt"))
    if sent:
        event["sentAt"] = iso(sent)
    if call.get("timestamp") is not None:
        event["originalTimestamp"] = call["timestamp"]
    if original := parse(call.get("timestamp")):
        event["timestamp"] = iso(corrected(original, sent, now))
    return event
