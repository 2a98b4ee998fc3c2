"""Changing and deleting the identifiers of one profile.

Source: Insider One, API collection "Update Identifiers" and "Delete Identifiers". Assumed: {} as
the answer to a deletion, which is published nowhere, and a 404 for an old value nobody has.
"""

from dataclasses import dataclass
from datetime import datetime

from segment_insider_emulator.capture.profile import Changes
from segment_insider_emulator.clock import iso
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.insider import replies
from segment_insider_emulator.insider.account import Account
from segment_insider_emulator.insider.changes import attributes_of, changed
from segment_insider_emulator.insider.identity import DEFAULT_IDENTIFIERS, Rules, key
from segment_insider_emulator.insider.naming import Named, an_object, one_named, present
from segment_insider_emulator.insider.structure import IDENTITY_CHANGE, ONE_USER, undocumented_keys
from segment_insider_emulator.types import JSON

PATH = "/api/user/v1/identity"


@dataclass(frozen=True, slots=True)
class UpdateIdentifier:
    """Give a profile a new value of an identifier for the one it has."""

    account: Account

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal."""
        name, old, new = _exchange(body, self.account.rules)
        with self.account.profiles.writing() as writing:
            if writing.find([key(name, new)]):
                raise replies.ALREADY_ASSIGNED
            profile = present(writing, Named(None, {name: old}))
            before, values = attributes_of([profile]), profile.identifiers[name]
            values[values.index(old)] = new
            if name in DEFAULT_IDENTIFIERS:
                profile.write(name, values[-1], iso(now))
            profile.trail.append({"at": iso(now), "what": f"{name} was changed by PATCH {PATH}"})
            profile.updated_at = iso(now)
            gained = {key(name, new): profile.id}
            changes = Changes(changed=[profile], lost=[key(name, old)], gained=gained)
            writing.save(changes)
            # A default identifier is an attribute, too, and updates of one start journeys.
            self.account.on_change(changed(before, changes, [], now, skip_hook=False))
        return replies.response(200, {}, [*undocumented_keys(body, IDENTITY_CHANGE)])


@dataclass(frozen=True, slots=True)
class DeleteIdentifiers:
    """Take identifiers from a profile, which keeps at least one."""

    account: Account

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal."""
        meant = one_named(body, self.account.rules)
        if not meant.identifiers:
            raise replies.NO_VALID_IDENTIFIER
        with self.account.profiles.writing() as writing:
            profile = present(writing, meant)
            lost = []
            for name, value in meant.identifiers.items():
                values = profile.identifiers.get(name, [])
                if value not in values:
                    # Assumed: what one of two owns is not taken from both.
                    raise replies.NO_SUCH_USER
                values.remove(value)
                lost.append(key(name, value))
                if not values:
                    del profile.identifiers[name]
                    profile.erase(name)
                elif name in DEFAULT_IDENTIFIERS:
                    profile.write(name, values[-1], iso(now))
            if not profile.identifiers:
                raise replies.SOLE_IDENTIFIER
            what = f"{', '.join(meant.identifiers)} was deleted by DELETE {PATH}"
            profile.trail.append({"at": iso(now), "what": what})
            profile.updated_at = iso(now)
            writing.save(Changes(changed=[profile], lost=lost))
        return replies.response(200, {}, [*undocumented_keys(body, ONE_USER)])


def _exchange(body: JSON, rules: Rules) -> tuple[str, str, str]:
    """Type, old and new value. Raises: Refusal."""
    whole = an_object(body)
    given = [whole.get(side) for side in ("old_identifier", "new_identifier")]
    if not all(isinstance(each, dict) and len(_entries(each)) == 1 for each in given):
        raise replies.NOT_ONE_ENTRY
    sides = [one_named({"identifiers": each}, rules).identifiers for each in given]
    (name, old), (other, new) = (next(iter(each.items())) for each in sides)
    if name != other:
        raise replies.NOT_ONE_TYPE
    if old == new:
        raise replies.SAME_VALUES
    return name, old, new


def _entries(identifiers: dict[str, JSON]) -> list[str]:
    """Names on both levels."""
    custom = identifiers.get("custom", {})
    names = [name for name in identifiers if name != "custom"]
    return [*names, *(custom if isinstance(custom, dict) else ["custom"])]
