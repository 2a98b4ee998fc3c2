"""What is kept of one message and of each delivery it led to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Literal, get_args

import orjson

from segment_insider_emulator.types import JSON, JSONObject

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


@dataclass(frozen=True)
class ProfileEvent:
    """One occurrence of an event.

    Args:
        name: The stored name; `sent_as` is the one in the request, `purchase` for example.
        timestamp: As sent; `occurred_at` is the same instant in UTC, ISO 8601, milliseconds.
        params: Default parameters at the root, others under "custom" and "unrecognised".
        received_at: ISO 8601, UTC, milliseconds.
        skip_hook: Stored without starting journeys.
    """

    name: str
    sent_as: str
    timestamp: str
    occurred_at: str
    params: JSONObject
    received_at: str
    skip_hook: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """Equal for occurrences that one profile keeps once: same name, instant, parameters."""
        same = orjson.dumps([self.name, self.occurred_at, self.params], option=orjson.OPT_SORT_KEYS)
        return blake2b(same, digest_size=16).hexdigest()


@dataclass(slots=True)
class Profile:
    """One person.

    Args:
        id: Insider One's Profile ID.
        identifiers: Type -> values, oldest first. A type in the account's list, none other.
        attributes: Value by place: "email", "custom.plan", "unrecognised.idfa".
        written: ISO 8601 time of the last write, by the same places.
        created_at, updated_at: ISO 8601, UTC, milliseconds.
        trail: What happened to the identity, [{"at", "what"}], oldest first; a merge has its
            record beside them, under "merge".
        events: Oldest write first; empty where they were not asked for.
        number: Order of creation; 0 until stored.
    """

    id: str
    created_at: str
    updated_at: str
    identifiers: dict[str, list[str]] = field(default_factory=dict)
    attributes: dict[str, JSON] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    trail: list[JSONObject] = field(default_factory=list)
    events: list[ProfileEvent] = field(default_factory=list)
    number: int = 0

    def set_attribute(self, path: str, value: JSON, at: str) -> None:
        """Set one attribute."""
        self.attributes[path] = value
        self.written[path] = at

    def remove_attribute(self, path: str) -> None:
        """Remove one attribute; nothing happens when it is absent."""
        self.attributes.pop(path, None)
        self.written.pop(path, None)


@dataclass(frozen=True, slots=True)
class ProfileChanges:
    """What one request does to the profiles.

    Args:
        created, changed: Profiles as they are afterwards.
        absorbed: (profile id that ends, profile id that goes on), in the order of the merges.
        gained: Identifier such as "uuid:u1" -> id of the profile that now owns it.
        events: Profile id -> events in the order sent.
        lost: Identifiers that nobody owns any more; `gained` may give them to somebody else.
        deleted: Ids of profiles that end with everything they have.
    """

    created_profiles: list[Profile] = field(default_factory=list)
    changed_profiles: list[Profile] = field(default_factory=list)
    merges: list[tuple[str, str]] = field(default_factory=list)
    added_identifiers: dict[str, str] = field(default_factory=dict)
    new_events: dict[str, list[ProfileEvent]] = field(default_factory=dict)
    removed_identifiers: list[str] = field(default_factory=list)
    deleted_profile_ids: list[str] = field(default_factory=list)


def nest_attributes(attributes: Mapping[str, JSON]) -> JSONObject:
    """Values by place, such as "custom.plan", as objects within the object."""
    shown: JSONObject = {}
    for place, value in attributes.items():
        group, dot, name = place.partition(".")
        if dot:
            shown.setdefault(group, {})[name] = value
        else:
            shown[place] = value
    return shown


JourneyRunStatus = Literal["in_progress", "dropped", "completed", "exited"]
JOURNEY_RUN_STATUSES: tuple[str, ...] = get_args(JourneyRunStatus)

TrailEntryKind = Literal[
    "entered",
    "waiting",  # at a wait, until the time that the entry names
    "checked",  # at a check, and where it led
    "would_send",  # at a channel that reaches the person
    "held_back",  # at a channel that does not, and why
    "skipped",  # at a channel that had sent the same a moment ago
    "goal",
    "merged",  # the profile was merged into another one, which goes on
    "completed",
    "dropped",
    "exited",
]


@dataclass(frozen=True, slots=True)
class JourneyRun:
    """One person in one journey.

    Args:
        mark: Fingerprint of the event on the profile after which others are "since entry".
        element: Place in the workspace file of the element that comes next; None is the end.
        due_at: When it goes on; None once it has ended.
        watched_until: Until when goals count although the run has ended.
        goals: Names of those reached, in that order.
        id: Order of entry; 0 until stored.
    """

    journey_id: int
    profile_id: str
    entered_at: datetime
    mark: str
    element: str | None
    due_at: datetime | None
    status: JourneyRunStatus = "in_progress"
    ended_at: datetime | None = None
    watched_until: datetime | None = None
    goals: tuple[str, ...] = ()
    id: int = 0


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One line of a trail.

    Args:
        what: A sentence for people.
        element: Place of the element it happened at; None for what concerns the whole run.
        details: The same for tests and tools, by kind.
    """

    at: datetime
    kind: TrailEntryKind
    what: str
    element: str | None = None
    details: JSONObject = field(default_factory=dict)
