"""Attributes are deleted whole or in part, those of many users at once."""

from typing import Any

import pytest
from account import Account, body, findings

from segment_insider_emulator.types import JSON, HttpResponse

ADA = {"email": "sample@mail.com"}
ATTRIBUTES = {
    "name": "Ada",
    "app_version": "1.2",
    "phone_number": "+6598765432",
    "list_id": [1, 2, 3],
    "custom": {"colors": ["red", "blue"], "plan": "pro"},
}
ENVELOPE = {"data": {"successful": {"count": 1}, "fail": {}}}


def with_ada(**options: Any) -> Account:
    account = Account(("uuid", "email", "crm"), **options)
    account.send({"identifiers": ADA, "attributes": ATTRIBUTES})
    return account


def delete(account: Account, *users: JSON) -> HttpResponse:
    return account.call("POST", "user/v1/attribute/delete", {"users": list(users)})


def left(account: Account) -> Any:
    return account.profile("email:sample@mail.com")["attributes"]


@pytest.mark.documented
def test_whole_and_partial_of_default_and_custom_attributes() -> None:
    account = with_ada()
    sent = {
        "identifiers": ADA,
        "whole": ["phone_number", "app_version"],
        "partial": {"list_id": [1, 3]},
        "custom": {"whole": ["plan"], "partial": {"colors": ["red"]}},
    }
    answer = delete(account, sent)
    assert (answer.status, body(answer)) == (200, ENVELOPE)
    assert left(account) == {
        **ADA,
        "name": "Ada",
        "static_segment_id": [2],
        "custom": {"colors": ["blue"]},
    }


@pytest.mark.documented
def test_the_answer_is_an_empty_object_where_the_account_says_so() -> None:
    answer = delete(
        with_ada(attribute_delete_answer="empty"), {"identifiers": ADA, "whole": ["name"]}
    )
    assert (answer.status, body(answer)) == (200, {})


@pytest.mark.assumed
def test_a_name_under_whole_and_partial_goes_wholly() -> None:
    account = with_ada()
    delete(
        account,
        {"insider_id": "p1", "custom": {"whole": ["colors"], "partial": {"colors": ["red"]}}},
    )
    assert left(account)["custom"] == {"plan": "pro"}


@pytest.mark.documented
def test_what_identifies_cannot_be_deleted_here() -> None:
    account = with_ada()
    answer = delete(account, {"identifiers": ADA, "whole": ["email"]})
    assert left(account)["email"] == "sample@mail.com"
    assert [each["what"] for each in findings(answer)] == [
        "email is an identifier of this account; it is not deleted here"
    ]


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("user", "where", "what"),
    [
        (
            {"identifiers": {"uuid": "nobody"}, "whole": ["name"]},
            "users.0",
            "no profile found for this user, so nothing is deleted",
        ),
        (
            {"identifiers": ADA, "partial": {"name": ["Ada"]}},
            "users.0.partial.name",
            "name is not a list, so no part of it can be deleted",
        ),
    ],
)
def test_impossible_deletions_cause_warnings(user: Any, where: str, what: str) -> None:
    account = with_ada()
    before = left(account)
    answer = delete(account, user)
    assert (body(answer), left(account)) == (ENVELOPE, before)
    assert [(each["where"], each["what"]) for each in findings(answer)] == [(where, what)]


NOBODY = ["either insider_id or idenifiers must be specified"]


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("user", "errors"),
    [
        (
            {"whole": ["name"]},
            {"users.0.identifiers.required": NOBODY, "users.0.insider_id.required": NOBODY},
        ),
        (
            {"identifiers": ADA},
            {
                "users.0.attributes.required": [
                    "at least one of whole, partial, custom must be specified"
                ]
            },
        ),
        (
            {"identifiers": ADA, "whole": "name"},
            {"users.0.whole.type(array)": ["whole must be array: name"]},
        ),
        (
            {"identifiers": ADA, "custom": {"partial": {"colors": "red"}}},
            {"users.0.custom.partial.colors.type(array)": ["colors must be array: red"]},
        ),
        ("ada", {"users.0.type(object)": ["user must be object: ada"]}),
    ],
)
def test_a_user_that_cannot_be_read_fails_alone(user: Any, errors: Any) -> None:
    account = with_ada()
    answer = body(delete(account, user, {"identifiers": ADA, "whole": ["name"]}))
    assert answer == {"data": {"successful": {"count": 1}, "fail": {"count": 1, "errors": errors}}}
    assert "name" not in left(account)


@pytest.mark.documented
def test_no_users_are_refused_as_by_upsert() -> None:
    answer = Account().call("POST", "user/v1/attribute/delete", {})
    assert (answer.status, body(answer)) == (400, {"error": "users must be defined: bad request"})
