"""Records as the control API shows them."""

import orjson

from segment_insider_emulator.capture.records import (
    DeliveryAttempt,
    DeliveryRecord,
    MessageRecord,
    UpsertRecord,
)
from segment_insider_emulator.delivery.status import describe_delivery_status
from segment_insider_emulator.types import JSON, JSONObject

EMPTY_FILTER_REPORT: JSONObject = {
    "violations": [],
    "filtered_by": None,
    "omitted": [],
    "hints": [],
}


def message_json(record: MessageRecord) -> JSONObject:
    """A message: `message` as the SDK sent it, `normalised` as destinations were handed it.

    `violations`, `filtered_by`, `omitted` and `hints` say what tracking plan and filters did.
    """
    return {
        "id": record.id,
        "messageId": record.message_id,
        "type": record.type,
        "event": record.event,
        "userId": record.user_id,
        "anonymousId": record.anonymous_id,
        "source": record.source,
        "receivedAt": record.received_at,
        "verdict": record.verdict,
        "reason": record.reason,
        **(record.filtering or EMPTY_FILTER_REPORT),
        "message": record.sent,
        "normalised": record.normalised,
    }


def delivery_json(delivery: DeliveryRecord) -> JSONObject:
    """A delivery: `request` is null when the mapping failed, `response` when nothing answered.

    Of a batch, both are the part that is this event's; `upsert` names the whole.
    """
    return {
        "id": delivery.id,
        "messageId": delivery.message_id,
        "event": delivery.event,
        "subscription": delivery.subscription,
        "actionSlug": delivery.action_slug,
        "verdict": delivery.verdict,
        "reason": delivery.reason,
        "status": describe_delivery_status(delivery),
        "attempts": [_attempt_json(each) for each in delivery.attempts],
        "upsert": delivery.upsert,
        "batch": delivery.batch
        and {"size": delivery.batch.size, "position": delivery.batch.position},
        **_exchange_json(delivery),
        "findings": list(delivery.findings),
    }


def upsert_json(upsert: UpsertRecord) -> JSONObject:
    """A request that carries a batch, or that is tried again; `dueAt` is null when settled."""
    return {
        "id": upsert.id,
        "dueAt": upsert.due_at,
        "attempts": [_attempt_json(each) for each in upsert.attempts],
        **_exchange_json(upsert),
    }


def _exchange_json(record: DeliveryRecord | UpsertRecord) -> JSONObject:
    request, response = record.request, record.response
    return {
        "request": request
        and {
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "json": _json_or_text(request.body),
        },
        "response": response and {"status": response.status, "json": _json_or_text(response.body)},
    }


def _attempt_json(attempt: DeliveryAttempt) -> JSONObject:
    return {
        "number": attempt.number,
        "at": attempt.at,
        "durationMs": attempt.duration_ms,
        "status": attempt.status,
        "error": attempt.error,
    }


def _json_or_text(body: str) -> JSON:
    """The value of *body*; a text that is not JSON, such as a proxy's page, as it stands."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
