"""What a request changed, in a header beside Insider One's answer: for people."""

import json
from collections.abc import Mapping, Sequence
from itertools import islice

from segment_insider_emulator.insider.changes import ProfileChange
from segment_insider_emulator.insider.findings import encode_ascii_json
from segment_insider_emulator.types import JSON, JSONObject

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
