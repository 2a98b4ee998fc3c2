"""An Insider One account with journeys in memory, whose clock only tests advance."""

import weakref
from datetime import UTC, datetime
from itertools import count

import orjson

from segment_insider_emulator.clock import SandboxClock, parse_duration
from segment_insider_emulator.insider.api import InsiderApi
from segment_insider_emulator.insider.journey_parser import parse_journeys
from segment_insider_emulator.insider.journey_runner import (
    JourneyRunner,
    serialize_journey,
    serialize_journey_run,
)
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.journeys import JourneyStore
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.types import JSON, HttpRequest, HttpResponse, JSONObject

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEYS = {
    "x-partner-name": "mybrand",
    "x-request-token": "test-key",
    "content-type": "application/json",
}
ADDED = "item_added_to_cart"
ADA: JSONObject = {"uuid": "ada"}
REACHABLE: JSONObject = {"email": "ada@x.io", "email_optin": True}
PURCHASE: JSONObject = {
    "event_group_id": "o1",
    "currency": "EUR",
    "unit_sale_price": 8.5,
    "quantity": 1,
}


def build_journey(*steps: JSONObject, **more: JSON) -> JSONObject:
    """Build a journey that an item in the cart starts."""
    definition = {
        "id": 1,
        "name": "Cart",
        "starter": {"events": [ADDED]},
        "eligibility": {"times": "multiple", "period": "1 day"},
        "steps": list(steps),
    }
    return {**definition, **more}


def build_wait(length: str) -> JSONObject:
    return {"wait": length}


def build_email(message: str = "Your cart") -> JSONObject:
    return {"channel": "email", "message": message}


class Sandbox:
    """An account whose Profile IDs are p1, p2, ... and whose time is noon until it is advanced."""

    def __init__(self, *journeys: JSONObject, url: str = ":memory:") -> None:
        engine = open_database(url)
        weakref.finalize(self, engine.dispose)
        numbers = count(1)
        self.clock = SandboxClock(lambda: NOON)
        self.profiles = ProfileStore(engine)
        self.journeys = JourneyRunner(
            parse_journeys(journeys), JourneyStore(engine), self.profiles, self.clock
        )
        self._endpoint = InsiderApi(
            "mybrand",
            "test-key",
            ("uuid", "email", "segment_anonymous_id"),
            self.profiles,
            self.clock,
            generate_profile_id=lambda: f"p{next(numbers)}",
            on_change=self.journeys.handle_profile_changes,
        )

    def post(self, path: str, body: JSON, method: str = "POST") -> HttpResponse:
        """Advance due runs, as the application does, then send a request that must succeed."""
        self.journeys.advance_due_runs()
        request = HttpRequest(method, f"/api/user/v1/{path}", KEYS, orjson.dumps(body))
        response = self._endpoint.handle_request(request)
        assert response.status == 200, response.body
        assert b'"fail":{}' in response.body or response.body == b"{}", response.body
        return response

    def send(
        self,
        *events: str | JSONObject,
        identifiers: JSONObject = ADA,
        attributes: JSONObject | None = None,
        **more: JSON,
    ) -> None:
        """Upsert one user; events given by name happen now."""
        event_objects = [
            event if isinstance(event, dict) else self.build_event(event) for event in events
        ]
        user = {
            "identifiers": identifiers,
            "attributes": attributes or {"custom": {}},
            "events": event_objects,
        }
        self.post("upsert", {"users": [user], **more})

    def build_event(self, name: str, timestamp: str | None = None, **params: JSON) -> JSONObject:
        event_time = timestamp or self.clock().isoformat().replace("+00:00", "Z")
        required = PURCHASE if name in ("purchase", "cart_page_view") else {}
        return {"event_name": name, "timestamp": event_time, "event_params": {**required, **params}}

    def call_contact_api(self, path: str, body: JSON) -> None:
        """Send a request that must succeed to the Contact API, e.g. "/email/v1/unsubscribe"."""
        suffix = "unsubscribe" if path.endswith("/unsubscribe") else "resubscribe"
        headers = {**KEYS, "x-request-token": f"test-key-{suffix}"}
        request = HttpRequest("POST", path, headers, orjson.dumps(body))
        response = self._endpoint.handle_request(request)
        assert response.status == 200, response.body

    def advance_clock(self, length: str) -> None:
        self.clock.advance(parse_duration(length, "later"))
        self.journeys.advance_due_runs()

    def list_runs(self, journey: int = 1) -> list[JSONObject]:
        runs, _ = self.journeys.run_store.list_runs(journey, {})
        return [serialize_journey_run(run, trail) for run, trail in runs]

    def list_trail_kinds(self, journey: int = 1) -> list[list[str]]:
        """Return the kinds of trail entries of each run, oldest first."""
        return [[entry["kind"] for entry in run["trail"]] for run in self.list_runs(journey)]

    def get_trail(self, journey: int = 1) -> list[tuple[str, str]]:
        """Return the times and texts of the trail of the only run."""
        (run,) = self.list_runs(journey)
        return [(entry["at"][11:16], entry["what"]) for entry in run["trail"]]

    def get_counters(self, journey: int = 1) -> JSONObject:
        runner = self.journeys
        return serialize_journey(
            runner.definitions[journey], runner.run_store.count_run_outcomes(journey)
        )
