"""Events of a user that is taken: what is kept, and what is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.catalog import (
    DEFAULT_ATTRIBUTES,
    DEFAULT_PARAMETERS,
    get_event_retention,
    get_recommended_parameters,
    parse_fields,
    resolve_event_alias,
)
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.insider.identity import (
    DEFAULT_IDENTIFIERS,
    IdentityRules,
    append_missing,
    format_identifier,
)
from segment_insider_emulator.insider.options import InsiderOptions
from segment_insider_emulator.insider.responses import (
    NO_SUCH_USER,
    NO_VALID_IDENTIFIER,
    RequestFinding,
    build_warning,
    quote_value,
    reject_malformed_body,
)
from segment_insider_emulator.insider.validation import (
    find_missing_parameters,
    validate_user_reference,
)
from segment_insider_emulator.storage.profile_unit_of_work import ProfileUnitOfWork
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.records import Profile, ProfileEvent, nest_attributes
from segment_insider_emulator.types import JSON, JSONObject

_MAX_CLOCK_SKEW = timedelta(minutes=1)


def parse_event(
    event: JSONObject, where: str, now: datetime, options: InsiderOptions, *, skip_hook: bool
) -> tuple[ProfileEvent | None, list[RequestFinding]]:
    """Read one valid event.

    Returns: What to keep, None when it is older than its retention, and warnings.
    """
    params, warnings = parse_fields(
        event.get("event_params", {}), DEFAULT_PARAMETERS, f"{where}.event_params", options
    )
    sent_as, timestamp = event["event_name"], event["timestamp"]
    name, occurred_at = resolve_event_alias(sent_as), parse_rfc3339(timestamp)
    assert occurred_at is not None  # the schema has checked the form
    warnings += _warn_missing_parameters(event, where, options)
    if occurred_at > now + _MAX_CLOCK_SKEW:
        what = f"{sent_as} happens in the future: {timestamp}"
        warnings.append(
            build_warning(f"{where}.timestamp", what, "Send the time at which it happened.")
        )
    # Aware times near year 1 cannot be moved back, so the ages are compared.
    retention = get_event_retention(name, options)
    if now - occurred_at > retention:
        days = retention.days
        what = (
            f"{sent_as} is older than the {days} days it is kept, so it is not stored: {timestamp}"
        )
        warnings.append(
            build_warning(f"{where}.timestamp", what, "Send events while they are recent.")
        )
        return None, warnings
    stored_event = ProfileEvent(
        name=name,
        sent_as=sent_as,
        timestamp=timestamp,
        occurred_at=format_iso_utc(occurred_at),
        params=nest_attributes(params),
        received_at=format_iso_utc(now),
        skip_hook=skip_hook,
    )
    return stored_event, warnings


def _warn_missing_parameters(
    event: JSONObject, where: str, options: InsiderOptions
) -> list[RequestFinding]:
    name = event["event_name"]
    missing_parameters = find_missing_parameters(event, get_recommended_parameters(name, options))
    if not missing_parameters:
        return []
    what = f"{name} has no {', '.join(missing_parameters)}, which Insider One requires of purchase"
    remedy = "Send every one of them with each purchased product."
    return [build_warning(f"{where}.event_params", what, remedy)]


SEGMENT_PLATFORM = "segment"  # the value of `platform` in each of the destination's requests

# Default fields of event actions that Insider One's table of attributes does not list.
SEGMENT_DEFAULT_ATTRIBUTES = frozenset(
    ("phone", "idfa", "model", "last_ip", "carrier", "os_version", "platform", "timezone")
)
# The one identifier that the catalogue maps and that an account may not list.
SEGMENT_DEFAULT_IDENTIFIERS = frozenset(("segment_anonymous_id",))


def is_from_segment(body: JSON) -> bool:
    """Say whether Segment's destination made this upsert."""
    return isinstance(body, dict) and body.get("platform") == SEGMENT_PLATFORM


# The short forms stand in the text of an error, which says no more about them.
_IDENTIFIER_SHORT_FORMS = {"em": "email", "pn": "phone_number"}


@dataclass(slots=True)
class ParsedUser:
    """One user of a request.

    Args:
        where: "users.<index>".
        identifiers: Type -> value of those that identify in this account, strongest first.
        attributes: Value by place, see values.read.
        append: New members of a list attribute are added to the stored ones.
        events: Each with its place in the request.
        findings: What its sender should know.
        conflicts: Key as in the answer's errors -> why it could not be unified.
    """

    where: str
    insider_id: str | None
    identifiers: dict[str, str]
    attributes: dict[str, JSON]
    append_to_lists: bool
    events: list[tuple[str, ProfileEvent]] = field(default_factory=list)
    findings: list[RequestFinding] = field(default_factory=list)
    conflicts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def index(self) -> int:
        """Its place in the request, from 0."""
        return int(self.where.rpartition(".")[2])


