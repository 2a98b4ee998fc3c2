"""Identity does not depend on the order of upserts, as far as they do not contradict each other.

They contradict each other where an identifier value belongs to two people, where one person has
more values than the account's limit, or where an attribute is given two values: the first claim or
the last write holds there, and the order is meant to matter. A list that one upsert replaces and
another grows is such an attribute, too.
"""

from collections import Counter
from typing import Any

import pytest
from account import IDENTIFIERS, Account, event
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.assumed

PEOPLE = ("ada", "bo", "cy")
ATTRIBUTES = ("name", "city", "gender")
KINDS = ("uuid", "email", "phone_number", "device")
DEVICES = ("phone of hers", "laptop of hers")


def identifiers(person: str) -> dict[str, str]:
    """All that identifies one person: nobody else has any of it."""
    number = PEOPLE.index(person)
    return {
        "uuid": f"u-{person}",
        "email": f"{person}@x.io",
        "phone_number": f"+659876543{number}",
        "phone of hers": f"a1-{person}",
        "laptop of hers": f"a2-{person}",
    }


def named(chosen: dict[str, str]) -> dict[str, Any]:
    sent: dict[str, Any] = {name: value for name, value in chosen.items() if " " not in name}
    for device in [value for name, value in chosen.items() if " " in name]:
        sent["custom"] = {"segment_anonymous_id": device}
    return sent


@st.composite
def agreeing_upserts(draw: st.DrawFn) -> list[Any]:
    """Users that name one person each, by some of what identifies them."""
    made = []
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
        made.append(
            {
                "identifiers": named({name: identifiers(person)[name] for name in chosen}),
                "attributes": attributes,
                "events": [event(f"e{number}")],
            }
        )
    return made


def sent(users: list[Any], cuts: list[bool]) -> Account:
    """An account after *users*, of which those between two cuts share one request."""
    account, waiting = Account(), []
    for user, cut in zip(users, cuts, strict=True):
        waiting.append(user)
        if cut:
            account.send(*waiting)
            account.later(seconds=1)
            waiting = []
    if waiting:
        account.send(*waiting)
    return account


def people(account: Account) -> list[str]:
    """Every profile, without what an order of requests must show in: ids, times and sequence."""
    return sorted(
        repr(
            (
                sorted((name, sorted(values)) for name, values in each.identifiers.items()),
                sorted(
                    (place, sorted(value) if isinstance(value, list) else value)
                    for place, value in each.attributes.items()
                ),
                sorted(made.name for made in each.events),
            )
        )
        for each in account.profiles.list_profiles_with_events()[0]
    )


@given(st.data())
def test_agreeing_upserts_end_in_the_same_profiles_in_any_order(data: st.DataObject) -> None:
    users = data.draw(agreeing_upserts())
    cuts = st.lists(st.booleans(), min_size=len(users), max_size=len(users))
    one = sent(users, data.draw(cuts))
    other = sent(data.draw(st.permutations(users)), data.draw(cuts))
    assert people(one) == people(other)


CONTESTED = {
    "uuid": st.sampled_from(["u1", "u2", "u3"]),
    "email": st.sampled_from(["a@x.io", "b@x.io"]),
    "phone_number": st.sampled_from(["+6598765432", "+6598765433"]),
    "custom": st.fixed_dictionaries({"segment_anonymous_id": st.sampled_from(["a1", "a2"])}),
}
CONTESTED_IDENTIFIERS = st.sets(st.sampled_from(sorted(CONTESTED)), min_size=1).flatmap(
    lambda names: st.fixed_dictionaries({name: CONTESTED[name] for name in sorted(names)})
)


@given(st.lists(CONTESTED_IDENTIFIERS, min_size=1, max_size=12), st.data())
def test_whatever_is_merged_no_event_is_lost_and_no_identifier_has_two_owners(
    named: list[Any], data: st.DataObject
) -> None:
    users = [
        {"identifiers": each, "events": [event(f"e{number}")]} for number, each in enumerate(named)
    ]
    account = sent(users, [data.draw(st.booleans()) for _ in users])
    profiles = account.profiles.list_profiles_with_events()[0]
    kept = Counter(made.name for each in profiles for made in each.events)
    assert kept == Counter(f"e{number}" for number in range(len(users)))
    owned = Counter(
        (name, value)
        for each in profiles
        for name, values in each.identifiers.items()
        for value in values
    )
    assert set(owned.values()) <= {1}
    limited = [len(each.identifiers.get(name, ())) for each in profiles for name in CONTESTED]
    assert max(limited) <= 1


@given(st.lists(CONTESTED_IDENTIFIERS, min_size=1, max_size=12), st.data())
def test_an_event_belongs_to_the_owner_of_its_strongest_identifier(
    named: list[Any], data: st.DataObject
) -> None:
    users = [
        {"identifiers": each, "events": [event(f"e{number}")]} for number, each in enumerate(named)
    ]
    account = sent(users, [data.draw(st.booleans()) for _ in users])
    owners = {
        made.name: profile
        for profile in account.profiles.list_profiles_with_events()[0]
        for made in profile.events
    }
    for number, each in enumerate(named):
        name, value = strongest(each)
        assert value in owners[f"e{number}"].identifiers[name]


def strongest(identifiers: dict[str, Any]) -> tuple[str, str]:
    flat = {**identifiers, **identifiers.get("custom", {})}
    return next((name, flat[name]) for name in IDENTIFIERS if name in flat)


@given(st.lists(CONTESTED_IDENTIFIERS, min_size=1, max_size=12))
def test_every_merge_is_recorded(named: list[Any]) -> None:
    """Profiles made and profiles left differ by the merges that the survivors tell of."""
    account = Account()
    absorbed: list[str] = []
    for number, each in enumerate(named):
        account.send({"identifiers": each, "events": [event(f"e{number}")]})
        absorbed += [gone for change in account.changes for gone in change.absorbed_profile_ids]
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
    account.later(minutes=5)
    other = {"identifiers": {"uuid": "u2"}, "attributes": {"name": "Bo"}}
    account.send(
        other, {"identifiers": {"uuid": "u1", "email": "a@b.io"}, "attributes": {"age": 36}}
    )
    assert account.profile("uuid:u1")["merges"] == [
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
def test_lists_of_two_profiles_are_united_the_older_first(older: str) -> None:
    account = Account()
    people = {
        "uuid": {"identifiers": {"uuid": "u1"}, "attributes": {"custom": {"tags": ["a", "b"]}}},
        "email": {
            "identifiers": {"email": "a@b.io"},
            "attributes": {"custom": {"tags": ["b", "c"]}},
        },
    }
    for name in sorted(people, key=lambda each: each != older):
        account.send(people[name])
        account.later(minutes=1)
    account.send({"identifiers": {"uuid": "u1", "email": "a@b.io"}, "attributes": {"age": 36}})
    expected = {"uuid": ["a", "b", "c"], "email": ["b", "c", "a"]}
    assert account.profile("uuid:u1")["attributes"]["custom"]["tags"] == expected[older]
