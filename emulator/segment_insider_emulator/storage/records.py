"""Records of what is stored: messages, deliveries, requests, profiles and journey runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final, Literal, get_args

import orjson

from segment_insider_emulator.types import JSON, JSONObject, record

Verdict = Literal[
    "accepted",  # Insider One accepted it
    "warning",  # accepted, but part of it has no effect
    "dropped",  # answered 200, but rejected in the body
    "rejected",  # discarded by Segment
    "filtered",  # switched off by filters or by the message's integrations object
    "not_subscribed",  # no enabled subscription matches
    "disabled",  # the destination is turned off
    "failed",  # answered with an error, or not at all
    "retrying",  # failed, and will be retried
]
VERDICTS: tuple[str, ...] = get_args(Verdict)

JourneyRunStatus = Literal["in_progress", "dropped", "completed", "exited"]
JOURNEY_RUN_STATUSES: tuple[str, ...] = get_args(JourneyRunStatus)

TrailEntryKind = Literal[
    "entered",
    "waiting",  # at a wait, until the time in the entry
    "checked",  # at a check, with its result
    "would_send",  # at a channel that reaches the profile
    "held_back",  # at a channel that does not, with the reason
    "skipped",  # at a channel that sent the same a moment ago
    "goal",
    "merged",  # the profile was merged into another one
    "completed",
    "dropped",
    "exited",
]


REDACTED_MARK: Final = "…"
MIN_RECOGNISABLE_SECRET_CHARS: Final = 16  # of a shorter secret, two characters help to guess it


def redact_secret(secret: str) -> str:
    """Return the first characters of a long *secret*, to recognise it; nothing of a short one."""
    prefix = secret[:2] if len(secret) >= MIN_RECOGNISABLE_SECRET_CHARS else ""
    return prefix + REDACTED_MARK


@record
class DeliveryAttempt:
    """Record of one attempt to send a request to Insider One.

    Args:
        number: 1 for the first attempt.
        at: ISO 8601, UTC.
        duration_ms: Until the response was read, in milliseconds.
        status: HTTP status; None without a response.
        error: Network error such as "ECONNRESET"; None with a response.
    """

    number: int
    at: str
    duration_ms: float
    status: int | None
    error: str | None = None


@record
class RecordedRequest:
    """Record of a request to Insider One, its token redacted; `body` is text, normally JSON."""

    method: str
    url: str
    headers: dict[str, str]
    body: str


@record
class RecordedResponse:
    """Stored record of Insider One's response as received; `body` is text, normally JSON."""

    status: int
    body: str


@record
class BatchPosition:
    """Position of one event in a batched request to Insider One.

    Args:
        size: Users in the request.
        position: Of this event's user, from 0.
    """

    size: int
    position: int


@record
class UpsertRecord:
    """Record of a request to Insider One with several deliveries, or one that will be retried.

    Args:
        request: The whole request.
        response: The last response; None without one.
        attempts: So far, at least one.
        due_at: ISO 8601, UTC, of the next retry; None when finished.
        batched: Whether its mapping batches events.
        notes: Message id -> the source's warning about that message.
    """

    id: str
    request: RecordedRequest
    response: RecordedResponse | None
    attempts: tuple[DeliveryAttempt, ...]
    due_at: str | None
    batched: bool
    notes: dict[str, str | None]


@record
class DeliveryRecord:
    """Record of a subscription that matched a message, and of the result of its delivery.

    Args:
        verdict: "retrying" until the last attempt.
        request: None when the mapping failed; in a batch, this event's part.
        response: None without a response; in a batch, this event's part.
        findings: [{"verdict", "where", "what", "remedy"}] of the emulated endpoint.
        code: Segment's error code: an HTTP status or the name of a network error.
        upsert: Id of the UpsertRecord that carries it; None if it has its own finished request.
        changes: Changes to profiles, as the emulated endpoint reports; None if not reported.
        id: Order of storage; 0 until stored.
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


@record
class MessageRecord:
    """Record of one Segment message as sent and as normalised, with its verdict.

    Args:
        sent: The SDK's message.
        normalised: The event that destinations received; {} when rejected.
        deliveries: In order; empty when read without deliveries.
        id: Order of storage; 0 until stored.
        source: Name of the source of its write key; None if unknown.
        filtering: {"violations", "filtered_by", "omitted", "hints"} of tracking plan and filters;
            None when they did not run. Also "changes", "functions", the "trigger_event" that a
            function changed, and the id of the upsert that waits to "retry" a function.
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


# Fields that are columns of the same name; the database generates the ids.
MESSAGE_COLUMNS = tuple(
    column.name for column in fields(MessageRecord) if column.name not in ("id", "deliveries")
)
DELIVERY_COLUMNS = tuple(column.name for column in fields(DeliveryRecord) if column.name != "id")
_get_message_values = attrgetter(*MESSAGE_COLUMNS)
_get_delivery_values = attrgetter(*DELIVERY_COLUMNS)


def message_to_row(message: MessageRecord) -> dict[str, Any]:
    """Convert a message record to a database row without id."""
    return dict(zip(MESSAGE_COLUMNS, _get_message_values(message), strict=True))


def message_from_row(row: Any) -> MessageRecord:
    """Convert a database row to a message record without deliveries."""
    return MessageRecord(
        id=row.id, **dict(zip(MESSAGE_COLUMNS, _get_message_values(row), strict=True))
    )


def delivery_to_row(delivery: DeliveryRecord) -> dict[str, Any]:
    """Convert a delivery record to a database row without id."""
    row = dict(zip(DELIVERY_COLUMNS, _get_delivery_values(delivery), strict=True))
    change = delivery.changes[0] if delivery.changes else {}
    return row | {"profile_id": change.get("profile"), "profile_change": change.get("number")}


