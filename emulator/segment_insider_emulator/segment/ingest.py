"""One request to the Tracking API: bytes in, messages out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.clock import iso
from segment_insider_emulator.segment.body import read
from segment_insider_emulator.segment.client_ip import with_client_ip
from segment_insider_emulator.segment.errors import malformed, too_large
from segment_insider_emulator.segment.limits import (
    BATCH_BYTES,
    EVENT_BYTES,
    pruned,
    too_deep,
    too_heavy,
)
from segment_insider_emulator.segment.message import Message
from segment_insider_emulator.segment.normalise import lend, normalise
from segment_insider_emulator.segment.notes import joined, notes
from segment_insider_emulator.segment.rules import (
    CROWDED_SAMPLE,
    NOT_AN_OBJECT,
    TYPES,
    Refusal,
    crowded,
    oversized,
    refusal,
)
from segment_insider_emulator.segment.write_key import write_key
from segment_insider_emulator.types import JSON, JSONObject

BATCH = "batch"


def unpacked(body: bytes, encoding: str | None, kind: str) -> JSONObject:
    """The call that the *body* of a request holds; for *kind* see receive.

    Args:
        encoding: The Content-Encoding header.
    Raises: IngestError, when it is too large, or no JSON object.
    """
    return read(body, encoding, BATCH_BYTES if kind == BATCH else EVENT_BYTES)


def receive(
    call: JSONObject,
    *,
    kind: str,
    authorization: str | None,
    now: datetime,
    new_id: Callable[[], str],
    client_ip: str | None = None,
) -> list[Message]:
    """Take one request in, as Segment does: it refuses little and swallows much.

    Args:
        call: What `unpacked` gave.
        kind: What the path asks for: a type of message, or "batch".
        authorization: The Authorization header.
        now: When the request arrived; aware.
        new_id: Makes the id of a message that has none.
        client_ip: Where the request came from; None fills no context.ip in.
    Returns: A message for each call in the order sent, rejected ones among them. An empty
        batch and a crowded one give one rejected message, so that they can be seen.
    Raises: IngestError, when the whole request is refused.
    """
    arrival = _Arrival(write_key(authorization, call), now, new_id, client_ip)
    sent = _without(call, "writeKey")
    if kind == BATCH:
        return _batch(sent, arrival)
    if problem := too_deep(sent):
        raise malformed(f"the call is nested too deep: {problem}", "body", "Send a flatter one.")
    return [arrival.take(sent, {**sent, "type": sent.get("type") or kind}, {}, kind)]


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What all messages of one request share."""

    write_key: str
    now: datetime
    new_id: Callable[[], str]
    client_ip: str | None

    def take(
        self, sent: JSONObject, call: JSONObject, envelope: JSONObject, kind: str | None = None
    ) -> Message:
        """Make the message of *call*, which is *sent* with its type filled in.

        Args:
            kind: The type that the path asks for; None for a call of a batch.
        """
        if found := refusal(call):
            return self.reject(sent, found, call.get("type"))
        lent = lend(envelope, call)
        own_id = lent.get("messageId") or self.new_id()
        event = normalise(with_client_ip(lent, self.client_ip), own_id, self.now)
        return Message(
            message_id=own_id,
            type=event["type"],
            write_key=self.write_key,
            received_at=event["receivedAt"],
            sent=sent,
            event=event,
            detail=joined(notes(lent, self.now, kind)),
        )

    def reject(self, sent: JSONObject, why: Refusal, kind: JSON = None) -> Message:
        """Keep what Segment dropped, and the reason."""
        own_id = sent.get("messageId")
        return Message(
            message_id=own_id if own_id and isinstance(own_id, str) else self.new_id(),
            type=kind if kind in TYPES else None,
            write_key=self.write_key,
            received_at=iso(self.now),
            sent=pruned(sent),  # what is too deep to read is too deep to store
            event={},
            rejection=why.code,
            detail=why.detail,
        )


def _batch(sent: JSONObject, arrival: _Arrival) -> list[Message]:
    envelope = _without(sent, "batch")
    _check(envelope)
    calls = sent.get("batch")
    if not isinstance(calls, list | None):
        raise malformed("the batch is not an array", "batch", "Send the calls as an array.")
    if not calls:
        empty = Refusal("empty_batch", "The batch has no events. Send at least one.")
        return [arrival.reject(sent, empty)]
    if refused := crowded(calls):
        first = [
            _without(call, "writeKey") if isinstance(call, dict) else call
            for call in calls[:CROWDED_SAMPLE]
        ]
        return [arrival.reject({**envelope, "batch": first}, refused)]
    return [_item(call, envelope, arrival) for call in calls]


def _item(call: JSON, envelope: JSONObject, arrival: _Arrival) -> Message:
    if not isinstance(call, dict):
        return arrival.reject({"message": call}, NOT_AN_OBJECT)
    sent = _without(call, "writeKey")
    if why := oversized(sent):
        return arrival.reject(sent, why, sent.get("type"))
    return arrival.take(sent, sent, envelope)


def _check(envelope: JSONObject) -> None:
    """Refuse a batch whose own values could not be lent to its calls."""
    if problem := too_deep(envelope):
        raise malformed(f"the envelope is nested too deep: {problem}", "body", "Send less in it.")
    if problem := too_heavy(envelope):
        raise too_large(f"the envelope is too large: {problem}", "body", "Send less in it.")
    for name in ("context", "integrations"):
        if not isinstance(envelope.get(name), dict | None):
            raise malformed(f"{name} is not an object", name, "Send an object, or leave it out.")


def _without(call: JSONObject, name: str) -> JSONObject:
    return {key: value for key, value in call.items() if key != name}
