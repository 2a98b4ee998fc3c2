"""What a request changed, in a header beside Insider One's answer: for people."""

import json
from collections.abc import Mapping, Sequence
from itertools import islice

from segment_insider_emulator.insider.changes import Change
from segment_insider_emulator.insider.findings import ascii_json
from segment_insider_emulator.types import JSON, JSONObject

HEADER = "x-emulator-changes"
MOST = 50  # attributes or events of one profile
_LONGEST_VALUE = 240  # characters
_LONGEST_HEADER = 16_000  # bytes; clients stop reading at 64 KiB


def header(
    changes: Sequence[Change], gained: Mapping[str, str], owners: Sequence[tuple[int, str]]
) -> dict[str, str]:
    """HEADER, a list of {"profile", "created", "absorbed", "identifiers", "attributes", "events",
    "users"} as JSON.

    `attributes` is place -> [old, new]; `users` are the places in the request of those who became
    the profile. What is long is cut, and what makes the header too long is left out.

    Args:
        gained: Identifier such as "uuid:u1" -> id of the profile that now owns it.
        owners: Place of a user in the request, and the profile that it was found to be.
    """
    told: list[str] = []
    length = 0
    for change in changes:
        each = ascii_json(_told(change, gained, owners))
        length += len(each) + 1
        if length > _LONGEST_HEADER:
            break
        told.append(each)
    return {HEADER: f"[{','.join(told)}]"}


def _told(
    change: Change, gained: Mapping[str, str], owners: Sequence[tuple[int, str]]
) -> JSONObject:
    ids = (change.profile_id, *change.absorbed)
    own = (name for name, owner in gained.items() if owner == change.profile_id)
    return {
        "profile": change.profile_id,
        "created": change.created,
        "absorbed": list(change.absorbed[:MOST]),
        "identifiers": [_cut(each) for each in islice(own, MOST)],
        "attributes": {
            _cut(place): [_cut(old), _cut(new)]
            for place, (old, new) in islice(change.attributes.items(), MOST)
        },
        "events": [_cut(event.sent_as) for event in change.events[:MOST]],
        "users": [at for at, owner in owners if owner in ids],
    }


def _cut(value: JSON) -> JSON:
    """*value*, or the beginning of its text where that is long."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
