"""JSON models of captured messages, and of their upserts and deliveries, in the control API."""

from typing import Any, Self

from msgspec import UNSET, UnsetType, field

from segment_insider_emulator.control_api.models import ApiModel, CamelCaseModel, Count
from segment_insider_emulator.delivery.results import describe_delivery_status
from segment_insider_emulator.json_text import parse_json_or_text
from segment_insider_emulator.storage.records import (
    DeliveryAttempt,
    DeliveryRecord,
    MessageRecord,
    UpsertRecord,
    Verdict,
)
from segment_insider_emulator.types import JSON, JSONObject

EMPTY_FILTER_REPORT: JSONObject = {
    "violations": [],
    "filtered_by": None,
    "omitted": [],
    "hints": [],
    "changes": [],
    "functions": [],
}


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
    the filters; `changes` is what transformations and functions did to the event; `functions` is
    what each function did, with its console; `triggerEvent` is the event before an insert function
    changed it.
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
    changes: list[JSONObject]
    functions: list[JSONObject]
    trigger_event: JSONObject | None
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
        **EMPTY_FILTER_REPORT,
        **{
            key: value
            for key, value in (message.filtering or {}).items()
            if key in EMPTY_FILTER_REPORT
        },
        "trigger_event": (message.filtering or {}).get("trigger_event"),
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
