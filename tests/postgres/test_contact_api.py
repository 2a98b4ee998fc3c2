"""The Contact API finds people by their attributes in PostgreSQL, too."""

import orjson
import pytest

from segment_insider_emulator.clock import utc_now
from segment_insider_emulator.insider.api import InsiderApi
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.types import HttpRequest, JSONObject

HEADERS = {"x-partner-name": "mybrand", "content-type": "application/json"}


@pytest.mark.extended
def test_people_with_an_address_that_does_not_identify_are_unsubscribed(url: str) -> None:
    engine = open_database(url)
    profiles = ProfileStore(engine)
    api = InsiderApi("mybrand", "key", ("uuid",), profiles, utc_now)

    def post(path: str, key: str, body: JSONObject) -> int:
        headers = {**HEADERS, "x-request-token": key}
        return api.handle_request(HttpRequest("POST", path, headers, orjson.dumps(body))).status

    emails = ["ada@x.io", "ada@x.io", "nul\u0000@x.io", "ben@x.io"]
    users = [
        {"identifiers": {"uuid": f"u{number}"}, "attributes": {"email": email}}
        for number, email in enumerate(emails)
    ]
    assert post("/api/user/v1/upsert", "key", {"users": users}) == 200
    body = {"emails": ["ada@x.io", "nul\u0000@x.io", "nobody@x.io"]}
    assert post("/email/v2/unsubscribe", "key-unsubscribe", body) == 200
    stored, _ = profiles.list_profiles_with_events()
    flags = [profile.attributes.get("global_unsubscribe") for profile in stored]
    engine.dispose()
    assert flags == [True, True, True, None]
