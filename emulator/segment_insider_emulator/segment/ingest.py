"""Decode the body of a request into a JSON object, whatever its content type."""

import base64
import gzip
import io
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import orjson

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.json_text import MAX_DEPTH, parse_json
from segment_insider_emulator.segment.normalise import (
    add_client_ip,
    inherit_from_batch,
    join_warnings,
    list_sender_warnings,
    normalise_call,
)
from segment_insider_emulator.segment.validation import (
    CALL_NOT_AN_OBJECT,
    MAX_BATCH_BYTES,
    MAX_EVENT_BYTES,
    MAX_STORED_CALLS_OF_LARGE_BATCH,
    MESSAGE_TYPES,
    DiscardReason,
    IngestError,
    depth_problem,
    event_too_large,
    find_discard_reason,
    malformed_request_error,
    request_too_large_error,
    size_problem,
    too_many_calls,
    truncate_depth,
)
from segment_insider_emulator.types import JSON, JSONObject


def parse_body(body: bytes, content_encoding: str | None, max_bytes: int) -> JSONObject:
    """Decompress and parse *body*.

    Args:
        encoding: The Content-Encoding header.
        most: Bytes that the unpacked body may have.
    Raises: IngestError, when it is too large, not gzip, not JSON or not an object.
    """
    plain = _decompress(body, content_encoding, max_bytes)
    if len(plain) > max_bytes:
        raise request_too_large_error(
            f"the request has more than {max_bytes:,} bytes",
            "body",
            "Send smaller events, or fewer in one batch.",
        )
    try:
        call = parse_json(plain)
    except orjson.JSONDecodeError as error:
        raise malformed_request_error(
            f"not JSON ({error})", "body", _json_error_remedy(error)
        ) from error
    if not isinstance(call, dict):
        raise malformed_request_error(
            f"the JSON is {_json_type_name(call)}, not an object", "body", "Send one JSON object."
        )
    return call


def _json_error_remedy(error: orjson.JSONDecodeError) -> str:
    """Return what to send instead of JSON with this *error*."""
    if "depth limit" in error.msg:
        return f"Nest it no deeper than {MAX_DEPTH} levels."
    after = error.doc[max(0, error.pos - 1) : error.pos + 10].lstrip("-")
    if any(word in after for word in ("NaN", "Infinity", "nan")):
        return "NaN and Infinity are no JSON: send null or a number."
    return "Send one JSON object in UTF-8, without a byte mark."


def _decompress(body: bytes, content_encoding: str | None, max_bytes: int) -> bytes:
    """Return the decompressed bytes, at most one more than *max_bytes*: safe against gzip bombs."""
    match (content_encoding or "identity").strip().lower():
        case "identity" | "":
            return body
        case "gzip" | "x-gzip":
            try:
                return gzip.GzipFile(fileobj=io.BytesIO(body)).read(max_bytes + 1)
            except (OSError, EOFError, zlib.error) as error:
                raise malformed_request_error(
                    f"not gzip ({error})",
                    "body",
                    "Send gzip, or leave the Content-Encoding header out.",
                ) from error
        case other:
            raise malformed_request_error(
                f"unknown encoding {other!r}", "Content-Encoding", "Send gzip or plain JSON."
            )


def _json_type_name(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "a Boolean", type(None): "null"}
    return names.get(type(value), "a number")


def find_write_key(authorization: str | None, call: JSONObject) -> str:
    """Return the write key of a call or batch; the Authorization header comes before the body.

    Raises: IngestError, when there is none. A key nobody knows is taken: Segment's edge does not
        look it up.
    """
    key = basic_auth_user(authorization) or call.get("writeKey")
    if isinstance(key, str) and key.strip():
        return key.strip()
    raise IngestError(
        400,
        "An invalid write key was provided",
        "invalid_request",
        "the request has no write key",
        "Authorization",
        "Send it as the user name of Basic authentication, or as writeKey in the body.",
    )


