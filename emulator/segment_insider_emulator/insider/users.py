"""One valid user of a request, read: who it names and what it brings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from segment_insider_emulator.capture.profile import Profile, ProfileEvent
from segment_insider_emulator.insider.events import parse_event
from segment_insider_emulator.insider.findings import RequestFinding, build_warning, quote_value
from segment_insider_emulator.insider.identity import (
    DEFAULT_IDENTIFIERS,
    IdentityRules,
    append_missing,
)
from segment_insider_emulator.insider.options import InsiderOptions
from segment_insider_emulator.insider.segment_platform import (
    SEGMENT_DEFAULT_ATTRIBUTES as SEGMENT_ATTRIBUTES,
)
from segment_insider_emulator.insider.segment_platform import (
    SEGMENT_DEFAULT_IDENTIFIERS as SEGMENT_IDENTIFIERS,
)
from segment_insider_emulator.insider.values import DEFAULT_ATTRIBUTES, parse_fields
from segment_insider_emulator.types import JSON, JSONObject

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
    silent_names = SEGMENT_ATTRIBUTES if from_segment else frozenset[str]()
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
        SEGMENT_IDENTIFIERS if from_segment and usable_identifiers else frozenset[str]()
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