def delivery_from_row(row: Any) -> DeliveryRecord:
    """Convert a database row to a delivery record."""
    values = {
        **dict(zip(DELIVERY_COLUMNS, _get_delivery_values(row), strict=True)),
        **_request_and_attempts_from_row(row),
        "id": row.id,
        "findings": tuple(row.findings),
        "batch": BatchPosition(**row.batch) if row.batch else None,
        "changes": None if row.changes is None else tuple(row.changes),
    }
    return DeliveryRecord(**values)


def upsert_to_row(upsert: UpsertRecord) -> dict[str, Any]:
    """Convert an upsert record to a database row."""
    return {column.name: getattr(upsert, column.name) for column in fields(upsert)}


def upsert_from_row(row: Any) -> UpsertRecord:
    """Convert a database row to an upsert record."""
    return UpsertRecord(**{**row._mapping, **_request_and_attempts_from_row(row)})


def _request_and_attempts_from_row(row: Any) -> dict[str, Any]:
    return {
        "attempts": tuple(DeliveryAttempt(**attempt) for attempt in row.attempts),
        "request": RecordedRequest(**row.request) if row.request else None,
        "response": RecordedResponse(**row.response) if row.response else None,
    }


@record
class ProfileEvent:
    """Record of one event of an Insider One profile.

    Args:
        name: The stored name; `sent_as` is the requested one, e.g. `purchase`.
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
        """Return a hash of the event's name, time and parameters; a profile stores it once."""
        identity = [self.name, self.occurred_at, self.params]
        return blake2b(
            orjson.dumps(identity, option=orjson.OPT_SORT_KEYS), digest_size=16
        ).hexdigest()


@dataclass(slots=True)
class Profile:
    """Record of one user profile of Insider One.

    Args:
        id: Insider One's Profile ID.
        identifiers: Type -> values, oldest first; only types of the account's list.
        attributes: Value by path: "email", "custom.plan", "unrecognised.idfa".
        written: ISO 8601 time of the last write, by the same paths.
        created_at, updated_at: ISO 8601, UTC, milliseconds.
        trail: Identity history, [{"at", "what"}], oldest first; a merge adds its record as "merge".
        events: Oldest first; empty if not loaded.
        number: Order of creation; 0 until stored.
        change_count: Changes that its history has so far.
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
    change_count: int = 0

    def set_attribute(self, path: str, value: JSON, at: str) -> None:
        """Set one attribute of the profile, written at the time *at*."""
        self.attributes[path] = value
        self.written[path] = at

    def remove_attribute(self, path: str) -> None:
        """Remove one attribute of the profile, if present."""
        self.attributes.pop(path, None)
        self.written.pop(path, None)


@record
class ProfileChanges:
    """All changes to profiles that one request to Insider One makes.

    Args:
        created_profiles, changed_profiles: Profiles after the change.
        merges: (deleted profile id, surviving profile id), in order.
        added_identifiers: Identifier, e.g. "uuid:u1" -> id of its new profile.
        new_events: Profile id -> events in the order sent.
        removed_identifiers: Removed first; `added_identifiers` may assign them again.
        deleted_profile_ids: Profiles deleted with their identifiers and events.
    """

    created_profiles: list[Profile] = field(default_factory=list)
    changed_profiles: list[Profile] = field(default_factory=list)
    merges: list[tuple[str, str]] = field(default_factory=list)
    added_identifiers: dict[str, str] = field(default_factory=dict)
    new_events: dict[str, list[ProfileEvent]] = field(default_factory=dict)
    removed_identifiers: list[str] = field(default_factory=list)
    deleted_profile_ids: list[str] = field(default_factory=list)


@record
class ProfileHistoryEntry:
    """Record of one change in the history of a profile.

    Args:
        profile_id: The profile as it was then; after a merge, it may no longer exist.
        number: 1 for the first change of the profile.
        at: ISO 8601, UTC, milliseconds.
        changes: {"source", "created", "attributes": path -> [old, new], "added" and "removed":
            [[identifier type, value], ...], "events": names, "event_count", "merges", "note"};
            without empty ones.
        state: {"identifiers", "attributes"} after the change; None in most entries.
        merged_into: Profile that now has the data of this one, in its last entry.
    """

    profile_id: str
    number: int
    at: str
    changes: JSONObject
    state: JSONObject | None = None
    merged_into: str | None = None


def nest_attributes(attributes: Mapping[str, JSON]) -> JSONObject:
    """Convert profile attributes by path, e.g. "custom.plan", to nested objects."""
    nested: JSONObject = {}
    for path, value in attributes.items():
        group, dot, name = path.partition(".")
        if dot:
            nested.setdefault(group, {})[name] = value
        else:
            nested[path] = value
    return nested


@record
class JourneyRun:
    """Record of one profile's run through a journey.

    Args:
        mark: Fingerprint of the profile's event after which others are "since entry".
        element: Path in the workspace file of the next element; None is the end.
        due_at: When the run continues; None once it has ended.
        watched_until: Until when goals count although the run has ended.
        goals: Names of reached goals, in order.
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


@record
class TrailEntry:
    """Record of one step in the trail of a journey run.

    Args:
        what: A sentence for people.
        element: Path of the element it happened at; None for the whole run.
        details: The same as data for tests and tools, by kind.
    """

    at: datetime
    kind: TrailEntryKind
    what: str
    element: str | None = None
    details: JSONObject = field(default_factory=dict)
