"""Identity does not depend on the order of upserts that do not contradict each other.

Upserts contradict each other if an identifier value belongs to two people, if one person has more
values than the account's limit, or if an attribute gets two values: then the first
identifier or the last value is stored, and the order matters. A list that one upsert replaces and
another extends is such an attribute, too.
"""

from collections import Counter
from typing import Any

import pytest
from account import IDENTIFIERS, Account, build_event
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.assumed

PEOPLE = ("ada", "bo", "cy")
ATTRIBUTES = ("name", "city", "gender")
KINDS = ("uuid", "email", "phone_number", "device")
DEVICES = ("phone of hers", "laptop of hers")


def build_all_identifiers(person: str) -> dict[str, str]:
    """Return all identifiers of one person; no other person has any of them."""
    number = PEOPLE.index(person)
    return {
        "uuid": f"u-{person}",
        "email": f"{person}@x.io",
        "phone_number": f"+659876543{number}",
        "phone of hers": f"a1-{person}",
        "laptop of hers": f"a2-{person}",
    }


def build_identifiers(chosen: dict[str, str]) -> dict[str, Any]:
    identifiers: dict[str, Any] = {name: value for name, value in chosen.items() if " " not in name}
    for device in [value for name, value in chosen.items() if " " in name]:
        identifiers["custom"] = {"segment_anonymous_id": device}
    return identifiers


@st.composite
def generate_agreeing_users(draw: st.DrawFn) -> list[Any]:
    """Generate users that each have some identifiers of one person."""
    users = []
    for number in range(draw(st.integers(1, 8))):
        person = draw(st.sampled_from(PEOPLE))
        kinds = draw(st.sets(st.sampled_from(KINDS), min_size=1))
        device = [draw(st.sampled_from(DEVICES))] if "device" in kinds else []
        chosen = [*device, *kinds - {"device"}]
        attributes: dict[str, Any] = {
            name: f"{name} of {person}" for name in draw(st.sets(st.sampled_from(ATTRIBUTES)))
        }
        if tags := draw(st.lists(st.sampled_from("abc"), max_size=2, unique=True)):
            attributes["custom"] = {"tags": tags}
        users.append(
            {
                "identifiers": build_identifiers(
                    {name: build_all_identifiers(person)[name] for name in chosen}
                ),
                "attributes": attributes,
                "events": [build_event(f"e{number}")],
            }
        )
    return users


def send_users(users: list[Any], cuts: list[bool]) -> Account:
    """Return an account after *users*; those between two cuts share one request."""
    account, waiting = Account(), []
    for user, cut in zip(users, cuts, strict=True):
        waiting.append(user)
        if cut:
            account.send(*waiting)
            account.advance_clock(seconds=1)
            waiting = []
    if waiting:
        account.send(*waiting)
    return account


def list_profile_contents(account: Account) -> list[str]:
    """Return every profile without what depends on the order of requests: ids, times, sequence."""
    return sorted(
        repr(
            (
                sorted((name, sorted(values)) for name, values in profile.identifiers.items()),
                sorted(
                    (place, sorted(value) if isinstance(value, list) else value)
                    for place, value in profile.attributes.items()
                ),
                sorted(event.name for event in profile.events),
            )
        )
        for profile in account.profiles.list_profiles_with_events()[0]
    )


@pytest.mark.extended
@given(st.data())
def test_agreeing_upserts_give_the_same_profiles_in_any_order(data: st.DataObject) -> None:
    users = data.draw(generate_agreeing_users())
    cuts = st.lists(st.booleans(), min_size=len(users), max_size=len(users))
    one = send_users(users, data.draw(cuts))
    other = send_users(data.draw(st.permutations(users)), data.draw(cuts))
    assert list_profile_contents(one) == list_profile_contents(other)


CONTESTED = {
    "uuid": st.sampled_from(["u1", "u2", "u3"]),
    "email": st.sampled_from(["a@x.io", "b@x.io"]),
    "phone_number": st.sampled_from(["+6598765432", "+6598765433"]),
    "custom": st.fixed_dictionaries({"segment_anonymous_id": st.sampled_from(["a1", "a2"])}),
}
CONTESTED_IDENTIFIERS = st.sets(st.sampled_from(sorted(CONTESTED)), min_size=1).flatmap(
    lambda names: st.fixed_dictionaries({name: CONTESTED[name] for name in sorted(names)})
)


