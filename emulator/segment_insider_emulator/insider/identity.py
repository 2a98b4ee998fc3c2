"""Who a user is: one profile found, created, or put together from several.

Assumed: Insider One publishes that identifiers have a priority, value limits and blocked values,
and that several matches are merged by them, but not how. This is a deterministic model of that.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from segment_insider_emulator.capture.profile import Changes, Profile, ProfileEvent
from segment_insider_emulator.insider.options import Options
from segment_insider_emulator.types import JSON, JSONObject

DEFAULT_IDENTIFIERS = ("uuid", "email", "phone_number")
# One person uses several devices, and each has an anonymous id of its own.
UNLIMITED = {"segment_anonymous_id": 10**9}


@dataclass(frozen=True, slots=True)
class Rules:
    """An account's identity resolution.

    Args:
        priority: Identifier types that identify, strongest first; the name alone for custom ones.
        limits: Type -> values that one profile may own; 1 where not said.
        blocked: Values that never identify, as Insider One recommends; the empty text among them.
    """

    priority: tuple[str, ...]
    limits: Mapping[str, int]
    blocked: frozenset[str]

    def usable(self, given: Mapping[str, str]) -> dict[str, str]:
        """Those of *given*, type -> value, that may identify somebody, strongest first."""
        return {
            name: given[name]
            for name in self.priority
            if name in given and given[name] not in self.blocked
        }

    def room(self, profile: Profile, name: str) -> bool:
        """Whether *profile* may own one more value of *name*."""
        return len(profile.identifiers.get(name, ())) < self.limits.get(name, 1)

    def compatible(self, one: Profile, other: Profile) -> bool:
        """Whether one profile could own the identifiers of both."""
        return all(
            len({*one.identifiers.get(name, ()), *values}) <= self.limits.get(name, 1)
            for name, values in other.identifiers.items()
        )


@dataclass(slots=True)
class Settled:
    """The profile a user turned out to be, with notes for people: (identifier type, sentence)."""

    profile: Profile
    notes: list[tuple[str, str]]


def rules_of(priority: Iterable[str], options: Options) -> Rules:
    """The identity resolution of an account that lists *priority*."""
    limits = {**UNLIMITED, **options.identifier_limits}
    # Assumed: an empty text identifies nobody, whatever else an account blocks.
    return Rules(tuple(priority), limits, frozenset(options.blocked_values) | {""})


def key(name: str, value: str) -> str:
    """An identifier in one text, e.g. "uuid:u1"."""
    return f"{name}:{value}"


class Population:
    """The profiles that one request concerns, and what the request has made of them so far."""

    def __init__(
        self, known: Iterable[Profile], rules: Rules, new_id: Callable[[], str], now: str
    ) -> None:
        self._rules, self._new_id, self._now = rules, new_id, now
        self._by_id = {profile.id: profile for profile in known}
        self._owner = {
            key(name, value): profile
            for profile in self._by_id.values()
            for name, values in profile.identifiers.items()
            for value in values
        }
        self._stored = frozenset(self._owner)
        self._created: dict[str, Profile] = {}
        self._changed: dict[str, Profile] = {}
        self._absorbed: list[tuple[str, str]] = []
        self._events: dict[str, list[ProfileEvent]] = {}

    def has(self, insider_id: str) -> bool:
        """Whether a profile has this Profile ID."""
        return insider_id in self._by_id

    def settle(
        self, insider_id: str | None, given: Mapping[str, str], request: JSONObject
    ) -> Settled:
        """Find or make the profile of a user.

        Args:
            insider_id: A Profile ID, stronger than every identifier; one that no profile has says
                nothing, because a new profile gets a new Profile ID.
            given: Type -> value of usable identifiers, strongest first.
            request: What a merge is put down to, {"method", "path", "where"}.
        """
        matches = self._matches(given)
        known = self._by_id.get(insider_id) if insider_id else None
        profile = known or self._best(matches, given) or self._create()
        settled = Settled(profile, [])
        # Claims come first: what the user says of itself decides who else it can be.
        for name, value in given.items():
            self._claim(settled, name, value)
        for name, other in matches.items():
            if other.id in self._by_id and other is not profile:
                because = {"identifiers": dict(given), "request": request}
                self._join(settled, name, key(name, given[name]), other, because)
        profile.updated_at = self._now
        if profile.id not in self._created:
            self._changed[profile.id] = profile
        return settled

    def add(self, profile: Profile, events: list[ProfileEvent]) -> None:
        """Give *profile* new events."""
        if events:
            self._events.setdefault(profile.id, []).extend(events)

    def changes(self) -> Changes:
        """Everything done so far, for the store."""
        return Changes(
            created=list(self._created.values()),
            changed=list(self._changed.values()),
            absorbed=self._absorbed,
            gained={
                identifier: owner.id
                for identifier, owner in self._owner.items()
                if identifier not in self._stored
            },
            events=self._events,
        )

    def _matches(self, given: Mapping[str, str]) -> dict[str, Profile]:
        owners = {name: self._owner.get(key(name, value)) for name, value in given.items()}
        return {name: owner for name, owner in owners.items() if owner}

    def _best(self, matches: Mapping[str, Profile], given: Mapping[str, str]) -> Profile | None:
        """The strongest match that does not have another value of something stronger.

        A known phone with a new user id is a second person with that phone, not the first one.
        """
        names = list(given)
        for name, profile in matches.items():
            stronger = names[: names.index(name)]
            if all(self._takes(profile, each, given[each]) for each in stronger):
                return profile
        return None

    def _takes(self, profile: Profile, name: str, value: str) -> bool:
        return value in profile.identifiers.get(name, ()) or self._rules.room(profile, name)

    def _create(self) -> Profile:
        profile = Profile(self._new_id(), created_at=self._now, updated_at=self._now)
        self._by_id[profile.id] = self._created[profile.id] = profile
        return profile

    def _join(
        self, settled: Settled, name: str, found_by: str, other: Profile, because: JSONObject
    ) -> None:
        profile = settled.profile
        if not self._rules.compatible(profile, other):
            what = f"{found_by} belongs to another profile, which cannot be merged into this one"
            settled.notes.append((name, what))
            return
        merged = {"absorbed": other.id, "survivor": profile.id, "found_by": found_by, **because}
        merged["brought"] = {name: list(values) for name, values in other.identifiers.items()}
        merge(profile, other)
        what = f"took in {other.id}, found by {found_by}"
        profile.trail.append({"at": self._now, "what": what, "merge": merged})
        for identifier, owner in self._owner.items():
            if owner is other:
                self._owner[identifier] = profile
        self._absorbed.append((other.id, profile.id))
        self.add(profile, self._events.pop(other.id, []))
        for profiles in (self._by_id, self._created, self._changed):
            profiles.pop(other.id, None)

    def _claim(self, settled: Settled, name: str, value: str) -> None:
        profile = settled.profile
        if key(name, value) in self._owner:
            return
        if not self._rules.room(profile, name):
            settled.notes.append((name, "the profile keeps the value it has; this one is ignored"))
            return
        self._owner[key(name, value)] = profile
        profile.identifiers.setdefault(name, []).append(value)
        if name in DEFAULT_IDENTIFIERS:
            profile.write(name, value, self._now)


def merge(survivor: Profile, other: Profile) -> None:
    """Give *survivor* all that *other* has.

    Assumed: of an attribute in both, the latest written stays. Lists are united instead, so that
    what was appended to either is kept whenever the two turn out to be one.
    """
    for name, values in other.identifiers.items():
        owned = survivor.identifiers.setdefault(name, [])
        owned.extend(value for value in values if value not in owned)
    for place, at in other.written.items():
        mine, theirs = survivor.attributes.get(place), other.attributes[place]
        written = survivor.written.get(place, "")
        if isinstance(mine, list) and isinstance(theirs, list):
            older, newer = (mine, theirs) if at > written else (theirs, mine)
            survivor.write(place, united(older, newer), max(at, written))
        elif at > written:
            survivor.write(place, theirs, at)
    survivor.created_at = min(survivor.created_at, other.created_at)
    survivor.trail = sorted([*survivor.trail, *other.trail], key=lambda entry: str(entry["at"]))


def united(stored: list[JSON], added: list[JSON]) -> list[JSON]:
    """*stored* and the members of *added* that it lacks."""
    return [*stored, *(member for member in added if member not in stored)]
