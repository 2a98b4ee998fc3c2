"""What a request changed, for those who act on it: journeys start, go on and end by this."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from segment_insider_emulator.capture.profile import Changes, Profile, ProfileEvent
from segment_insider_emulator.types import JSON


@dataclass(frozen=True, slots=True)
class Change:
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
    at: datetime
    events: tuple[ProfileEvent, ...]
    attributes: Mapping[str, tuple[JSON, JSON]]
    skip_hook: bool
    created: bool
    absorbed: tuple[str, ...] = ()


Listener: TypeAlias = Callable[[list[Change]], None]


def attributes_of(profiles: list[Profile]) -> dict[str, dict[str, JSON]]:
    """Profile ID -> its attributes as they are now; a copy, because requests write to profiles."""
    return {profile.id: dict(profile.attributes) for profile in profiles}


def changed(
    before: Mapping[str, Mapping[str, JSON]],
    changes: Changes,
    repeated: list[ProfileEvent],
    at: datetime,
    *,
    skip_hook: bool,
) -> list[Change]:
    """Tell the changes of one request apart by profile.

    Args:
        before: What attributes_of said before the request.
        repeated: The events that were stored already.
    """
    known = {id(event) for event in repeated}
    return [
        Change(
            profile_id=profile.id,
            at=at,
            events=tuple(
                event for event in changes.events.get(profile.id, ()) if id(event) not in known
            ),
            attributes=_differences(before.get(profile.id, {}), profile.attributes),
            skip_hook=skip_hook,
            created=profile.id not in before,
            absorbed=tuple(_absorbed(changes, profile.id)),
        )
        for profile in [*changes.created, *changes.changed]
    ]


def _differences(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> dict[str, tuple[JSON, JSON]]:
    return {
        place: (old.get(place), new.get(place))
        for place in {**old, **new}
        if old.get(place) != new.get(place)
    }


def _absorbed(changes: Changes, survivor: str) -> list[str]:
    """The ids that ended in *survivor*, also by way of one another."""
    ended = [gone for gone, into in changes.absorbed if into == survivor]
    return ended + [each for gone in ended for each in _absorbed(changes, gone)]
