"""Changes of profiles that a request reports to its listener after they are stored."""

from typing import Any

import pytest
from account import NOW, RECENT, Account, build_event

from segment_insider_emulator.insider.profile_changes import ProfileChange

ADA = {"uuid": "u1"}


def list_changes(account: Account) -> list[dict[str, Any]]:
    """Return the reported changes of the last upsert, with event names and without the time."""
    return [
        {
            "profile": change.profile_id,
            "events": [event.name for event in change.events],
            "attributes": dict(change.attribute_changes),
            "skip_hook": change.skip_hook,
            "created": change.is_new_profile,
            "absorbed": change.absorbed_profile_ids,
        }
        for change in account.changes
    ]


def build_expected(profile: str = "p1", **more: Any) -> dict[str, Any]:
    no_changes = {
        "events": [],
        "attributes": {},
        "skip_hook": False,
        "created": False,
        "absorbed": (),
    }
    return {"profile": profile, **no_changes, **more}


def test_a_new_profile_is_reported_with_its_events_and_attributes() -> None:
    account = Account()
    account.send({"identifiers": ADA, "attributes": {"name": "Ada"}, "events": [build_event("a")]})
    assert list_changes(account) == [
        build_expected(events=["a"], attributes={"uuid": (None, "u1"), "name": (None, "Ada")})
        | {"created": True}
    ]
    assert account.changes[0].changed_at == NOW


@pytest.mark.parametrize(
    ("sent", "change"),
    [
        pytest.param(
            {"attributes": {"name": "Ada L.", "age": 36}},
            {"attributes": {"name": ("Ada", "Ada L."), "age": (None, 36)}},
            id="changed attributes, with their old values",
        ),
        pytest.param(
            {"attributes": {"name": "Ada"}, "events": [build_event("a"), build_event("b")]},
            {"events": ["b"]},
            id="new events",
        ),
        pytest.param(
            {"events": [build_event("b", "2020-01-01T00:00:00Z")]},
            {},
            id="no events that are too old to be stored",
        ),
    ],
)
def test_only_new_data_of_a_known_profile_is_reported(sent: Any, change: Any) -> None:
    account = Account()
    account.send({"identifiers": ADA, "attributes": {"name": "Ada"}, "events": [build_event("a")]})
    account.send({"identifiers": ADA, **sent})
    assert list_changes(account) == [build_expected(**change)]


def test_skip_hook_is_reported() -> None:
    account = Account()
    account.send({"identifiers": ADA, "events": [build_event("a", RECENT)]}, skip_hook=True)
    assert [change.skip_hook for change in account.changes] == [True]


def test_merged_profiles_are_reported() -> None:
    account = Account()
    account.send(
        {"identifiers": ADA, "events": []}, {"identifiers": {"email": "a@b.io"}, "events": []}
    )
    account.send({"identifiers": {**ADA, "email": "a@b.io"}, "events": [build_event("a")]})
    assert list_changes(account) == [
        build_expected(events=["a"], attributes={"email": (None, "a@b.io")}, absorbed=("p2",))
    ]


def test_a_change_is_reported_after_it_is_stored() -> None:
    event_counts: list[int] = []

    def count_events(changes: list[ProfileChange]) -> None:
        event_counts.append(len(account.get_profile("uuid:u1")["events"]))

    account = Account(on_change=count_events)
    account.send({"identifiers": ADA, "events": [build_event("a")]})
    assert event_counts == [1]
