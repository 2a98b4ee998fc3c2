"""Insider One's other addresses: the app's consent, and those that are not imitated.

Source: Insider One, API collection, for the addresses and "Set Data Processing Consent for App
Users"; Insider One's own connector, for the address of the column metadata. Assumed: which profiles
have a device, and the status of the answer when an address is not imitated.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import Final

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.contact_addresses import (
    replace_rejection_body,
    require_valid_body,
)
from segment_insider_emulator.insider.formats import load_schema_file
from segment_insider_emulator.insider.identity import format_identifier
from segment_insider_emulator.insider.profile_changes import copy_profile_states, save_with_history
from segment_insider_emulator.insider.responses import (
    RequestFinding,
    RequestRejected,
    build_error_rejection,
    build_json_response,
    build_warning,
    report_profile_changes,
)
from segment_insider_emulator.insider.validation import DocumentedKeys, warn_undocumented_keys
from segment_insider_emulator.storage.profile_unit_of_work import ProfileUnitOfWork
from segment_insider_emulator.storage.records import Profile, ProfileChanges
from segment_insider_emulator.types import JSON, HttpResponse, JSONObject

log = logging.getLogger(__name__)

APP_CONSENT_PATH: Final = "/api/v1/privacy/gdpr/consent/set"
APP_CONSENT_KEYS = DocumentedKeys(
    "request", ("partner_name", "gdpr_consent", "target"), {"udid": "target"}
)
# A device is a custom identifier or an attribute of this name.
_DEVICE_NAME: Final = "udid"
_DEVICE_ATTRIBUTES: Final = (_DEVICE_NAME, f"custom.{_DEVICE_NAME}", f"unrecognised.{_DEVICE_NAME}")
NOT_IMITATED_STATUS: Final = 501
_REMEDY = "docs/contact-api.md lists the addresses of Insider One that this emulator answers."


@cache
def _list_other_addresses() -> list[tuple[str, str, str]]:
    """List method and path pattern, host and purpose of the known addresses without imitation."""
    hosts = load_schema_file("other_addresses")["hosts"]
    return [
        (address, host, entry["what"])
        for host, entry in hosts.items()
        for address in entry["addresses"]
    ]


def build_not_imitated_rejection(method: str, path: str, host: str = "") -> RequestRejected:
    """Build the rejection of a request to an address that this emulator does not imitate.

    Args:
        host: Host that the request names; "" or an unknown one means all of Insider One's.
    Returns: 501 for an address that Insider One publishes, otherwise 404.
    """
    addresses = _list_other_addresses()
    named = [entry for entry in addresses if entry[1] == host] or addresses
    for address, owner, purpose in named:
        if fnmatchcase(f"{method} {path}", address):
            text = f"this emulator does not imitate {method} {owner}{path} ({purpose})"
            return build_error_rejection(NOT_IMITATED_STATUS, text, _REMEDY)
    text = f"this emulator does not imitate {method} {host}{path}, if Insider One has it at all"
    return build_error_rejection(404, text, _REMEDY)


def convert_to_consent_rejection(rejection: RequestRejected) -> RequestRejected:
    """Give the rejection of a request the text that the address of the app's consent answers."""
    return replace_rejection_body(rejection, "Bad Payload.")


@dataclass(frozen=True, slots=True)
class AppConsentHandler:
    """Handler of the app's consent to data processing; it sets `gdpr_optin` of a device's users.

    Args:
        account_name: Another one in the request changes nothing, as published.
    """

    account: InsiderAccount
    account_name: str

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Set the consent of one device. Raises: RequestRejected, for an invalid body."""
        request = require_valid_body("AppConsent", body)
        findings = [*warn_undocumented_keys(body, APP_CONSENT_KEYS)]
        changes: list[JSONObject] = []
        if request["partner_name"] != self.account_name:
            what = "partner_name is not the name of this account, so nothing changes"
            remedy = "Send the account name as the InOne panel shows it, in lower case."
            findings.append(build_warning("unknown-partner", "partner_name", what, remedy))
        else:
            changes = self._set_consent(request, now, findings)
        return build_json_response(200, {"status": "ok"}, findings, changes)

    def _set_consent(
        self, request: JSONObject, at: datetime, findings: list[RequestFinding]
    ) -> list[JSONObject]:
        device, consent, now = (
            request["target"]["udid"],
            request["gdpr_consent"],
            format_iso_utc(at),
        )
        with self.account.profiles.unit_of_work() as unit_of_work:
            profiles = _find_profiles_of_device(unit_of_work, device)
            states_before = copy_profile_states(profiles)
            changed = [p for p in profiles if p.attributes.get("gdpr_optin") is not consent]
            for profile in changed:
                profile.set_attribute("gdpr_optin", consent, now)
                profile.updated_at = now
            changes = ProfileChanges(changed_profiles=changed)
            source = f"POST {APP_CONSENT_PATH}"
            profile_changes = save_with_history(unit_of_work, states_before, changes, at, source)
            self.account.on_change(profile_changes)
        if not profiles:
            what = "no profile has this device, so nothing changes"
            remedy = f"Send {_DEVICE_NAME} as a custom identifier or attribute of the user first."
            findings.append(build_warning("unknown-device", "target.udid", what, remedy))
        log.info("set consent of app users profiles=%d", len(changed))
        return report_profile_changes(profile_changes, {}, [(0, p.id) for p in profiles])


def _find_profiles_of_device(unit_of_work: ProfileUnitOfWork, device: str) -> list[Profile]:
    identifier = format_identifier(_DEVICE_NAME, device)
    profiles = unit_of_work.find_by_identifiers([identifier])
    for attribute in _DEVICE_ATTRIBUTES:
        profiles += unit_of_work.find_by_attribute(attribute, [device])
    return list({profile.id: profile for profile in profiles}.values())
