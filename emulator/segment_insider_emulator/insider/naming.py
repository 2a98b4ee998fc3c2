"""Whom a request about one user means: the profile that its identifiers or Profile ID name."""

from dataclasses import dataclass

from segment_insider_emulator.capture.profile import Profile
from segment_insider_emulator.capture.profiles import ProfileStore
from segment_insider_emulator.capture.writing import ProfileUnitOfWork
from segment_insider_emulator.insider.identity import IdentityRules, format_identifier
from segment_insider_emulator.insider.replies import (
    NO_SUCH_USER,
    NO_VALID_IDENTIFIER,
    reject_malformed_body,
)
from segment_insider_emulator.insider.shape import validate_user_reference
from segment_insider_emulator.insider.users import parse_identifiers
from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class UserReference:
    """Whom a request names.

    Args:
        insider_id: A Profile ID, stronger than every identifier.
        identifiers: Type -> value of those that identify in this account, strongest first.
    """

    insider_id: str | None
    identifiers: dict[str, str]

    def format_identifiers(self) -> list[str]:
        """The identifiers as the store knows them, strongest first."""
        return [format_identifier(*each) for each in self.identifiers.items()]


class ProfileIndex:
    """Profiles of one request, by what they own; a thousand users are not searched one by one."""

    def __init__(self, profiles: list[Profile]) -> None:
        self.profiles = profiles
        self._by_id = {profile.id: profile for profile in profiles}
        self._owner_by_identifier = {
            format_identifier(name, value): profile
            for profile in profiles
            for name, values in profile.identifiers.items()
            for value in values
        }

    def find_profile(self, reference: UserReference) -> Profile | None:
        """The profile that is meant; of several, the one with the strongest identifier."""
        if reference.insider_id:
            return self._by_id.get(reference.insider_id)
        owners = (self._owner_by_identifier.get(each) for each in reference.format_identifiers())
        return next((owner for owner in owners if owner), None)


def parse_user_reference(user: JSONObject, rules: IdentityRules) -> UserReference:
    """Read the identifiers of a user that has no naming faults."""
    identifiers, _ = parse_identifiers(user.get("identifiers", {}), "identifiers")
    return UserReference(user.get("insider_id"), rules.select_identifying(identifiers))


def require_user_reference(body: JSON, rules: IdentityRules) -> UserReference:
    """Read whom the body of a request about one user names.

    Raises: Refusal, when it names nobody.
    """
    request_object = require_object(body)
    for error in validate_user_reference(request_object):
        raise reject_malformed_body(error.text, error.remedy)
    reference = parse_user_reference(request_object, rules)
    if not reference.insider_id and not reference.identifiers:
        raise NO_VALID_IDENTIFIER
    return reference


def require_object(body: JSON) -> JSONObject:
    """*body*, which must be a JSON object. Raises: Refusal."""
    if not isinstance(body, dict):
        raise reject_malformed_body("request body must be object", "Send one JSON object.")
    return body


def require_profile(
    profiles: ProfileStore | ProfileUnitOfWork, reference: UserReference
) -> Profile:
    """The profile that is meant, without its events. Raises: Refusal, when there is none."""
    profile_ids = [reference.insider_id] if reference.insider_id else []
    profile = ProfileIndex(
        profiles.find_by_identifiers(reference.format_identifiers(), profile_ids)
    ).find_profile(reference)
    if profile is None:
        raise NO_SUCH_USER
    return profile
