"""Who a user turns out to be."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from account import Account, event

pytestmark = pytest.mark.assumed


def names(**identifiers: str) -> dict[str, Any]:
    anonymous = identifiers.pop("anonymous", None)
    custom = {"custom": {"segment_anonymous_id": anonymous}} if anonymous else {}
    return {**identifiers, **custom}


def user(name: str = "", /, **identifiers: str) -> dict[str, Any]:
    attributes = {"name": name} if name else {}
    return {"identifiers": names(**identifiers), "attributes": attributes}


def did(name: str, /, **identifiers: str) -> dict[str, Any]:
    return {"identifiers": names(**identifiers), "events": [event(name)]}


def population(account: Account) -> dict[str, Any]:
    """Profile ID -> (identifier values, event names)."""
    return {
        each.id: (each.identifiers, [made.name for made in each.events])
        for each in account.profiles.list_profiles_with_events()[0]
    }


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            [
                user("Ada", uuid="u1"),
                user("Ada", uuid="u1", email="a@b.io"),
                did("x", email="a@b.io"),
            ],
            {"p1": ({"uuid": ["u1"], "email": ["a@b.io"]}, ["x"])},
            id="one match takes what it lacks",
        ),
        pytest.param(
            [did("x", anonymous="a1"), user("Ada", uuid="u1", anonymous="a1"), did("y", uuid="u1")],
            {"p1": ({"segment_anonymous_id": ["a1"], "uuid": ["u1"]}, ["x", "y"])},
            id="an anonymous visitor who signs up stays one profile",
        ),
        pytest.param(
            [
                did("x", uuid="u1", anonymous="a1"),
                did("y", anonymous="a2"),
                did("z", uuid="u1", anonymous="a2"),
            ],
            {"p1": ({"uuid": ["u1"], "segment_anonymous_id": ["a1", "a2"]}, ["x", "y", "z"])},
            id="a second device joins with its history",
        ),
        pytest.param(
            [
                user("Ada", uuid="u1", phone_number="+6598765432"),
                did("x", uuid="u2", phone_number="+6598765432"),
            ],
            {
                "p1": ({"uuid": ["u1"], "phone_number": ["+6598765432"]}, []),
                "p2": ({"uuid": ["u2"]}, ["x"]),
            },
            id="two people who share a phone stay two",
        ),
        pytest.param(
            [
                user("Ada", uuid="u1"),
                user("Bo", email="b@b.io"),
                did("x", uuid="u1", email="b@b.io"),
            ],
            {"p1": ({"uuid": ["u1"], "email": ["b@b.io"]}, ["x"])},
            id="several matches merge into the strongest",
        ),
        pytest.param(
            [
                user("Ada", uuid="u1"),
                user("Bo", uuid="u2", email="b@b.io"),
                did("x", uuid="u1", email="b@b.io"),
            ],
            {"p1": ({"uuid": ["u1"]}, ["x"]), "p2": ({"uuid": ["u2"], "email": ["b@b.io"]}, [])},
            id="matches that would own two user ids do not merge",
        ),
        pytest.param(
            [user("Ada", uuid="u1", email="a@b.io"), did("x", uuid="u1", email="new@b.io")],
            {"p1": ({"uuid": ["u1"], "email": ["a@b.io"]}, ["x"])},
            id="an upsert does not change an identifier",
        ),
        pytest.param(
            [user("Ada", uuid="u1"), {"insider_id": "p1", "events": [event("x")]}],
            {"p1": ({"uuid": ["u1"]}, ["x"])},
            id="the Profile ID finds its profile",
        ),
        pytest.param(
            [
                user("Ada", uuid="u1"),
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
def test_profiles_after(sent: Any, expected: Any, together: bool) -> None:
    account = Account()
    for request in [sent] if together else [[each] for each in sent]:
        account.send(*request)
    assert population(account) == expected


def test_of_an_attribute_in_both_the_latest_written_survives_a_merge() -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"name": "Ada", "city": "Utrecht"}})
    account.later(minutes=1)
    account.send({"identifiers": {"email": "a@b.io"}, "attributes": {"name": "Ada L."}})
    account.later(minutes=1)
    account.send({"identifiers": {"uuid": "u1", "email": "a@b.io"}, "attributes": {"age": 36}})
    profile = account.profile("email:a@b.io")
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
    account.send(did("x", uuid="u1"), did("x", email="a@b.io"), did("y", email="a@b.io"))
    account.send(user("Ada", uuid="u1", email="a@b.io"))
    assert population(account) == {"p1": ({"uuid": ["u1"], "email": ["a@b.io"]}, ["x", "y"])}


def test_a_conflict_causes_a_warning() -> None:
    account = Account()
    account.send(user("Ada", uuid="u1", email="a@b.io"), user("Bo", uuid="u2", email="b@b.io"))
    assert account.warned(did("x", uuid="u1", email="b@b.io")) == [
        (
            "users.0.identifiers.email",
            "email:b@b.io belongs to another profile, which cannot be merged into this one",
        )
    ]
    assert account.warned(did("y", uuid="u1", email="c@b.io")) == [
        (
            "users.0.identifiers.email",
            "the profile already has another value, so this value is ignored",
        )
    ]


def test_requests_at_once_about_a_new_person_make_one_profile(tmp_path: Path) -> None:
    account = Account(url=str(tmp_path / "emulator.db"))
    sent = [did(f"x{n}", uuid="u1") for n in range(16)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(account.send, sent))
    assert {answer.status for answer in answers} == {200}
    (profile,) = account.profiles.list_profiles_with_events()[0]
    assert sorted(event.name for event in profile.events) == sorted(f"x{n}" for n in range(16))