def parse_user(
    user: JSONObject,
    index: int,
    rules: IdentityRules,
    options: InsiderOptions,
    now: datetime,
    *,
    skip_hook: bool,
    from_segment: bool = False,
) -> ParsedUser:
    """Read a user that has no faults; for *from_segment* see segment_platform."""
    where = f"users.{index}"
    identifiers, identifier_warnings = parse_identifiers(
        user.get("identifiers", {}), f"{where}.identifiers"
    )
    silent_names = SEGMENT_DEFAULT_ATTRIBUTES if from_segment else frozenset[str]()
    attributes, attribute_warnings = parse_fields(
        user.get("attributes", {}), DEFAULT_ATTRIBUTES, f"{where}.attributes", options, silent_names
    )
    for name in [name for name in identifiers if name not in rules.priority]:
        # What does not identify is an attribute like any other.
        place = name if name in DEFAULT_IDENTIFIERS else f"custom.{name}"
        attributes.setdefault(place, identifiers[name])
    usable_identifiers = rules.select_identifying(identifiers)
    append = _parse_append_flag(user, where, identifier_warnings)
    parsed_user = ParsedUser(where, user.get("insider_id"), usable_identifiers, attributes, append)
    # Beside an identifier that counts, one that the catalogue maps by itself loses nothing.
    silent_identifiers = (
        SEGMENT_DEFAULT_IDENTIFIERS if from_segment and usable_identifiers else frozenset[str]()
    )
    checked_identifiers = {
        name: value for name, value in identifiers.items() if name not in silent_identifiers
    }
    parsed_user.findings = [
        *identifier_warnings,
        *attribute_warnings,
        *_warn_ignored_identifiers(checked_identifiers, usable_identifiers, rules, where),
        *_warn_empty_user(user, where),
    ]
    if not usable_identifiers and parsed_user.insider_id is None:
        what = "no identifier of this user identifies anyone, so it makes a new anonymous profile"
        remedy = f"Send one that the account lists: {', '.join(rules.priority)}."
        parsed_user.findings.append(build_warning(f"{where}.identifiers", what, remedy))
    for event_index, event in enumerate(user.get("events", ())):
        place = f"{where}.events.{event_index}"
        stored_event, event_warnings = parse_event(event, place, now, options, skip_hook=skip_hook)
        parsed_user.findings += event_warnings
        if stored_event:
            parsed_user.events.append((place, stored_event))
    return parsed_user


def apply_attributes(user: ParsedUser, profile: Profile, written_at: str) -> None:
    """Write the user's attributes to *profile*, and tell what an upsert cannot change."""
    for attribute_path, value in user.attributes.items():
        owned_values = profile.identifiers.get(attribute_path)
        if owned_values and value not in owned_values:
            what = (
                f"{attribute_path} identifies this profile already, and an upsert cannot change it"
            )
            remedy = "Change an identifier with PATCH /api/user/v1/identity."
            user.findings.append(
                build_warning(f"{user.where}.attributes.{attribute_path}", what, remedy)
            )
            continue
        stored_value = profile.attributes.get(attribute_path)
        if user.append_to_lists and isinstance(value, list) and isinstance(stored_value, list):
            value = append_missing(stored_value, value)
        profile.set_attribute(attribute_path, value, written_at)


def parse_identifiers(
    identifiers: JSONObject, where: str
) -> tuple[dict[str, str], list[RequestFinding]]:
    """Read the `identifiers` of a user: type -> value as text, from both levels, and warnings."""
    values_by_type = {
        _IDENTIFIER_SHORT_FORMS.get(name, name): value for name, value in identifiers.items()
    }
    custom_identifiers = values_by_type.pop("custom", {})
    warnings = []
    for name, value in custom_identifiers.items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            what = f"a custom identifier must be text: {quote_value(value)}"
            warnings.append(
                build_warning(f"{where}.custom.{name}", what, "Send its value as text.")
            )
        elif name in DEFAULT_IDENTIFIERS:
            what = f"{name} under custom is not the default identifier {name} and identifies nobody"
            remedy = f"Send identifiers.{name}."
            warnings.append(build_warning(f"{where}.custom.{name}", what, remedy))
        else:
            values_by_type[name] = quote_value(value)
    return values_by_type, warnings


