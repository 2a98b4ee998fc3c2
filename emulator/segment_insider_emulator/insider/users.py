"""Users of an Insider One request: parse their identifiers and events, and find their profiles.

Source: Segment, catalogue of "Insider Cloud Mode (Actions)", the field "User Properties", for what
Segment's destination sends by default. Such a field causes no warning: a warning is for what the
sender of the event or the author of its mapping can change. `emulator drift` and the Checks page
list the default fields once (D6, D10, D28 in docs/assumptions.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.insider.catalog import (
    DEFAULT_ATTRIBUTES,
    DEFAULT_PARAMETERS,
    UNLISTED_IDENTIFIER,
    get_event_retention,
    get_recommended_parameters,
    parse_field_values,
    resolve_event_alias,
)
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.insider.identity import (
    DEFAULT_IDENTIFIERS,
    IdentityRules,
    append_missing_items,
    format_identifier,
)
from segment_insider_emulator.insider.responses import (
    NO_SUCH_USER,
    NO_VALID_IDENTIFIER,
    RequestFinding,
    build_malformed_body_rejection,
    build_warning,
    format_value_for_error,
)
from segment_insider_emulator.insider.validation import (
    find_missing_event_parameters,
    validate_user_reference,
)
from segment_insider_emulator.storage.profile_unit_of_work import ProfileUnitOfWork
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.records import Profile, ProfileEvent, nest_attributes
from segment_insider_emulator.types import JSON, JSONObject

_MAX_CLOCK_SKEW = timedelta(minutes=1)


def parse_upsert_event(
    event: JSONObject, where: str, now: datetime, options: InsiderAccountOptions, *, skip_hook: bool
) -> tuple[ProfileEvent | None, list[RequestFinding]]:
    """Parse one valid event of an upsert user.

    Returns: The event to store, None if it is older than its retention; and warnings.
    """
    params, warnings = parse_field_values(
        event.get("event_params", {}), DEFAULT_PARAMETERS, f"{where}.event_params", options
    )
    sent_as, timestamp = event["event_name"], event["timestamp"]
    name, occurred_at = resolve_event_alias(sent_as), parse_rfc3339(timestamp)
    assert occurred_at is not None  # the schema has checked the format
    warnings += _warn_missing_event_parameters(event, where, options)
    if occurred_at > now + _MAX_CLOCK_SKEW:
        what = f"the timestamp of {sent_as} is in the future: {timestamp}"
        remedy = "Send the time at which the event happened."
        warnings.append(build_warning("future-time", f"{where}.timestamp", what, remedy))
    # Compare ages: a time near year 1 minus the retention is out of range.
    retention = get_event_retention(name, options)
    if now - occurred_at > retention:
        what = f"{sent_as} is older than {retention.days} days, so it is not stored: {timestamp}"
        remedy = "Send events soon after they happen."
        warnings.append(build_warning("expired-event", f"{where}.timestamp", what, remedy))
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


def _warn_missing_event_parameters(
    event: JSONObject, where: str, options: InsiderAccountOptions
) -> list[RequestFinding]:
    name = event["event_name"]
    missing_parameters = find_missing_event_parameters(
        event, get_recommended_parameters(name, options)
    )
    if not missing_parameters:
        return []
    pronoun = "it" if len(missing_parameters) == 1 else "them"
    names = ", ".join(missing_parameters)
    what = f"{name} has no {names}; Insider One requires {pronoun} for purchase"
    remedy = f"Send {pronoun} with each purchased product."
    place = f"{where}.event_params"
    return [build_warning("missing-parameter", place, what, remedy, about=f"{name} {names}")]


SEGMENT_PLATFORM = "segment"  # value of `platform` in each request of Segment's destination

# Default fields of event actions that Insider One's table of attributes does not list.
SEGMENT_DEFAULT_ATTRIBUTES = frozenset(
    ("phone", "idfa", "model", "last_ip", "carrier", "os_version", "platform", "timezone")
)
# The only identifier that the catalogue maps by default but that an account may not list.
SEGMENT_DEFAULT_IDENTIFIERS = frozenset(("segment_anonymous_id",))


def is_upsert_from_segment(body: JSON) -> bool:
    """Return whether the upsert *body* comes from Segment's destination."""
    return isinstance(body, dict) and body.get("platform") == SEGMENT_PLATFORM


