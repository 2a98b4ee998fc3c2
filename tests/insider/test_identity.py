"""Identity resolution: which profile a user of a request belongs to."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from account import Account, build_event

pytestmark = pytest.mark.assumed


def build_identifiers(**identifiers: str) -> dict[str, Any]:
    anonymous = identifiers.pop("anonymous", None)
    custom = {"custom": {"segment_anonymous_id": anonymous}} if anonymous else {}
    return {**identifiers, **custom}


def build_user(name: str = "", /, **identifiers: str) -> dict[str, Any]:
    attributes = {"name": name} if name else {}
    return {"identifiers": build_identifiers(**identifiers), "attributes": attributes}


def build_user_with_event(name: str, /, **identifiers: str) -> dict[str, Any]:
    return {"identifiers": build_identifiers(**identifiers), "events": [build_event(name)]}


def list_profiles_by_id(account: Account) -> dict[str, Any]:
    """Return Profile ID -> (identifier values, event names)."""
    return {
        profile.id: (profile.identifiers, [event.name for event in profile.events])
        for profile in account.profiles.list_profiles_with_events()[0]
    }


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        pytest.param(
            [
                build_user("Ada", uuid="u1"),
                build_user("Ada", uuid="u1", email="a@b.io"),
                build_user_with_event("x", email="a@b.io"),
            ],
            {"p1": ({"uuid": ["u1"], "email": ["a@b.io"]}, ["x"])},
            id="one match takes what it lacks",
        ),
        pytest.param(
            [
                build_user_with_event("x", anonymous="a1"),
                build_user("Ada", uuid="u1", anonymous="a1"),
                build_user_with_event("y", uuid="u1"),
            ],
            {"p1": ({"segment_anonymous_id": ["a1"], "uuid": ["u1"]}, ["x", "y"])},
            id="an anonymous visitor who signs up stays one profile",
        ),
        pytest.param(
            [
                build_user_with_event("x", uuid="u1", anonymous="a1"),
                build_user_with_event("y", anonymous="a2"),
                build_user_with_event("z", uuid="u1", anonymous="a2"),
            ],
            {"p1": ({"uuid": ["u1"], "segment_anonymous_id": ["a1", "a2"]}, ["x", "y", "z"])},
            id="a second device joins with its history",
        ),
        pytest.param(
            [
                build_user("Ada", uuid="u1", phone_number="+6598765432"),
                build_user_with_event("x", uuid="u2", phone_number="+6598765432"),
            ],
            {
                "p1": ({"uuid": ["u1"], "phone_number": ["+6598765432"]}, []),
                "p2": ({"uuid": ["u2"]}, ["x"]),
            },
            id="two people who share a phone stay two",
        ),
        pytest.param(
            [
                build_user("Ada", uuid="u1"),
                build_user("Bo", email="b@b.io"),
                build_user_with_event("x", uuid="u1", email="b@b.io"),
            ],
            {"p1": ({"uuid": ["u1"], "email": ["b@b.io"]}, ["x"])},
            id="several matches merge into the strongest",
        ),
        pytest.param(
            [
                build_user("Ada", uuid="u1"),
                build_user("Bo", uuid="u2", email="b@b.io"),
                build_user_with_event("x", uuid="u1", email="b@b.io"),
            ],
            {"p1": ({"uuid": ["u1"]}, ["x"]), "p2": ({"uuid": ["u2"], "email": ["b@b.io"]}, [])},
            id="matches that would own two user ids do not merge",
        ),
        pytest.param(
            [
                build_user("Ada", uuid="u1", email="a@b.io"),
                build_user_with_event("x", uuid="u1", email="new@b.io"),
            ],
            {"p1": ({"uuid": ["u1"], "email": ["a@b.io"]}, ["x"])},
            id="an upsert does not change an identifier",
        ),
        pytest.param(
            [build_user("Ada", uuid="u1"), {"insider_id": "p1", "events": [build_event("x")]}],
            {"p1": ({"uuid": ["u1"]}, ["x"])},
            id="the Profile ID finds its profile",
        ),
        pytest.param(
            [
                build_user("Ada", uuid="u1"),
                {"identifiers": {"em": "a@b.io", "pn": "+6598765432"}, "events": []},
            ],
            {
                "p1": ({"uuid": ["u1"]}, []),
                "p2": ({"email": ["a@b.io"], "phone_number": ["+6598765432"]}, []),
            },
            id="short forms of identifiers are read",
        ),
    ],
)
@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one request"])
def test_profiles_after_requests(users: Any, expected: Any, together: bool) -> None:
    account = Account()
    for request in [users] if together else [[user] for user in users]:
        account.send(*request)
    assert list_profiles_by_id(account) == expected


def test_a_merge_keeps_the_latest_value_of_an_attribute_of_both_profiles() -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"name": "Ada", "city": "Utrecht"}})
    account.advance_clock(minutes=1)
    account.send({"identifiers": {"email": "a@b.io"}, "attributes": {"name": "Ada L."}})
    account.advance_clock(minutes=1)
    account.send({"identifiers": {"uuid": "u1", "email": "a@b.io"}, "attributes": {"age": 36}})
    profile = account.get_profile("email:a@b.io")
    assert profile["attributes"] == {
        "uuid": "u1",
        "name": "Ada L.",
        "city": "Utrecht",
        "email": "a@b.io",
        "age": 36,
    }
    assert profile["trail"] == [
        {"at": "2026-11-23T10:02:00.000Z", "what": "merged with p2, found by email:a@b.io"}
    ]


def test_an_event_of_both_profiles_is_stored_once_after_a_merge() -> None:
    account = Account()
    account.send(
        build_user_with_event("x", uuid="u1"),
        build_user_with_event("x", email="a@b.io"),
        build_user_with_event("y", email="a@b.io"),
    )
    account.send(build_user("Ada", uuid="u1", email="a@b.io"))
    assert list_profiles_by_id(account) == {
        "p1": ({"uuid": ["u1"], "email": ["a@b.io"]}, ["x", "y"])
    }


def test_a_conflict_causes_a_warning() -> None:
    account = Account()
    account.send(
        build_user("Ada", uuid="u1", email="a@b.io"),
        build_user("Bo", uuid="u2", email="b@b.io"),
    )
    assert account.send_and_list_warnings(
        build_user_with_event("x", uuid="u1", email="b@b.io")
    ) == [
        (
            "users.0.identifiers.email",
            "email:b@b.io belongs to another profile, which cannot be merged into this one",
        )
    ]
    assert account.send_and_list_warnings(
        build_user_with_event("y", uuid="u1", email="c@b.io")
    ) == [
        (
            "users.0.identifiers.email",
            "the profile already has another value, so this value is ignored",
        )
    ]


def test_concurrent_requests_about_a_new_person_create_one_profile(tmp_path: Path) -> None:
    account = Account(url=str(tmp_path / "emulator.db"))
    users = [build_user_with_event(f"x{n}", uuid="u1") for n in range(16)]
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(account.send, users))
    assert {response.status for response in responses} == {200}
    (profile,) = account.profiles.list_profiles_with_events()[0]
    assert sorted(event.name for event in profile.events) == sorted(f"x{n}" for n in range(16))
