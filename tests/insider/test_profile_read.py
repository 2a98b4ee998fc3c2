"""A profile is read back as the published samples show."""

from datetime import UTC, datetime
from typing import Any

import pytest
from account import Account, body, event

from segment_insider_emulator.types import JSON, JSONObject

JOHN = {"email": "example@useinsider.com", "name": "John", "surname": "Doe"}
JANUARY = {"start_date": 1609459200, "end_date": 1612137600}  # 2021, in epoch seconds


def read(account: Account, **asked: Any) -> JSON:
    answer = account.call("POST", "user/v1/profile", asked)
    assert answer.status == 200, answer.body
    return body(answer)


def of_john(**options: Any) -> Account:
    account = Account(**options)
    account.now = datetime(2021, 1, 7, tzinfo=UTC)
    clicked = event("email_click", "2021-01-06T23:34:09Z", campaign_id=1456)
    added = event(
        "item_added_to_cart", "2021-01-04T15:04:34Z", product_id="3254634", name="Blue Shirt"
    )
    entered = event("journey_entered", "2021-01-02T09:35:46Z", journey_id=12)
    account.send(
        {
            "identifiers": {"email": JOHN["email"]},
            "attributes": {**JOHN, "custom": {"member_code": "m1", "tags": ["a"]}},
            "events": [entered, added, clicked],
        }
    )
    return account


def without_source(events: dict[str, list[JSONObject]]) -> dict[str, list[JSONObject]]:
    """One of the two published samples has no `source`."""
    return {
        name: [{key: value for key, value in each.items() if key != "source"} for each in made]
        for name, made in events.items()
    }


@pytest.mark.documented
def test_the_published_sample() -> None:
    wanted = [
        {"event_name": "email_click", "params": ["campaign_id", "timestamp"]},
        {"event_name": "item_added_to_cart", "params": ["product_id", "name", "timestamp"]},
        {"event_name": "journey_entered", "params": ["journey_id", "timestamp"]},
    ]
    told = read(
        of_john(profile_id_in_reads=True),
        identifiers={"email": JOHN["email"]},
        attributes=["email", "name", "surname"],
        events={**JANUARY, "wanted": wanted},
        quota=True,
    )
    assert {**told, "events": without_source(told["events"])} == {
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
    told = read(of_john(), identifiers={"email": JOHN["email"]}, attributes=names)
    assert told == {"attributes": expected}


@pytest.mark.assumed
def test_an_attribute_that_is_not_set_is_left_out() -> None:
    told = read(of_john(), insider_id="p1", attributes=["name", "city", "c_plan"])
    assert told == {"attributes": {"name": "John"}}


@pytest.mark.assumed
def test_the_gdpr_optin_is_read_back_under_its_short_name() -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"gdpr_optin": True}})
    for name in ("gdpr", "gdpr_optin"):
        told = read(account, identifiers={"uuid": "u1"}, attributes=[name])
        assert told == {"attributes": {"gdpr": True}}


@pytest.mark.assumed
def test_events_come_newest_first_each_with_its_source() -> None:
    account = Account()
    made = [
        event("a", "2026-11-01T00:00:00Z", custom={"n": 1}),
        event("a", "2026-11-03T00:00:00Z", custom={"n": 3}, source="email"),
        event("a", "2026-11-02T00:00:00+02:00", custom={"n": 2}),
        event("a", "2026-10-01T00:00:00Z", custom={"n": 0}),
    ]
    account.send({"identifiers": {"uuid": "u1"}, "events": made})
    november = {"start_date": 1793491200, "end_date": 1796083200}
    for limit, expected in ((None, [("email", 3), ("web", 2), ("web", 1)]), (1, [3, 2])):
        wanted: JSONObject = {"event_name": "a", "params": ["c_n", "color"]}
        wanted |= {"limit_per_source": limit} if limit else {}
        told = read(account, identifiers={"uuid": "u1"}, events={**november, "wanted": [wanted]})[
            "events"
        ]["a"]
        listed = [(each["source"], each["c_n"]) if not limit else each["c_n"] for each in told]
        assert listed == expected


@pytest.mark.assumed
def test_either_name_of_a_purchase_finds_it() -> None:
    account = Account()
    made = event("confirmation_page_view", product_id="mug")
    account.send({"identifiers": {"uuid": "u1"}, "events": [made]})
    wanted = [{"event_name": "purchase", "params": ["product_id"]}]
    ever = {"start_date": 0, "end_date": 4102444800, "wanted": wanted}
    told = read(account, identifiers={"uuid": "u1"}, events=ever)
    assert told == {"events": {"purchase": [{"product_id": "mug", "source": "web"}]}}


@pytest.mark.documented
def test_unknown_identifiers_are_a_404() -> None:
    asked = {"identifiers": {"uuid": "nobody"}, "attributes": ["name"]}
    answer = Account().call("POST", "user/v1/profile", asked)
    assert (answer.status, body(answer)) == (
        404,
        {"error": "no such user for these identifiers: no data"},
    )


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("asked", "text"),
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
def test_a_request_that_cannot_be_read(asked: Any, text: str) -> None:
    answer = Account().call("POST", "user/v1/profile", asked)
    assert (answer.status, body(answer)) == (400, {"error": f"{text}: bad request"})
