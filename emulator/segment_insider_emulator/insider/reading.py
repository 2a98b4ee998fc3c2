"""A profile as the control API and pages show it."""

from segment_insider_emulator.capture.profile import Profile, ProfileEvent, nest_attributes
from segment_insider_emulator.insider.catalog import get_event_display_name
from segment_insider_emulator.insider.identity import DEFAULT_IDENTIFIERS
from segment_insider_emulator.insider.personal import build_personalisation
from segment_insider_emulator.insider.reach import check_reachability
from segment_insider_emulator.types import JSONObject


def serialize_profile(profile: Profile) -> JSONObject:
    """{"id", "identifiers", "attributes", "events", "reach", ...}, shaped as in an upsert.

    `identifiers` has the latest value of each type, as Insider One's profile page does;
    `identifier_values` has all of them, oldest first. `merges` says of each profile that ended in
    this one: when, which, found by which identifier, what it brought, and in which request.
    `personal` is what personalisation could use, by rules of our own.
    """
    return {
        "id": profile.id,
        "identifiers": _collect_latest_identifiers(profile),
        "attributes": nest_attributes(profile.attributes),
        "events": [serialize_profile_event(event) for event in profile.events],
        "reach": check_reachability(profile.attributes),
        "personal": build_personalisation(profile),
        "identifier_values": profile.identifiers,
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
        "trail": [{"at": each["at"], "what": each["what"]} for each in profile.trail],
        "merges": [
            {"at": each["at"], **each["merge"]} for each in profile.trail if "merge" in each
        ],
    }


def serialize_profile_event(event: ProfileEvent) -> JSONObject:
    """One event as shown; `sent_as` differs from `event_name` where a name has an alias."""
    return {
        "event_name": event.name,
        "display_name": get_event_display_name(event.name),
        "sent_as": event.sent_as,
        "timestamp": event.timestamp,
        "event_params": event.params,
        "received_at": event.received_at,
        "skip_hook": event.skip_hook,
    }


def _collect_latest_identifiers(profile: Profile) -> JSONObject:
    latest_values = {name: values[-1] for name, values in profile.identifiers.items()}
    return nest_attributes(
        {
            name if name in DEFAULT_IDENTIFIERS else f"custom.{name}": value
            for name, value in latest_values.items()
        }
    )
