"""Deletion of a profile with all its data, and anonymization, which keeps the events."""

from typing import Any

import pytest
from account import Account, build_event, parse_body

ADA = {"uuid": "u1", "email": "a@b.io", "custom": {"segment_anonymous_id": "a1"}}
NO_SUCH_USER = {"error": "no such user for these identifiers: no data"}


def create_account_with_ada(**options: Any) -> Account:
    account = Account(**options)
    attributes = {"name": "Ada", "city": "Utrecht", "language": "nl", "custom": {"plan": "pro"}}
    account.send({"identifiers": ADA, "attributes": attributes, "events": [build_event("a")]})
    return account


@pytest.mark.documented
@pytest.mark.parametrize("user", [{"identifiers": {"email": "a@b.io"}}, {"insider_id": "p1"}])
def test_a_profile_is_deleted_with_its_identifiers_and_events(user: Any) -> None:
    account = create_account_with_ada()
    response = account.send_to("POST", "user/v1/delete", user)
    assert (response.status, parse_body(response)) == (200, {})
    read_response = account.send_to("POST", "user/v1/profile", {**user, "attributes": ["name"]})
    assert (read_response.status, parse_body(read_response)) == (404, NO_SUCH_USER)
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"age": 36}})
    assert account.get_profile("uuid:u1")["events"] == []


@pytest.mark.documented
@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("user/v1/anonymize", {"identifiers": {"email": "a@b.io"}}),
        ("contact/v1/anonymize", {"insider_id": "p1"}),
        ("contact/v1/anonymize", {"partner": "mybrand", "insider_id": "p1", "api_key": "x"}),
    ],
)
def test_anonymization_removes_personal_data_and_keeps_the_events(path: str, user: Any) -> None:
    account = create_account_with_ada()
    response = account.send_to("POST", path, user)
    assert (response.status, parse_body(response)) == (200, {})
    profile = account.get_profile("segment_anonymous_id:a1")
    assert profile["identifiers"] == {"custom": {"segment_anonymous_id": "a1"}}
    assert profile["attributes"] == {"language": "nl", "custom": {"plan": "pro"}}
    assert [event["event_name"] for event in profile["events"]] == ["a"]
    assert account.profiles.list_profiles_with_events("email:a@b.io") == ([], None)


@pytest.mark.documented
def test_the_account_options_list_the_personal_attributes() -> None:
    personal = ("email", "custom.plan", "custom.segment_anonymous_id")
    account = create_account_with_ada(pii_attributes=personal)
    account.send_to("POST", "contact/v1/anonymize", {"insider_id": "p1"})
    profile = account.get_profile("uuid:u1")
    assert profile["identifiers"] == {"uuid": "u1"}
    assert profile["attributes"] == {
        "uuid": "u1",
        "name": "Ada",
        "city": "Utrecht",
        "language": "nl",
    }


def test_anonymization_removes_identifiers_from_the_record_of_a_merge() -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"age": 36}})
    account.send({"identifiers": {"email": "a@b.io"}, "attributes": {"age": 36}})
    account.send({"identifiers": {"uuid": "u1", "email": "a@b.io"}, "attributes": {"age": 36}})
    account.send_to("POST", "contact/v1/anonymize", {"insider_id": "p1"})
    (profile,) = account.profiles.list_profiles_with_events()[0]
    assert "a@b.io" not in str(profile)
    assert [entry["what"] for entry in profile.trail] == ["merged with p2", "was anonymized"]


@pytest.mark.documented
@pytest.mark.parametrize("path", ["user/v1/anonymize", "contact/v1/anonymize"])
def test_an_unknown_user_cannot_be_anonymized(path: str) -> None:
    user = {"insider_id": "nobody"}
    response = Account().send_to("POST", path, user)
    assert (response.status, parse_body(response)) == (404, NO_SUCH_USER)


@pytest.mark.assumed
def test_an_unknown_user_cannot_be_deleted() -> None:
    response = Account().send_to("POST", "user/v1/delete", {"identifiers": {"uuid": "nobody"}})
    assert (response.status, parse_body(response)) == (404, NO_SUCH_USER)


@pytest.mark.assumed
@pytest.mark.parametrize("sent", [{}, {"insider_id": 7}, {"identifiers": {"uuid": "u1"}}])
def test_anonymization_by_profile_id_requires_a_profile_id(sent: Any) -> None:
    response = Account().send_to("POST", "contact/v1/anonymize", sent)
    assert (response.status, parse_body(response)) == (
        400,
        {"error": "insider_id must be specified: bad request"},
    )
