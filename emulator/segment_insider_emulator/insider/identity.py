"""Identity resolution of Insider One: find, create or merge the profile of a user.

Assumed: Insider One publishes that identifiers have a priority, value limits and blocked values,
and that matching profiles are merged, but not how. This is a deterministic model of it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent
from segment_insider_emulator.types import JSON, JSONObject, record

DEFAULT_IDENTIFIERS = ("uuid", "email", "phone_number")
# A person uses several devices, and each device has its own anonymous id.
UNLIMITED_IDENTIFIERS = {"segment_anonymous_id": 10**9}


@record
class IdentityRules:
    """An Insider One account's rules for identity resolution.

    Args:
        priority: Types that identify a profile, strongest first; custom types without "custom.".
        limits: Type -> number of values that one profile may have; default 1.
        blocked: Values that never identify a profile, including the empty text.
    """

    priority: tuple[str, ...]
    limits: Mapping[str, int]
    blocked: frozenset[str]

    def select_usable_identifiers(self, identifiers: Mapping[str, str]) -> dict[str, str]:
        """Return those of a user's identifiers that may identify a profile, strongest first."""
        return {
            name: identifiers[name]
            for name in self.priority
            if name in identifiers and identifiers[name] not in self.blocked
        }

    def can_add_identifier(self, profile: Profile, identifier_type: str) -> bool:
        """Return whether *profile* may have one more value of *identifier_type*."""
        limit = self.limits.get(identifier_type, 1)
        return len(profile.identifiers.get(identifier_type, ())) < limit

    def can_merge_profiles(self, survivor: Profile, other: Profile) -> bool:
        """Return whether two profiles can be merged: one may have the identifiers of both."""
        return all(
            len({*survivor.identifiers.get(name, ()), *values}) <= self.limits.get(name, 1)
            for name, values in other.identifiers.items()
        )


@dataclass(slots=True)
class ResolvedUser:
    """Profile found or created for a request's user, with notes: (identifier type, sentence)."""

    profile: Profile
    notes: list[tuple[str, str]]


def build_identity_rules(priority: Iterable[str], options: InsiderAccountOptions) -> IdentityRules:
    """Build an account's identity rules; *priority* lists identifier types, strongest first."""
    limits = {**UNLIMITED_IDENTIFIERS, **options.identifier_limits}
    # Assumed: an empty text never identifies a profile, whatever else an account blocks.
    return IdentityRules(tuple(priority), limits, frozenset(options.blocked_values) | {""})


def format_identifier(identifier_type: str, value: str) -> str:
    """Format a user identifier as one text of type and value, e.g. "uuid:u1"."""
    return f"{identifier_type}:{value}"


