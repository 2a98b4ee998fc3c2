"""Ingestion of Tracking API requests: body, write key, single calls and batches to messages."""

import base64
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
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
    build_malformed_request_error,
    build_request_too_large_error,
    describe_depth_problem,
    describe_size_problem,
    find_batch_size_problem,
    find_call_size_problem,
    find_discard_reason,
    truncate_deep_values,
)
from segment_insider_emulator.types import JSON, JSONObject, record
from segment_insider_emulator.workspace.model import SegmentSource

BATCH_KIND = "batch"
BASE62_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KSUID_LENGTH = 27
KSUID_EPOCH = 1_400_000_000  # seconds; K-sortable ids count from here
KSUID_SECOND_RANGE = 2**32
# URL-safe base64, and a plus sign that was decoded as a blank.
BASE64_TRANSLATION = str.maketrans("-_ ", "+/+")


@record
class Message:
    """One received message: the call as sent and, unless rejected, the normalised event.

    Args:
        message_id: As sent, or assigned ("api-" and 27 characters) if the call had none.
        type: "track", "identify", "page", "screen", "group" or "alias"; None if it is unknown.
        write_key: The key the request was sent with.
        received_at: ISO 8601 in UTC with milliseconds and `Z`.
        sent: The call as sent, without its write key.
        event: The normalised event; {} if rejected.
        rejection: Segment's discard code, e.g. "no_user_anon_id"; None if accepted.
        detail: Why it was rejected, or warnings about an accepted one; None if there are none.
        source: Name of the source with this write key; None before the lookup, or if unknown.
        trigger_event: The event that triggers see; None if no insert function changed it.
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
    trigger_event: JSONObject | None = None


def parse_messages(
    call: JSONObject,
    *,
    kind: str,
    authorization: str | None,
    received_at: datetime,
    new_id: Callable[[], str],
    client_ip: str | None = None,
) -> list[Message]:
    """Parse a Tracking API request into messages, as Segment does: few errors, silent drops.

    Args:
        call: Result of `decode_request_body`.
        kind: Given by the path: a type of message, or "batch".
        authorization: The Authorization header.
        received_at: When the request arrived; aware.
        new_id: Creates the id of a message that has none.
        client_ip: The client's address; None adds no context.ip.
    Returns: A message for each call in the order sent, also for rejected ones. An empty batch and
        one with too many calls give one rejected message, so that people can see them.
    Raises: IngestError, when the whole request is rejected.
    """
    context = _TrackingRequestContext(
        find_write_key(authorization, call), received_at, new_id, client_ip
    )
    sent = _copy_without_key(call, "writeKey")
    if kind == BATCH_KIND:
        return _parse_batch(sent, context)
    if problem := describe_depth_problem(sent):
        raise build_malformed_request_error(
            f"the call is nested too deep: {problem}", "body", "Send a flatter one."
        )
    return [
        context.build_message_from_call(sent, {**sent, "type": sent.get("type") or kind}, {}, kind)
    ]


def decode_request_body(body: bytes, content_encoding: str | None, kind: str) -> JSONObject:
    """Decompress and parse the *body* of a Tracking API request; for *kind* see parse_messages.

    Args:
        content_encoding: The Content-Encoding header.
    Raises: IngestError, when it is too large, not gzip, not JSON or not an object.
    """
    max_bytes = MAX_BATCH_BYTES if kind == BATCH_KIND else MAX_EVENT_BYTES
    plain = _decompress_body(body, content_encoding, max_bytes)
    if len(plain) > max_bytes:
        raise build_request_too_large_error(
            f"the request has more than {max_bytes:,} bytes",
            "body",
            "Send smaller events, or fewer in one batch.",
        )
    try:
        call = parse_json(plain)
    except orjson.JSONDecodeError as error:
        raise build_malformed_request_error(
            f"not JSON ({error})", "body", _get_json_error_remedy(error)
        ) from error
    if not isinstance(call, dict):
        raise build_malformed_request_error(
            f"the JSON is {_describe_json_type(call)}, not an object",
            "body",
            "Send one JSON object.",
        )
    return call


def decode_pixel_query(query: Iterable[tuple[str, str]]) -> bytes:
    """Return the JSON of the call in a pixel's query: base64 in `data`, or dotted names.

    Args:
        query: Names and values, e.g. ("properties.subject", "Spring"); all values are text.
    Raises: IngestError, when it cannot be read.
    """
    parameters = dict(reversed(list(query)))  # the first of equal names counts
    if "data" not in parameters:
        return orjson.dumps(_nest_dotted_names(reversed(parameters.items())))
    encoded = parameters["data"].translate(BASE64_TRANSLATION).rstrip("=")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError as error:
        raise build_malformed_request_error(
            "it is not base64", "data", "Encode the call's JSON as base64."
        ) from error


def find_write_key(authorization: str | None, call: JSONObject) -> str:
    """Return the write key of a call or batch, from the Authorization header, else from the body.

    Raises: IngestError, when there is none. Unknown keys are accepted here, as at Segment's edge.
    """
    key = get_basic_auth_user(authorization) or call.get("writeKey")
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


def get_basic_auth_user(authorization: str | None) -> str:
    """Return the user name in an Authorization header with Basic authentication; "" if none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        user = base64.b64decode(token.strip(), validate=True).decode()
    except ValueError:
        return ""
    return user.partition(":")[0].strip()


