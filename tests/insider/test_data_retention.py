"""Data retention: expired events and profiles are deleted when the clock advances."""

import pytest
from account import Account, build_event

ADA = {"uuid": "u1"}


def list_remaining_event_names(account: Account) -> list[str]:
    account.endpoint.delete_expired_data()
    return [event["event_name"] for event in account.get_profile("uuid:u1")["events"]]


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
    purchase = build_event(
        "purchase", event_group_id="o1", currency="EUR", unit_sale_price=1, quantity=1
    )
    events = [purchase, build_event("signed_up"), build_event("sign_up_confirmation")]
    account.send({"identifiers": ADA, "events": events})
    while days > 300:
        account.advance_clock(days=300)
        account.send({"identifiers": ADA, "attributes": {"age": 36}})
        days -= 300
    account.advance_clock(days=days)
    stored_names = {"purchase": "confirmation_page_view"}
    assert list_remaining_event_names(account) == [stored_names.get(name, name) for name in left]


@pytest.mark.documented
def test_a_profile_without_an_update_for_a_year_is_removed() -> None:
    account = Account()
    account.send({"identifiers": ADA, "attributes": {"age": 36}})
    account.advance_clock(days=364)
    account.endpoint.delete_expired_data()
    assert len(account.profiles.list_profiles_with_events()[0]) == 1
    account.advance_clock(days=2)
    account.endpoint.delete_expired_data()
    assert account.profiles.list_profiles_with_events() == ([], None)
    account.send({"identifiers": ADA, "attributes": {"name": "Ada"}})
    assert account.get_profile("uuid:u1")["attributes"] == {"uuid": "u1", "name": "Ada"}


def test_a_clock_at_the_beginning_of_the_calendar_removes_nothing() -> None:
    account = Account()
    account.send({"identifiers": ADA, "events": [build_event("a")]})
    account.now = account.now.replace(year=1)
    assert list_remaining_event_names(account) == ["a"]
