"""Insider One's Contact API: subscribe people to a channel, and unsubscribe them.

Source: Insider One, API collection "Unsubscribe" and "Resubscribe" of e-mail, SMS and WhatsApp
users, v1 and v2; "What is SMS Opt-out?": an opt-out sets the SMS opt-in to false. Assumed: what no
page says; docs/assumptions.md lists it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hmac import compare_digest
from itertools import islice, zip_longest
from typing import Final, Literal, TypeAlias

from jsonschema.exceptions import ValidationError

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.account_options import ContactKeys
from segment_insider_emulator.insider.formats import (
    CompiledSchema,
    is_email,
    load_schema_file,
    normalise_phone_number,
)
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
    RequestRejected,
    build_json_response,
    build_rejection_finding,
    build_warning,
    format_value_for_error,
    report_profile_changes,
)
from segment_insider_emulator.insider.validation import DocumentedKeys, warn_undocumented_keys
from segment_insider_emulator.storage.profile_unit_of_work import ProfileUnitOfWork
from segment_insider_emulator.storage.records import Profile, ProfileChanges
from segment_insider_emulator.types import JSON, HttpRequest, HttpResponse, JSONObject

log = logging.getLogger(__name__)

ContactAction: TypeAlias = Literal["subscribe", "unsubscribe"]
ContactVersion: TypeAlias = Literal["v1", "v2"]
CONTACT_ACTIONS: Final[tuple[ContactAction, ...]] = ("subscribe", "unsubscribe")
CONTACT_VERSIONS: Final[tuple[ContactVersion, ...]] = ("v1", "v2")
CONTACT_BUDGET: Final = "contact"  # of each address; see account_options.DEFAULT_RATE_LIMITS
_OLD_KEYS: Final = ("uploader_email", "is_unsubscribe_group")  # of earlier pages about v2
_TOKEN_NAMES: Final[Mapping[ContactAction, str]] = {
    "subscribe": "Resubscribe",
    "unsubscribe": "Global Unsubscribe",
}
_SCHEMA_FILE = load_schema_file("contact")


@cache
def _compile_schema(name: str) -> CompiledSchema:
    definitions = _SCHEMA_FILE["$defs"]
    return CompiledSchema({**definitions[name], "$defs": definitions})


@dataclass(frozen=True, slots=True)
class ContactAddress:
    """One of the addresses of the Contact API, e.g. /email/v2/unsubscribe."""

    channel: str
    version: ContactVersion
    action: ContactAction

    @property
    def path(self) -> str:
        """Path of the address."""
        return f"/{self.channel}/{self.version}/{self.action}"

    @property
    def address_type(self) -> str:
        """Attribute with the addresses of its channel: email or phone_number."""
        return CHANNEL_ATTRIBUTES[self.channel][0]

    @property
    def schema_name(self) -> str:
        """Name of the schema of its requests, in contact.json and the OpenAPI document."""
        kind = "Email" if self.channel == "email" else "Phone"
        if self.version == "v1":
            return f"Contact{kind}"
        if kind == "Phone":
            return "ContactPhones"
        return f"Contact{self.action.title()}"

    @property
    def documented_keys(self) -> DocumentedKeys:
        """Keys of its requests."""
        keys = tuple(_SCHEMA_FILE["$defs"][self.schema_name]["properties"])
        old_keys = _OLD_KEYS if (self.channel, self.version) == ("email", "v2") else ()
        return DocumentedKeys(
            "request",
            (*keys, *old_keys),
            {},
            {"users": DocumentedKeys("user", ("uuid", "email"), {})} if "users" in keys else {},
        )


CONTACT_ADDRESSES: Final = tuple(
    ContactAddress(channel, version, action)
    for channel in CHANNEL_ATTRIBUTES
    for version in CONTACT_VERSIONS
    for action in CONTACT_ACTIONS
)


@dataclass(frozen=True, slots=True)
class ContactAuthentication:
    """The check of account name and token for one action of the Contact API.

    Args:
        is_unification_key: Whether a token is a key for /api/user/v1, which is a likely mistake.
    """

    account_name: str
    keys: ContactKeys
    action: ContactAction
    is_unification_key: Callable[[str], bool]

    def __call__(self, request: HttpRequest) -> None:
        """Raise RequestRejected unless a request has the account's name and the action's token."""
        if request.headers.get("x-partner-name", "") != self.account_name:
            what = "X-PARTNER-NAME is not the name of this account"
            remedy = "Send the account name as the InOne panel shows it, in lower case."
            raise _reject(401, what, remedy)
        token = request.headers.get("x-request-token", "")
        if not compare_digest(token.encode(), getattr(self.keys, self.action).encode()):
            raise _reject(401, self._explain_token(token), self._token_remedy)

    @property
    def _token_remedy(self) -> str:
        return f"Send the {_TOKEN_NAMES[self.action]} key of the account in X-REQUEST-TOKEN."

    def _explain_token(self, token: str) -> str:
        other: ContactAction = "subscribe" if self.action == "unsubscribe" else "unsubscribe"
        if not token:
            return "X-REQUEST-TOKEN is missing"
        if compare_digest(token.encode(), getattr(self.keys, other).encode()):
            return f"X-REQUEST-TOKEN is the {_TOKEN_NAMES[other]} key, which does not {self.action}"
        if self.is_unification_key(token):
            return "X-REQUEST-TOKEN is a key for /api/user/v1, which the Contact API does not take"
        return f"X-REQUEST-TOKEN is not the {_TOKEN_NAMES[self.action]} key of this account"


_STATUS_MESSAGES: Final = {
    400: "Bad request",
    401: "Unauthorized",
    405: "Method not allowed",  # assumed: only the other two are published
}


def convert_to_contact_rejection(rejection: RequestRejected) -> RequestRejected:
    """Give the rejection of a request the body that the Contact API answers.

    Source: the published answers; that of 429 is in Insider One's "API Rate Limits".
    """
    body: JSONObject = {"statusMessage": _STATUS_MESSAGES.get(rejection.status, "Error")}
    if rejection.status == 429:
        body = {"message": "Too Many Requests", "status": 429}
    return replace_rejection_body(rejection, body)


def replace_rejection_body(rejection: RequestRejected, body: JSONObject | str) -> RequestRejected:
    """Return the rejection of a request with another body; its findings stay."""
    return RequestRejected(
        rejection.status,
        body,
        rejection.remedy,
        rejection.extra_headers,
        what=str(rejection),
        where=rejection.where,
    )


def _reject(status: int, what: str, remedy: str, where: str = "") -> RequestRejected:
    return RequestRejected(status, {}, remedy, what=what, where=where)


def require_valid_body(schema_name: str, body: JSON) -> JSONObject:
    """Return the body of a request. Raises: RequestRejected, with the first error's place."""
    for error in _compile_schema(schema_name).iter_errors(body):
        where = ".".join(map(str, error.absolute_path))
        schema = error.schema if isinstance(error.schema, dict) else {}
        raise _reject(400, _describe_schema_error(error, where), schema["description"], where)
    assert isinstance(body, dict)
    return body


