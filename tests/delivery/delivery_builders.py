"""Builders of subscriptions, destinations, messages and senders for the delivery tests."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from segment_insider_emulator.segment.ingest import Message
from segment_insider_emulator.types import HttpRequest, HttpResponse, JSONObject

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
FINE = HttpResponse(200, b'{"data":{"successful":{"count":1},"fail":{}}}')


def build_subscription(
    name: str = "All", trigger: str = 'type = "track"', **more: Any
) -> JSONObject:
    """Build a subscription of Track Event; *more* adds settings."""
    settings = {
        "event_name": {"@path": "$.event"},
        "timestamp": {"@path": "$.timestamp"},
        "uuid": {"@path": "$.userId"},
        **more,
    }
    return {
        "name": name,
        "actionSlug": "trackEvent",
        "enabled": True,
        "trigger": trigger,
        "settings": settings,
    }


def build_destination(*subscriptions: JSONObject) -> JSONObject:
    """Build a destination with these subscriptions."""
    return {
        "name": "Insider Cloud Mode (Actions)",
        "enabled": True,
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": list(subscriptions),
    }


def build_message(message_id: str = "m1", event: str = "song_played", **changes: Any) -> Message:
    """Build a message as the source passes it to the pipeline."""
    call = {
        "messageId": message_id,
        "type": "track",
        "event": event,
        "userId": "ada",
        "timestamp": "2026-11-23T09:59:59.000Z",
        **changes,
    }
    return Message(message_id, "track", "wk_demo", "2026-11-23T10:00:00.000Z", call, call)


def create_scripted_sender(
    *responses: HttpResponse | Exception,
) -> Callable[[HttpRequest], HttpResponse]:
    """Create a sender that returns or raises one of *responses* for each request."""
    remaining = iter(responses)

    def send(_request: HttpRequest) -> HttpResponse:
        response = next(remaining)
        if isinstance(response, Exception):
            raise response
        return response

    return send
