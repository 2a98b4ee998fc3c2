"""Profile reads respond as the published samples show."""

from datetime import UTC, datetime
from typing import Any

import pytest
from account import Account, build_event, parse_body

from segment_insider_emulator.types import JSON, JSONObject

JOHN = {"email": "example@useinsider.com", "name": "John", "surname": "Doe"}
JANUARY = {"start_date": 1609459200, "end_date": 1612137600}  # 2021, in epoch seconds


def read_profile(account: Account, **request: Any) -> JSON:
    response = account.send_to("POST", "user/v1/profile", request)
    assert response.status == 200, response.body
    return parse_body(response)


def create_account_with_john(**options: Any) -> Account:
    account = Account(**options)
    account.now = datetime(2021, 1, 7, tzinfo=UTC)
    clicked_event = build_event("email_click", "2021-01-06T23:34:09Z", campaign_id=1456)
    added_event = build_event(
        "item_added_to_cart", "2021-01-04T15:04:34Z", product_id="3254634", name="Blue Shirt"
    )
    entered_event = build_event("journey_entered", "2021-01-02T09:35:46Z", journey_id=12)
    account.send(
        {
            "identifiers": {"email": JOHN["email"]},
            "attributes": {**JOHN, "custom": {"member_code": "m1", "tags": ["a"]}},
            "events": [entered_event, added_event, clicked_event],
        }
    )
    return account


def remove_source(events: dict[str, list[JSONObject]]) -> dict[str, list[JSONObject]]:
    """Remove `source` from *events*: one of the two published samples has none."""
    return {
        name: [{key: value for key, value in event.items() if key != "source"} for event in listed]
        for name, listed in events.items()
    }


@pytest.mark.documented
def test_a_read_responds_as_the_published_sample() -> None:
    requested_events = [
        {"event_name": "email_click", "params": ["campaign_id", "timestamp"]},
        {"event_name": "item_added_to_cart", "params": ["product_id", "name", "timestamp"]},
        {"event_name": "journey_entered", "params": ["journey_id", "timestamp"]},
    ]
    profile = read_profile(
        create_account_with_john(profile_id_in_reads=True),
        identifiers={"email": JOHN["email"]},
        attributes=["email", "name", "surname"],
        events={**JANUARY, "wanted": requested_events},
        quota=True,
    )
    assert {**profile, "events": remove_source(profile["events"])} == {
        "attributes": {**JOHN, "iid": "p1"},
        "events": {
            "email_click": [{"campaign_id": 1456, "created_date": "2021-01-06T23:34:09Z"}],
            "item_added_to_cart": [
                {
                    "product_id": "3254634",
                    "name": "Blue Shirt",
                    "created_date": "2021-01-04T15:04:34Z",
                }
            ],
            "journey_entered": [{"journey_id": 12, "created_date": "2021-01-02T09:35:46Z"}],
        },
        "quota": {"cost": 2.5, "used": 2.5, "total": 1000},
    }


@pytest.mark.documented
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["c_member_code"], {"c_member_code": "m1"}),
        (["custom"], {"c_member_code": "m1", "c_tags": ["a"]}),
        (["*"], {**JOHN, "c_member_code": "m1", "c_tags": ["a"]}),
        (["iid"], {"iid": "p1"}),
    ],
)
def test_attributes_are_returned_under_the_requested_names(names: list[str], expected: Any) -> None:
    profile = read_profile(
        create_account_with_john(), identifiers={"email": JOHN["email"]}, attributes=names
    )
    assert profile == {"attributes": expected}


@pytest.mark.assumed
def test_an_attribute_that_is_not_set_is_left_out() -> None:
    profile = read_profile(
        create_account_with_john(), insider_id="p1", attributes=["name", "city", "c_plan"]
    )
    assert profile == {"attributes": {"name": "John"}}


@pytest.mark.assumed
def test_the_gdpr_optin_is_read_back_under_its_short_name() -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"gdpr_optin": True}})
    for name in ("gdpr", "gdpr_optin"):
        profile = read_profile(account, identifiers={"uuid": "u1"}, attributes=[name])
        assert profile == {"attributes": {"gdpr": True}}


@pytest.mark.assumed
def test_events_are_returned_newest_first_with_their_source() -> None:
    account = Account()
    events = [
        build_event("a", "2026-11-01T00:00:00Z", custom={"n": 1}),
        build_event("a", "2026-11-03T00:00:00Z", custom={"n": 3}, source="email"),
        build_event("a", "2026-11-02T00:00:00+02:00", custom={"n": 2}),
        build_event("a", "2026-10-01T00:00:00Z", custom={"n": 0}),
    ]
    account.send({"identifiers": {"uuid": "u1"}, "events": events})
    november = {"start_date": 1793491200, "end_date": 1796083200}
    for limit, expected in ((None, [("email", 3), ("web", 2), ("web", 1)]), (1, [3, 2])):
        requested_events: JSONObject = {"event_name": "a", "params": ["c_n", "color"]}
        requested_events |= {"limit_per_source": limit} if limit else {}
        found_events = read_profile(
            account, identifiers={"uuid": "u1"}, events={**november, "wanted": [requested_events]}
        )["events"]["a"]
        listed = [
            (found["source"], found["c_n"]) if not limit else found["c_n"] for found in found_events
        ]
        assert listed == expected


@pytest.mark.assumed
def test_a_purchase_is_found_by_either_of_its_names() -> None:
    account = Account()
    purchase = build_event("confirmation_page_view", product_id="mug")
    account.send({"identifiers": {"uuid": "u1"}, "events": [purchase]})
    requested_events = [{"event_name": "purchase", "params": ["product_id"]}]
    period = {"start_date": 0, "end_date": 4102444800, "wanted": requested_events}
    profile = read_profile(account, identifiers={"uuid": "u1"}, events=period)
    assert profile == {"events": {"purchase": [{"product_id": "mug", "source": "web"}]}}


@pytest.mark.documented
def test_unknown_identifiers_get_a_404() -> None:
    request = {"identifiers": {"uuid": "nobody"}, "attributes": ["name"]}
    response = Account().send_to("POST", "user/v1/profile", request)
    assert (response.status, parse_body(response)) == (
        404,
        {"error": "no such user for these identifiers: no data"},
    )


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("requested", "text"),
    [
        ([], "request body must be object"),
        ({"attributes": ["name"]}, "either insider_id or idenifiers must be specified"),
        (
            {"identifiers": {"phone_number": "123"}, "attributes": ["name"]},
            "user has an invalid phone number: 123",
        ),
        ({"identifiers": {"custom": {"crm": "7"}}, "attributes": []}, "no valid identifier"),
        ({"identifiers": {"uuid": "undefined"}, "attributes": []}, "no valid identifier"),
        ({"identifiers": {"uuid": "u1"}}, "either attributes or events must be specified"),
        ({"identifiers": {"uuid": "u1"}, "attributes": "name"}, "attributes must be array"),
        (
            {"identifiers": {"uuid": "u1"}, "events": {"start_date": 1, "wanted": []}},
            "events.end_date must be defined",
        ),
        (
            {"identifiers": {"uuid": "u1"}, "attributes": [], "quota": "yes"},
            "quota must be boolean",
        ),
    ],
)
def test_an_invalid_request_is_refused_with_a_reason(requested: Any, text: str) -> None:
    response = Account().send_to("POST", "user/v1/profile", requested)
    assert (response.status, parse_body(response)) == (400, {"error": f"{text}: bad request"})
