"""Deleting a profile, and anonymizing one.

Source: Insider One, API collection "Delete User Profile" and "Anonymize". Assumed: the answer to
anonymize, which is published as a 200 without its body, and that a profile that does not exist is
a 404 here as it is where it is read.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.capture.profile import Changes, Profile
from segment_insider_emulator.clock import iso
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.insider.account import Account
from segment_insider_emulator.insider.identity import key
from segment_insider_emulator.insider.naming import Named, an_object, one_named, present
from segment_insider_emulator.insider.replies import malformed, response
from segment_insider_emulator.insider.structure import ONE_USER, PROFILE_ID, undocumented_keys
from segment_insider_emulator.types import JSON

log = logging.getLogger(__name__)

DELETE = "/api/user/v1/delete"
ANONYMIZE = "/api/user/v1/anonymize"
ANONYMIZE_BY_ID = "/api/contact/v1/anonymize"


@dataclass(frozen=True, slots=True)
class Delete:
    """End one profile with its identifiers and events."""

    account: Account

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when nobody is named or found."""
        meant = one_named(body, self.account.rules)
        with self.account.profiles.writing() as writing:
            writing.save(Changes(deleted=[present(writing, meant).id]))
        log.info("deleted profile")
        return response(200, {}, [*undocumented_keys(body, ONE_USER)])


@dataclass(frozen=True, slots=True)
class Anonymize:
    """Take everything personal from one profile; its events stay."""

    account: Account

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when nobody is named or found."""
        anonymize(self.account, one_named(body, self.account.rules), now)
        return response(200, {}, [*undocumented_keys(body, ONE_USER)])


@dataclass(frozen=True, slots=True)
class AnonymizeById:
    """The same by Profile ID; `partner` and `api_key`, which one sample has, say nothing more."""

    account: Account

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when there is no such profile."""
        insider_id = an_object(body).get("insider_id")
        if not isinstance(insider_id, str) or not insider_id:
            remedy = "Send the Profile ID that the user's profile shows, as text."
            raise malformed("insider_id must be specified", remedy)
        anonymize(self.account, Named(insider_id, {}), now)
        return response(200, {}, [*undocumented_keys(body, PROFILE_ID)])


def anonymize(account: Account, meant: Named, now: datetime) -> None:
    """Remove what the account marks as personal, identifiers too, even the last one."""
    with account.profiles.writing() as writing:
        profile = present(writing, meant)
        lost = [
            key(name, value)
            for name in account.options.pii_attributes
            for value in profile.identifiers.pop(name.removeprefix("custom."), ())
        ]
        # Assumed: what nobody recognises may be personal too, such as a phone from an event.
        unknown = [name for name in profile.attributes if name.startswith("unrecognised.")]
        for name in (*account.options.pii_attributes, *unknown):
            profile.erase(name)
        _forget_in_trail(profile, iso(now))
        writing.save(Changes(changed=[profile], lost=lost))
    log.info("anonymized profile")


def _forget_in_trail(profile: Profile, now: str) -> None:
    """Keep that there were merges, but none of the identifiers that led to them."""
    for entry in profile.trail:
        if "merge" in entry:
            merged = entry["merge"]
            entry["what"] = f"took in {merged['absorbed']}"
            entry["merge"] = {name: merged[name] for name in ("absorbed", "survivor", "request")}
    profile.trail.append({"at": now, "what": "was anonymized"})
    profile.updated_at = now
