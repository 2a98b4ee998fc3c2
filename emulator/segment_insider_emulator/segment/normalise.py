"""Normalisation of a Segment call to the event for destinations, and warnings for its sender.

Source: Segment, Spec: Common Fields, "Timestamps" and "Context". `context.ip` (documented): for
client-side sources only, IPv4 only, and never if the call has an address; an HTTP call asks for it
with `context.direct`. The SDK's name shows which sources are client-side. (assumed)
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address
from reprlib import repr as brief
from typing import NamedTuple

from segment_insider_emulator.clock import format_iso_utc, parse_iso_time
from segment_insider_emulator.json_text import find_replacement_character
from segment_insider_emulator.segment.validation import MAX_MESSAGE_ID_LENGTH
from segment_insider_emulator.similar_names import find_similar_name
from segment_insider_emulator.types import JSON, JSONObject

# Beginnings of context.library.name, in lower case: the browser's SDK and the mobile ones.
CLIENT_SIDE_LIBRARIES = (
    "analytics.js",
    "analytics-ios",
    "analytics-swift",
    "analytics-android",
    "analytics-kotlin",
    "analytics-csharp",
    "analytics-react-native",
    "@segment/analytics-react-native",
    "analytics_flutter",
)
# Keys of a call that Segment or a destination reads, and other keys that libraries send.
_USED_KEYS = (
    *("type", "userId", "anonymousId", "previousId", "groupId", "event", "name", "category"),
    *("properties", "traits", "context", "integrations", "messageId", "timestamp", "sentAt"),
)
_IGNORED_KEYS = frozenset(
    ("writeKey", "originalTimestamp", "receivedAt", "channel", "version", "projectId", "_metadata")
)
_KNOWN_KEYS = _IGNORED_KEYS.union(_USED_KEYS)


def inherit_from_batch(envelope: JSONObject, call: JSONObject) -> JSONObject:
    """Copy `context`, `integrations` and `sentAt` of a batch into *call*; its own values win.

    Objects merge one level deep: Segment documents the merge, not its precedence or depth.
    """
    inherited = dict(call)
    for name in ("context", "integrations"):
        if envelope.get(name):
            inherited[name] = {**envelope[name], **(call.get(name) or {})}
    if call.get("sentAt") is None and "sentAt" in envelope:
        inherited["sentAt"] = envelope["sentAt"]
    return inherited


def normalise_call(call: JSONObject, message_id: str, received_at: datetime) -> JSONObject:
    """Set the messageId and the times of a call; everything else stays as sent.

    Args:
        call: With its type, and the values of its batch.
        received_at: When it arrived, by Segment's clock.
    Returns: A new event. `originalTimestamp` is the client's `timestamp` as sent, and absent if
        it sent none: it is not documented what Segment writes then.
    Source: Segment, Spec: Common Fields.
    """
    received_text = format_iso_utc(received_at)
    event = {
        **call,
        "messageId": message_id,
        "receivedAt": received_text,
        "timestamp": received_text,
    }
    sent_at = parse_iso_time(call.get("sentAt"))
    if sent_at:
        event["sentAt"] = format_iso_utc(sent_at)
    if call.get("timestamp") is not None:
        event["originalTimestamp"] = call["timestamp"]
    if original_at := parse_iso_time(call.get("timestamp")):
        event["timestamp"] = format_iso_utc(correct_clock_skew(original_at, sent_at, received_at))
    return event


def correct_clock_skew(
    original_at: datetime, sent_at: datetime | None, received_at: datetime
) -> datetime:
    """Return when an event happened, corrected for the skew of the client's clock.

    Args:
        original_at: When it happened, by the client's clock.
        sent_at: When it was sent, by the same clock; None corrects nothing.
        received_at: When it arrived, by Segment's clock.
    Source: Segment, Spec: Common Fields, "Timestamps".
    """
    if sent_at is None or not is_skew_correctable(original_at, sent_at, received_at):
        return original_at
    return received_at - (sent_at - original_at)


def is_skew_correctable(original_at: datetime, sent_at: datetime, received_at: datetime) -> bool:
    """Return whether the skew of a client's clock is small enough to correct an event's time."""
    try:
        received_at - (sent_at - original_at)
    except OverflowError:
        return False
    return True


def add_client_ip(call: JSONObject, address: str | None) -> JSONObject:
    """Return a call with the client's address as context.ip, where Segment would add it.

    Args:
        call: With `context` an object or null.
        address: The client's address; None changes nothing.
    """
    context = call.get("context") or {}
    if not _is_ipv4(address) or "ip" in context or not _needs_client_ip(context):
        return call
    return {**call, "context": {**context, "ip": address}}


def _needs_client_ip(context: JSONObject) -> bool:
    library: JSON = context.get("library")
    name = library.get("name") if isinstance(library, dict) else None
    is_client = isinstance(name, str) and name.lower().startswith(CLIENT_SIDE_LIBRARIES)
    return is_client or context.get("direct") is True


@lru_cache
def _is_ipv4(address: str | None) -> bool:
    try:
        return address is not None and bool(IPv4Address(address))
    except AddressValueError:
        return False


class SenderWarning(NamedTuple):
    """One warning for the sender about a call that Segment accepted.

    Args:
        key: The key of the call that it is about.
        text: The whole sentence.
        general_text: The sentence without the value of this call, and without its full stop.
    """

    key: str
    text: str
    general_text: str


def list_sender_warnings(
    call: JSONObject, received_at: datetime, path_kind: str | None = None
) -> list[SenderWarning]:
    """List warnings of what works differently from what the sender of *call* expects.

    They have a fixed order.

    Args:
        call: With its type, and the values of its batch.
        received_at: When it arrived, by Segment's clock.
        path_kind: The type given by the path; None for a call of a batch.
    """
    return [
        *_warn_of_wrong_message_id(call),
        *_warn_of_wrong_times(call, received_at),
        *_warn_of_reserved_fields(call),
        *_warn_of_type_unlike_path(call, path_kind),
        *_warn_of_misspelled_keys(call),
        *warn_of_lost_characters(call),
    ]


def warn_of_lost_characters(call: JSONObject) -> Iterator[SenderWarning]:
    """Warn of a text with U+FFFD in a call: a character was lost before or on arrival.

    Assumed: Segment replaces half a character by U+FFFD.
    """
    path = find_replacement_character(call)
    if path is not None:
        general_text = (
            "a text has \ufffd (U+FFFD) for a character that was cut in half or not in UTF-8: "
            "cut texts between whole characters"
        )
        yield SenderWarning(path, f"{path}: {general_text}.", general_text)


def join_warnings(warnings: list[SenderWarning]) -> str | None:
    """Join warnings for a sender to one text; None if there are none."""
    return " ".join(warning.text for warning in warnings) or None


def _warn_of_wrong_message_id(call: JSONObject) -> Iterator[SenderWarning]:
    message_id = call.get("messageId")
    if message_id == "":
        general_text = "messageId is empty: Segment assigns one"
        yield SenderWarning("messageId", f"{general_text}.", general_text)
    if len(message_id or "") >= MAX_MESSAGE_ID_LENGTH:
        limit = f"Segment allows fewer than {MAX_MESSAGE_ID_LENGTH}"
        text = f"messageId has {len(call['messageId'])} characters, {limit}."
        yield SenderWarning("messageId", text, f"messageId is too long, {limit}")


def _warn_of_wrong_times(call: JSONObject, received_at: datetime) -> Iterator[SenderWarning]:
    original_at, sent_at = parse_iso_time(call.get("timestamp")), parse_iso_time(call.get("sentAt"))
    if original_at is None and call.get("timestamp") is not None:
        yield _build_ignored_value_warning(
            call, "timestamp", "is not ISO 8601: the time of receipt replaces it"
        )
    if sent_at is None and call.get("sentAt") is not None:
        yield _build_ignored_value_warning(
            call, "sentAt", "is not ISO 8601: clock skew is not corrected"
        )
    if original_at and sent_at and not is_skew_correctable(original_at, sent_at, received_at):
        yield _build_ignored_value_warning(
            call, "sentAt", "is too far from timestamp: clock skew is not corrected"
        )


def _warn_of_reserved_fields(call: JSONObject) -> Iterator[SenderWarning]:
    if call.get("receivedAt") is not None:
        yield _build_ignored_value_warning(
            call, "receivedAt", "is Segment's own field: the time of receipt replaces it"
        )


def _warn_of_type_unlike_path(call: JSONObject, path_kind: str | None) -> Iterator[SenderWarning]:
    if path_kind is not None and call["type"] != path_kind:
        yield _build_ignored_value_warning(
            call, "type", f"is another type than the path's {path_kind!r}: the body counts"
        )


def _warn_of_misspelled_keys(call: JSONObject) -> Iterator[SenderWarning]:
    """Warn of each unknown key of a call that is probably a misspelt known key."""
    for key in call:
        known_key = None if key in _KNOWN_KEYS else find_similar_name(key, _USED_KEYS)
        if known_key is not None and known_key not in call:
            general_text = (
                f"Segment has no key {brief(key)}, and {known_key} is missing: write {known_key}"
            )
            yield SenderWarning(key, f"{general_text}.", general_text)


def _build_ignored_value_warning(call: JSONObject, key: str, problem: str) -> SenderWarning:
    return SenderWarning(key, f"{key} {brief(call[key])} {problem}.", f"{key} {problem}")