# A published error text names these short forms, without further explanation.
_IDENTIFIER_SHORT_FORMS = {"em": "email", "pn": "phone_number"}


@dataclass(slots=True)
class ParsedUser:
    """One parsed user of an upsert request.

    Args:
        where: "users.<index>".
        identifiers: Type -> value of those that identify in this account, strongest first.
        attributes: Path -> value, see parse_field_values.
        append_to_lists: Append the members of a list attribute to the stored ones.
        events: Events with their path in the request.
        findings: Warnings for the sender.
        conflicts: Key as in the errors of the response -> why the profiles cannot be unified.
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
    def index_in_request(self) -> int:
        """Position of the user in the request's `users` list, from 0."""
        return int(self.where.rpartition(".")[2])


def parse_user(
    user: JSONObject,
    index: int,
    rules: IdentityRules,
    options: InsiderAccountOptions,
    now: datetime,
    *,
    skip_hook: bool,
    from_segment: bool = False,
) -> ParsedUser:
    """Parse a valid upsert user; *from_segment* avoids warnings about Segment's default fields."""
    where = f"users.{index}"
    identifiers, identifier_warnings = parse_user_identifiers(
        user.get("identifiers", {}), f"{where}.identifiers"
    )
    silent_names = SEGMENT_DEFAULT_ATTRIBUTES if from_segment else frozenset[str]()
    attributes, attribute_warnings = parse_field_values(
        user.get("attributes", {}), DEFAULT_ATTRIBUTES, f"{where}.attributes", options, silent_names
    )
    for name in [name for name in identifiers if name not in rules.priority]:
        # An identifier that does not identify in this account is a normal attribute.
        attribute_path = name if name in DEFAULT_IDENTIFIERS else f"custom.{name}"
        attributes.setdefault(attribute_path, identifiers[name])
    usable_identifiers = rules.select_usable_identifiers(identifiers)
    append = _parse_append_flag(user, where, identifier_warnings)
    parsed_user = ParsedUser(where, user.get("insider_id"), usable_identifiers, attributes, append)
    # If another identifier is usable, nothing is lost with one that Segment maps by default.
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
        what = "no identifier of this user is usable, so a new anonymous profile is created"
        remedy = f"Send an identifier of this account: {', '.join(rules.priority)}."
        parsed_user.findings.append(
            build_warning("no-usable-identifier", f"{where}.identifiers", what, remedy)
        )
    for event_index, event in enumerate(user.get("events", ())):
        path = f"{where}.events.{event_index}"
        stored_event, event_warnings = parse_upsert_event(
            event, path, now, options, skip_hook=skip_hook
        )
        parsed_user.findings += event_warnings
        if stored_event:
            parsed_user.events.append((path, stored_event))
    return parsed_user


def apply_user_attributes(user: ParsedUser, profile: Profile, written_at: str) -> None:
    """Write an upsert user's attributes to *profile*; warn about values that cannot change."""
    attributes, written, identifiers = profile.attributes, profile.written, profile.identifiers
    for attribute_path, value in user.attributes.items():
        owned_values = identifiers.get(attribute_path)
        if owned_values and value not in owned_values:
            what = f"{attribute_path} already identifies this profile; an upsert cannot change it"
            remedy = "Change the identifier with PATCH /api/user/v1/identity."
            where = f"{user.where}.attributes.{attribute_path}"
            user.findings.append(build_warning("identifying-attribute", where, what, remedy))
            continue
        if user.append_to_lists and isinstance(value, list):
            stored_value = attributes.get(attribute_path)
            if isinstance(stored_value, list):
                value = append_missing_items(stored_value, value)
        # As Profile.set_attribute, without a call for each attribute.
        attributes[attribute_path], written[attribute_path] = value, written_at


