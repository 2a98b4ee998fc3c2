"""Deleting a profile, and anonymizing one.

Source: Insider One, API collection "Delete User Profile" and "Anonymize". Assumed: the answer to
anonymize, which is published as a 200 without its body, and that a profile that does not exist is
a 404 here as it is where it is read.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.capture.profile import Profile, ProfileChanges
from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.identity import format_identifier
from segment_insider_emulator.insider.naming import (
    UserReference,
    require_object,
    require_profile,
    require_user_reference,
)
from segment_insider_emulator.insider.replies import build_response, reject_malformed_body
from segment_insider_emulator.insider.structure import (
    PROFILE_ID_KEYS,
    USER_REFERENCE_KEYS,
    find_undocumented_keys,
)
from segment_insider_emulator.types import JSON

log = logging.getLogger(__name__)

PROFILE_DELETE_PATH = "/api/user/v1/delete"
ANONYMIZE_PATH = "/api/user/v1/anonymize"
ANONYMIZE_BY_ID_PATH = "/api/contact/v1/anonymize"


@dataclass(frozen=True, slots=True)
class DeleteProfileHandler:
    """End one profile with its identifiers and events."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when nobody is named or found."""
        reference = require_user_reference(body, self.account.identity_rules)
        with self.account.profiles.unit_of_work() as unit_of_work:
            unit_of_work.save_changes(
                ProfileChanges(deleted_profile_ids=[require_profile(unit_of_work, reference).id])
            )
        log.info("deleted profile")
        return build_response(200, {}, [*find_undocumented_keys(body, USER_REFERENCE_KEYS)])


@dataclass(frozen=True, slots=True)
class AnonymizeProfileHandler:
    """Take everything personal from one profile; its events stay."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when nobody is named or found."""
        anonymize_profile(
            self.account, require_user_reference(body, self.account.identity_rules), now
        )
        return build_response(200, {}, [*find_undocumented_keys(body, USER_REFERENCE_KEYS)])


@dataclass(frozen=True, slots=True)
class AnonymizeByIdHandler:
    """The same by Profile ID; `partner` and `api_key`, which one sample has, say nothing more."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when there is no such profile."""
        insider_id = require_object(body).get("insider_id")
        if not isinstance(insider_id, str) or not insider_id:
            remedy = "Send the Profile ID that the user's profile shows, as text."
            raise reject_malformed_body("insider_id must be specified", remedy)
        anonymize_profile(self.account, UserReference(insider_id, {}), now)
        return build_response(200, {}, [*find_undocumented_keys(body, PROFILE_ID_KEYS)])


def anonymize_profile(account: InsiderAccount, reference: UserReference, now: datetime) -> None:
    """Remove what the account marks as personal, identifiers too, even the last one."""
    with account.profiles.unit_of_work() as unit_of_work:
        profile = require_profile(unit_of_work, reference)
        removed_identifiers = [
            format_identifier(name, value)
            for name in account.options.pii_attributes
            for value in profile.identifiers.pop(name.removeprefix("custom."), ())
        ]
        # Assumed: what nobody recognises may be personal too, such as a phone from an event.
        unrecognised_names = [
            name for name in profile.attributes if name.startswith("unrecognised.")
        ]
        for name in (*account.options.pii_attributes, *unrecognised_names):
            profile.remove_attribute(name)
        _redact_trail(profile, format_iso_utc(now))
        unit_of_work.save_changes(
            ProfileChanges(changed_profiles=[profile], removed_identifiers=removed_identifiers)
        )
    log.info("anonymized profile")


def _redact_trail(profile: Profile, now: str) -> None:
    """Keep that there were merges, but none of the identifiers that led to them."""
    for entry in profile.trail:
        if "merge" in entry:
            merge_record = entry["merge"]
            entry["what"] = f"took in {merge_record['absorbed']}"
            entry["merge"] = {
                name: merge_record[name] for name in ("absorbed", "survivor", "request")
            }
    profile.trail.append({"at": now, "what": "was anonymized"})
    profile.updated_at = now
