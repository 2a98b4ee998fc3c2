"""Models of the control API's responses: one class for each JSON object.

The JSON of a response and its schema in the OpenAPI document both come from them.
"""

from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from segment_insider_emulator.delivery.results import describe_delivery_status
from segment_insider_emulator.json_text import parse_json_or_text
from segment_insider_emulator.storage.records import (
    DeliveryAttempt,
    DeliveryRecord,
    JourneyRunStatus,
    MessageRecord,
    UpsertRecord,
    Verdict,
)
from segment_insider_emulator.types import JSON, JSONObject

Count = Annotated[int, Meta(ge=0)]
EMPTY_FILTER_REPORT: JSONObject = {
    "violations": [],
    "filtered_by": None,
    "omitted": [],
    "hints": [],
}


class ApiModel(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of all JSON objects of the control API: these keys and no others are allowed."""


class CamelCaseModel(ApiModel, rename="camel"):
    """Base of JSON objects of the control API whose keys are in camel case."""


class EmptyModel(ApiModel):
    """The empty response of a control API request that only changes something."""


class ErrorDetailModel(ApiModel):
    """One error of the control API: what is wrong, where, and what to do."""

    what: str
    where: str
    remedy: str


class ErrorModel(ApiModel):
    """The response of the control API with an error status."""

    error: ErrorDetailModel


class HealthModel(ApiModel):
    """The response of the control API's health check."""

    status: Literal["ok"]
    version: str


# Messages and deliveries


class RequestModel(ApiModel):
    """A request to Insider One; `json` is text when the body is not JSON."""

    method: str
    url: str
    headers: dict[str, str]
    json: Any


class ResponseModel(ApiModel):
    """A response of Insider One; `json` is text when the body is not JSON."""

    status: Count
    json: Any


class AttemptModel(CamelCaseModel):
    """One attempt to send a request to Insider One."""

    number: Count
    at: str
    duration_ms: float
    status: Count | None
    error: str | None

    @classmethod
    def from_record(cls, attempt: DeliveryAttempt) -> Self:
        """Build the response model of a stored attempt."""
        return cls(
            number=attempt.number,
            at=attempt.at,
            duration_ms=attempt.duration_ms,
            status=attempt.status,
            error=attempt.error,
        )


class BatchPositionModel(ApiModel):
    """The position of an event in its batch, from 0."""

    size: Count
    position: Count


class DeliveryFields(CamelCaseModel, kw_only=True):
    """A delivery; `request` and `response` are null when there are none.

    Of a batch, both are the part for this event; `upsert` is the id of the whole request.
    """

    id: Count | UnsetType = UNSET
    message_id: str
    event: str | None
    subscription: str
    action_slug: str
    verdict: Verdict
    reason: str | None
    status: JSONObject
    attempts: list[AttemptModel]
    upsert: str | UnsetType | None = UNSET
    batch: BatchPositionModel | None
    request: RequestModel | None
    response: ResponseModel | None
    findings: list[JSONObject]


class DeliveryModel(DeliveryFields, kw_only=True):
    """A stored delivery."""

    id: Count
    upsert: str | None

    @classmethod
    def from_record(cls, delivery: DeliveryRecord) -> Self:
        """Build the response model of a stored delivery."""
        return cls(id=delivery.id, upsert=delivery.upsert, **build_delivery_field_values(delivery))


def build_delivery_field_values(delivery: DeliveryRecord) -> dict[str, Any]:
    """Return the values of a delivery for the model DeliveryFields."""
    batch = delivery.batch
    return {
        "message_id": delivery.message_id,
        "event": delivery.event,
        "subscription": delivery.subscription,
        "action_slug": delivery.action_slug,
        "verdict": delivery.verdict,
        "reason": delivery.reason,
        "status": describe_delivery_status(delivery),
        "attempts": [AttemptModel.from_record(attempt) for attempt in delivery.attempts],
        "batch": batch and BatchPositionModel(size=batch.size, position=batch.position),
        **_build_request_and_response_fields(delivery),
        "findings": list(delivery.findings),
    }


class UpsertModel(CamelCaseModel):
    """A whole request to Insider One that carries a batch or waits for a retry.

    `dueAt` is null when no retry follows; `deliveries` are ids.
    """

    id: str
    due_at: str | None
    attempts: list[AttemptModel]
    request: RequestModel | None
    response: ResponseModel | None
    deliveries: list[Count]

    @classmethod
    def from_record(cls, upsert: UpsertRecord, delivery_ids: list[int]) -> Self:
        """Build the response model of a stored upsert."""
        return cls(
            id=upsert.id,
            due_at=upsert.due_at,
            attempts=[AttemptModel.from_record(attempt) for attempt in upsert.attempts],
            deliveries=delivery_ids,
            **_build_request_and_response_fields(upsert),
        )


class MessageFields(CamelCaseModel, kw_only=True):
    """A message: `message` is what the SDK sent, `normalised` what destinations received.

    `violations`, `filtered_by`, `omitted` and `hints` are the results of the tracking plan and
    the filters.
    """

    id: Count | UnsetType = UNSET
    message_id: str
    type: str | None
    event: str | None
    user_id: str | None
    anonymous_id: str | None
    source: str | None
    received_at: str
    verdict: Verdict
    reason: str | None
    violations: list[JSONObject]
    filtered_by: JSONObject | None = field(name="filtered_by")
    omitted: list[JSONObject]
    hints: list[JSON]
    message: JSONObject
    normalised: JSONObject


class MessageModel(MessageFields, kw_only=True):
    """A stored message: one Segment call as received, with its verdict."""

    id: Count

    @classmethod
    def from_record(cls, message: MessageRecord) -> Self:
        """Build the response model of a stored message."""
        return cls(id=message.id, **build_message_field_values(message))


class MessageWithDeliveriesModel(MessageModel, kw_only=True):
    """A stored message with its deliveries."""

    deliveries: list[DeliveryModel]

    @classmethod
    def from_record(cls, message: MessageRecord) -> Self:
        """Build the response model of a stored message and its deliveries."""
        deliveries = [DeliveryModel.from_record(delivery) for delivery in message.deliveries]
        return cls(id=message.id, deliveries=deliveries, **build_message_field_values(message))


def build_message_field_values(message: MessageRecord) -> dict[str, Any]:
    """Return the values of a message for the model MessageFields."""
    return {
        "message_id": message.message_id,
        "type": message.type,
        "event": message.event,
        "user_id": message.user_id,
        "anonymous_id": message.anonymous_id,
        "source": message.source,
        "received_at": message.received_at,
        "verdict": message.verdict,
        "reason": message.reason,
        **(message.filtering or EMPTY_FILTER_REPORT),
        "message": message.sent,
        "normalised": message.normalised,
    }


class ConditionModel(ApiModel):
    """One condition of a trigger, and the value that the event has there."""

    condition: str
    holds: bool
    found: Any


class SubscriptionTraceModel(CamelCaseModel):
    """Whether a subscription matches an event, and why."""

    number: Count
    name: str
    action_slug: str
    enabled: bool
    matched: bool
    why: str
    conditions: list[ConditionModel]


class DryRunMessageModel(MessageFields, kw_only=True):
    """What one message would lead to, as part of a dry run's response."""

    deliveries: list[DeliveryFields]
    subscriptions: list[SubscriptionTraceModel]


class DryRunModel(ApiModel):
    """The response of a dry run of events."""

    messages: list[DryRunMessageModel]


class MessagePageModel(ApiModel):
    """One page of messages; `next` is null on the last page."""

    messages: list[MessageModel]
    next: Count | None


class DeliveryPageModel(ApiModel):
    """One page of deliveries; `next` is null on the last page."""

    deliveries: list[DeliveryModel]
    next: Count | None


class RetryModel(ApiModel):
    """How many requests were sent again, and how many still wait for a retry."""

    attempts: Count
    retrying: Count


class FaultListModel(ApiModel):
    """The injected faults, of Segment or of Insider One."""

    faults: list[JSONObject]


class ResponseDifferencePageModel(ApiModel):
    """The number of responses compared with a real account, and one page of differences."""

    compared: Count
    differences: list[JSONObject]
    next: Count | None


# Profiles and journeys


class ProfileModel(ApiModel):
    """A profile with its first events; `events_next` is the `after` of the others."""

    id: str
    identifiers: JSONObject
    attributes: JSONObject
    events: list[JSONObject]
    reach: JSONObject
    personal: JSONObject
    identifier_values: JSONObject
    created_at: str
    updated_at: str
    trail: list[JSONObject]
    merges: list[JSONObject]
    event_count: Count
    events_next: Count | None


class ProfilePageModel(ApiModel):
    """One page of profiles; `next` is null on the last page."""

    profiles: list[ProfileModel]
    next: Count | None


class ProfileEventPageModel(ApiModel):
    """One page of a profile's events; `next` is null on the last page."""

    events: list[JSONObject]
    next: Count | None


class JourneyModel(ApiModel, kw_only=True):
    """A journey with its counters."""

    simulated: str | UnsetType = UNSET
    id: Count
    name: str
    counters: JSONObject
    goals: JSONObject
    elements: list[JSONObject]
    definition: JSONObject


class JourneyListModel(ApiModel):
    """All journeys of the workspace."""

    simulated: str
    journeys: list[JourneyModel]
    next: None


class JourneyRunModel(ApiModel):
    """The run of one profile through a journey."""

    id: Count
    journey_id: Count
    profile_id: str
    status: JourneyRunStatus
    entered_at: str
    waits_until: str | None
    ended_at: str | None
    goals: list[str]
    trail: list[JSONObject]


class JourneyRunPageModel(ApiModel):
    """One page of journey runs; `next` is null on the last page."""

    simulated: str
    runs: list[JourneyRunModel]
    next: Count | None


# Clock, storage, sandboxes and workspaces


class ClockModel(ApiModel):
    """The sandbox clock; `offset` is in seconds ahead of real time."""

    now: str
    frozen: bool
    offset: float


class RetentionModel(ApiModel):
    """Retention limits of stored messages; null is without limit."""

    days: float | None
    messages: Count | None
    bytes: Count | None


class StorageModel(CamelCaseModel):
    """Number and size of the stored records."""

    messages: Count
    deliveries: Count
    oldest: str | None
    remembered_ids: Count
    used_bytes: Count
    file_bytes: Count | None
    keep: RetentionModel


class SandboxModel(CamelCaseModel):
    """A sandbox: its address, keys and clock."""

    id: str
    url: str
    write_key: str
    account: str
    key: str
    workspace: str
    now: str
    created_at: str
    team: str | None


class SandboxListModel(ApiModel):
    """All sandboxes of the caller."""

    sandboxes: list[SandboxModel]
    next: None


class ScenarioRunIdModel(ApiModel):
    """The id of a stored scenario run."""

    id: Count


class ScenarioRunPageModel(CamelCaseModel):
    """All stored scenario runs."""

    scenario_runs: list[JSONObject]
    next: Count | None


class ImportModel(ApiModel):
    """The number of rows that a sandbox import stored."""

    imported: Count


# Destination and integrations


class SubscriptionModel(CamelCaseModel):
    """A subscription of the destination; 1 is the first."""

    number: Count
    name: str
    action_slug: str
    enabled: bool
    trigger: Any


class DestinationModel(ApiModel):
    """Control API model of the destination with its settings and subscriptions."""

    name: str | None
    enabled: bool
    settings: JSONObject
    subscriptions: list[SubscriptionModel]


class IntegrationModel(CamelCaseModel):
    """An integration of the InOne panel."""

    id: Count
    name: str
    type: str
    account_name: str
    key: str
    origin: Literal["panel", "workspace"]
    created_at: str
    created_by: str | None
    revoked_at: str | None


class IntegrationPageModel(ApiModel):
    """One page of integrations; `next` is null on the last page."""

    integrations: list[IntegrationModel]
    next: Count | None


class IdentifierListModel(ApiModel):
    """The identifiers that resolve profiles, strongest first."""

    identifiers: list[str]


# Assertions


class FieldDifferenceModel(ApiModel):
    """How one value of a record differs from the value that an assertion expects."""

    path: str
    expected: str
    received: str
    why: str


class NearMissModel(ApiModel):
    """A record that almost matches an assertion."""

    id: Any
    differences: list[FieldDifferenceModel]
    delivery: JSONObject | UnsetType = UNSET
    message: JSONObject | UnsetType = UNSET
    profile: JSONObject | UnsetType = UNSET
    run: JSONObject | UnsetType = UNSET


class AssertionOutcomeModel(ApiModel):
    """The outcome of an assertion, with the first matches or near misses."""

    ok: bool
    of: str
    expected: str
    count: Count
    matched: list[JSONObject]
    near: list[NearMissModel]


class VerifyModel(ApiModel):
    """The outcomes of several assertions, and whether all are met."""

    ok: bool
    claims: list[AssertionOutcomeModel]


def _build_request_and_response_fields(record: DeliveryRecord | UpsertRecord) -> dict[str, Any]:
    request, response = record.request, record.response
    return {
        "request": request
        and RequestModel(
            method=request.method,
            url=request.url,
            headers=request.headers,
            json=parse_json_or_text(request.body),
        ),
        "response": response
        and ResponseModel(status=response.status, json=parse_json_or_text(response.body)),
    }


class CoverageExampleModel(CamelCaseModel):
    """A message that used a row of the coverage; `id` is null when it is not stored."""

    id: Count | None
    message_id: str | None
    scenario: str | None


class CoverageRowModel(CamelCaseModel):
    """A mapping, value, plan event, journey step or branch, and how the traffic used it."""

    group: str
    name: str
    state: str
    events: Count
    problems: list[str]
    mapped_fields: list[str]
    unfilled_fields: list[str]
    what_to_send: str | None
    sample_call: JSONObject | None
    example: CoverageExampleModel | None


class CoverageModel(CamelCaseModel):
    """What of the workspace and of Insider One's guide the newest messages have used."""

    percent: float
    events: Count
    left_out: Count
    counts: dict[str, Count]
    branches_count: bool
    rows: list[CoverageRowModel]


class CauseModel(CamelCaseModel):
    """A cause of problems, and how many messages have it; `newestMessage` is the id of one."""

    cause: str
    mapping: str | None
    verdict: str
    what: str
    remedy: str
    from_mapping: bool
    known: bool
    note: str
    messages: Count
    first_at: str
    last_at: str
    newest_message: Count
    query: str


class SearchedMessagesModel(CamelCaseModel):
    """How far back messages were searched: `since` is null when all were."""

    since: str | None
    complete: bool


class CauseListModel(CamelCaseModel):
    """The causes of the newest problems; `known` is how many of them are known."""

    causes: list[CauseModel]
    known: Count
    searched: SearchedMessagesModel


class KnownCauseModel(CamelCaseModel):
    """A known cause; an empty mapping means any."""

    cause: str
    mapping: str
    note: str


class KnownCauseListModel(CamelCaseModel):
    """The known causes of a sandbox."""

    known_causes: list[KnownCauseModel]
