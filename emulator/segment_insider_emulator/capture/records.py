"""What is kept of one message and of each delivery it led to."""

from dataclasses import dataclass
from typing import Literal, get_args

from segment_insider_emulator.types import JSONObject

Verdict = Literal[
    "accepted",  # Insider One took it
    "warning",  # accepted, and something in it will not do what its sender thinks
    "dropped",  # answered 200, refused in the body
    "rejected",  # Segment swallowed it
    "filtered",  # its integrations object switches the destination off
    "not_subscribed",  # no enabled subscription matches
    "disabled",  # the destination is turned off
    "failed",  # never answered, or answered with an error
    "retrying",  # failed, and will be tried again
]
VERDICTS: tuple[str, ...] = get_args(Verdict)


def redact_secret(secret: str) -> str:
    """*secret* as it may be shown: enough to tell two of them apart, too little to use one."""
    return f"{secret[:2]}…"


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try to hand a request over.

    Args:
        number: 1 for the first try.
        at: ISO 8601, UTC.
        duration_ms: Until the answer was read, in milliseconds.
        status: HTTP status; None when nothing answered.
        error: Name of the network's fault, such as "ECONNRESET"; None when something answered.
    """

    number: int
    at: str
    duration_ms: float
    status: int | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it left, its token redacted. `body` is text, normally JSON."""

    method: str
    url: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """What came back. `body` is text, normally JSON."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class BatchPosition:
    """The place of one event in a request that carries several.

    Args:
        size: Users in the request.
        position: Of this event's user, from 0.
    """

    size: int
    position: int


@dataclass(frozen=True, slots=True)
class UpsertRecord:
    """A request that is more than one delivery's own: a batch, or one that is tried again.

    Args:
        request: The whole of it.
        response: The last answer; None when nothing answered.
        attempts: Made so far, at least one.
        due_at: ISO 8601, UTC, when it is tried again; None when it is settled.
        batched: Whether its mapping collects events.
        notes: Message id -> what to know about that message, as the source said.
    """

    id: str
    request: RecordedRequest
    response: RecordedResponse | None
    attempts: tuple[DeliveryAttempt, ...]
    due_at: str | None
    batched: bool
    notes: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One subscription that matched a message, and what came of it.

    Args:
        verdict: "retrying" until an attempt settles it.
        request: None when the mapping failed before a request could be made; of a batch, the part
            that is this event's.
        response: None when nothing answered; of a batch, the part that is this event's.
        findings: [{"verdict", "where", "what", "remedy"}], what the emulated endpoint noticed.
        code: What Segment files a failure under: an HTTP status or the name of a fault.
        upsert: Id of the Upsert that carries it; None when its request is its own, and settled.
        changes: What it changed in profiles, as the emulated endpoint tells; None when nobody told.
        id: Order of capture; 0 until stored.
    """

    message_id: str
    event: str | None
    subscription: str
    action_slug: str
    verdict: Verdict
    reason: str | None
    attempts: tuple[DeliveryAttempt, ...] = ()
    request: RecordedRequest | None = None
    response: RecordedResponse | None = None
    findings: tuple[JSONObject, ...] = ()
    code: str | None = None
    upsert: str | None = None
    batch: BatchPosition | None = None
    changes: tuple[JSONObject, ...] | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One message as sent and as normalised, with its verdict.

    Args:
        sent: The call as the SDK made it.
        normalised: The event that destinations were handed; {} when rejected.
        deliveries: In the order they were made; empty when read back from the store.
        id: Order of capture; 0 until stored.
        source: Name of the source whose write key it came with; None when no source has it.
        filtering: {"violations", "filtered_by", "omitted", "hints"}, what tracking plan and
            filters did; None when it never came to them.
    """

    message_id: str
    type: str | None
    event: str | None
    user_id: str | None
    anonymous_id: str | None
    received_at: str
    verdict: Verdict
    reason: str | None
    sent: JSONObject
    normalised: JSONObject
    deliveries: tuple[DeliveryRecord, ...] = ()
    id: int = 0
    source: str | None = None
    filtering: JSONObject | None = None