def _describe_schema_error(error: ValidationError, where: str) -> str:
    name, rule = where or "the body", error.validator
    if rule == "required":
        return f"{name} lacks {error.message.partition(' is a ')[0]}"
    if rule == "anyOf":
        return "the body names nobody"
    if rule == "maxItems":
        return f"{name} has more than {error.validator_value} entries"
    if rule == "minItems":
        return f"{name} is empty"
    return f"{name} is not valid: {format_value_for_error(error.instance)}"


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
                    raise _reject(400, what, expected, where)
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
        groups = [name for each in profiles for name in list_unsubscribe_groups(each.attributes)]
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
        raise _reject(400, "the body has users and another list", "Send one of them.", "users")
    if emails and uuids and len(emails) != len(uuids):
        what = f"emails has {len(emails)} entries and uuids {len(uuids)}, so they are no pairs"
        raise _reject(400, what, "Send the address of each uuid at the same position.", "uuids")
    for index, user in enumerate(users):
        yield f"users.{index}", {"uuid": user} if isinstance(user, str) else _select_ids(user)
    for index, (email, uuid) in enumerate(zip_longest(emails, uuids)):
        yield (
            f"{'uuids' if uuids else 'emails'}.{index}",
            _select_ids({"uuid": uuid, "email": email}),
        )


def _select_ids(user: JSONObject) -> dict[str, str]:
    return {name: user[name] for name in ("uuid", "email") if user.get(name) is not None}
