"""Changing and deleting the identifiers of one profile.

Source: Insider One, API collection "Update Identifiers" and "Delete Identifiers". Assumed: {} as
the answer to a deletion, which is published nowhere, and a 404 for an old value nobody has.
"""

from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.capture.profile import ProfileChanges
from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.insider import replies
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.changes import build_profile_changes, copy_attributes
from segment_insider_emulator.insider.identity import (
    DEFAULT_IDENTIFIERS,
    IdentityRules,
    format_identifier,
)
from segment_insider_emulator.insider.naming import (
    UserReference,
    require_object,
    require_profile,
    require_user_reference,
)
from segment_insider_emulator.insider.structure import (
    IDENTIFIER_UPDATE_KEYS,
    USER_REFERENCE_KEYS,
    find_undocumented_keys,
)
from segment_insider_emulator.types import JSON

IDENTITY_PATH = "/api/user/v1/identity"


@dataclass(frozen=True, slots=True)
class UpdateIdentifierHandler:
    """Give a profile a new value of an identifier for the one it has."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal."""
        identifier_type, old_value, new_value = _parse_identifier_update(
            body, self.account.identity_rules
        )
        with self.account.profiles.unit_of_work() as unit_of_work:
            if unit_of_work.find_by_identifiers([format_identifier(identifier_type, new_value)]):
                raise replies.IDENTIFIER_ALREADY_ASSIGNED
            profile = require_profile(
                unit_of_work, UserReference(None, {identifier_type: old_value})
            )
            attributes_before, values = (
                copy_attributes([profile]),
                profile.identifiers[identifier_type],
            )
            values[values.index(old_value)] = new_value
            if identifier_type in DEFAULT_IDENTIFIERS:
                profile.set_attribute(identifier_type, values[-1], format_iso_utc(now))
            profile.trail.append(
                {
                    "at": format_iso_utc(now),
                    "what": f"{identifier_type} was changed by PATCH {IDENTITY_PATH}",
                }
            )
            profile.updated_at = format_iso_utc(now)
            new_identifiers = {format_identifier(identifier_type, new_value): profile.id}
            changes = ProfileChanges(
                changed_profiles=[profile],
                removed_identifiers=[format_identifier(identifier_type, old_value)],
                added_identifiers=new_identifiers,
            )
            unit_of_work.save_changes(changes)
            # A default identifier is an attribute, too, and updates of one start journeys.
            self.account.on_change(
                build_profile_changes(attributes_before, changes, [], now, skip_hook=False)
            )
        return replies.build_response(
            200, {}, [*find_undocumented_keys(body, IDENTIFIER_UPDATE_KEYS)]
        )


@dataclass(frozen=True, slots=True)
class DeleteIdentifiersHandler:
    """Take identifiers from a profile, which keeps at least one."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal."""
        reference = require_user_reference(body, self.account.identity_rules)
        if not reference.identifiers:
            raise replies.NO_VALID_IDENTIFIER
        with self.account.profiles.unit_of_work() as unit_of_work:
            profile = require_profile(unit_of_work, reference)
            removed_identifiers = []
            for identifier_type, value in reference.identifiers.items():
                values = profile.identifiers.get(identifier_type, [])
                if value not in values:
                    # Assumed: what one of two owns is not taken from both.
                    raise replies.NO_SUCH_USER
                values.remove(value)
                removed_identifiers.append(format_identifier(identifier_type, value))
                if not values:
                    del profile.identifiers[identifier_type]
                    profile.remove_attribute(identifier_type)
                elif identifier_type in DEFAULT_IDENTIFIERS:
                    profile.set_attribute(identifier_type, values[-1], format_iso_utc(now))
            if not profile.identifiers:
                raise replies.SOLE_IDENTIFIER
            what = f"{', '.join(reference.identifiers)} was deleted by DELETE {IDENTITY_PATH}"
            profile.trail.append({"at": format_iso_utc(now), "what": what})
            profile.updated_at = format_iso_utc(now)
            unit_of_work.save_changes(
                ProfileChanges(changed_profiles=[profile], removed_identifiers=removed_identifiers)
            )
        return replies.build_response(200, {}, [*find_undocumented_keys(body, USER_REFERENCE_KEYS)])


def _parse_identifier_update(body: JSON, rules: IdentityRules) -> tuple[str, str, str]:
    """Type, old and new value. Raises: Refusal."""
    request_object = require_object(body)
    identifier_objects = [request_object.get(side) for side in ("old_identifier", "new_identifier")]
    if not all(
        isinstance(each, dict) and len(_list_identifier_names(each)) == 1
        for each in identifier_objects
    ):
        raise replies.NOT_EXACTLY_ONE_IDENTIFIER
    parsed_identifiers = [
        require_user_reference({"identifiers": each}, rules).identifiers
        for each in identifier_objects
    ]
    (old_type, old_value), (new_type, new_value) = (
        next(iter(each.items())) for each in parsed_identifiers
    )
    if old_type != new_type:
        raise replies.DIFFERENT_IDENTIFIER_TYPES
    if old_value == new_value:
        raise replies.SAME_IDENTIFIER_VALUES
    return old_type, old_value, new_value


def _list_identifier_names(identifiers: dict[str, JSON]) -> list[str]:
    """Names on both levels."""
    custom_identifiers = identifiers.get("custom", {})
    names = [name for name in identifiers if name != "custom"]
    return [*names, *(custom_identifiers if isinstance(custom_identifiers, dict) else ["custom"])]
