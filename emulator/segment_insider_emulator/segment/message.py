"""One call of an SDK as Segment took it in."""

from dataclasses import dataclass

from segment_insider_emulator.types import JSONObject


@dataclass(frozen=True, slots=True)
class Message:
    """A call as it was sent and, unless rejected, as destinations are handed it.

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
