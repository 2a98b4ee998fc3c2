"""Insider One's Contact API: subscribe people to a channel, and unsubscribe them.

Source: Insider One, API collection "Unsubscribe" and "Resubscribe" of e-mail, SMS and WhatsApp
users, v1 and v2; "What is SMS Opt-out?": an opt-out sets the SMS opt-in to false. Assumed: what no
page says; docs/assumptions.md lists it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, zip_longest
from typing import Final

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.contact_addresses import (
    ContactAddress,
    build_contact_rejection,
    require_valid_body,
)
from segment_insider_emulator.insider.formats import is_email, normalise_phone_number
from segment_insider_emulator.insider.identity import IdentityResolver, format_identifier
from segment_insider_emulator.insider.profile_changes import copy_profile_states, save_with_history
from segment_insider_emulator.insider.profile_json import (
    CHANNEL_ATTRIBUTES,
    UNSUBSCRIBE_GROUPS_ATTRIBUTE,
    compute_group_id,
    list_unsubscribe_groups,
)
from segment_insider_emulator.insider.responses import (
    MAX_FINDINGS,
    RequestFinding,
    build_json_response,
    build_rejection_finding,
    build_warning,
    report_profile_changes,
)
from segment_insider_emulator.insider.validation import warn_undocumented_keys
from segment_insider_emulator.storage.profile_unit_of_work import ProfileUnitOfWork
from segment_insider_emulator.storage.records import Profile, ProfileChanges
from segment_insider_emulator.types import JSON, HttpResponse, JSONObject

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Contact:
    """One person whom a request subscribes or unsubscribes.

    Args:
        where: Dotted place in the body.
        identifiers: Type -> value, normalised: uuid, and email or phone_number.
    """

    where: str
    identifiers: Mapping[str, str]

    @property
    def position(self) -> int:
        """Position in the list of the body; 0 if it has no list."""
        position = self.where.rpartition(".")[2]
        return int(position) if position.isdecimal() else 0


class _ProfileLookup:
    """The profiles of the people in one request, within its transaction.

    Attributes:
        states_before: The known profiles before the request.
    """

    def __init__(
        self,
        account: InsiderAccount,
        address: ContactAddress,
        contacts: list[_Contact],
        unit_of_work: ProfileUnitOfWork,
        now: str,
    ) -> None:
        self._rules, self._address, self._now = account.identity_rules, address, now
        attribute = address.address_type
        keys = {
            format_identifier(name, value): None
            for contact in contacts
            for name, value in self._rules.select_usable_identifiers(contact.identifiers).items()
        }
        values = [c.identifiers[attribute] for c in contacts if attribute in c.identifiers]
        owners = unit_of_work.find_by_identifiers(keys)
        self._holders: dict[JSON, list[Profile]] = {
            value: [owner] for owner in owners for value in owner.identifiers.get(attribute, ())
        }
        # What identifies nobody can be an attribute, also of several profiles.
        others = [value for value in values if value not in self._holders]
        holders = unit_of_work.find_by_attribute(attribute, others)
        for profile in holders:
            self._holders.setdefault(profile.attributes[attribute], []).append(profile)
        known = {profile.id: profile for profile in (*owners, *holders)}
        self.states_before = copy_profile_states(known.values())
        self._resolver = IdentityResolver(
            known.values(), self._rules, account.generate_profile_id, now
        )

    def find_profiles(self, contact: _Contact, findings: list[RequestFinding]) -> list[Profile]:
        """Find the profiles of a person: the identified one, and those of the address.

        v2 creates the profile of a person whom no profile has. Assumed: uuid and e-mail of one
        person are resolved as an upsert resolves them.
        """
        attribute = self._address.address_type
        address = contact.identifiers.get(attribute)
        holders = [
            profile
            for profile in self._holders.get(address, ())
            if self._resolver.has_profile(profile.id)
        ]
        usable = self._rules.select_usable_identifiers(contact.identifiers)
        profile = self._resolver.find_profile(usable)
        is_unknown = profile is None and not holders
        if len(usable) > 1 or (usable and is_unknown and self._address.version == "v2"):
            profile = self._resolve_as_upsert(contact, usable, findings)
        if profile and address and attribute not in profile.attributes:
            profile.set_attribute(attribute, address, self._now)
        others = [
            holder
            for holder in holders
            if holder is not profile and self._resolver.has_profile(holder.id)
        ]
        return [profile, *others] if profile else others

    def collect_changes(self, changed_profiles: Mapping[str, Profile]) -> ProfileChanges:
        """Collect what the request changed, besides those of *changed_profiles* it has merged."""
        changes = self._resolver.collect_changes()
        known = {profile.id for profile in changes.created_profiles + changes.changed_profiles}
        changes.changed_profiles.extend(
            profile
            for id, profile in changed_profiles.items()
            if id not in known and self._resolver.has_profile(id)
        )
        return changes

    def _resolve_as_upsert(
        self, contact: _Contact, identifiers: Mapping[str, str], findings: list[RequestFinding]
    ) -> Profile:
        origin = {"method": "POST", "path": self._address.path, "where": contact.where}
        user = self._resolver.resolve_user(None, identifiers, origin)
        for identifier_type, note in user.notes:
            where = f"{contact.where}.{identifier_type}"
            remedy = "Change the identifier with PATCH /api/user/v1/identity."
            findings.append(build_warning("identifier-conflict", where, note, remedy))
        return user.profile


@dataclass(frozen=True, slots=True)
class ContactHandler:
    """Handler of one address of the Contact API."""

    account: InsiderAccount
    address: ContactAddress

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Change the subscription of all people in *body*. Raises: RequestRejected."""
        valid_body = require_valid_body(self.address.schema_name, body)
        # Other keys, such as those of another address, are neither checked nor read.
        keys = self.address.documented_keys.keys
        request = {name: value for name, value in valid_body.items() if name in keys}
        # No more are listed, and a large body can have very many.
        warnings = warn_undocumented_keys(body, self.address.documented_keys)
        findings = [*islice(warnings, MAX_FINDINGS)]
        contacts = self._parse_contacts(request, findings)
        changes = self._change_subscriptions(contacts, request, now, findings)
        log.info("%sd channel=%s", self.address.action, self.address.channel)
        return build_json_response(200, {"statusMessage": "OK"}, findings, changes)

    def _parse_contacts(
        self, request: JSONObject, findings: list[RequestFinding]
    ) -> list[_Contact]:
        """Return whom a request names, each once.

        Raises: RequestRejected, for an invalid address, and for lists that do not fit together.
        """
        skips_invalid = self.account.options.invalid_contacts == "skip"
        contacts: dict[frozenset[tuple[str, str]], _Contact] = {}
        for where, sent_identifiers in _list_named_identifiers(request):
            identifiers = {}
            for name, value in sent_identifiers.items():
                normalise, expected = _ADDRESS_FORMATS.get(name, (str, "Send the uuid as text."))
                if normalised := normalise(value):
                    identifiers[name] = normalised
                    continue
                what = f"{where} is not valid: {value}"
                if not skips_invalid or self.address.version == "v1":
                    raise build_contact_rejection(400, what, expected, where)
                findings.append(build_rejection_finding("invalid-contact", where, what, expected))
            if len(identifiers) == len(sent_identifiers):
                contact = _Contact(where, identifiers)
                contacts.setdefault(frozenset(identifiers.items()), contact)
        return list(contacts.values())

    def _change_subscriptions(
        self,
        contacts: list[_Contact],
        request: JSONObject,
        at: datetime,
        findings: list[RequestFinding],
    ) -> list[JSONObject]:
        """Change the subscriptions of people in one transaction; return the report of changes."""
        account, now = self.account, format_iso_utc(at)
        with account.profiles.unit_of_work() as unit_of_work:
            lookup = _ProfileLookup(account, self.address, contacts, unit_of_work, now)
            changed: dict[str, Profile] = {}
            resolved: list[tuple[int, str]] = []
            for contact in contacts:
                profiles = lookup.find_profiles(contact, findings)
                findings += self._warn_without_effect(contact, profiles, request)
                resolved += [(contact.position, profile.id) for profile in profiles]
                for profile in profiles:
                    if self._change_subscription(profile, request, now):
                        profile.updated_at = now
                        changed[profile.id] = profile
            changes = lookup.collect_changes(changed)
            source = f"POST {self.address.path}"
            profile_changes = save_with_history(
                unit_of_work, lookup.states_before, changes, at, source
            )
            account.on_change(profile_changes)
        return report_profile_changes(profile_changes, changes.added_identifiers, resolved)

    def _change_subscription(self, profile: Profile, request: JSONObject, now: str) -> bool:
        """Change the attributes of a profile as *request* says; return whether one changed."""
        changes = {
            name: value
            for name, value in self._build_attributes(profile, request).items()
            if profile.attributes.get(name) != value
        }
        for name, value in changes.items():
            profile.set_attribute(name, value, now)
        return bool(changes)

    def _build_attributes(self, profile: Profile, request: JSONObject) -> JSONObject:
        """Return the attributes of a profile after the request, as far as it is about them."""
        unsubscribes = self.address.action == "unsubscribe"
        groups = list_unsubscribe_groups(profile.attributes)
        if name := request.get("group_name"):
            return {UNSUBSCRIBE_GROUPS_ATTRIBUTE: [*dict.fromkeys([*groups, name])]}
        if (id := request.get("group_id")) is not None:
            others = [name for name in groups if compute_group_id(name) != id]
            return {UNSUBSCRIBE_GROUPS_ATTRIBUTE: others} if groups else {}
        _, optin, optout = CHANNEL_ATTRIBUTES[self.address.channel]
        attributes: JSONObject = {}
        if unsubscribes or optout in profile.attributes:
            attributes[optout] = unsubscribes
        if self.account.options.contact_opt_ins == "change":
            attributes[optin] = not unsubscribes
        return attributes

    def _warn_without_effect(
        self, contact: _Contact, profiles: list[Profile], request: JSONObject
    ) -> Iterator[RequestFinding]:
        """Warn that a request has no effect for a person, before it is applied."""
        who = ", ".join(contact.identifiers.values())
        if not profiles:
            what = f"no user has {who}, so nothing changes"
            remedy = "Send the user to Insider One first; v2 creates users by an identifier."
            yield build_warning("unknown-user", contact.where, what, remedy)
        id = request.get("group_id")
        groups = [
            name for profile in profiles for name in list_unsubscribe_groups(profile.attributes)
        ]
        if profiles and id is not None and id not in map(compute_group_id, groups):
            what = f"{who} is in no unsubscribe group with the number {id}, so nothing changes"
            remedy = "Send the number that the user's profile shows for the group."
            yield build_warning("unknown-group", "group_id", what, remedy)


