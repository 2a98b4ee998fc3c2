"""What a request changed, for those who act on it: journeys start, go on and end by this."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeAlias

from segment_insider_emulator.insider.responses import encode_ascii_json
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent
from segment_insider_emulator.types import JSON, JSONObject


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


CHANGES_HEADER = "x-emulator-changes"
MAX_LISTED_CHANGES = 50  # attributes or events of one profile
_MAX_VALUE_CHARS = 240  # characters
_MAX_HEADER_BYTES = 16_000  # bytes; clients stop reading at 64 KiB


def build_changes_header(
    changes: Sequence[ProfileChange],
    new_identifiers: Mapping[str, str],
    resolved_users: Sequence[tuple[int, str]],
) -> dict[str, str]:
    """HEADER, a list of {"profile", "created", "absorbed", "identifiers", "attributes", "events",
    "users"} as JSON.

    `attributes` is place -> [old, new]; `users` are the places in the request of those who became
    the profile. What is long is cut, and what makes the header too long is left out.

    Args:
        gained: Identifier such as "uuid:u1" -> id of the profile that now owns it.
        owners: Place of a user in the request, and the profile that it was found to be.
    """
    change_texts: list[str] = []
    length = 0
    for change in changes:
        change_text = encode_ascii_json(_serialize_change(change, new_identifiers, resolved_users))
        length += len(change_text) + 1
        if length > _MAX_HEADER_BYTES:
            break
        change_texts.append(change_text)
    return {CHANGES_HEADER: f"[{','.join(change_texts)}]"}


def _serialize_change(
    change: ProfileChange,
    new_identifiers: Mapping[str, str],
    resolved_users: Sequence[tuple[int, str]],
) -> JSONObject:
    profile_ids = (change.profile_id, *change.absorbed_profile_ids)
    profile_identifiers = (
        name for name, owner in new_identifiers.items() if owner == change.profile_id
    )
    return {
        "profile": change.profile_id,
        "created": change.is_new_profile,
        "absorbed": list(change.absorbed_profile_ids[:MAX_LISTED_CHANGES]),
        "identifiers": [
            _truncate_value(each) for each in islice(profile_identifiers, MAX_LISTED_CHANGES)
        ],
        "attributes": {
            _truncate_value(place): [_truncate_value(old), _truncate_value(new)]
            for place, (old, new) in islice(change.attribute_changes.items(), MAX_LISTED_CHANGES)
        },
        "events": [_truncate_value(event.sent_as) for event in change.events[:MAX_LISTED_CHANGES]],
        "users": [at for at, owner in resolved_users if owner in profile_ids],
    }


def _truncate_value(value: JSON) -> JSON:
    """*value*, or the beginning of its text where that is long."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _MAX_VALUE_CHARS else f"{text[:_MAX_VALUE_CHARS]}…"