def parse_user_identifiers(
    identifiers: JSONObject, where: str
) -> tuple[dict[str, str], list[RequestFinding]]:
    """Parse the `identifiers` of a request's user: type -> value as text, and warnings."""
    values_by_type = {
        _IDENTIFIER_SHORT_FORMS.get(name, name): value for name, value in identifiers.items()
    }
    custom_identifiers = values_by_type.pop("custom", {})
    warnings = []
    for name, value in custom_identifiers.items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            what = f"a custom identifier must be text: {format_value_for_error(value)}"
            remedy = "Send its value as text."
            warnings.append(
                build_warning("wrong-identifier-type", f"{where}.custom.{name}", what, remedy)
            )
        elif name in DEFAULT_IDENTIFIERS:
            what = f"{name} under custom is not the default identifier {name}; it is ignored"
            remedy = f"Send identifiers.{name}."
            warnings.append(
                build_warning("misplaced-identifier", f"{where}.custom.{name}", what, remedy)
            )
        else:
            values_by_type[name] = format_value_for_error(value)
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
            rule = "blocked-identifier"
            what = f"{name} is {identifiers[name]!r}, a blocked value; it cannot identify a user"
            remedy = "Send a real value, or remove the identifier."
        else:
            rule = UNLISTED_IDENTIFIER
            what = f"{name} cannot identify a user, it is not in the account's identity resolution"
            remedy = f"Add {name} to Identity Resolution, or send {', '.join(rules.priority)}."
        warnings.append(build_warning(rule, f"{where}.identifiers.{name}", what, remedy))
    return warnings


def _parse_append_flag(user: JSONObject, where: str, warnings: list[RequestFinding]) -> bool:
    """Return whether an upsert appends to list values: the default; `append` beats `not_append`."""
    for flag in ("append", "not_append"):
        if flag in user and not isinstance(user[flag], bool):
            what = f"{flag} is not a boolean and is ignored: {format_value_for_error(user[flag])}"
            remedy = "Send true or false without quotes."
            warnings.append(build_warning("wrong-flag", f"{where}.{flag}", what, remedy))
    if isinstance(user.get("append"), bool):
        return bool(user["append"])
    return user.get("not_append") is not True


def _warn_empty_user(user: JSONObject, where: str) -> list[RequestFinding]:
    if any(value != {} for value in user.get("attributes", {}).values()) or user.get("events"):
        return []
    # Assumed: the rule is published, but not what happens to Segment's empty identify calls.
    what = "the user has no attribute and no event; Insider One requires at least one"
    remedy = "Send at least one attribute or one event."
    return [build_warning("empty-user", where, what, remedy)]


@dataclass(frozen=True, slots=True)
class UserReference:
    """The Profile ID and identifiers by which a request names one user.

    Args:
        insider_id: A Profile ID, stronger than every identifier.
        identifiers: Type -> value of those that identify in this account, strongest first.
    """

    insider_id: str | None
    identifiers: dict[str, str]

    def format_identifiers(self) -> list[str]:
        """List the user's identifiers as the profile store formats them, strongest first."""
        return [format_identifier(name, value) for name, value in self.identifiers.items()]


class ProfileIndex:
    """The profiles of one request's users, indexed by Profile ID and identifier."""

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
        """Find the profile of a user reference; of several, that of the strongest identifier."""
        if reference.insider_id:
            return self._by_id.get(reference.insider_id)
        for identifier in reference.format_identifiers():
            if owner := self._owner_by_identifier.get(identifier):
                return owner
        return None


def parse_user_reference(user: JSONObject, rules: IdentityRules) -> UserReference:
    """Parse the identifiers by which a valid request names a user."""
    identifiers, _ = parse_user_identifiers(user.get("identifiers", {}), "identifiers")
    return UserReference(user.get("insider_id"), rules.select_usable_identifiers(identifiers))


def require_user_reference(body: JSON, rules: IdentityRules) -> UserReference:
    """Validate and parse how a request about one user names that user.

    Raises: RequestRejected, when it names no user.
    """
    request_object = require_json_object(body)
    for error in validate_user_reference(request_object):
        raise build_malformed_body_rejection(error.text, error.remedy)
    reference = parse_user_reference(request_object, rules)
    if not reference.insider_id and not reference.identifiers:
        raise NO_VALID_IDENTIFIER
    return reference


def require_json_object(body: JSON) -> JSONObject:
    """Return the request *body* if it is a JSON object. Raises: RequestRejected, if it is not."""
    if not isinstance(body, dict):
        raise build_malformed_body_rejection("request body must be object", "Send one JSON object.")
    return body


def require_profile(
    profiles: ProfileStore | ProfileUnitOfWork, reference: UserReference
) -> Profile:
    """Find a referenced user's profile, without its events. Raises: RequestRejected, if none."""
    profile_ids = [reference.insider_id] if reference.insider_id else []
    matches = profiles.find_by_identifiers(reference.format_identifiers(), profile_ids)
    profile = ProfileIndex(matches).find_profile(reference)
    if profile is None:
        raise NO_SUCH_USER
    return profile
