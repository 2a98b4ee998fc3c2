"""Records as the control API shows them."""

import orjson

from segment_insider_emulator.capture.records import Attempt, Captured, Delivery, Upsert
from segment_insider_emulator.delivery.status import status
from segment_insider_emulator.types import JSON, JSONObject

NOTHING_FILTERED: JSONObject = {"violations": [], "filtered_by": None, "omitted": [], "hints": []}


def message(captured: Captured) -> JSONObject:
    """A message: `message` as the SDK sent it, `normalised` as destinations were handed it.

    `violations`, `filtered_by`, `omitted` and `hints` say what tracking plan and filters did.
    """
    return {
        "id": captured.id,
        "messageId": captured.message_id,
        "type": captured.type,
        "event": captured.event,
        "userId": captured.user_id,
        "anonymousId": captured.anonymous_id,
        "source": captured.source,
        "receivedAt": captured.received_at,
        "verdict": captured.verdict,
        "reason": captured.reason,
        **(captured.filtering or NOTHING_FILTERED),
        "message": captured.sent,
        "normalised": captured.normalised,
    }


def delivery(made: Delivery) -> JSONObject:
    """A delivery: `request` is null when the mapping failed, `response` when nothing answered.

    Of a batch, both are the part that is this event's; `upsert` names the whole.
    """
    return {
        "id": made.id,
        "messageId": made.message_id,
        "event": made.event,
        "subscription": made.subscription,
        "actionSlug": made.action_slug,
        "verdict": made.verdict,
        "reason": made.reason,
        "status": status(made),
        "attempts": [_attempt(each) for each in made.attempts],
        "upsert": made.upsert,
        "batch": made.batch and {"size": made.batch.size, "position": made.batch.position},
        **_exchange(made),
        "findings": list(made.findings),
    }


def upsert(kept: Upsert) -> JSONObject:
    """A request that carries a batch, or that is tried again; `dueAt` is null when settled."""
    return {
        "id": kept.id,
        "dueAt": kept.due_at,
        "attempts": [_attempt(each) for each in kept.attempts],
        **_exchange(kept),
    }


def _exchange(made: Delivery | Upsert) -> JSONObject:
    request, response = made.request, made.response
    return {
        "request": request
        and {
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "json": _json(request.body),
        },
        "response": response and {"status": response.status, "json": _json(response.body)},
    }


def _attempt(attempt: Attempt) -> JSONObject:
    return {
        "number": attempt.number,
        "at": attempt.at,
        "durationMs": attempt.duration_ms,
        "status": attempt.status,
        "error": attempt.error,
    }


def _json(body: str) -> JSON:
    """The value of *body*; a text that is not JSON, such as a proxy's page, as it stands."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
