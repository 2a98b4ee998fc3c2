"""Deleting attributes, whole or in part.

Source: Insider One, API collection "Delete User Attribute". Assumed: errors in the shape of an
upsert's, a name under both `whole` and `partial` goes wholly, and a user nobody is counts as done.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.capture.profile import Changes, Profile
from segment_insider_emulator.clock import iso
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.insider import replies
from segment_insider_emulator.insider.account import Account
from segment_insider_emulator.insider.findings import Finding, warning
from segment_insider_emulator.insider.identity import Rules
from segment_insider_emulator.insider.naming import Found, named
from segment_insider_emulator.insider.shape import deletion_faults, errors, refusals
from segment_insider_emulator.insider.structure import DELETION, undocumented_keys
from segment_insider_emulator.insider.upsert import users_of
from segment_insider_emulator.insider.values import ATTRIBUTES
from segment_insider_emulator.types import JSON, JSONObject

log = logging.getLogger(__name__)

PATH = "/api/user/v1/attribute/delete"


@dataclass(frozen=True, slots=True)
class DeleteAttributes:
    """Remove attributes from the profiles of many users."""

    account: Account

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when the request is refused as a whole."""
        users: dict[int, JSONObject] = {}
        failed: list[dict[str, list[str]]] = []
        findings: list[Finding] = []
        for index, user in enumerate(users_of(body)):
            if found := deletion_faults(user):
                failed.append(errors(index, found))
                findings += refusals(index, found)
            else:
                users[index] = user
        findings += undocumented_keys(body, DELETION)
        findings += self._erase(users, iso(now))
        log.info("deleted attributes users=%d failed=%d", len(users), len(failed))
        empty = self.account.options.attribute_delete_answer == "empty" and not failed
        answer = {} if empty else replies.outcome(len(users), failed)
        return replies.response(200, answer, findings)

    def _erase(self, users: dict[int, JSONObject], now: str) -> list[Finding]:
        rules = self.account.rules
        meant = {index: named(user, rules) for index, user in users.items()}
        keys = [identifier for each in meant.values() for identifier in each.owned()]
        ids = [each.insider_id for each in meant.values() if each.insider_id]
        findings: list[Finding] = []
        with self.account.profiles.writing() as writing:
            found = Found(writing.find(keys, ids))
            for index, user in users.items():
                profile = found.profile(meant[index])
                if profile is None:
                    what = "no profile is found for this user, so nothing is deleted"
                    remedy = "Send an identifier that a profile owns, or its Profile ID."
                    findings.append(warning(f"users.{index}", what, remedy))
                    continue
                findings += erase(profile, user, rules, f"users.{index}", now)
                profile.updated_at = now
            writing.save(Changes(changed=found.all))
        return findings


def erase(profile: Profile, user: JSONObject, rules: Rules, where: str, now: str) -> list[Finding]:
    """Remove from *profile* what *user* lists. Returns: warnings."""
    told = []
    custom = user.get("custom", {})
    for given, prefix in ((user, ""), (custom, "custom.")):
        whole = [_place(name, prefix) for name in given.get("whole", ())]
        for place in whole:
            if place.removeprefix("custom.") in rules.priority:
                what = f"{place} identifies people in this account and cannot be deleted here"
                remedy = "Delete an identifier with DELETE /api/user/v1/identity."
                told.append(warning(f"{where}.{prefix}whole", what, remedy))
            else:
                profile.erase(place)
        for name, members in given.get("partial", {}).items():
            place = _place(name, prefix)
            stored = profile.attributes.get(place)
            if isinstance(stored, list):
                kept = [member for member in stored if member not in members]
                profile.write(place, kept, now)
            elif stored is not None:
                what = f"{place} is no list, so no part of it can be deleted"
                remedy = f"Name it under {prefix}whole."
                told.append(warning(f"{where}.{prefix}partial.{name}", what, remedy))
    return told


def _place(name: str, prefix: str) -> str:
    return prefix + name if prefix else ATTRIBUTES.aliases.get(name, name)