def generate_message_id(now: datetime, random_bytes: bytes) -> str:
    """Generate a sortable messageId in Segment's format: "api-" and 27 digits of base 62.

    Args:
        random_bytes: 16 bytes, so that ids of the same second differ.
    Source: Segment, HTTP API, example payloads; segmentio/ksuid for the layout.
    """
    seconds = (int(now.timestamp()) - KSUID_EPOCH) % KSUID_SECOND_RANGE
    number = int.from_bytes(seconds.to_bytes(4) + random_bytes)
    digits = []
    for _ in range(KSUID_LENGTH):
        number, digit = divmod(number, len(BASE62_DIGITS))
        digits.append(BASE62_DIGITS[digit])
    return "api-" + "".join(reversed(digits))


@record
class _TrackingRequestContext:
    """What all messages of a tracking request share: write key, time and client address."""

    write_key: str
    received_at: datetime
    new_id: Callable[[], str]
    client_ip: str | None

    def build_message_from_call(
        self, sent: JSONObject, call: JSONObject, envelope: JSONObject, kind: str | None = None
    ) -> Message:
        """Validate and normalise one call; return its message, accepted or discarded.

        Args:
            sent: The call as sent.
            call: *sent* with its type filled in.
            envelope: The batch without its calls; {} for a single call.
            kind: The type given by the path; None for a call of a batch.
        """
        if reason := find_discard_reason(call):
            return self.build_discarded_message(sent, reason, call.get("type"))
        inherited = inherit_from_batch(envelope, call)
        message_id = inherited.get("messageId") or self.new_id()
        event = normalise_call(
            add_client_ip(inherited, self.client_ip), message_id, self.received_at
        )
        return Message(
            message_id=message_id,
            type=event["type"],
            write_key=self.write_key,
            received_at=event["receivedAt"],
            sent=sent,
            event=event,
            detail=join_warnings(list_sender_warnings(inherited, self.received_at, kind)),
        )

    def build_discarded_message(
        self, sent: JSONObject, reason: DiscardReason, message_type: JSON = None
    ) -> Message:
        """Build the message of a call that Segment discards, with the reason."""
        message_id = sent.get("messageId")
        return Message(
            message_id=message_id if message_id and isinstance(message_id, str) else self.new_id(),
            type=message_type if message_type in MESSAGE_TYPES else None,
            write_key=self.write_key,
            received_at=format_iso_utc(self.received_at),
            sent=truncate_deep_values(sent),  # JSON that is too deep to parse is too deep to store
            event={},
            rejection=reason.code,
            detail=reason.detail,
        )


def _parse_batch(sent: JSONObject, context: _TrackingRequestContext) -> list[Message]:
    envelope = _copy_without_key(sent, "batch")
    _check_batch_envelope(envelope)
    calls = sent.get("batch")
    if not isinstance(calls, list | None):
        raise build_malformed_request_error(
            "the batch is not an array", "batch", "Send the calls as an array."
        )
    if not calls:
        empty = DiscardReason("empty_batch", "The batch has no events. Send at least one.")
        return [context.build_discarded_message(sent, empty)]
    if reason := find_batch_size_problem(calls):
        stored_calls = [
            _copy_without_key(call, "writeKey") if isinstance(call, dict) else call
            for call in calls[:MAX_STORED_CALLS_OF_LARGE_BATCH]
        ]
        return [context.build_discarded_message({**envelope, "batch": stored_calls}, reason)]
    return [_parse_batch_call(call, envelope, context) for call in calls]


def _parse_batch_call(
    call: JSON, envelope: JSONObject, context: _TrackingRequestContext
) -> Message:
    if not isinstance(call, dict):
        return context.build_discarded_message({"message": call}, CALL_NOT_AN_OBJECT)
    sent = _copy_without_key(call, "writeKey")
    if reason := find_call_size_problem(sent):
        return context.build_discarded_message(sent, reason, sent.get("type"))
    return context.build_message_from_call(sent, sent, envelope)


def _check_batch_envelope(envelope: JSONObject) -> None:
    """Reject a batch whose shared values cannot be copied to its calls."""
    if problem := describe_depth_problem(envelope):
        raise build_malformed_request_error(
            f"the envelope is nested too deep: {problem}", "body", "Send less in it."
        )
    if problem := describe_size_problem(envelope):
        raise build_request_too_large_error(
            f"the envelope is too large: {problem}", "body", "Send less in it."
        )
    for name in ("context", "integrations"):
        if not isinstance(envelope.get(name), dict | None):
            raise build_malformed_request_error(
                f"{name} is not an object", name, "Send an object, or leave it out."
            )


