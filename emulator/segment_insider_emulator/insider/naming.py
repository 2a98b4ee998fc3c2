"""Whom a request about one user means: the profile that its identifiers or Profile ID name."""

from dataclasses import dataclass

from segment_insider_emulator.capture.profile import Profile
from segment_insider_emulator.capture.profiles import ProfileStore
from segment_insider_emulator.capture.writing import Writing
from segment_insider_emulator.insider.identity import Rules, key
from segment_insider_emulator.insider.replies import NO_SUCH_USER, NO_VALID_IDENTIFIER, malformed
from segment_insider_emulator.insider.shape import naming_faults
from segment_insider_emulator.insider.users import identifiers_of
from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a request names.

    Args:
        insider_id: A Profile ID, stronger than every identifier.
        identifiers: Type -> value of those that identify in this account, strongest first.
    """

    insider_id: str | None
    identifiers: dict[str, str]

    def owned(self) -> list[str]:
        """The identifiers as the store knows them, strongest first."""
        return [key(*each) for each in self.identifiers.items()]


class Found:
    """Profiles of one request, by what they own; a thousand users are not searched one by one."""

    def __init__(self, profiles: list[Profile]) -> None:
        self.all = profiles
        self._by_id = {profile.id: profile for profile in profiles}
        self._owner = {
            key(name, value): profile
            for profile in profiles
            for name, values in profile.identifiers.items()
            for value in values
        }

    def profile(self, meant: Named) -> Profile | None:
        """The profile that is meant; of several, the one with the strongest identifier."""
        if meant.insider_id:
            return self._by_id.get(meant.insider_id)
        owners = (self._owner.get(each) for each in meant.owned())
        return next((owner for owner in owners if owner), None)


def named(user: JSONObject, rules: Rules) -> Named:
    """Read the identifiers of a user that has no naming faults."""
    given, _ = identifiers_of(user.get("identifiers", {}), "identifiers")
    return Named(user.get("insider_id"), rules.usable(given))


def one_named(body: JSON, rules: Rules) -> Named:
    """Read whom the body of a request about one user names.

    Raises: Refusal, when it names nobody.
    """
    wanted = an_object(body)
    for fault in naming_faults(wanted):
        raise malformed(fault.text, fault.remedy)
    meant = named(wanted, rules)
    if not meant.insider_id and not meant.identifiers:
        raise NO_VALID_IDENTIFIER
    return meant


def an_object(body: JSON) -> JSONObject:
    """*body*, which must be a JSON object. Raises: Refusal."""
    if not isinstance(body, dict):
        raise malformed("request body must be object", "Send one JSON object.")
    return body


def present(profiles: ProfileStore | Writing, meant: Named) -> Profile:
    """The profile that is meant, without its events. Raises: Refusal, when there is none."""
    ids = [meant.insider_id] if meant.insider_id else []
    profile = Found(profiles.find(meant.owned(), ids)).profile(meant)
    if profile is None:
        raise NO_SUCH_USER
    return profile
