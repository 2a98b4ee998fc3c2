"""Profiles and their events as rows, and rows as profiles and events."""

from typing import Any

import orjson

from segment_insider_emulator.capture.profile import Profile, ProfileEvent


def profile_to_row(profile: Profile) -> dict[str, Any]:
    """The row of a profile; the database gives the number."""
    return {
        "id": profile.id,
        "identifiers": orjson.dumps(profile.identifiers).decode(),
        "attributes": orjson.dumps(profile.attributes).decode(),
        "written": orjson.dumps(profile.written).decode(),
        "trail": orjson.dumps(profile.trail).decode(),
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
    }


def profile_from_row(row: Any) -> Profile:
    """The profile of a row, without its events."""
    return Profile(
        id=row.id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        identifiers=orjson.loads(row.identifiers),
        attributes=orjson.loads(row.attributes),
        written=orjson.loads(row.written),
        trail=orjson.loads(row.trail),
        number=row.number,
    )


def profile_event_to_row(profile_id: str, event: ProfileEvent) -> dict[str, Any]:
    """The row of an event that the profile *owner* has."""
    return {
        "profile_id": profile_id,
        "fingerprint": event.fingerprint,
        "name": event.name,
        "sent_as": event.sent_as,
        "timestamp": event.timestamp,
        "occurred_at": event.occurred_at,
        "params": orjson.dumps(event.params).decode(),
        "received_at": event.received_at,
        "skip_hook": event.skip_hook,
    }


def profile_event_from_row(row: Any) -> ProfileEvent:
    """The event of a row."""
    return ProfileEvent(
        name=row.name,
        sent_as=row.sent_as,
        timestamp=row.timestamp,
        occurred_at=row.occurred_at,
        params=orjson.loads(row.params),
        received_at=row.received_at,
        skip_hook=bool(row.skip_hook),
    )
