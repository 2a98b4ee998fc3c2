"""Web push of a profile: the browser's token and permission, which Insider One's web SDK stores.

An upsert cannot contain them. Source: Insider One, "Reachability on Channels", web push: opt-in
true; token, token date and language exist; GDPR opt-in not false. Assumed: date and language come
with the token, so only the token is checked. The names of the attributes are not published: these
two are the emulator's own, so a profile read does not return them.
"""

from collections.abc import Mapping
from datetime import datetime

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.profile_changes import copy_profile_states, save_with_history
from segment_insider_emulator.storage.records import ProfileChanges
from segment_insider_emulator.types import JSON

WEB_PUSH_CHANNEL = "web_push"
WEB_PUSH_OPTIN_ATTRIBUTE, WEB_PUSH_TOKEN_ATTRIBUTE = "web_push.optin", "web_push.token"
WEB_PUSH_REASON = "web push needs a browser token and a permission, which an upsert cannot contain"
_CHANGE_SOURCE = "web push of the browser"


def list_web_push_reasons(attributes: Mapping[str, JSON]) -> list[str]:
    """List why web push cannot reach a profile with these attributes; empty when it can."""
    reasons = []
    if attributes.get(WEB_PUSH_OPTIN_ATTRIBUTE) is False:
        reasons.append(f"{WEB_PUSH_OPTIN_ATTRIBUTE} is false")
    elif not attributes.get(WEB_PUSH_TOKEN_ATTRIBUTE):
        reasons.append(WEB_PUSH_REASON)
    if attributes.get("gdpr_optin") is False:
        reasons.append("gdpr_optin is false")
    return reasons


def save_web_push(
    account: InsiderAccount, profile_id: str, token: str | None, changed_at: datetime
) -> bool:
    """Store the permission of a profile's browser: its token, or None for a refusal.

    Returns: Whether the profile exists.
    """
    now = format_iso_utc(changed_at)
    with account.profiles.unit_of_work() as unit_of_work:
        profiles = unit_of_work.find_by_identifiers([], [profile_id])
        states_before = copy_profile_states(profiles)
        for profile in profiles:
            profile.set_attribute(WEB_PUSH_OPTIN_ATTRIBUTE, token is not None, now)
            profile.remove_attribute(WEB_PUSH_TOKEN_ATTRIBUTE)
            if token is not None:
                profile.set_attribute(WEB_PUSH_TOKEN_ATTRIBUTE, token, now)
            profile.updated_at = now
        changes = ProfileChanges(changed_profiles=profiles)
        account.on_change(
            save_with_history(unit_of_work, states_before, changes, changed_at, _CHANGE_SOURCE)
        )
    return bool(profiles)
