"""Deletion of whole attributes, and of parts of them, for many users at once."""

from typing import Any

import pytest
from account import Account, parse_body, parse_findings

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


def create_account_with_ada(**options: Any) -> Account:
    account = Account(("uuid", "email", "crm"), **options)
    account.send({"identifiers": ADA, "attributes": ATTRIBUTES})
    return account


def delete_attributes(account: Account, *users: JSON) -> HttpResponse:
    return account.send_to("POST", "user/v1/attribute/delete", {"users": list(users)})


def get_attributes(account: Account) -> Any:
    return account.get_profile("email:sample@mail.com")["attributes"]


@pytest.mark.documented
def test_default_and_custom_attributes_are_deleted_wholly_or_partly() -> None:
    account = create_account_with_ada()
    user = {
        "identifiers": ADA,
        "whole": ["phone_number", "app_version"],
        "partial": {"list_id": [1, 3]},
        "custom": {"whole": ["plan"], "partial": {"colors": ["red"]}},
    }
    response = delete_attributes(account, user)
    assert (response.status, parse_body(response)) == (200, ENVELOPE)
    assert get_attributes(account) == {
        **ADA,
        "name": "Ada",
        "static_segment_id": [2],
        "custom": {"colors": ["blue"]},
    }


@pytest.mark.documented
def test_the_response_is_an_empty_object_if_the_account_says_so() -> None:
    response = delete_attributes(
        create_account_with_ada(attribute_delete_answer="empty"),
        {"identifiers": ADA, "whole": ["name"]},
    )
    assert (response.status, parse_body(response)) == (200, {})


@pytest.mark.assumed
def test_an_attribute_under_whole_and_partial_is_deleted_wholly() -> None:
    account = create_account_with_ada()
    delete_attributes(
        account,
        {"insider_id": "p1", "custom": {"whole": ["colors"], "partial": {"colors": ["red"]}}},
    )
    assert get_attributes(account)["custom"] == {"plan": "pro"}


@pytest.mark.documented
def test_an_identifier_is_not_deleted_as_an_attribute() -> None:
    account = create_account_with_ada()
    response = delete_attributes(account, {"identifiers": ADA, "whole": ["email"]})
    assert get_attributes(account)["email"] == "sample@mail.com"
    assert [finding["what"] for finding in parse_findings(response)] == [
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
    account = create_account_with_ada()
    before = get_attributes(account)
    response = delete_attributes(account, user)
    assert (parse_body(response), get_attributes(account)) == (ENVELOPE, before)
    assert [(finding["where"], finding["what"]) for finding in parse_findings(response)] == [
        (where, what)
    ]


NO_USER = ["either insider_id or idenifiers must be specified"]


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("user", "errors"),
    [
        (
            {"whole": ["name"]},
            {"users.0.identifiers.required": NO_USER, "users.0.insider_id.required": NO_USER},
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
def test_an_invalid_user_does_not_affect_the_others(user: Any, errors: Any) -> None:
    account = create_account_with_ada()
    response = parse_body(delete_attributes(account, user, {"identifiers": ADA, "whole": ["name"]}))
    assert response == {
        "data": {"successful": {"count": 1}, "fail": {"count": 1, "errors": errors}}
    }
    assert "name" not in get_attributes(account)


@pytest.mark.documented
def test_a_request_without_users_is_refused_as_by_upsert() -> None:
    response = Account().send_to("POST", "user/v1/attribute/delete", {})
    assert (response.status, parse_body(response)) == (
        400,
        {"error": "users must be defined: bad request"},
    )