def basic_auth_user(authorization: str | None) -> str:
    """Return the user name of Basic authentication; "" if there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        user = base64.b64decode(token.strip(), validate=True).decode()
    except ValueError:
        return ""
    return user.partition(":")[0].strip()


BASE62_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KSUID_LENGTH = 27
KSUID_EPOCH = 1_400_000_000  # seconds; K-sortable ids count from here
KSUID_SECOND_RANGE = 2**32


def generate_message_id(now: datetime, random_bytes: bytes) -> str:
    """Generate a sortable id in Segment's format: "api-" and 27 digits of base 62.

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


@dataclass(frozen=True, slots=True)
class Message:
    """A call as sent and, unless rejected, the normalised event for destinations.

    Args:
        message_id: As sent, or assigned ("api-" and 27 characters) when the call had none.
        type: "track", "identify", "page", "screen", "group" or "alias"; None when it is none.
        write_key: The key the request was sent with.
        received_at: ISO 8601 in UTC with milliseconds and `Z`.
        sent: The call as sent, its write key taken out.
        event: The normalised event; {} when rejected.
        rejection: Segment's discard code, e.g. "no_user_anon_id"; None when accepted.
        detail: Why it was rejected, or what to know about an accepted one; None when nothing.
        source: Name of the source that has the write key; None until looked up, or when none has.
    """

    message_id: str
    type: str | None
    write_key: str
    received_at: str
    sent: JSONObject
    event: JSONObject
    rejection: str | None = None
    detail: str | None = None
    source: str | None = None


# URL-safe base64, and a plus sign that was read as a blank.
BASE64_TRANSLATION = str.maketrans("-_ ", "+/+")
BATCH_KIND = "batch"


def decode_body(body: bytes, content_encoding: str | None, kind: str) -> JSONObject:
    """Decompress and parse the *body* of a request; for *kind* see parse_messages.

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
    """Parse one request into messages, as Segment does: few errors, silent drops.

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
    """The write key, time and client address that all messages of a request share."""

    write_key: str
    received_at: datetime
    new_id: Callable[[], str]
    client_ip: str | None

    def accept_call(
        self, sent: JSONObject, call: JSONObject, envelope: JSONObject, kind: str | None = None
    ) -> Message:
        """Validate and normalise one call; returns its message, accepted or discarded.

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
        """Return a message for a call that Segment discards, with the reason."""
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
    """Reject a batch whose shared values cannot be copied to its calls."""
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
    return {name: value for name, value in call.items() if name != key}


def decode_pixel_query(query: Iterable[tuple[str, str]]) -> bytes:
    """Return the JSON of the call in *query*: base64 in `data`, or dotted names.

    Args:
        query: Names and values, e.g. ("properties.subject", "Spring"); all values are text.
    Raises: IngestError, when it cannot be read.
    """
    given = dict(reversed(list(query)))  # of names that stand twice the first counts
    if "data" not in given:
        return orjson.dumps(_nest_dotted_names(reversed(given.items())))
    packed = given["data"].translate(BASE64_TRANSLATION).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError as error:
        raise malformed_request_error(
            "it is not base64", "data", "Encode the call's JSON as base64."
        ) from error


def _nest_dotted_names(dotted_names: Iterable[tuple[str, str]]) -> JSONObject:
    nested: JSONObject = {}
    for name, value in dotted_names:
        *outer, last = name.split(".")
        if len(outer) >= MAX_DEPTH:
            raise malformed_request_error(
                "the name has too many dots", name[:40], "Send a flatter call."
            )
        inside = nested
        for part in outer:
            inside = inside.setdefault(part, {})
            if not isinstance(inside, dict):
                raise malformed_request_error(
                    f"{part!r} is a value and an object", name, "Give it once."
                )
        if last in inside:
            raise malformed_request_error(
                f"{last!r} is a value and an object", name, "Give it once."
            )
        inside[last] = value
    return nested
