"""An Insider One account in memory that tests send requests to and inspect."""

import weakref
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson

from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.insider.api import InsiderApi
from segment_insider_emulator.insider.error_callbacks import CallbackHosts
from segment_insider_emulator.insider.profile_changes import ProfileChange, ProfileChangeListener
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
    """An account whose Profile IDs are p1, p2, ... and whose time is `now`, which a test may set.

    `changes` is what the last upsert changed, unless *on_change* receives it.
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
        self.callbacks: list[tuple[str, JSON]] = []
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
            on_change=on_change or self._record_changes,
            send_callback=lambda address, callback_body: self.callbacks.append(
                (address, orjson.loads(callback_body))
            ),
        )

    def _record_changes(self, changes: list[ProfileChange]) -> None:
        self.changes = changes

    def post(self, body: bytes, **headers: str) -> HttpResponse:
        additional_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.endpoint.handle_request(
            HttpRequest("POST", "/api/user/v1/upsert", {**KEYS, **additional_headers}, body)
        )

    def send_to(self, method: str, path: str, content: JSON) -> HttpResponse:
        """Send a body to another address, e.g. "user/v1/profile"."""
        return self.endpoint.handle_request(
            HttpRequest(method, f"/api/{path}", KEYS, orjson.dumps(content))
        )

    def send(self, *users: JSON, **more: JSON) -> HttpResponse:
        return self.post(orjson.dumps({"users": list(users), **more}))

    def send_and_list_warnings(self, *users: JSON, **more: JSON) -> list[tuple[str, str]]:
        """Send users that are all accepted; return the places and texts of the warnings."""
        response = self.send(*users, **more)
        assert parse_body(response) == {"data": {"successful": {"count": len(users)}, "fail": {}}}
        return [(finding["where"], finding["what"]) for finding in parse_findings(response)]

    def get_profile(self, identifier: str) -> JSONObject:
        profiles, _ = self.profiles.list_profiles_with_events(identifier)
        assert len(profiles) == 1, f"{len(profiles)} profiles own {identifier}"
        return serialize_profile(profiles[0])

    def advance_clock(self, **time: float) -> None:
        self.now += timedelta(**time)


def parse_body(response: HttpResponse) -> Any:
    return orjson.loads(response.body)


def parse_findings(response: HttpResponse) -> Any:
    return orjson.loads(response.headers["x-emulator-findings"])


def build_event(name: str, timestamp: str = RECENT, /, **params: JSON) -> JSONObject:
    return {"event_name": name, "timestamp": timestamp, "event_params": params}
