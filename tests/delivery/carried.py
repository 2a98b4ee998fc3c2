"""Messages, destinations and answers that the tests of deliveries share."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from segment_insider_emulator.segment.ingest import Message
from segment_insider_emulator.types import HttpRequest, HttpResponse, JSONObject

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
FINE = HttpResponse(200, b'{"data":{"successful":{"count":1},"fail":{}}}')


def subscription(name: str = "All", trigger: str = 'type = "track"', **more: Any) -> JSONObject:
    """A mapping of Track Event; *more* of its settings."""
    mapping = {
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
        "settings": mapping,
    }


def destination(*subscriptions: JSONObject) -> JSONObject:
    """A destination of these."""
    return {
        "name": "Insider Cloud Mode (Actions)",
        "enabled": True,
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": list(subscriptions),
    }


def message(message_id: str = "m1", event: str = "song_played", **changes: Any) -> Message:
    """What the source hands on."""
    sent = {
        "messageId": message_id,
        "type": "track",
        "event": event,
        "userId": "ada",
        "timestamp": "2026-11-23T09:59:59.000Z",
        **changes,
    }
    return Message(message_id, "track", "wk_demo", "2026-11-23T10:00:00.000Z", sent, sent)


def answering(*answers: HttpResponse | Exception) -> Callable[[HttpRequest], HttpResponse]:
    """A sender that has one answer for each request."""
    left = iter(answers)

    def send(_request: HttpRequest) -> HttpResponse:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return send
