"""Rate limits: calls beyond the published rates are refused, by the emulator's clock."""

from typing import Any

import pytest
from account import Account, parse_body

from segment_insider_emulator.insider.account_options import InsiderAccountOptions

USER = {"identifiers": {"uuid": "u1"}, "attributes": {"age": 36}}
CALLS: dict[str, tuple[str, str, Any]] = {
    "upsert": ("POST", "user/v1/upsert", {"users": [USER]}),
    "attribute/delete": ("POST", "user/v1/attribute/delete", {"users": [USER]}),
    "profile": ("POST", "user/v1/profile", {**USER, "attributes": ["age"]}),
    "update": ("PATCH", "user/v1/identity", {}),
    "delete identifiers": ("DELETE", "user/v1/identity", {}),
    "delete": ("POST", "user/v1/delete", USER),
    "anonymize": ("POST", "user/v1/anonymize", {}),
    "anonymize by id": ("POST", "contact/v1/anonymize", {}),
}


@pytest.mark.documented
def test_the_default_limits_are_the_published_rates() -> None:
    options = InsiderAccountOptions()
    assert {
        name: options.rate_limits[name] for name in ("upsert", "identityUpdate", "identityDelete")
    } == {"upsert": 25_000, "identityUpdate": 2_000, "identityDelete": 1_000}
    assert {name: options.rate_limits[name] for name in ("profile", "delete", "anonymize")} == {
        "profile": 1_000,
        "delete": 10_000,
        "anonymize": 500,
    }


@pytest.mark.documented
@pytest.mark.parametrize(
    ("budget", "first", "second"),
    [
        ("upsert", "upsert", "upsert"),
        ("upsert", "upsert", "attribute/delete"),
        ("profile", "profile", "profile"),
        ("identityUpdate", "update", "update"),
        ("identityDelete", "delete identifiers", "delete identifiers"),
        ("delete", "delete", "delete"),
        ("anonymize", "anonymize", "anonymize by id"),
    ],
)
def test_one_call_too_many_is_refused_until_the_next_minute(
    budget: str, first: str, second: str
) -> None:
    account = Account(rates={budget: 1})
    account.advance_clock(seconds=12.5)
    if budget != "upsert":
        account.send(USER)
    assert account.send_to(*CALLS[first]).status != 429
    response = account.send_to(*CALLS[second])
    assert (response.status, parse_body(response), response.headers["retry-after"]) == (
        429,
        {"error": "rejected: too many requests"},
        "48",
    )
    account.advance_clock(seconds=48)
    assert account.send_to(*CALLS[second]).status != 429


def test_budgets_are_separate_and_null_is_no_limit() -> None:
    account = Account(rates={"upsert": None, "delete": 0})
    assert [account.send(USER).status for _ in range(3)] == [200] * 3
    assert account.send_to(*CALLS["delete"]).status == 429
    assert account.send_to(*CALLS["profile"]).status == 200


def test_a_refused_sender_uses_up_no_budget() -> None:
    account = Account(rates={"upsert": 1})
    assert account.post(b"{}", x_request_token="wrong").status == 403
    assert account.send(USER).status == 200


def test_reset_restores_the_budgets() -> None:
    account = Account(rates={"upsert": 1})
    account.send(USER)
    account.endpoint.reset_limits_and_retention()
    assert account.send(USER).status == 200
