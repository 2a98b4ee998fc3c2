"""Change and deletion of the identifiers of a profile."""

from typing import Any

import pytest
from account import Account, parse_body

PATH = "user/v1/identity"
TYPES = ("uuid", "email", "user_loyalty_id")


def build_custom_identifier(value: str) -> dict[str, Any]:
    return {"custom": {"user_loyalty_id": value}}


def create_account_with_people() -> Account:
    account = Account(TYPES)
    account.send(
        {"identifiers": {"uuid": "u1", "email": "sample@mail.com"}, "attributes": {"name": "Ada"}},
        {
            "identifiers": {"email": "bo@mail.com", **build_custom_identifier("abc123")},
            "attributes": {"name": "Bo"},
        },
        {"identifiers": {"email": "sole@mail.com"}, "attributes": {"name": "Cy"}},
    )
    return account


def build_change(old: Any, new: Any) -> dict[str, Any]:
    return {"old_identifier": old, "new_identifier": new}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("old", "new", "owner", "name"),
    [
        ({"email": "sample@mail.com"}, {"email": "new@mail.com"}, "email:new@mail.com", "Ada"),
        (
            build_custom_identifier("abc123"),
            build_custom_identifier("xyz123"),
            "user_loyalty_id:xyz123",
            "Bo",
        ),
    ],
)
def test_a_value_is_changed(old: Any, new: Any, owner: str, name: str) -> None:
    account = create_account_with_people()
    response = account.send_to("PATCH", PATH, build_change(old, new))
    assert (response.status, parse_body(response)) == (200, {})
    profile = account.get_profile(owner)
    attributes = profile["attributes"]
    assert (attributes["name"], attributes["email"]) == (name, profile["identifiers"]["email"])
    kind = owner.partition(":")[0]
    assert profile["trail"] == [
        {
            "at": "2026-11-23T10:00:00.000Z",
            "what": f"{kind} was changed by PATCH /api/user/v1/identity",
        }
    ]


@pytest.mark.documented
def test_another_user_can_have_the_old_value() -> None:
    account = create_account_with_people()
    account.send_to(
        "PATCH", PATH, build_change({"email": "sample@mail.com"}, {"email": "new@mail.com"})
    )
    account.send({"identifiers": {"email": "sample@mail.com"}, "attributes": {"name": "Di"}})
    assert account.get_profile("email:sample@mail.com")["attributes"]["name"] == "Di"


SAME_VALUES = "identifier values are the same: bad request"
ONE_ENTRY = "there must be exactly 1 entry for both new and old identifiers: bad request"


@pytest.mark.documented
@pytest.mark.parametrize(
    ("sent", "text"),
    [
        pytest.param(
            build_change({"email": "a@x.io"}, {"email": "a@x.io"}), SAME_VALUES, id="same values"
        ),
        pytest.param(
            build_change(build_custom_identifier("xyz123"), build_custom_identifier("xyz123")),
            SAME_VALUES,
            id="the page's sample",
        ),
        pytest.param(build_change({}, {"email": "b@x.io"}), ONE_ENTRY, id="no old entry"),
        pytest.param({"new_identifier": {"email": "b@x.io"}}, ONE_ENTRY, id="no old identifier"),
        pytest.param(
            build_change({"email": "a@x.io"}, {"email": "b@x.io", "uuid": "u9"}),
            ONE_ENTRY,
            id="two entries",
        ),
        pytest.param(
            build_change({"email": "a@x.io"}, {"email": "b@x.io", **build_custom_identifier("1")}),
            ONE_ENTRY,
            id="two entries on two levels",
        ),
        pytest.param(
            build_change({"email": "sample@mail.com"}, {"email": "bo@mail.com"}),
            "new identifier already has a user assigned to it: bad request",
            id="a value of another profile",
        ),
        pytest.param(
            build_change({"phone_number": "+6598765432"}, {"phone_number": "+6598765433"}),
            "no valid identifier: bad request",
            id="a type that does not identify",
        ),
    ],
)
def test_a_change_is_refused_for_a_documented_reason(sent: Any, text: str) -> None:
    response = create_account_with_people().send_to("PATCH", PATH, sent)
    assert (response.status, parse_body(response)) == (400, {"error": text})


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        (
            build_change({"email": "nobody@x.io"}, {"email": "new@x.io"}),
            404,
            "no such user for these identifiers: no data",
        ),
        (
            build_change({"email": "sample@mail.com"}, {"uuid": "u9"}),
            400,
            "new and old identifiers must have the same type: bad request",
        ),
        (
            build_change({"email": "sample@mail.com"}, {"email": "new"}),
            400,
            "not a valid email address: new: bad request",
        ),
        ([], 400, "request body must be object: bad request"),
    ],
)
def test_a_change_is_refused_for_an_undocumented_reason(sent: Any, status: int, text: str) -> None:
    response = create_account_with_people().send_to("PATCH", PATH, sent)
    assert (response.status, parse_body(response)) == (status, {"error": text})


@pytest.mark.documented
@pytest.mark.parametrize(
    ("identifiers", "owner", "left"),
    [
        ({"email": "sample@mail.com"}, "uuid:u1", {"uuid": "u1"}),
        (build_custom_identifier("abc123"), "email:bo@mail.com", {"email": "bo@mail.com"}),
    ],
)
def test_an_identifier_is_deleted(identifiers: Any, owner: str, left: Any) -> None:
    account = create_account_with_people()
    response = account.send_to("DELETE", PATH, {"identifiers": identifiers})
    assert (response.status, parse_body(response)) == (200, {})
    profile = account.get_profile(owner)
    assert profile["identifiers"] == left
    assert {name: profile["attributes"].get(name) for name in left} == left
    second_response = account.send_to("DELETE", PATH, {"identifiers": identifiers})
    assert second_response.status == 404


@pytest.mark.documented
def test_the_sole_identifier_cannot_be_deleted() -> None:
    account = create_account_with_people()
    response = account.send_to("DELETE", PATH, {"identifiers": {"email": "sole@mail.com"}})
    assert (response.status, parse_body(response)) == (
        400,
        {"error": "you cannot delete the sole identifier specified for a user: bad request"},
    )
    assert account.get_profile("email:sole@mail.com")["identifiers"] == {"email": "sole@mail.com"}


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"identifiers": {"uuid": "u1", "email": "bo@mail.com"}}, 404),
        ({"identifiers": {"uuid": "u1", "email": "sample@mail.com"}}, 400),
        ({"insider_id": "p1"}, 400),
        ({}, 400),
    ],
    ids=["of two profiles", "all there are", "by Profile ID only", "no user"],
)
def test_a_refused_deletion_deletes_nothing(sent: Any, status: int) -> None:
    account = create_account_with_people()
    assert account.send_to("DELETE", PATH, sent).status == status
    identifiers = account.get_profile("uuid:u1")["identifiers"]
    assert identifiers == {"uuid": "u1", "email": "sample@mail.com"}