def _copy_without_key(call: JSONObject, key: str) -> JSONObject:
    return {name: value for name, value in call.items() if name != key}


def _decompress_body(body: bytes, content_encoding: str | None, max_bytes: int) -> bytes:
    """Return the decompressed body, at most one byte over *max_bytes*: safe from gzip bombs."""
    match (content_encoding or "identity").strip().lower():
        case "identity" | "":
            return body
        case "gzip" | "x-gzip":
            try:
                return gzip.GzipFile(fileobj=io.BytesIO(body)).read(max_bytes + 1)
            except (OSError, EOFError, zlib.error) as error:
                raise build_malformed_request_error(
                    f"not gzip ({error})",
                    "body",
                    "Send gzip, or leave the Content-Encoding header out.",
                ) from error
        case other:
            raise build_malformed_request_error(
                f"unknown encoding {other!r}", "Content-Encoding", "Send gzip or plain JSON."
            )


def _get_json_error_remedy(error: orjson.JSONDecodeError) -> str:
    """Return what a sender should do about invalid JSON in a request body."""
    if "depth limit" in error.msg:
        return f"Nest it no deeper than {MAX_DEPTH} levels."
    after = error.doc[max(0, error.pos - 1) : error.pos + 10].lstrip("-")
    if any(word in after for word in ("NaN", "Infinity", "nan")):
        return "NaN and Infinity are not JSON: send null or a number."
    return "Send one JSON object in UTF-8, without a byte order mark."


def _describe_json_type(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "a Boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _nest_dotted_names(dotted_names: Iterable[tuple[str, str]]) -> JSONObject:
    nested: JSONObject = {}
    for name, value in dotted_names:
        *outer, last = name.split(".")
        if len(outer) >= MAX_DEPTH:
            raise build_malformed_request_error(
                "the name has too many dots", name[:40], "Send a flatter call."
            )
        parent = nested
        for part in outer:
            parent = parent.setdefault(part, {})
            if not isinstance(parent, dict):
                raise build_malformed_request_error(
                    f"{part!r} is a value and an object", name, "Give it once."
                )
        if last in parent:
            raise build_malformed_request_error(
                f"{last!r} is a value and an object", name, "Give it once."
            )
        parent[last] = value
    return nested


UNKNOWN_WRITE_KEY_TEXT = "No source has this write key. Use one of this workspace."
DISABLED_SOURCE_TEXT = "The source is turned off in the workspace. Set its `enabled` to true."


def assign_sources(
    messages: list[Message], sources: Sequence[SegmentSource], *, strict: bool
) -> list[Message]:
    """Assign each message to its source; discard those without an enabled source, as Segment does.

    Args:
        sources: Of the workspace; the first one gets messages with an unknown write key.
        strict: Discard such messages instead.
    Source: Segment, Delivery Overview, discards `unknown_source` and `source_disabled`.
    """
    known = {source.write_key: source for source in sources}
    default = None if strict else sources[0]
    return [_assign_source(message, known.get(message.write_key, default)) for message in messages]


def _assign_source(message: Message, source: SegmentSource | None) -> Message:
    if source is None:
        return _discard_message(message, "unknown_source", UNKNOWN_WRITE_KEY_TEXT)
    # Written out, because `replace` takes longer than all checks of a call.
    named = Message(
        message.message_id,
        message.type,
        message.write_key,
        message.received_at,
        message.sent,
        message.event,
        message.rejection,
        message.detail,
        source.name,
    )
    return (
        named
        if source.enabled
        else _discard_message(named, "source_disabled", DISABLED_SOURCE_TEXT)
    )


def _discard_message(message: Message, code: str, detail: str) -> Message:
    return replace(message, event={}, rejection=code, detail=detail)


def build_source_settings(
    write_key: str, host: str, protocol: str, consent_settings: JSONObject | None = None
) -> JSONObject:
    """Build the settings that an SDK loads for its source, so that it sends to this emulator only.

    Args:
        consent_settings: What consent wrappers of SDKs read; None without consent categories.
        host: Name, port and any path of the emulator's address, e.g. "127.0.0.1:8282".
        protocol: "http" or "https".
    Source: the settings that analytics.js 1.84.3, Kotlin and Swift read. (observed, source)
    """
    return {
        "integrations": {
            # Alone: a second name makes analytics.js load more of itself before it sends anything.
            "Segment.io": {
                "apiKey": write_key,
                # Named both: without a host events go to the real service, without the protocol
                # to https.
                "apiHost": f"{host}/v1",
                "protocol": protocol,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {
            "track": {"__default": {"enabled": True, "integrations": {}}},
            "identify": {"__default": {"enabled": True}},
            "group": {"__default": {"enabled": True}},
        },
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        # Counters about the SDK itself go to the real service unless a page says otherwise.
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
        **({"consentSettings": consent_settings} if consent_settings else {}),
    }
