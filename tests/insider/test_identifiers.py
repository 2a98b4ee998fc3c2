"""The identifiers of a profile are changed and deleted at an address of their own."""

from typing import Any

import pytest
from account import Account, body

PATH = "user/v1/identity"
TYPES = ("uuid", "email", "user_loyalty_id")


def custom(value: str) -> dict[str, Any]:
    return {"custom": {"user_loyalty_id": value}}


def with_people() -> Account:
    account = Account(TYPES)
    account.send(
        {"identifiers": {"uuid": "u1", "email": "sample@mail.com"}, "attributes": {"name": "Ada"}},
        {"identifiers": {"email": "bo@mail.com", **custom("abc123")}, "attributes": {"name": "Bo"}},
        {"identifiers": {"email": "sole@mail.com"}, "attributes": {"name": "Cy"}},
    )
    return account


def exchange(old: Any, new: Any) -> dict[str, Any]:
    return {"old_identifier": old, "new_identifier": new}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("old", "new", "owner", "name"),
    [
        ({"email": "sample@mail.com"}, {"email": "new@mail.com"}, "email:new@mail.com", "Ada"),
        (custom("abc123"), custom("xyz123"), "user_loyalty_id:xyz123", "Bo"),
    ],
)
def test_a_value_is_changed(old: Any, new: Any, owner: str, name: str) -> None:
    account = with_people()
    answer = account.call("PATCH", PATH, exchange(old, new))
    assert (answer.status, body(answer)) == (200, {})
    profile = account.profile(owner)
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
    account = with_people()
    account.call("PATCH", PATH, exchange({"email": "sample@mail.com"}, {"email": "new@mail.com"}))
    account.send({"identifiers": {"email": "sample@mail.com"}, "attributes": {"name": "Di"}})
    assert account.profile("email:sample@mail.com")["attributes"]["name"] == "Di"


SAME = "identifier values are the same: bad request"
ONE = "there must be exactly 1 entry for both new and old identifiers: bad request"


@pytest.mark.documented
@pytest.mark.parametrize(
    ("sent", "text"),
    [
        pytest.param(exchange({"email": "a@x.io"}, {"email": "a@x.io"}), SAME, id="same values"),
        pytest.param(exchange(custom("xyz123"), custom("xyz123")), SAME, id="the page's sample"),
        pytest.param(exchange({}, {"email": "b@x.io"}), ONE, id="no old entry"),
        pytest.param({"new_identifier": {"email": "b@x.io"}}, ONE, id="no old identifier"),
        pytest.param(
            exchange({"email": "a@x.io"}, {"email": "b@x.io", "uuid": "u9"}), ONE, id="two entries"
        ),
        pytest.param(
            exchange({"email": "a@x.io"}, {"email": "b@x.io", **custom("1")}),
            ONE,
            id="two entries on two levels",
        ),
        pytest.param(
            exchange({"email": "sample@mail.com"}, {"email": "bo@mail.com"}),
            "new identifier already has a user assigned to it: bad request",
            id="somebody else's value",
        ),
        pytest.param(
            exchange({"phone_number": "+6598765432"}, {"phone_number": "+6598765433"}),
            "no valid identifier: bad request",
            id="a type that does not identify",
        ),
    ],
)
def test_a_documented_refusal_of_a_change(sent: Any, text: str) -> None:
    answer = with_people().call("PATCH", PATH, sent)
    assert (answer.status, body(answer)) == (400, {"error": text})


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        (
            exchange({"email": "nobody@x.io"}, {"email": "new@x.io"}),
            404,
            "no such user for these identifiers: no data",
        ),
        (
            exchange({"email": "sample@mail.com"}, {"uuid": "u9"}),
            400,
            "new and old identifiers must have the same type: bad request",
        ),
        (
            exchange({"email": "sample@mail.com"}, {"email": "new"}),
            400,
            "not a valid email address: new: bad request",
        ),
        ([], 400, "request body must be object: bad request"),
    ],
)
def test_an_undocumented_refusal_of_a_change(sent: Any, status: int, text: str) -> None:
    answer = with_people().call("PATCH", PATH, sent)
    assert (answer.status, body(answer)) == (status, {"error": text})


@pytest.mark.documented
@pytest.mark.parametrize(
    ("named", "owner", "left"),
    [
        ({"email": "sample@mail.com"}, "uuid:u1", {"uuid": "u1"}),
        (custom("abc123"), "email:bo@mail.com", {"email": "bo@mail.com"}),
    ],
)
def test_an_identifier_is_deleted(named: Any, owner: str, left: Any) -> None:
    account = with_people()
    answer = account.call("DELETE", PATH, {"identifiers": named})
    assert (answer.status, body(answer)) == (200, {})
    profile = account.profile(owner)
    assert profile["identifiers"] == left
    assert {name: profile["attributes"].get(name) for name in left} == left
    again = account.call("DELETE", PATH, {"identifiers": named})
    assert again.status == 404


@pytest.mark.documented
def test_the_sole_identifier_cannot_be_deleted() -> None:
    account = with_people()
    answer = account.call("DELETE", PATH, {"identifiers": {"email": "sole@mail.com"}})
    assert (answer.status, body(answer)) == (
        400,
        {"error": "you cannot delete the sole identifier specified for a user: bad request"},
    )
    assert account.profile("email:sole@mail.com")["identifiers"] == {"email": "sole@mail.com"}


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"identifiers": {"uuid": "u1", "email": "bo@mail.com"}}, 404),
        ({"identifiers": {"uuid": "u1", "email": "sample@mail.com"}}, 400),
        ({"insider_id": "p1"}, 400),
        ({}, 400),
    ],
    ids=["of two profiles", "all there are", "by Profile ID alone", "nobody"],
)
def test_a_deletion_that_is_refused_deletes_nothing(sent: Any, status: int) -> None:
    account = with_people()
    assert account.call("DELETE", PATH, sent).status == status
    identifiers = account.profile("uuid:u1")["identifiers"]
    assert identifiers == {"uuid": "u1", "email": "sample@mail.com"}
