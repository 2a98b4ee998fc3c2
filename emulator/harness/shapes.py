"""Records as the control API shows them."""

import orjson

from emulator.capture.records import Attempt, Captured, Delivery
from emulator.types import JSON, JSONObject


def message(captured: Captured) -> JSONObject:
    """A message: `message` as the SDK sent it, `normalised` as destinations were handed it."""
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
        "message": captured.sent,
        "normalised": captured.normalised,
    }


def delivery(made: Delivery) -> JSONObject:
    """A delivery: `request` is null when the mapping failed, `response` when nothing answered."""
    request, response = made.request, made.response
    return {
        "id": made.id,
        "messageId": made.message_id,
        "event": made.event,
        "subscription": made.subscription,
        "actionSlug": made.action_slug,
        "verdict": made.verdict,
        "reason": made.reason,
        "attempts": [_attempt(each) for each in made.attempts],
        "request": request
        and {
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "json": _json(request.body),
        },
        "response": response and {"status": response.status, "json": _json(response.body)},
        "findings": list(made.findings),
    }


def _attempt(attempt: Attempt) -> JSONObject:
    return {
        "number": attempt.number,
        "at": attempt.at,
        "durationMs": attempt.duration_ms,
        "status": attempt.status,
    }


def _json(body: str) -> JSON:
    """The value of *body*; a text that is not JSON, such as a proxy's page, as it stands."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