def _normalise_email(text: str) -> str | None:
    return text if is_email(text) else None


# Type of an address -> how it is normalised, and what to send instead of an invalid one.
_ADDRESS_FORMATS: Final[Mapping[str, tuple[Callable[[str], str | None], str]]] = {
    "email": (_normalise_email, "Send a full e-mail address, such as jane@example.com."),
    "phone_number": (
        normalise_phone_number,
        "Send a phone number in E.164 format, such as +6598765432.",
    ),
}


def _list_named_identifiers(request: JSONObject) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the place and the identifiers of each person in a valid request.

    Raises: RequestRejected, when lists do not fit together.
    """
    for name in ("email", "phone_number"):
        if name in request:
            yield name, {name: request[name]}
    for index, number in enumerate(request.get("phone_numbers", ())):
        yield f"phone_numbers.{index}", {"phone_number": number}
    users, emails, uuids = (request.get(name, []) for name in ("users", "emails", "uuids"))
    if users and (emails or uuids):
        raise build_contact_rejection(
            400, "the body has users and another list", "Send one of them.", "users"
        )
    if emails and uuids and len(emails) != len(uuids):
        what = f"emails has {len(emails)} entries and uuids {len(uuids)}, so they are no pairs"
        raise build_contact_rejection(
            400, what, "Send the address of each uuid at the same position.", "uuids"
        )
    for index, user in enumerate(users):
        yield f"users.{index}", {"uuid": user} if isinstance(user, str) else _select_ids(user)
    for index, (email, uuid) in enumerate(zip_longest(emails, uuids)):
        yield (
            f"{'uuids' if uuids else 'emails'}.{index}",
            _select_ids({"uuid": uuid, "email": email}),
        )


def _select_ids(user: JSONObject) -> dict[str, str]:
    return {name: user[name] for name in ("uuid", "email") if user.get(name) is not None}
