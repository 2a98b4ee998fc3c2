"""Changes of profiles that a request reports to its listener after they are stored."""

from typing import Any

import pytest
from account import NOW, RECENT, Account, event

from segment_insider_emulator.insider.identity import ProfileChange

ADA = {"uuid": "u1"}


def told(account: Account) -> list[dict[str, Any]]:
    """What the last upsert was said to change, the events by name, without the time."""
    return [
        {
            "profile": change.profile_id,
            "events": [made.name for made in change.events],
            "attributes": dict(change.attribute_changes),
            "skip_hook": change.skip_hook,
            "created": change.is_new_profile,
            "absorbed": change.absorbed_profile_ids,
        }
        for change in account.changes
    ]


def expected(profile: str = "p1", **more: Any) -> dict[str, Any]:
    nothing = {"events": [], "attributes": {}, "skip_hook": False, "created": False, "absorbed": ()}
    return {"profile": profile, **nothing, **more}


def test_a_new_profile_is_reported_with_its_events_and_attributes() -> None:
    account = Account()
    account.send({"identifiers": ADA, "attributes": {"name": "Ada"}, "events": [event("a")]})
    assert told(account) == [
        expected(events=["a"], attributes={"uuid": (None, "u1"), "name": (None, "Ada")})
        | {"created": True}
    ]
    assert account.changes[0].changed_at == NOW


@pytest.mark.parametrize(
    ("sent", "change"),
    [
        pytest.param(
            {"attributes": {"name": "Ada L.", "age": 36}},
            {"attributes": {"name": ("Ada", "Ada L."), "age": (None, 36)}},
            id="attributes that differ, with what they were",
        ),
        pytest.param(
            {"attributes": {"name": "Ada"}, "events": [event("a"), event("b")]},
            {"events": ["b"]},
            id="events that are new",
        ),
        pytest.param(
            {"events": [event("b", "2020-01-01T00:00:00Z")]},
            {},
            id="no event that is too old to be stored",
        ),
    ],
)
def test_only_new_data_of_a_known_profile_is_reported(sent: Any, change: Any) -> None:
    account = Account()
    account.send({"identifiers": ADA, "attributes": {"name": "Ada"}, "events": [event("a")]})
    account.send({"identifiers": ADA, **sent})
    assert told(account) == [expected(**change)]


def test_skip_hook_is_reported() -> None:
    account = Account()
    account.send({"identifiers": ADA, "events": [event("a", RECENT)]}, skip_hook=True)
    assert [change.skip_hook for change in account.changes] == [True]


def test_merged_profiles_are_reported() -> None:
    account = Account()
    account.send(
        {"identifiers": ADA, "events": []}, {"identifiers": {"email": "a@b.io"}, "events": []}
    )
    account.send({"identifiers": {**ADA, "email": "a@b.io"}, "events": [event("a")]})
    assert told(account) == [
        expected(events=["a"], attributes={"email": (None, "a@b.io")}, absorbed=("p2",))
    ]


def test_a_change_is_reported_after_it_is_stored() -> None:
    seen: list[int] = []

    def look(changes: list[ProfileChange]) -> None:
        seen.append(len(account.profile("uuid:u1")["events"]))

    account = Account(on_change=look)
    account.send({"identifiers": ADA, "events": [event("a")]})
    assert seen == [1]