def _warn_ignored_identifiers(
    identifiers: Mapping[str, str],
    usable_identifiers: Mapping[str, str],
    rules: IdentityRules,
    where: str,
) -> list[RequestFinding]:
    warnings = []
    for name in [name for name in identifiers if name not in usable_identifiers]:
        if name in rules.priority:
            what = f"{name} is {identifiers[name]!r}, a blocked value that identifies nobody"
            remedy = "Send a real value or leave the identifier out."
        else:
            what = f"{name} is not in the account's identity resolution, so it identifies nobody"
            remedy = (
                f"Have {name} added to Identity Resolution, or send {', '.join(rules.priority)}."
            )
        warnings.append(build_warning(f"{where}.identifiers.{name}", what, remedy))
    return warnings


def _parse_append_flag(user: JSONObject, where: str, warnings: list[RequestFinding]) -> bool:
    """Whether lists grow: so by default, and `append` outranks `not_append`."""
    for flag in ("append", "not_append"):
        if flag in user and not isinstance(user[flag], bool):
            what = f"{flag} is not a boolean and is ignored: {quote_value(user[flag])}"
            warnings.append(
                build_warning(f"{where}.{flag}", what, "Send true or false without quotes.")
            )
    if isinstance(user.get("append"), bool):
        return bool(user["append"])
    return user.get("not_append") is not True


def _warn_empty_user(user: JSONObject, where: str) -> list[RequestFinding]:
    if any(value != {} for value in user.get("attributes", {}).values()) or user.get("events"):
        return []
    # Assumed: the rule is published; what happens to Segment's empty identify calls is not.
    what = "the request has no attribute and no event, and Insider One needs one of them"
    return [build_warning(where, what, "Send at least one attribute or one event.")]


@dataclass(frozen=True, slots=True)
class UserReference:
    """Whom a request names.

    Args:
        insider_id: A Profile ID, stronger than every identifier.
        identifiers: Type -> value of those that identify in this account, strongest first.
    """

    insider_id: str | None
    identifiers: dict[str, str]

    def format_identifiers(self) -> list[str]:
        """The identifiers as the store knows them, strongest first."""
        return [format_identifier(*each) for each in self.identifiers.items()]


class ProfileIndex:
    """Profiles of one request, by what they own; a thousand users are not searched one by one."""

    def __init__(self, profiles: list[Profile]) -> None:
        self.profiles = profiles
        self._by_id = {profile.id: profile for profile in profiles}
        self._owner_by_identifier = {
            format_identifier(name, value): profile
            for profile in profiles
            for name, values in profile.identifiers.items()
            for value in values
        }

    def find_profile(self, reference: UserReference) -> Profile | None:
        """The profile that is meant; of several, the one with the strongest identifier."""
        if reference.insider_id:
            return self._by_id.get(reference.insider_id)
        owners = (self._owner_by_identifier.get(each) for each in reference.format_identifiers())
        return next((owner for owner in owners if owner), None)


def parse_user_reference(user: JSONObject, rules: IdentityRules) -> UserReference:
    """Read the identifiers of a user that has no naming faults."""
    identifiers, _ = parse_identifiers(user.get("identifiers", {}), "identifiers")
    return UserReference(user.get("insider_id"), rules.select_identifying(identifiers))


def require_user_reference(body: JSON, rules: IdentityRules) -> UserReference:
    """Read whom the body of a request about one user names.

    Raises: Refusal, when it names nobody.
    """
    request_object = require_object(body)
    for error in validate_user_reference(request_object):
        raise reject_malformed_body(error.text, error.remedy)
    reference = parse_user_reference(request_object, rules)
    if not reference.insider_id and not reference.identifiers:
        raise NO_VALID_IDENTIFIER
    return reference


def require_object(body: JSON) -> JSONObject:
    """*body*, which must be a JSON object. Raises: Refusal."""
    if not isinstance(body, dict):
        raise reject_malformed_body("request body must be object", "Send one JSON object.")
    return body


def require_profile(
    profiles: ProfileStore | ProfileUnitOfWork, reference: UserReference
) -> Profile:
    """The profile that is meant, without its events. Raises: Refusal, when there is none."""
    profile_ids = [reference.insider_id] if reference.insider_id else []
    profile = ProfileIndex(
        profiles.find_by_identifiers(reference.format_identifiers(), profile_ids)
    ).find_profile(reference)
    if profile is None:
        raise NO_SUCH_USER
    return profile
