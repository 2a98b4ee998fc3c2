"""One request to the Tracking API: bytes in, messages out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.segment.body import parse_body
from segment_insider_emulator.segment.client_ip import add_client_ip
from segment_insider_emulator.segment.errors import malformed_request_error, request_too_large_error
from segment_insider_emulator.segment.limits import (
    MAX_BATCH_BYTES,
    MAX_EVENT_BYTES,
    depth_problem,
    size_problem,
    truncate_depth,
)
from segment_insider_emulator.segment.message import Message
from segment_insider_emulator.segment.normalise import inherit_from_batch, normalise_call
from segment_insider_emulator.segment.notes import join_warnings, list_sender_warnings
from segment_insider_emulator.segment.rules import (
    CALL_NOT_AN_OBJECT,
    MAX_STORED_CALLS_OF_LARGE_BATCH,
    MESSAGE_TYPES,
    DiscardReason,
    event_too_large,
    find_discard_reason,
    too_many_calls,
)
from segment_insider_emulator.segment.write_key import find_write_key
from segment_insider_emulator.types import JSON, JSONObject

BATCH_KIND = "batch"


def decode_body(body: bytes, content_encoding: str | None, kind: str) -> JSONObject:
    """The call that the *body* of a request holds; for *kind* see receive.

    Args:
        encoding: The Content-Encoding header.
    Raises: IngestError, when it is too large, or no JSON object.
    """
    return parse_body(
        body, content_encoding, MAX_BATCH_BYTES if kind == BATCH_KIND else MAX_EVENT_BYTES
    )


def parse_messages(
    call: JSONObject,
    *,
    kind: str,
    authorization: str | None,
    received_at: datetime,
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
    arrival = _RequestContext(find_write_key(authorization, call), received_at, new_id, client_ip)
    sent = _without_key(call, "writeKey")
    if kind == BATCH_KIND:
        return _parse_batch(sent, arrival)
    if problem := depth_problem(sent):
        raise malformed_request_error(
            f"the call is nested too deep: {problem}", "body", "Send a flatter one."
        )
    return [arrival.accept_call(sent, {**sent, "type": sent.get("type") or kind}, {}, kind)]


@dataclass(frozen=True, slots=True)
class _RequestContext:
    """What all messages of one request share."""

    write_key: str
    received_at: datetime
    new_id: Callable[[], str]
    client_ip: str | None

    def accept_call(
        self, sent: JSONObject, call: JSONObject, envelope: JSONObject, kind: str | None = None
    ) -> Message:
        """Make the message of *call*, which is *sent* with its type filled in.

        Args:
            kind: The type that the path asks for; None for a call of a batch.
        """
        if found := find_discard_reason(call):
            return self.discard_call(sent, found, call.get("type"))
        lent = inherit_from_batch(envelope, call)
        own_id = lent.get("messageId") or self.new_id()
        event = normalise_call(add_client_ip(lent, self.client_ip), own_id, self.received_at)
        return Message(
            message_id=own_id,
            type=event["type"],
            write_key=self.write_key,
            received_at=event["receivedAt"],
            sent=sent,
            event=event,
            detail=join_warnings(list_sender_warnings(lent, self.received_at, kind)),
        )

    def discard_call(
        self, sent: JSONObject, reason: DiscardReason, message_type: JSON = None
    ) -> Message:
        """Keep what Segment dropped, and the reason."""
        own_id = sent.get("messageId")
        return Message(
            message_id=own_id if own_id and isinstance(own_id, str) else self.new_id(),
            type=message_type if message_type in MESSAGE_TYPES else None,
            write_key=self.write_key,
            received_at=format_iso_utc(self.received_at),
            sent=truncate_depth(sent),  # what is too deep to read is too deep to store
            event={},
            rejection=reason.code,
            detail=reason.detail,
        )


def _parse_batch(sent: JSONObject, context: _RequestContext) -> list[Message]:
    envelope = _without_key(sent, "batch")
    _check_envelope(envelope)
    calls = sent.get("batch")
    if not isinstance(calls, list | None):
        raise malformed_request_error(
            "the batch is not an array", "batch", "Send the calls as an array."
        )
    if not calls:
        empty = DiscardReason("empty_batch", "The batch has no events. Send at least one.")
        return [context.discard_call(sent, empty)]
    if refused := too_many_calls(calls):
        first = [
            _without_key(call, "writeKey") if isinstance(call, dict) else call
            for call in calls[:MAX_STORED_CALLS_OF_LARGE_BATCH]
        ]
        return [context.discard_call({**envelope, "batch": first}, refused)]
    return [_parse_batch_call(call, envelope, context) for call in calls]


def _parse_batch_call(call: JSON, envelope: JSONObject, context: _RequestContext) -> Message:
    if not isinstance(call, dict):
        return context.discard_call({"message": call}, CALL_NOT_AN_OBJECT)
    sent = _without_key(call, "writeKey")
    if why := event_too_large(sent):
        return context.discard_call(sent, why, sent.get("type"))
    return context.accept_call(sent, sent, envelope)


def _check_envelope(envelope: JSONObject) -> None:
    """Refuse a batch whose own values could not be lent to its calls."""
    if problem := depth_problem(envelope):
        raise malformed_request_error(
            f"the envelope is nested too deep: {problem}", "body", "Send less in it."
        )
    if problem := size_problem(envelope):
        raise request_too_large_error(
            f"the envelope is too large: {problem}", "body", "Send less in it."
        )
    for name in ("context", "integrations"):
        if not isinstance(envelope.get(name), dict | None):
            raise malformed_request_error(
                f"{name} is not an object", name, "Send an object, or leave it out."
            )


def _without_key(call: JSONObject, key: str) -> JSONObject:
    return {key: value for key, value in call.items() if key != key}
