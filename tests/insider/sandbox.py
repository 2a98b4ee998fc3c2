"""An Insider One account with journeys and a clock that stands still, in memory."""

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


def journey(*steps: JSONObject, **more: JSON) -> JSONObject:
    """A journey that an item in the cart starts."""
    given = {
        "id": 1,
        "name": "Cart",
        "starter": {"events": [ADDED]},
        "eligibility": {"times": "multiple", "period": "1 day"},
        "steps": list(steps),
    }
    return {**given, **more}


def wait(length: str) -> JSONObject:
    return {"wait": length}


def email(message: str = "Your cart") -> JSONObject:
    return {"channel": "email", "message": message}


class Sandbox:
    """Profile IDs are p1, p2, ...; it is noon until a test says `later`."""

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
        """What was due is decided before a request, as the application does it."""
        self.journeys.advance_due_runs()
        request = HttpRequest(method, f"/api/user/v1/{path}", KEYS, orjson.dumps(body))
        answer = self._endpoint.handle_request(request)
        assert answer.status == 200, answer.body
        assert b'"fail":{}' in answer.body or answer.body == b"{}", answer.body
        return answer

    def send(
        self,
        *events: str | JSONObject,
        who: JSONObject = ADA,
        attributes: JSONObject | None = None,
        **more: JSON,
    ) -> None:
        """Upsert one user, whose events happen now where they do not say when."""
        made = [each if isinstance(each, dict) else self.event(each) for each in events]
        user = {"identifiers": who, "attributes": attributes or {"custom": {}}, "events": made}
        self.post("upsert", {"users": [user], **more})

    def event(self, name: str, timestamp: str | None = None, **params: JSON) -> JSONObject:
        at = timestamp or self.clock().isoformat().replace("+00:00", "Z")
        needed = PURCHASE if name in ("purchase", "cart_page_view") else {}
        return {"event_name": name, "timestamp": at, "event_params": {**needed, **params}}

    def later(self, length: str) -> None:
        self.clock.advance(parse_duration(length, "later"))
        self.journeys.advance_due_runs()

    def runs(self, journey: int = 1) -> list[JSONObject]:
        found, _ = self.journeys.run_store.list_runs(journey, {})
        return [serialize_journey_run(run, trail) for run, trail in found]

    def trails(self, journey: int = 1) -> list[list[str]]:
        """The kinds of entries of each run, oldest first."""
        return [[entry["kind"] for entry in run["trail"]] for run in self.runs(journey)]

    def trail(self, journey: int = 1) -> list[tuple[str, str]]:
        """The times and sentences of the only run."""
        (run,) = self.runs(journey)
        return [(entry["at"][11:16], entry["what"]) for entry in run["trail"]]

    def counted(self, journey: int = 1) -> JSONObject:
        own = self.journeys
        return serialize_journey(
            own.definitions[journey], own.run_store.count_run_outcomes(journey)
        )
