"""Changes that one request makes to profiles, for journeys, response headers and histories."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, TypeAlias

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.storage.profile_history import CHANGES_PER_STATE
from segment_insider_emulator.storage.profile_unit_of_work import ProfileUnitOfWork
from segment_insider_emulator.storage.records import (
    Profile,
    ProfileChanges,
    ProfileEvent,
    ProfileHistoryEntry,
)
from segment_insider_emulator.types import JSON, JSONObject, record

MAX_EVENTS_IN_HISTORY: Final = 100  # names of events in one entry


@record
class ProfileState:
    """Copy of a profile's identifiers and attributes at one time.

    Args:
        change_count: Changes in its history until then.
    """

    identifiers: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, JSON]
    change_count: int

    def list_identifiers(self) -> list[tuple[str, str]]:
        """List all identifiers as pairs of type and value."""
        return [(name, value) for name, values in self.identifiers.items() for value in values]

    def to_json(self) -> JSONObject:
        """Convert the state to the JSON that a history stores."""
        identifiers = {name: list(values) for name, values in self.identifiers.items()}
        return {"identifiers": identifiers, "attributes": dict(self.attributes)}


@record
class ProfileChange:
    """Record of the changes that one request made to one profile.

    Args:
        profile_id: The profile after merges.
        changed_at: Time of the request, aware.
        events: Newly stored events in the order sent, without repeated and expired ones.
        attribute_changes: Path such as "email" or "custom.plan" -> (old, new), where they differ;
            None is an absent attribute.
        skip_hook: The request must not start journeys.
        is_new_profile: The profile did not exist before.
        absorbed_profile_ids: Profiles that were merged into this one and no longer exist.
        number: Of the change in the profile's history.
    """

    profile_id: str
    changed_at: datetime
    events: tuple[ProfileEvent, ...]
    attribute_changes: Mapping[str, tuple[JSON, JSON]]
    skip_hook: bool
    is_new_profile: bool
    absorbed_profile_ids: tuple[str, ...] = ()
    number: int = 0


ProfileChangeListener: TypeAlias = Callable[[list[ProfileChange]], None]


def copy_profile_state(profile: Profile) -> ProfileState:
    """Copy the current identifiers and attributes of a profile."""
    identifiers = {name: tuple(values) for name, values in profile.identifiers.items()}
    return ProfileState(identifiers, dict(profile.attributes), profile.change_count)


def copy_profile_states(profiles: Iterable[Profile]) -> dict[str, ProfileState]:
    """Copy the current identifiers and attributes of *profiles*: Profile ID -> state."""
    return {profile.id: copy_profile_state(profile) for profile in profiles}


def build_profile_changes(
    states_before: Mapping[str, ProfileState],
    stored_changes: ProfileChanges,
    repeated_events: list[ProfileEvent],
    changed_at: datetime,
    *,
    skip_hook: bool,
) -> list[ProfileChange]:
    """Build one ProfileChange for each profile that a request created or changed.

    Args:
        states_before: Result of copy_profile_states before the request.
        repeated_events: Events that were already stored before.
    """
    repeated_ids = {id(event) for event in repeated_events}
    return [
        ProfileChange(
            profile_id=profile.id,
            changed_at=changed_at,
            events=tuple(
                event
                for event in stored_changes.new_events.get(profile.id, ())
                if id(event) not in repeated_ids
            ),
            attribute_changes=_list_attribute_updates(
                before.attributes if (before := states_before.get(profile.id)) else {},
                profile.attributes,
            ),
            skip_hook=skip_hook,
            is_new_profile=profile.id not in states_before,
            absorbed_profile_ids=tuple(_list_merged_profile_ids(stored_changes, profile.id)),
            number=profile.change_count,
        )
        for profile in [*stored_changes.created_profiles, *stored_changes.changed_profiles]
    ]


def save_with_history(
    unit_of_work: ProfileUnitOfWork,
    states_before: Mapping[str, ProfileState],
    changes: ProfileChanges,
    changed_at: datetime,
    source: str,
    *,
    note: str = "",
) -> list[ProfileChange]:
    """Save changes without events, and what they changed in the histories of the profiles."""
    unit_of_work.save_changes(changes)
    profile_changes = build_profile_changes(states_before, changes, [], changed_at, skip_hook=False)
    save_history(unit_of_work, states_before, changes, profile_changes, source, note)
    return profile_changes


def save_history(
    unit_of_work: ProfileUnitOfWork,
    states_before: Mapping[str, ProfileState],
    stored_changes: ProfileChanges,
    changes: Sequence[ProfileChange],
    source: str,
    note: str = "",
) -> None:
    """Save what one request changed in the histories of its profiles.

    Args:
        source: The request, e.g. "POST /api/user/v1/upsert".
        note: A sentence about the change, for people.
    """
    profiles = {
        profile.id: profile
        for profile in [*stored_changes.created_profiles, *stored_changes.changed_profiles]
    }
    entries = []
    for change in changes:
        profile = profiles[change.profile_id]
        entries.append(
            _build_history_entry(change, profile, states_before.get(profile.id), source, note)
        )
        entries += _build_last_entries(change, states_before, source)
    unit_of_work.add_history(entries)


def _build_history_entry(
    change: ProfileChange, profile: Profile, before: ProfileState | None, source: str, note: str
) -> ProfileHistoryEntry:
    old = before.list_identifiers() if before else []
    new = [(name, value) for name, values in profile.identifiers.items() for value in values]
    earlier, later = frozenset(old), frozenset(new)
    changes: JSONObject = {
        "source": source,
        "created": change.is_new_profile,
        "attributes": {path: list(pair) for path, pair in change.attribute_changes.items()},
        "added": [identifier for identifier in new if identifier not in earlier],
        "removed": [identifier for identifier in old if identifier not in later],
        "events": [event.name for event in change.events[:MAX_EVENTS_IN_HISTORY]],
        "event_count": len(change.events),
        "merges": [
            {name: entry["merge"].get(name) for name in ("absorbed", "found_by", "brought")}
            for entry in (profile.trail if change.absorbed_profile_ids else ())
            if entry.get("merge", {}).get("absorbed") in change.absorbed_profile_ids
        ],
        "note": note,
    }
    return ProfileHistoryEntry(
        profile_id=change.profile_id,
        number=change.number,
        at=format_iso_utc(change.changed_at),
        changes={name: value for name, value in changes.items() if value},
        state=None if change.number % CHANGES_PER_STATE else copy_profile_state(profile).to_json(),
    )


def _build_last_entries(
    change: ProfileChange, states_before: Mapping[str, ProfileState], source: str
) -> Iterator[ProfileHistoryEntry]:
    """Yield the last entry of each profile that was merged into another one."""
    for profile_id in change.absorbed_profile_ids:
        before = states_before.get(profile_id)
        if before is None:  # created by the same request
            continue
        yield ProfileHistoryEntry(
            profile_id=profile_id,
            number=before.change_count + 1,
            at=format_iso_utc(change.changed_at),
            changes={"source": source, "survivor": change.profile_id},
            state=before.to_json(),
            merged_into=change.profile_id,
        )


def _list_attribute_updates(
    old_attributes: Mapping[str, JSON], new_attributes: Mapping[str, JSON]
) -> dict[str, tuple[JSON, JSON]]:
    return {
        path: (old_value, new_value)
        for path in {**old_attributes, **new_attributes}
        if (old_value := old_attributes.get(path)) != (new_value := new_attributes.get(path))
        or isinstance(old_value, bool) != isinstance(new_value, bool)  # true is not 1
    }


def _list_merged_profile_ids(changes: ProfileChanges, survivor_id: str) -> list[str]:
    """List the ids of all profiles merged into *survivor_id*, directly or indirectly."""
    absorbed_ids = [absorbed for absorbed, survivor in changes.merges if survivor == survivor_id]
    indirect_ids = [_list_merged_profile_ids(changes, absorbed_id) for absorbed_id in absorbed_ids]
    return [*absorbed_ids, *chain.from_iterable(indirect_ids)]
