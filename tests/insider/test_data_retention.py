"""Data retention: expired events and profiles are deleted when the clock advances."""

import pytest
from account import Account, event

ADA = {"uuid": "u1"}


def names(account: Account) -> list[str]:
    account.endpoint.delete_expired_data()
    return [each["event_name"] for each in account.profile("uuid:u1")["events"]]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("days", "left"),
    [
        (89, ["purchase", "signed_up", "sign_up_confirmation"]),
        (91, ["purchase", "sign_up_confirmation"]),
        (364, ["purchase", "sign_up_confirmation"]),
        (366, ["purchase"]),
        (729, ["purchase"]),
        (731, []),
    ],
)
def test_each_event_has_its_own_retention(days: int, left: list[str]) -> None:
    account = Account(quantity_required=True)
    bought = event("purchase", event_group_id="o1", currency="EUR", unit_sale_price=1, quantity=1)
    made = [bought, event("signed_up"), event("sign_up_confirmation")]
    account.send({"identifiers": ADA, "events": made})
    while days > 300:
        account.later(days=300)
        account.send({"identifiers": ADA, "attributes": {"age": 36}})
        days -= 300
    account.later(days=days)
    stored = {"purchase": "confirmation_page_view"}
    assert names(account) == [stored.get(name, name) for name in left]


@pytest.mark.documented
def test_a_profile_without_an_update_for_a_year_is_removed() -> None:
    account = Account()
    account.send({"identifiers": ADA, "attributes": {"age": 36}})
    account.later(days=364)
    account.endpoint.delete_expired_data()
    assert len(account.profiles.list_profiles_with_events()[0]) == 1
    account.later(days=2)
    account.endpoint.delete_expired_data()
    assert account.profiles.list_profiles_with_events() == ([], None)
    account.send({"identifiers": ADA, "attributes": {"name": "Ada"}})
    assert account.profile("uuid:u1")["attributes"] == {"uuid": "u1", "name": "Ada"}


def test_a_clock_at_the_beginning_of_the_calendar_removes_nothing() -> None:
    account = Account()
    account.send({"identifiers": ADA, "events": [event("a")]})
    account.now = account.now.replace(year=1)
    assert names(account) == ["a"]