@pytest.mark.extended
@given(st.lists(CONTESTED_IDENTIFIERS, min_size=1, max_size=12), st.data())
def test_merges_lose_no_event_and_give_no_identifier_two_owners(
    identifier_sets: list[Any], data: st.DataObject
) -> None:
    users = [
        {"identifiers": profile, "events": [build_event(f"e{number}")]}
        for number, profile in enumerate(identifier_sets)
    ]
    account = send_users(users, [data.draw(st.booleans()) for _ in users])
    profiles = account.profiles.list_profiles_with_events()[0]
    stored_events = Counter(event.name for profile in profiles for event in profile.events)
    assert stored_events == Counter(f"e{number}" for number in range(len(users)))
    owned = Counter(
        (name, value)
        for profile in profiles
        for name, values in profile.identifiers.items()
        for value in values
    )
    assert set(owned.values()) <= {1}
    value_counts = [
        len(profile.identifiers.get(name, ())) for profile in profiles for name in CONTESTED
    ]
    assert max(value_counts) <= 1


@given(st.lists(CONTESTED_IDENTIFIERS, min_size=1, max_size=12), st.data())
def test_an_event_belongs_to_the_owner_of_its_strongest_identifier(
    identifier_sets: list[Any], data: st.DataObject
) -> None:
    users = [
        {"identifiers": identifiers, "events": [build_event(f"e{number}")]}
        for number, identifiers in enumerate(identifier_sets)
    ]
    account = send_users(users, [data.draw(st.booleans()) for _ in users])
    owners = {
        event.name: profile
        for profile in account.profiles.list_profiles_with_events()[0]
        for event in profile.events
    }
    for number, identifiers in enumerate(identifier_sets):
        name, value = find_strongest_identifier(identifiers)
        assert value in owners[f"e{number}"].identifiers[name]


def find_strongest_identifier(identifiers: dict[str, Any]) -> tuple[str, str]:
    all_identifiers = {**identifiers, **identifiers.get("custom", {})}
    return next((name, all_identifiers[name]) for name in IDENTIFIERS if name in all_identifiers)


@pytest.mark.extended
@given(st.lists(CONTESTED_IDENTIFIERS, min_size=1, max_size=12))
def test_every_merge_is_recorded(identifier_sets: list[Any]) -> None:
    """The surviving profiles record every profile that a merge removed."""
    account = Account()
    absorbed: list[str] = []
    for number, identifiers in enumerate(identifier_sets):
        account.send({"identifiers": identifiers, "events": [build_event(f"e{number}")]})
        absorbed += [
            profile_id for change in account.changes for profile_id in change.absorbed_profile_ids
        ]
    recorded = [
        entry["merge"]["absorbed"]
        for profile in account.profiles.list_profiles_with_events()[0]
        for entry in profile.trail
    ]
    assert sorted(recorded) == sorted(absorbed)


def test_a_merge_records_its_time_reason_and_request() -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"name": "Ada"}})
    account.send({"identifiers": {"email": "a@b.io"}, "attributes": {"name": "Ada"}})
    account.advance_clock(minutes=5)
    other = {"identifiers": {"uuid": "u2"}, "attributes": {"name": "Bo"}}
    account.send(
        other, {"identifiers": {"uuid": "u1", "email": "a@b.io"}, "attributes": {"age": 36}}
    )
    assert account.get_profile("uuid:u1")["merges"] == [
        {
            "at": "2026-11-23T10:05:00.000Z",
            "absorbed": "p2",
            "survivor": "p1",
            "found_by": "email:a@b.io",
            "identifiers": {"uuid": "u1", "email": "a@b.io"},
            "request": {"method": "POST", "path": "/api/user/v1/upsert", "where": "users.1"},
            "brought": {"email": ["a@b.io"]},
        }
    ]


@pytest.mark.parametrize("older", ["uuid", "email"])
def test_lists_of_two_profiles_are_joined_the_older_first(older: str) -> None:
    account = Account()
    people = {
        "uuid": {"identifiers": {"uuid": "u1"}, "attributes": {"custom": {"tags": ["a", "b"]}}},
        "email": {
            "identifiers": {"email": "a@b.io"},
            "attributes": {"custom": {"tags": ["b", "c"]}},
        },
    }
    for name in sorted(people, key=lambda name: name != older):
        account.send(people[name])
        account.advance_clock(minutes=1)
    account.send({"identifiers": {"uuid": "u1", "email": "a@b.io"}, "attributes": {"age": 36}})
    expected = {"uuid": ["a", "b", "c"], "email": ["b", "c", "a"]}
    assert account.get_profile("uuid:u1")["attributes"]["custom"]["tags"] == expected[older]
