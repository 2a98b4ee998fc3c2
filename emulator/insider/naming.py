"""Whom a request about one user means: the profile that its identifiers or Profile ID name."""

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.capture.profile import Profile
from emulator.capture.profiles import ProfileStore, Writing
from emulator.insider.identity import Rules, key
from emulator.insider.replies import NO_SUCH_USER, NO_VALID_IDENTIFIER, malformed
from emulator.insider.shape import naming_faults
from emulator.insider.users import identifiers_of
from emulator.types import JSON, JSONObject


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

    def among(self, found: Iterable[Profile]) -> Profile | None:
        """The profile that is meant; of several, the one with the strongest identifier."""
        profiles = list(found)
        if self.insider_id:
            return next((each for each in profiles if each.id == self.insider_id), None)
        for name, value in self.identifiers.items():
            for profile in profiles:
                if value in profile.identifiers.get(name, ()):
                    return profile
        return None


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
    profile = meant.among(profiles.find(meant.owned(), ids))
    if profile is None:
        raise NO_SUCH_USER
    return profile
