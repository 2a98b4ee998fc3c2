"""Profiles are stored with their identifiers and events, one transaction per request."""

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import IntegrityError

import pytest
from sqlalchemy import Engine

from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent

AT = "2026-11-23T10:00:00.000Z"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(str(tmp_path / "emulator.db"))
    yield engine
    engine.dispose()


def profile(id: str, **identifiers: list[str]) -> Profile:
    return Profile(id, AT, AT, identifiers=identifiers, attributes={"name": id})


def occurrence(name: str) -> ProfileEvent:
    return ProfileEvent(name, name, AT, AT, {"custom": {"n": 1}}, AT)


def created(
    profiles: list[Profile], events: dict[str, list[ProfileEvent]] | None = None
) -> ProfileChanges:
    gained = {
        f"{name}:{value}": profile.id
        for profile in profiles
        for name, values in profile.identifiers.items()
        for value in values
    }
    return ProfileChanges(profiles, [], [], gained, events or {})


def ids(profiles: list[Profile]) -> list[str]:
    return [profile.id for profile in profiles]


def test_a_profile_is_found_by_any_identifier_and_survives_a_restart(engine: Engine) -> None:
    ada = profile("p1", uuid=["u1"], email=["a@b.io"])
    ProfileStore(engine).save_changes(
        created([ada, profile("p2", uuid=["u2"])], {"p1": [occurrence("x")]})
    )
    store = ProfileStore(engine)
    assert ids(store.find_by_identifiers(["email:a@b.io", "uuid:u1", "uuid:none"])) == ["p1"]
    assert store.get_with_events("p1") == Profile(
        "p1",
        AT,
        AT,
        identifiers={"uuid": ["u1"], "email": ["a@b.io"]},
        attributes={"name": "p1"},
        events=[occurrence("x")],
        number=1,
        change_count=1,
    )
    assert store.get_with_events("none") is None


def test_profiles_are_listed_oldest_first_page_by_page(engine: Engine) -> None:
    store = ProfileStore(engine)
    store.save_changes(created([profile(f"p{n}", uuid=[f"u{n}"]) for n in range(1, 4)]))
    first, following = store.list_profiles_with_events(limit=2)
    assert (ids(first), following) == (["p1", "p2"], 2)
    assert (
        ids(store.list_profiles_with_events(after_number=2, limit=2)[0]),
        store.list_profiles_with_events(after_number=2, limit=2)[1],
    ) == (["p3"], None)
    assert ids(store.list_profiles_with_events("uuid:u2")[0]) == ["p2"]
    assert store.list_profiles_with_events("uuid:none") == ([], None)


def test_a_merge_moves_identifiers_and_events(engine: Engine) -> None:
    store = ProfileStore(engine)
    both = {"p1": [occurrence("x")], "p2": [occurrence("x"), occurrence("y")]}
    store.save_changes(created([profile("p1", uuid=["u1"]), profile("p2", email=["a@b.io"])], both))
    merged = profile("p1", uuid=["u1"], email=["a@b.io"])
    store.save_changes(ProfileChanges([], [merged], [("p2", "p1")], {}, {}))
    (survivor,) = store.list_profiles_with_events()[0]
    assert (survivor.identifiers, [event.name for event in survivor.events]) == (
        {"uuid": ["u1"], "email": ["a@b.io"]},
        ["x", "y"],
    )
    assert ids(store.find_by_identifiers(["email:a@b.io"])) == ["p1"]


def test_a_repeated_event_is_returned_and_not_stored_again(engine: Engine) -> None:
    store = ProfileStore(engine)
    again = occurrence("x")
    assert store.save_changes(created([profile("p1")], {"p1": [occurrence("x"), again]})) == [again]
    assert store.save_changes(ProfileChanges([], [], [], {}, {"p1": [again]})) == [again]
    assert store.list_profiles_with_events()[0][0].events == [occurrence("x")]


def test_a_failed_request_stores_nothing(engine: Engine) -> None:
    store = ProfileStore(engine)
    store.save_changes(created([profile("p1", uuid=["u1"])]))
    with pytest.raises(IntegrityError):
        store.save_changes(created([profile("p2", uuid=["u1"])], {"p2": [occurrence("x")]}))
    assert ids(store.list_profiles_with_events()[0]) == ["p1"]


def test_reset_deletes_everything_and_reuses_no_number(engine: Engine) -> None:
    store = ProfileStore(engine)
    store.save_changes(created([profile("p1", uuid=["u1"])], {"p1": [occurrence("x")]}))
    store.delete_all_profiles()
    assert store.list_profiles_with_events() == ([], None)
    store.save_changes(created([profile("p2", uuid=["u1"])]))
    assert [profile.number for profile in store.list_profiles_with_events()[0]] == [2]
