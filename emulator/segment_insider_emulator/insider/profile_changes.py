"""The changes that a request made to profiles, for journeys and for the changes header."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import TypeAlias

from segment_insider_emulator.insider.responses import encode_ascii_json
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent
from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """The changes that one request made to one profile.

    Args:
        profile_id: The profile after merges.
        changed_at: Time of the request, aware.
        events: Newly stored events in the order sent, without repeated and expired ones.
        attribute_changes: Path such as "email" or "custom.plan" -> (old, new), where they differ;
            None is an absent attribute.
        skip_hook: The request must not start journeys.
        is_new_profile: The profile did not exist before.
        absorbed_profile_ids: Profiles that were merged into this one and no longer exist.
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
    """Copy the current attributes of *profiles*: Profile ID -> attributes."""
    return {profile.id: dict(profile.attributes) for profile in profiles}


def build_profile_changes(
    attributes_before: Mapping[str, Mapping[str, JSON]],
    stored_changes: ProfileChanges,
    repeated_events: list[ProfileEvent],
    changed_at: datetime,
    *,
    skip_hook: bool,
) -> list[ProfileChange]:
    """Build one ProfileChange for each profile that a request created or changed.

    Args:
        attributes_before: Result of copy_attributes before the request.
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
                attributes_before.get(profile.id, {}), profile.attributes
            ),
            skip_hook=skip_hook,
            is_new_profile=profile.id not in attributes_before,
            absorbed_profile_ids=tuple(_list_absorbed_ids(stored_changes, profile.id)),
        )
        for profile in [*stored_changes.created_profiles, *stored_changes.changed_profiles]
    ]


def _list_attribute_updates(
    old_attributes: Mapping[str, JSON], new_attributes: Mapping[str, JSON]
) -> dict[str, tuple[JSON, JSON]]:
    return {
        path: (old_attributes.get(path), new_attributes.get(path))
        for path in {**old_attributes, **new_attributes}
        if old_attributes.get(path) != new_attributes.get(path)
    }


def _list_absorbed_ids(changes: ProfileChanges, survivor_id: str) -> list[str]:
    """List the ids of all profiles merged into *survivor_id*, directly or indirectly."""
    absorbed_ids = [absorbed for absorbed, survivor in changes.merges if survivor == survivor_id]
    indirect_ids = [_list_absorbed_ids(changes, absorbed_id) for absorbed_id in absorbed_ids]
    return [*absorbed_ids, *chain.from_iterable(indirect_ids)]


CHANGES_HEADER = "x-emulator-changes"
MAX_LISTED_CHANGES = 50  # attributes or events of one profile
_MAX_VALUE_CHARS = 240
_MAX_HEADER_BYTES = 16_000  # clients stop reading at 64 KiB


def build_changes_header(
    changes: Sequence[ProfileChange],
    new_identifiers: Mapping[str, str],
    resolved_users: Sequence[tuple[int, str]],
) -> dict[str, str]:
    """Build the response header that lists the changed profiles as JSON.

    Its value is a list of {"profile", "created", "absorbed", "identifiers", "attributes",
    "events", "users"}. `attributes` is path -> [old, new]; `users` are the positions in the
    request of the users with this profile. Long values are truncated, and changes that make the
    header too long are omitted.

    Args:
        new_identifiers: Identifier such as "uuid:u1" -> id of the profile that now has it.
        resolved_users: (position in the request, Profile ID) of each user.
    """
    change_texts: list[str] = []
    length = 0
    for change in changes:
        change_text = encode_ascii_json(
            _serialize_profile_change(change, new_identifiers, resolved_users)
        )
        length += len(change_text) + 1
        if length > _MAX_HEADER_BYTES:
            break
        change_texts.append(change_text)
    return {CHANGES_HEADER: f"[{','.join(change_texts)}]"}


def _serialize_profile_change(
    change: ProfileChange,
    new_identifiers: Mapping[str, str],
    resolved_users: Sequence[tuple[int, str]],
) -> JSONObject:
    profile_ids = (change.profile_id, *change.absorbed_profile_ids)
    profile_identifiers = (
        identifier
        for identifier, profile_id in new_identifiers.items()
        if profile_id == change.profile_id
    )
    return {
        "profile": change.profile_id,
        "created": change.is_new_profile,
        "absorbed": list(change.absorbed_profile_ids[:MAX_LISTED_CHANGES]),
        "identifiers": [
            _truncate_long_text(identifier)
            for identifier in islice(profile_identifiers, MAX_LISTED_CHANGES)
        ],
        "attributes": {
            _truncate_long_text(path): [_truncate_long_text(old), _truncate_long_text(new)]
            for path, (old, new) in islice(change.attribute_changes.items(), MAX_LISTED_CHANGES)
        },
        "events": [
            _truncate_long_text(event.sent_as) for event in change.events[:MAX_LISTED_CHANGES]
        ],
        "users": [index for index, profile_id in resolved_users if profile_id in profile_ids],
    }


def _truncate_long_text(value: JSON) -> JSON:
    """Return *value*, truncated if its text is long."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _MAX_VALUE_CHARS else f"{text[:_MAX_VALUE_CHARS]}…"
