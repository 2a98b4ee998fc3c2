"""Deleting attributes, whole or in part.

Source: Insider One, API collection "Delete User Attribute". Assumed: errors in the shape of an
upsert's, a name under both `whole` and `partial` goes wholly, and a user nobody is counts as done.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider import responses
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.catalog import DEFAULT_ATTRIBUTES
from segment_insider_emulator.insider.identity import IdentityRules
from segment_insider_emulator.insider.responses import RequestFinding, build_warning
from segment_insider_emulator.insider.upsert import require_user_list
from segment_insider_emulator.insider.users import ProfileIndex, parse_user_reference
from segment_insider_emulator.insider.validation import (
    ATTRIBUTE_DELETION_KEYS,
    build_error_findings,
    build_error_listing,
    find_undocumented_keys,
    validate_attribute_deletion,
)
from segment_insider_emulator.storage.records import Profile, ProfileChanges
from segment_insider_emulator.types import JSON, HttpResponse, JSONObject

log = logging.getLogger(__name__)

ATTRIBUTE_DELETE_PATH = "/api/user/v1/attribute/delete"


@dataclass(frozen=True, slots=True)
class DeleteAttributesHandler:
    """Remove attributes from the profiles of many users."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when the request is refused as a whole."""
        users: dict[int, JSONObject] = {}
        error_listings: list[dict[str, list[str]]] = []
        findings: list[RequestFinding] = []
        for index, user in enumerate(require_user_list(body)):
            if found := validate_attribute_deletion(user):
                error_listings.append(build_error_listing(index, found))
                findings += build_error_findings(index, found)
            else:
                users[index] = user
        findings += find_undocumented_keys(body, ATTRIBUTE_DELETION_KEYS)
        findings += self._delete_for_users(users, format_iso_utc(now))
        log.info("deleted attributes users=%d failed=%d", len(users), len(error_listings))
        is_empty_answer = (
            self.account.options.attribute_delete_answer == "empty" and not error_listings
        )
        response_body = (
            {} if is_empty_answer else responses.build_result_body(len(users), error_listings)
        )
        return responses.build_response(200, response_body, findings)

    def _delete_for_users(self, users: dict[int, JSONObject], now: str) -> list[RequestFinding]:
        rules = self.account.identity_rules
        references = {index: parse_user_reference(user, rules) for index, user in users.items()}
        identifier_keys = [
            identifier for each in references.values() for identifier in each.format_identifiers()
        ]
        profile_ids = [each.insider_id for each in references.values() if each.insider_id]
        findings: list[RequestFinding] = []
        with self.account.profiles.unit_of_work() as unit_of_work:
            profile_index = ProfileIndex(
                unit_of_work.find_by_identifiers(identifier_keys, profile_ids)
            )
            for index, user in users.items():
                profile = profile_index.find_profile(references[index])
                if profile is None:
                    what = "no profile is found for this user, so nothing is deleted"
                    remedy = "Send an identifier that a profile owns, or its Profile ID."
                    findings.append(build_warning(f"users.{index}", what, remedy))
                    continue
                findings += delete_attributes(profile, user, rules, f"users.{index}", now)
                profile.updated_at = now
            unit_of_work.save_changes(ProfileChanges(changed_profiles=profile_index.profiles))
        return findings


def delete_attributes(
    profile: Profile, user: JSONObject, rules: IdentityRules, where: str, now: str
) -> list[RequestFinding]:
    """Remove from *profile* what *user* lists. Returns: warnings."""
    warnings = []
    custom = user.get("custom", {})
    for listing, prefix in ((user, ""), (custom, "custom.")):
        whole_paths = [_resolve_attribute_path(name, prefix) for name in listing.get("whole", ())]
        for attribute_path in whole_paths:
            if attribute_path.removeprefix("custom.") in rules.priority:
                what = (
                    f"{attribute_path} identifies people in this account and cannot be deleted here"
                )
                remedy = "Delete an identifier with DELETE /api/user/v1/identity."
                warnings.append(build_warning(f"{where}.{prefix}whole", what, remedy))
            else:
                profile.remove_attribute(attribute_path)
        for name, members in listing.get("partial", {}).items():
            attribute_path = _resolve_attribute_path(name, prefix)
            stored_value = profile.attributes.get(attribute_path)
            if isinstance(stored_value, list):
                remaining_members = [member for member in stored_value if member not in members]
                profile.set_attribute(attribute_path, remaining_members, now)
            elif stored_value is not None:
                what = f"{attribute_path} is no list, so no part of it can be deleted"
                remedy = f"Name it under {prefix}whole."
                warnings.append(build_warning(f"{where}.{prefix}partial.{name}", what, remedy))
    return warnings


def _resolve_attribute_path(name: str, prefix: str) -> str:
    return prefix + name if prefix else DEFAULT_ATTRIBUTES.aliases.get(name, name)
