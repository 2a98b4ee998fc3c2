"""An Insider One account in memory, for tests to send to and look into."""

import weakref
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson

from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.insider.api import InsiderApi
from segment_insider_emulator.insider.error_callbacks import CallbackHosts
from segment_insider_emulator.insider.identity import ProfileChange, ProfileChangeListener
from segment_insider_emulator.insider.profile_json import serialize_profile
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.types import JSON, HttpRequest, HttpResponse, JSONObject

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
RECENT = "2026-11-23T09:59:00Z"
KEYS = {
    "x-partner-name": "mybrand",
    "x-request-token": "test-key",
    "content-type": "application/json",
}
IDENTIFIERS = ("uuid", "email", "phone_number", "segment_anonymous_id")
PURCHASE: JSONObject = {
    "event_group_id": "o1",
    "currency": "EUR",
    "unit_sale_price": 8.5,
    "quantity": 1,
}


class Account:
    """Profile IDs are p1, p2, ...; the time is `now`, which a test may move.

    `changes` is what the last upsert changed, unless a listener of one's own hears it.
    """

    def __init__(
        self,
        identifiers: tuple[str, ...] = IDENTIFIERS,
        url: str = ":memory:",
        *,
        on_change: ProfileChangeListener | None = None,
        **options: Any,
    ) -> None:
        engine = open_database(url)
        weakref.finalize(self, engine.dispose)
        numbers = count(1)
        self.now = NOW
        self.changes: list[ProfileChange] = []
        self.called_back: list[tuple[str, JSON]] = []
        self.profiles = ProfileStore(engine)
        self.endpoint = InsiderApi(
            "mybrand",
            "test-key",
            identifiers,
            self.profiles,
            lambda: self.now,
            InsiderAccountOptions(**options),
            generate_profile_id=lambda: f"p{next(numbers)}",
            callback_hosts=CallbackHosts(allowed_local_hosts=("127.0.0.1",)),
            on_change=on_change or self._hear,
            send_callback=lambda address, sent: self.called_back.append(
                (address, orjson.loads(sent))
            ),
        )

    def _hear(self, changes: list[ProfileChange]) -> None:
        self.changes = changes

    def post(self, body: bytes, **headers: str) -> HttpResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.endpoint.handle_request(
            HttpRequest("POST", "/api/user/v1/upsert", {**KEYS, **named}, body)
        )

    def call(self, method: str, path: str, sent: JSON) -> HttpResponse:
        """Send a body to another address, e.g. "user/v1/profile"."""
        return self.endpoint.handle_request(
            HttpRequest(method, f"/api/{path}", KEYS, orjson.dumps(sent))
        )

    def send(self, *users: JSON, **more: JSON) -> HttpResponse:
        return self.post(orjson.dumps({"users": list(users), **more}))

    def warned(self, *users: JSON, **more: JSON) -> list[tuple[str, str]]:
        """Send users that are all taken; the places and sentences of the warnings."""
        answer = self.send(*users, **more)
        assert body(answer) == {"data": {"successful": {"count": len(users)}, "fail": {}}}
        return [(each["where"], each["what"]) for each in findings(answer)]

    def profile(self, identifier: str) -> JSONObject:
        found, _ = self.profiles.list_profiles_with_events(identifier)
        assert len(found) == 1, f"{len(found)} profiles own {identifier}"
        return serialize_profile(found[0])

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)


def body(answer: HttpResponse) -> Any:
    return orjson.loads(answer.body)


def findings(answer: HttpResponse) -> Any:
    return orjson.loads(answer.headers["x-emulator-findings"])


def event(name: str, timestamp: str = RECENT, /, **params: JSON) -> JSONObject:
    return {"event_name": name, "timestamp": timestamp, "event_params": params}
