"""Handler of Insider One's attribute/delete: delete attributes of many users, whole or in part.

Source: Insider One, API collection "Delete User Attribute". Assumed: errors look like those of an
upsert; an attribute under both `whole` and `partial` is deleted; an unknown user is no error.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider import responses
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.catalog import DEFAULT_ATTRIBUTES
from segment_insider_emulator.insider.identity import IdentityRules
from segment_insider_emulator.insider.profile_changes import copy_profile_states, save_with_history
from segment_insider_emulator.insider.responses import RequestFinding, build_warning
from segment_insider_emulator.insider.upsert import require_user_list
from segment_insider_emulator.insider.users import ProfileIndex, parse_user_reference
from segment_insider_emulator.insider.validation import (
    ATTRIBUTE_DELETION_KEYS,
    build_error_findings,
    build_error_listing,
    validate_attribute_deletion,
    warn_undocumented_keys,
)
from segment_insider_emulator.storage.records import Profile, ProfileChanges
from segment_insider_emulator.types import JSON, HttpResponse, JSONObject

log = logging.getLogger(__name__)

ATTRIBUTE_DELETE_PATH = "/api/user/v1/attribute/delete"


@dataclass(frozen=True, slots=True)
class DeleteAttributesHandler:
    """Handler of POST attribute/delete of the Insider One API: remove attributes of many users."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Delete the attributes that an attribute/delete request lists, for all valid users.

        Raises: RequestRejected, when the whole request is rejected.
        """
        users: dict[int, JSONObject] = {}
        error_listings: list[dict[str, list[str]]] = []
        findings: list[RequestFinding] = []
        for index, user in enumerate(require_user_list(body)):
            if errors := validate_attribute_deletion(user):
                error_listings.append(build_error_listing(index, errors))
                findings += build_error_findings(index, errors)
            else:
                users[index] = user
        findings += warn_undocumented_keys(body, ATTRIBUTE_DELETION_KEYS)
        findings += self._delete_attributes_of_users(users, now)
        log.info("deleted attributes users=%d failed=%d", len(users), len(error_listings))
        if self.account.options.attribute_delete_answer == "empty" and not error_listings:
            return responses.build_json_response(200, {}, findings)
        result = responses.build_users_result_body(len(users), error_listings)
        return responses.build_json_response(200, result, findings)

    def _delete_attributes_of_users(
        self, users: dict[int, JSONObject], at: datetime
    ) -> list[RequestFinding]:
        now = format_iso_utc(at)
        rules = self.account.identity_rules
        references = {index: parse_user_reference(user, rules) for index, user in users.items()}
        identifier_keys = [
            identifier
            for reference in references.values()
            for identifier in reference.format_identifiers()
        ]
        profile_ids = [
            reference.insider_id for reference in references.values() if reference.insider_id
        ]
        findings: list[RequestFinding] = []
        with self.account.profiles.unit_of_work() as unit_of_work:
            profile_index = ProfileIndex(
                unit_of_work.find_by_identifiers(identifier_keys, profile_ids)
            )
            states_before = copy_profile_states(profile_index.profiles)
            for index, user in users.items():
                profile = profile_index.find_profile(references[index])
                if profile is None:
                    what = "no profile found for this user, so nothing is deleted"
                    remedy = "Send an identifier that a profile has, or its Profile ID."
                    findings.append(build_warning("unknown-user", f"users.{index}", what, remedy))
                    continue
                findings += delete_attributes(profile, user, rules, f"users.{index}", now)
                profile.updated_at = now
            changes = ProfileChanges(changed_profiles=profile_index.profiles)
            source = f"POST {ATTRIBUTE_DELETE_PATH}"
            save_with_history(unit_of_work, states_before, changes, at, source)
        return findings


def delete_attributes(
    profile: Profile, user: JSONObject, rules: IdentityRules, where: str, now: str
) -> list[RequestFinding]:
    """Delete the attributes that the request lists for *user* from its *profile*.

    Returns: warnings.
    """
    warnings = []
    custom = user.get("custom", {})
    for listing, prefix in ((user, ""), (custom, "custom.")):
        whole_paths = [_resolve_attribute_path(name, prefix) for name in listing.get("whole", ())]
        for attribute_path in whole_paths:
            if attribute_path.removeprefix("custom.") in rules.priority:
                what = f"{attribute_path} is an identifier of this account; it is not deleted here"
                remedy = "Delete an identifier with DELETE /api/user/v1/identity."
                place = f"{where}.{prefix}whole"
                warnings.append(build_warning("undeletable-identifier", place, what, remedy))
            else:
                profile.remove_attribute(attribute_path)
        for name, members in listing.get("partial", {}).items():
            attribute_path = _resolve_attribute_path(name, prefix)
            stored_value = profile.attributes.get(attribute_path)
            if isinstance(stored_value, list):
                remaining_members = [member for member in stored_value if member not in members]
                profile.set_attribute(attribute_path, remaining_members, now)
            elif stored_value is not None:
                what = f"{attribute_path} is not a list, so no part of it can be deleted"
                remedy = f"List it under {prefix}whole."
                place = f"{where}.{prefix}partial.{name}"
                warnings.append(build_warning("not-a-list", place, what, remedy))
    return warnings


def _resolve_attribute_path(name: str, prefix: str) -> str:
    return prefix + name if prefix else DEFAULT_ATTRIBUTES.aliases.get(name, name)
