"""A person as Insider One knows them, and what they did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

import orjson

from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True)
class ProfileEvent:
    """One occurrence of an event.

    Args:
        name: The stored name; `sent_as` is the one in the request, `purchase` for example.
        timestamp: As sent; `occurred_at` is the same instant in UTC, ISO 8601, milliseconds.
        params: Default parameters at the root, others under "custom" and "unrecognised".
        received_at: ISO 8601, UTC, milliseconds.
        skip_hook: Stored without starting journeys.
    """

    name: str
    sent_as: str
    timestamp: str
    occurred_at: str
    params: JSONObject
    received_at: str
    skip_hook: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """Equal for occurrences that one profile keeps once: same name, instant, parameters."""
        same = orjson.dumps([self.name, self.occurred_at, self.params], option=orjson.OPT_SORT_KEYS)
        return blake2b(same, digest_size=16).hexdigest()


@dataclass(slots=True)
class Profile:
    """One person.

    Args:
        id: Insider One's Profile ID.
        identifiers: Type -> values, oldest first. A type in the account's list, none other.
        attributes: Value by place: "email", "custom.plan", "unrecognised.idfa".
        written: ISO 8601 time of the last write, by the same places.
        created_at, updated_at: ISO 8601, UTC, milliseconds.
        trail: What happened to the identity, [{"at", "what"}], oldest first; a merge has its
            record beside them, under "merge".
        events: Oldest write first; empty where they were not asked for.
        number: Order of creation; 0 until stored.
    """

    id: str
    created_at: str
    updated_at: str
    identifiers: dict[str, list[str]] = field(default_factory=dict)
    attributes: dict[str, JSON] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    trail: list[JSONObject] = field(default_factory=list)
    events: list[ProfileEvent] = field(default_factory=list)
    number: int = 0

    def set_attribute(self, path: str, value: JSON, at: str) -> None:
        """Set one attribute."""
        self.attributes[path] = value
        self.written[path] = at

    def remove_attribute(self, path: str) -> None:
        """Remove one attribute; nothing happens when it is absent."""
        self.attributes.pop(path, None)
        self.written.pop(path, None)


@dataclass(frozen=True, slots=True)
class ProfileChanges:
    """What one request does to the profiles.

    Args:
        created, changed: Profiles as they are afterwards.
        absorbed: (profile id that ends, profile id that goes on), in the order of the merges.
        gained: Identifier such as "uuid:u1" -> id of the profile that now owns it.
        events: Profile id -> events in the order sent.
        lost: Identifiers that nobody owns any more; `gained` may give them to somebody else.
        deleted: Ids of profiles that end with everything they have.
    """

    created_profiles: list[Profile] = field(default_factory=list)
    changed_profiles: list[Profile] = field(default_factory=list)
    merges: list[tuple[str, str]] = field(default_factory=list)
    added_identifiers: dict[str, str] = field(default_factory=dict)
    new_events: dict[str, list[ProfileEvent]] = field(default_factory=dict)
    removed_identifiers: list[str] = field(default_factory=list)
    deleted_profile_ids: list[str] = field(default_factory=list)


def nest_attributes(attributes: Mapping[str, JSON]) -> JSONObject:
    """Values by place, such as "custom.plan", as objects within the object."""
    shown: JSONObject = {}
    for place, value in attributes.items():
        group, dot, name = place.partition(".")
        if dot:
            shown.setdefault(group, {})[name] = value
        else:
            shown[place] = value
    return shown
