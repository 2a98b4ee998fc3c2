"""Each change of a profile is recorded, and the profile can be read as it was after any of them."""

from datetime import timedelta
from typing import Any

import pytest
from account import Account, build_event

from segment_insider_emulator.storage.profile_history import CHANGES_PER_STATE

ADA: dict[str, Any] = {"uuid": "u1"}
ANONYMOUS: dict[str, Any] = {"custom": {"segment_anonymous_id": "a1"}}


def restore(account: Account, number: int, profile_id: str = "p1") -> Any:
    current = account.profiles.get_with_events(profile_id)
    return account.profiles.history.restore_state(profile_id, number, current)


def list_changes(account: Account, profile_id: str = "p1") -> list[Any]:
    entries = account.profiles.history.list_entries_after(profile_id, 0)
    return [(entry.number, entry.changes) for entry in entries]


def test_an_upsert_is_recorded_with_what_it_changed() -> None:
    account = Account()
    account.send({"identifiers": ADA, "attributes": {"name": "Ada"}, "events": [build_event("a")]})
    account.send({"identifiers": ADA, "attributes": {"name": "Ada L."}})
    account.send({"identifiers": ADA, "attributes": {"name": "Ada L."}})
    source = {"source": "POST /api/user/v1/upsert"}
    assert list_changes(account) == [
        (
            1,
            {
                **source,
                "created": True,
                "attributes": {"uuid": [None, "u1"], "name": [None, "Ada"]},
                "added": [["uuid", "u1"]],
                "events": ["a"],
                "event_count": 1,
            },
        ),
        (2, {**source, "attributes": {"name": ["Ada", "Ada L."]}}),
        (3, source),
    ]


def test_a_profile_is_read_as_it_was_after_each_change() -> None:
    account = Account()
    account.send({"identifiers": ADA, "attributes": {"custom": {"n": 1}}})
    account.send({"identifiers": {**ADA, "email": "ada@x.io"}, "attributes": {"custom": {"n": 1}}})
    account.send({"identifiers": ADA, "attributes": {"custom": {"n": True}}})
    deletion = {"users": [{"identifiers": ADA, "custom": {"whole": ["n"]}}]}
    account.send_to("POST", "user/v1/attribute/delete", deletion)
    body = {"old_identifier": {"email": "ada@x.io"}, "new_identifier": {"email": "ada@y.io"}}
    account.send_to("PATCH", "user/v1/identity", body)
    account.send_to("DELETE", "user/v1/identity", {"identifiers": {"email": "ada@y.io"}})
    first, known = {"uuid": ["u1"]}, {"uuid": ["u1"], "email": ["ada@x.io"]}
    assert [restore(account, number) for number in range(1, 7)] == [
        (first, {"uuid": "u1", "custom.n": 1}),
        (known, {"uuid": "u1", "custom.n": 1, "email": "ada@x.io"}),
        (known, {"uuid": "u1", "custom.n": True, "email": "ada@x.io"}),
        (known, {"uuid": "u1", "email": "ada@x.io"}),
        (first | {"email": ["ada@y.io"]}, {"uuid": "u1", "email": "ada@y.io"}),
        (first, {"uuid": "u1"}),
    ]


def test_a_few_changes_lead_to_any_state_of_a_long_history() -> None:
    account = Account()
    last = 2 * CHANGES_PER_STATE + 10
    for number in range(1, last + 1):
        account.send({"identifiers": ADA, "attributes": {"age": number}})
    ages = [restore(account, number).attributes["age"] for number in range(1, last + 1)]
    assert ages == list(range(1, last + 1))
    stored = [
        entry.number
        for entry in account.profiles.history.list_entries_after("p1", 0, last)
        if entry.state
    ]
    assert stored == [CHANGES_PER_STATE, 2 * CHANGES_PER_STATE]


def test_a_merge_says_who_joined_and_by_which_identifier() -> None:
    account = Account()
    account.send({"identifiers": ANONYMOUS, "attributes": {"custom": {"city": "Bonn"}}})
    account.send({"identifiers": ADA, "attributes": {"name": "Ada"}})
    account.send({"identifiers": ADA | ANONYMOUS, "attributes": {"name": "Ada"}})
    number, changes = list_changes(account, "p2")[-1]
    assert (number, changes["merges"]) == (
        2,
        [
            {
                "absorbed": "p1",
                "found_by": "segment_anonymous_id:a1",
                "brought": {"segment_anonymous_id": ["a1"]},
            }
        ],
    )
    assert restore(account, 1, "p2") == ({"uuid": ["u1"]}, {"uuid": "u1", "name": "Ada"})
    last = account.profiles.history.list_entries_after("p1", 1)[0]
    assert (last.number, last.merged_into) == (2, "p2")
    expected = ({"segment_anonymous_id": ["a1"]}, {"custom.city": "Bonn"})
    assert (restore(account, 1, "p1"), restore(account, 2, "p1")) == (expected, expected)


@pytest.mark.parametrize(
    ("path", "left"),
    [
        pytest.param("user/v1/delete", 0, id="deletion"),
        pytest.param("user/v1/anonymize", 1, id="anonymisation"),
    ],
)
def test_personal_data_leaves_the_history_too(path: str, left: int) -> None:
    account = Account()
    email = {"email": "ada@x.io"}
    # p1 is merged into p2, then p2 into p3.
    for identifiers in (ANONYMOUS, email, ANONYMOUS | email, ADA, ADA | email):
        account.send({"identifiers": identifiers, "attributes": {"name": "Ada"}})
    assert list_changes(account, "p1")
    assert account.send_to("POST", path, {"identifiers": ADA}).status == 200
    history = account.profiles.history
    entries = [history.list_entries_after(profile, 0) for profile in ("p1", "p2", "p3")]
    assert [len(found) for found in entries if found] == [left] * bool(left)


def test_the_change_at_a_time_is_found() -> None:
    account = Account()
    times = []
    for number in range(1, 8):
        account.now += timedelta(minutes=1)
        account.send({"identifiers": ADA, "attributes": {"age": number}})
        times.append(f"{account.now:%Y-%m-%dT%H:%M:%S}.000Z")
    history = account.profiles.history
    bounds = history.get_number_bounds("p1")
    assert bounds == (1, 7)
    assert [history.find_last_number_at("p1", at, bounds) for at in times] == [*range(1, 8)]
    assert history.find_last_number_at("p1", "2000", bounds) == 1
    assert history.find_last_number_at("p1", "2999", bounds) == 7
