"""What Segment takes and replaces, cuts or ignores: each such call ends as a warning at best."""

from collections.abc import Iterator
from datetime import datetime
from reprlib import repr as brief
from typing import NamedTuple

from segment_insider_emulator.json_text import damaged_place
from segment_insider_emulator.near_misses import near_miss
from segment_insider_emulator.segment.limits import LONG_MESSAGE_ID
from segment_insider_emulator.segment.times import is_correctable, parse
from segment_insider_emulator.types import JSONObject

# Keys of a call that somebody reads, and those that libraries send besides.
_READ = (
    *("type", "userId", "anonymousId", "previousId", "groupId", "event", "name", "category"),
    *("properties", "traits", "context", "integrations", "messageId", "timestamp", "sentAt"),
)
_SENT_BESIDES = frozenset(
    ("writeKey", "originalTimestamp", "receivedAt", "channel", "version", "projectId", "_metadata")
)
_TAKEN = _SENT_BESIDES.union(_READ)


class Note(NamedTuple):
    """One remark about a call that Segment took.

    Args:
        where: The key that it is about.
        what: The whole sentence.
        general: The sentence without the value of the one call, and without its full stop.
    """

    where: str
    what: str
    general: str


def notes(call: JSONObject, now: datetime, kind: str | None = None) -> list[Note]:
    """List what does not do what the sender of *call* thinks, in a fixed order.

    Args:
        call: Its type filled in, its batch's values lent to it.
        now: When it arrived, by Segment's clock.
        kind: The type that the path asks for; None for a call of a batch.
    """
    return [
        *_message_id(call),
        *_times(call, now),
        *_own_fields(call),
        *_type(call, kind),
        *_misspelt(call),
        *damaged_texts(call),
    ]


def damaged_texts(call: JSONObject) -> Iterator[Note]:
    """Name a text with U+FFFD: a character was lost before it came here, or on arrival.

    Assumed: Segment takes half a character as U+FFFD.
    """
    place = damaged_place(call)
    if place is not None:
        general = (
            "a text has \ufffd (U+FFFD) for a character that was cut in half or not in UTF-8: "
            "cut texts between whole characters"
        )
        yield Note(place, f"{place}: {general}.", general)


def joined(found: list[Note]) -> str | None:
    """Return all of *found* as one text; None when there is nothing."""
    return " ".join(note.what for note in found) or None


def _message_id(call: JSONObject) -> Iterator[Note]:
    message_id = call.get("messageId")
    if message_id == "":
        general = "messageId is empty: Segment assigns one"
        yield Note("messageId", f"{general}.", general)
    if len(message_id or "") >= LONG_MESSAGE_ID:
        limit = f"Segment allows fewer than {LONG_MESSAGE_ID}"
        what = f"messageId has {len(call['messageId'])} characters, {limit}."
        yield Note("messageId", what, f"messageId is too long, {limit}")


def _times(call: JSONObject, now: datetime) -> Iterator[Note]:
    original, sent = parse(call.get("timestamp")), parse(call.get("sentAt"))
    if original is None and call.get("timestamp") is not None:
        yield _replaced(call, "timestamp", "is not ISO 8601: the time of receipt stands for it")
    if sent is None and call.get("sentAt") is not None:
        yield _replaced(call, "sentAt", "is not ISO 8601: clock skew is not corrected")
    if original and sent and not is_correctable(original, sent, now):
        yield _replaced(call, "sentAt", "is too far from timestamp: clock skew is not corrected")


def _own_fields(call: JSONObject) -> Iterator[Note]:
    if call.get("receivedAt") is not None:
        yield _replaced(call, "receivedAt", "is Segment's own field: the time of receipt stands")


def _type(call: JSONObject, kind: str | None) -> Iterator[Note]:
    if kind is not None and call["type"] != kind:
        yield _replaced(call, "type", f"is another type than the path's {kind!r}: the body counts")


def _misspelt(call: JSONObject) -> Iterator[Note]:
    """Name each key that misses one by little that the call does not have."""
    for name in call:
        meant = None if name in _TAKEN else near_miss(name, _READ)
        if meant is not None and meant not in call:
            general = f"Segment knows no key {brief(name)}, and {meant} is missing: write {meant}"
            yield Note(name, f"{general}.", general)


def _replaced(call: JSONObject, name: str, what: str) -> Note:
    return Note(name, f"{name} {brief(call[name])} {what}.", f"{name} {what}")
