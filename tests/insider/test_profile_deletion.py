"""A profile is deleted with all it has, or anonymized with its events left."""

from typing import Any

import pytest
from account import Account, body, event

ADA = {"uuid": "u1", "email": "a@b.io", "custom": {"segment_anonymous_id": "a1"}}
NO_SUCH_USER = {"error": "no such user for these identifiers: no data"}


def with_ada(**options: Any) -> Account:
    account = Account(**options)
    attributes = {"name": "Ada", "city": "Utrecht", "language": "nl", "custom": {"plan": "pro"}}
    account.send({"identifiers": ADA, "attributes": attributes, "events": [event("a")]})
    return account


@pytest.mark.documented
@pytest.mark.parametrize("named", [{"identifiers": {"email": "a@b.io"}}, {"insider_id": "p1"}])
def test_a_deleted_profile_is_gone_with_its_identifiers_and_events(named: Any) -> None:
    account = with_ada()
    answer = account.call("POST", "user/v1/delete", named)
    assert (answer.status, body(answer)) == (200, {})
    read = account.call("POST", "user/v1/profile", {**named, "attributes": ["name"]})
    assert (read.status, body(read)) == (404, NO_SUCH_USER)
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"age": 36}})
    assert account.profile("uuid:u1")["events"] == []


@pytest.mark.documented
@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("user/v1/anonymize", {"identifiers": {"email": "a@b.io"}}),
        ("contact/v1/anonymize", {"insider_id": "p1"}),
        ("contact/v1/anonymize", {"partner": "mybrand", "insider_id": "p1", "api_key": "x"}),
    ],
)
def test_anonymizing_removes_what_is_personal_and_keeps_the_events(path: str, named: Any) -> None:
    account = with_ada()
    answer = account.call("POST", path, named)
    assert (answer.status, body(answer)) == (200, {})
    profile = account.profile("segment_anonymous_id:a1")
    assert profile["identifiers"] == {"custom": {"segment_anonymous_id": "a1"}}
    assert profile["attributes"] == {"language": "nl", "custom": {"plan": "pro"}}
    assert [each["event_name"] for each in profile["events"]] == ["a"]
    assert account.profiles.list_profiles_with_events("email:a@b.io") == ([], None)


@pytest.mark.documented
def test_what_is_personal_is_the_accounts_to_say() -> None:
    personal = ("email", "custom.plan", "custom.segment_anonymous_id")
    account = with_ada(pii_attributes=personal)
    account.call("POST", "contact/v1/anonymize", {"insider_id": "p1"})
    profile = account.profile("uuid:u1")
    assert profile["identifiers"] == {"uuid": "u1"}
    assert profile["attributes"] == {
        "uuid": "u1",
        "name": "Ada",
        "city": "Utrecht",
        "language": "nl",
    }


def test_no_identifier_survives_in_the_record_of_a_merge() -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"age": 36}})
    account.send({"identifiers": {"email": "a@b.io"}, "attributes": {"age": 36}})
    account.send({"identifiers": {"uuid": "u1", "email": "a@b.io"}, "attributes": {"age": 36}})
    account.call("POST", "contact/v1/anonymize", {"insider_id": "p1"})
    (profile,) = account.profiles.list_profiles_with_events()[0]
    assert "a@b.io" not in str(profile)
    assert [entry["what"] for entry in profile.trail] == ["merged with p2", "was anonymized"]


@pytest.mark.documented
@pytest.mark.parametrize("path", ["user/v1/anonymize", "contact/v1/anonymize"])
def test_an_unknown_user_cannot_be_anonymized(path: str) -> None:
    named = {"insider_id": "nobody"}
    answer = Account().call("POST", path, named)
    assert (answer.status, body(answer)) == (404, NO_SUCH_USER)


@pytest.mark.assumed
def test_an_unknown_user_cannot_be_deleted() -> None:
    answer = Account().call("POST", "user/v1/delete", {"identifiers": {"uuid": "nobody"}})
    assert (answer.status, body(answer)) == (404, NO_SUCH_USER)


@pytest.mark.assumed
@pytest.mark.parametrize("sent", [{}, {"insider_id": 7}, {"identifiers": {"uuid": "u1"}}])
def test_anonymizing_by_profile_id_needs_one(sent: Any) -> None:
    answer = Account().call("POST", "contact/v1/anonymize", sent)
    assert (answer.status, body(answer)) == (
        400,
        {"error": "insider_id must be specified: bad request"},
    )