class IdentityResolver:
    """Resolves the users of one upsert request to profiles: finds, creates and merges them."""

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
            f"{name}:{value}": profile
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
        """Return whether one of the known profiles has this Profile ID."""
        return insider_id in self._by_id

    def find_profile(self, identifiers: Mapping[str, str]) -> Profile | None:
        """Return the profile with the strongest of *identifiers*, strongest first; None if none."""
        return next(iter(self._find_identifier_owners(identifiers).values()), None)

    def resolve_user(
        self, insider_id: str | None, identifiers: Mapping[str, str], request: JSONObject
    ) -> ResolvedUser:
        """Find or create the profile of one user; merge the profiles that are the same person.

        Args:
            insider_id: A Profile ID, stronger than every identifier. An unknown one is ignored,
                because a new profile gets a new Profile ID.
            identifiers: Type -> value of usable identifiers, strongest first.
            request: Origin to record for a merge, {"method", "path", "where"}.
        """
        matches = self._find_identifier_owners(identifiers)
        profile = self._by_id.get(insider_id) if insider_id else None
        profile = profile or self._choose_profile(matches, identifiers) or self._create_profile()
        resolved = ResolvedUser(profile, [])
        # Assign first: the user's own identifiers decide which profiles can be merged into it.
        for identifier_type, value in identifiers.items():
            self._assign_identifier(resolved, identifier_type, value)
        merge_context = {"identifiers": dict(identifiers), "request": request}
        for identifier_type, other in matches.items():
            if other.id in self._by_id and other is not profile:
                value = identifiers[identifier_type]
                self._merge_profile_into(resolved, identifier_type, value, other, merge_context)
        profile.updated_at = self._now
        if profile.id not in self._created_profiles:
            self._changed_profiles[profile.id] = profile
        return resolved

    def add_events(self, profile: Profile, events: list[ProfileEvent]) -> None:
        """Note new events of *profile* as changes to be saved."""
        if events:
            self._events_by_profile.setdefault(profile.id, []).extend(events)

    def collect_changes(self) -> ProfileChanges:
        """Collect all changes of profiles and events by the request, to be saved."""
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

    def _find_identifier_owners(self, identifiers: Mapping[str, str]) -> dict[str, Profile]:
        owners = {
            name: self._owner_by_identifier.get(f"{name}:{value}")
            for name, value in identifiers.items()
        }
        return {name: owner for name, owner in owners.items() if owner}

    def _choose_profile(
        self, matches: Mapping[str, Profile], identifiers: Mapping[str, str]
    ) -> Profile | None:
        """Choose a user's profile: the strongest match without a conflict in a stronger identifier.

        A known phone with a new user id is a second person with that phone, not the first one.
        """
        identifier_types = list(identifiers)
        for identifier_type, profile in matches.items():
            stronger_types = identifier_types[: identifier_types.index(identifier_type)]
            if all(
                self._accepts_identifier(profile, stronger_type, identifiers[stronger_type])
                for stronger_type in stronger_types
            ):
                return profile
        return None

    def _accepts_identifier(self, profile: Profile, identifier_type: str, value: str) -> bool:
        if value in profile.identifiers.get(identifier_type, ()):
            return True
        return self._rules.can_add_identifier(profile, identifier_type)

    def _create_profile(self) -> Profile:
        profile = Profile(self._generate_profile_id(), created_at=self._now, updated_at=self._now)
        self._by_id[profile.id] = self._created_profiles[profile.id] = profile
        return profile

    def _merge_profile_into(
        self,
        resolved: ResolvedUser,
        identifier_type: str,
        value: str,
        other: Profile,
        merge_context: JSONObject,
    ) -> None:
        profile = resolved.profile
        matched = format_identifier(identifier_type, value)
        if not self._rules.can_merge_profiles(profile, other):
            what = f"{matched} belongs to another profile, which cannot be merged into this one"
            resolved.notes.append((identifier_type, what))
            return
        merge_record = {
            "absorbed": other.id,
            "survivor": profile.id,
            "found_by": matched,
            **merge_context,
            "brought": {name: list(values) for name, values in other.identifiers.items()},
        }
        merge_profiles(profile, other)
        what = f"merged with {other.id}, found by {matched}"
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
        identifier = f"{identifier_type}:{value}"
        if identifier in self._owner_by_identifier:
            return
        if not self._rules.can_add_identifier(profile, identifier_type):
            note = "the profile already has another value, so this value is ignored"
            resolved.notes.append((identifier_type, note))
            return
        self._owner_by_identifier[identifier] = profile
        profile.identifiers.setdefault(identifier_type, []).append(value)
        if identifier_type in DEFAULT_IDENTIFIERS:
            profile.set_attribute(identifier_type, value, self._now)


def merge_profiles(survivor: Profile, other: Profile) -> None:
    """Merge the identifiers, attributes and history of the profile *other* into *survivor*.

    Assumed: of an attribute in both, the value written last stays. Lists are combined instead, so
    that appended members are not lost, whenever the two profiles are merged.
    """
    for identifier_type, values in other.identifiers.items():
        owned_values = survivor.identifiers.setdefault(identifier_type, [])
        owned_values.extend(value for value in values if value not in owned_values)
    for path, other_written_at in other.written.items():
        survivor_value, other_value = survivor.attributes.get(path), other.attributes[path]
        survivor_written_at = survivor.written.get(path, "")
        is_other_newer = other_written_at > survivor_written_at
        if isinstance(survivor_value, list) and isinstance(other_value, list):
            if is_other_newer:
                members = append_missing_items(survivor_value, other_value)
            else:
                members = append_missing_items(other_value, survivor_value)
            survivor.set_attribute(path, members, max(other_written_at, survivor_written_at))
        elif is_other_newer:
            survivor.set_attribute(path, other_value, other_written_at)
    survivor.created_at = min(survivor.created_at, other.created_at)
    survivor.trail = sorted([*survivor.trail, *other.trail], key=lambda entry: str(entry["at"]))


def append_missing_items(stored: list[JSON], added: list[JSON]) -> list[JSON]:
    """Return the list *stored* followed by the items of *added* that it does not have."""
    return [*stored, *(member for member in added if member not in stored)]
