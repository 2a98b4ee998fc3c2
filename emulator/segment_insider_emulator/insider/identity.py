"""Who a user is: one profile found, created, or put together from several.

Assumed: Insider One publishes that identifiers have a priority, value limits and blocked values,
and that several matches are merged by them, but not how. This is a deterministic model of that.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from segment_insider_emulator.insider.options import InsiderOptions
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent
from segment_insider_emulator.types import JSON, JSONObject

DEFAULT_IDENTIFIERS = ("uuid", "email", "phone_number")
# One person uses several devices, and each has an anonymous id of its own.
UNLIMITED_IDENTIFIERS = {"segment_anonymous_id": 10**9}


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """An account's identity resolution.

    Args:
        priority: Identifier types that identify, strongest first; the name alone for custom ones.
        limits: Type -> values that one profile may own; 1 where not said.
        blocked: Values that never identify, as Insider One recommends; the empty text among them.
    """

    priority: tuple[str, ...]
    limits: Mapping[str, int]
    blocked: frozenset[str]

    def select_identifying(self, identifiers: Mapping[str, str]) -> dict[str, str]:
        """Those of *given*, type -> value, that may identify somebody, strongest first."""
        return {
            name: identifiers[name]
            for name in self.priority
            if name in identifiers and identifiers[name] not in self.blocked
        }

    def has_room_for(self, profile: Profile, identifier_type: str) -> bool:
        """Whether *profile* may own one more value of *name*."""
        return len(profile.identifiers.get(identifier_type, ())) < self.limits.get(
            identifier_type, 1
        )

    def can_merge(self, survivor: Profile, other: Profile) -> bool:
        """Whether one profile could own the identifiers of both."""
        return all(
            len({*survivor.identifiers.get(name, ()), *values}) <= self.limits.get(name, 1)
            for name, values in other.identifiers.items()
        )


@dataclass(slots=True)
class ResolvedUser:
    """The profile a user turned out to be, with notes for people: (identifier type, sentence)."""

    profile: Profile
    notes: list[tuple[str, str]]


def build_identity_rules(priority: Iterable[str], options: InsiderOptions) -> IdentityRules:
    """The identity resolution of an account that lists *priority*."""
    limits = {**UNLIMITED_IDENTIFIERS, **options.identifier_limits}
    # Assumed: an empty text identifies nobody, whatever else an account blocks.
    return IdentityRules(tuple(priority), limits, frozenset(options.blocked_values) | {""})


def format_identifier(identifier_type: str, value: str) -> str:
    """An identifier in one text, e.g. "uuid:u1"."""
    return f"{identifier_type}:{value}"


class IdentityResolver:
    """The profiles that one request concerns, and what the request has made of them so far."""

    def __init__(
        self,
        known_profiles: Iterable[Profile],
        rules: IdentityRules,
        generate_profile_id: Callable[[], str],
        now: str,
    ) -> None:
        self._rules, self._generate_profile_id, self._now = rules, generate_profile_id, now
        self._by_id = {profile.id: profile for profile in known_profiles}
        self._owner_by_identifier = {
            format_identifier(name, value): profile
            for profile in self._by_id.values()
            for name, values in profile.identifiers.items()
            for value in values
        }
        self._stored_identifiers = frozenset(self._owner_by_identifier)
        self._created_profiles: dict[str, Profile] = {}
        self._changed_profiles: dict[str, Profile] = {}
        self._absorbed_ids: list[tuple[str, str]] = []
        self._events_by_profile: dict[str, list[ProfileEvent]] = {}

    def has_profile(self, insider_id: str) -> bool:
        """Whether a profile has this Profile ID."""
        return insider_id in self._by_id

    def resolve(
        self, insider_id: str | None, identifiers: Mapping[str, str], request: JSONObject
    ) -> ResolvedUser:
        """Find or make the profile of a user.

        Args:
            insider_id: A Profile ID, stronger than every identifier; one that no profile has says
                nothing, because a new profile gets a new Profile ID.
            given: Type -> value of usable identifiers, strongest first.
            request: What a merge is put down to, {"method", "path", "where"}.
        """
        matches = self._find_owners(identifiers)
        known_profile = self._by_id.get(insider_id) if insider_id else None
        profile = (
            known_profile or self._choose_profile(matches, identifiers) or self._create_profile()
        )
        resolved = ResolvedUser(profile, [])
        # Claims come first: what the user says of itself decides who else it can be.
        for identifier_type, value in identifiers.items():
            self._assign_identifier(resolved, identifier_type, value)
        for identifier_type, other_profile in matches.items():
            if other_profile.id in self._by_id and other_profile is not profile:
                merge_context = {"identifiers": dict(identifiers), "request": request}
                self._merge_into(
                    resolved,
                    identifier_type,
                    format_identifier(identifier_type, identifiers[identifier_type]),
                    other_profile,
                    merge_context,
                )
        profile.updated_at = self._now
        if profile.id not in self._created_profiles:
            self._changed_profiles[profile.id] = profile
        return resolved

    def add_events(self, profile: Profile, events: list[ProfileEvent]) -> None:
        """Give *profile* new events."""
        if events:
            self._events_by_profile.setdefault(profile.id, []).extend(events)

    def collect_changes(self) -> ProfileChanges:
        """Everything done so far, for the store."""
        return ProfileChanges(
            created_profiles=list(self._created_profiles.values()),
            changed_profiles=list(self._changed_profiles.values()),
            merges=self._absorbed_ids,
            added_identifiers={
                identifier: owner.id
                for identifier, owner in self._owner_by_identifier.items()
                if identifier not in self._stored_identifiers
            },
            new_events=self._events_by_profile,
        )

    def _find_owners(self, identifiers: Mapping[str, str]) -> dict[str, Profile]:
        owners = {
            name: self._owner_by_identifier.get(format_identifier(name, value))
            for name, value in identifiers.items()
        }
        return {name: owner for name, owner in owners.items() if owner}

    def _choose_profile(
        self, matches: Mapping[str, Profile], identifiers: Mapping[str, str]
    ) -> Profile | None:
        """The strongest match that does not have another value of something stronger.

        A known phone with a new user id is a second person with that phone, not the first one.
        """
        identifier_types = list(identifiers)
        for identifier_type, profile in matches.items():
            stronger_types = identifier_types[: identifier_types.index(identifier_type)]
            if all(
                self._accepts_identifier(profile, each, identifiers[each])
                for each in stronger_types
            ):
                return profile
        return None

    def _accepts_identifier(self, profile: Profile, identifier_type: str, value: str) -> bool:
        return value in profile.identifiers.get(identifier_type, ()) or self._rules.has_room_for(
            profile, identifier_type
        )

    def _create_profile(self) -> Profile:
        profile = Profile(self._generate_profile_id(), created_at=self._now, updated_at=self._now)
        self._by_id[profile.id] = self._created_profiles[profile.id] = profile
        return profile

    def _merge_into(
        self,
        resolved: ResolvedUser,
        identifier_type: str,
        matched_identifier: str,
        other: Profile,
        merge_context: JSONObject,
    ) -> None:
        profile = resolved.profile
        if not self._rules.can_merge(profile, other):
            what = f"{matched_identifier} belongs to another profile, which cannot be merged into this one"
            resolved.notes.append((identifier_type, what))
            return
        merge_record = {
            "absorbed": other.id,
            "survivor": profile.id,
            "found_by": matched_identifier,
            **merge_context,
        }
        merge_record["brought"] = {name: list(values) for name, values in other.identifiers.items()}
        merge_profiles(profile, other)
        what = f"took in {other.id}, found by {matched_identifier}"
        profile.trail.append({"at": self._now, "what": what, "merge": merge_record})
        for identifier, owner in self._owner_by_identifier.items():
            if owner is other:
                self._owner_by_identifier[identifier] = profile
        self._absorbed_ids.append((other.id, profile.id))
        self.add_events(profile, self._events_by_profile.pop(other.id, []))
        for profiles in (self._by_id, self._created_profiles, self._changed_profiles):
            profiles.pop(other.id, None)

    def _assign_identifier(self, resolved: ResolvedUser, identifier_type: str, value: str) -> None:
        profile = resolved.profile
        if format_identifier(identifier_type, value) in self._owner_by_identifier:
            return
        if not self._rules.has_room_for(profile, identifier_type):
            resolved.notes.append(
                (identifier_type, "the profile keeps the value it has; this one is ignored")
            )
            return
        self._owner_by_identifier[format_identifier(identifier_type, value)] = profile
        profile.identifiers.setdefault(identifier_type, []).append(value)
        if identifier_type in DEFAULT_IDENTIFIERS:
            profile.set_attribute(identifier_type, value, self._now)


def merge_profiles(survivor: Profile, other: Profile) -> None:
    """Give *survivor* all that *other* has.

    Assumed: of an attribute in both, the latest written stays. Lists are united instead, so that
    what was appended to either is kept whenever the two turn out to be one.
    """
    for identifier_type, values in other.identifiers.items():
        owned_values = survivor.identifiers.setdefault(identifier_type, [])
        owned_values.extend(value for value in values if value not in owned_values)
    for attribute_path, other_written_at in other.written.items():
        survivor_value, other_value = (
            survivor.attributes.get(attribute_path),
            other.attributes[attribute_path],
        )
        survivor_written_at = survivor.written.get(attribute_path, "")
        if isinstance(survivor_value, list) and isinstance(other_value, list):
            older, newer = (
                (survivor_value, other_value)
                if other_written_at > survivor_written_at
                else (other_value, survivor_value)
            )
            survivor.set_attribute(
                attribute_path,
                append_missing(older, newer),
                max(other_written_at, survivor_written_at),
            )
        elif other_written_at > survivor_written_at:
            survivor.set_attribute(attribute_path, other_value, other_written_at)
    survivor.created_at = min(survivor.created_at, other.created_at)
    survivor.trail = sorted([*survivor.trail, *other.trail], key=lambda entry: str(entry["at"]))


def append_missing(stored: list[JSON], added: list[JSON]) -> list[JSON]:
    """*stored* and the members of *added* that it lacks."""
    return [*stored, *(member for member in added if member not in stored)]
