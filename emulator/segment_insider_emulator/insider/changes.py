"""What a request changed, for those who act on it: journeys start, go on and end by this."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from segment_insider_emulator.capture.profile import Profile, ProfileChanges, ProfileEvent
from segment_insider_emulator.types import JSON


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """One profile after one request.

    Args:
        profile_id: The profile as it goes on, after merges.
        at: When the request was answered, aware.
        events: Newly stored ones in the order sent; neither repeated nor outdated ones.
        attributes: Place such as "email" or "custom.plan" -> (old, new), where they differ;
            None is an attribute that was absent.
        skip_hook: The request asked not to start journeys.
        created: The profile did not exist before.
        absorbed: Profiles that were merged into this one and are gone.
    """

    profile_id: str
    changed_at: datetime
    events: tuple[ProfileEvent, ...]
    attribute_changes: Mapping[str, tuple[JSON, JSON]]
    skip_hook: bool
    is_new_profile: bool
    absorbed_profile_ids: tuple[str, ...] = ()


ProfileChangeListener: TypeAlias = Callable[[list[ProfileChange]], None]


def copy_attributes(profiles: list[Profile]) -> dict[str, dict[str, JSON]]:
    """Profile ID -> its attributes as they are now; a copy, because requests write to profiles."""
    return {profile.id: dict(profile.attributes) for profile in profiles}


def build_profile_changes(
    attributes_before: Mapping[str, Mapping[str, JSON]],
    stored_changes: ProfileChanges,
    repeated_events: list[ProfileEvent],
    changed_at: datetime,
    *,
    skip_hook: bool,
) -> list[ProfileChange]:
    """Tell the changes of one request apart by profile.

    Args:
        before: What attributes_of said before the request.
        repeated: The events that were stored already.
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
            attribute_changes=_diff_attributes(
                attributes_before.get(profile.id, {}), profile.attributes
            ),
            skip_hook=skip_hook,
            is_new_profile=profile.id not in attributes_before,
            absorbed_profile_ids=tuple(_list_absorbed_ids(stored_changes, profile.id)),
        )
        for profile in [*stored_changes.created_profiles, *stored_changes.changed_profiles]
    ]


def _diff_attributes(
    old_attributes: Mapping[str, JSON], new_attributes: Mapping[str, JSON]
) -> dict[str, tuple[JSON, JSON]]:
    return {
        place: (old_attributes.get(place), new_attributes.get(place))
        for place in {**old_attributes, **new_attributes}
        if old_attributes.get(place) != new_attributes.get(place)
    }


def _list_absorbed_ids(changes: ProfileChanges, survivor_id: str) -> list[str]:
    """The ids that ended in *survivor*, also by way of one another."""
    absorbed_ids = [gone for gone, into in changes.merges if into == survivor_id]
    return absorbed_ids + [
        each for gone in absorbed_ids for each in _list_absorbed_ids(changes, gone)
    ]
