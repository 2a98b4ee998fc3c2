"""One valid user of a request, read: who it names and what it brings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from segment_insider_emulator.capture.profile import Profile, ProfileEvent
from segment_insider_emulator.insider.events import read_event
from segment_insider_emulator.insider.findings import Finding, quoted, warning
from segment_insider_emulator.insider.identity import DEFAULT_IDENTIFIERS, Rules, united
from segment_insider_emulator.insider.options import Options
from segment_insider_emulator.insider.segment_platform import ATTRIBUTES as SEGMENT_ATTRIBUTES
from segment_insider_emulator.insider.segment_platform import IDENTIFIERS as SEGMENT_IDENTIFIERS
from segment_insider_emulator.insider.values import ATTRIBUTES, read
from segment_insider_emulator.types import JSON, JSONObject

# The short forms stand in the text of an error, which says no more about them.
_SHORT_FORMS = {"em": "email", "pn": "phone_number"}


@dataclass(slots=True)
class User:
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
    append: bool
    events: list[tuple[str, ProfileEvent]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    conflicts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def index(self) -> int:
        """Its place in the request, from 0."""
        return int(self.where.rpartition(".")[2])


def read_user(
    user: JSONObject,
    index: int,
    rules: Rules,
    options: Options,
    now: datetime,
    *,
    skip_hook: bool,
    from_segment: bool = False,
) -> User:
    """Read a user that has no faults; for *from_segment* see segment_platform."""
    where = f"users.{index}"
    given, told = identifiers_of(user.get("identifiers", {}), f"{where}.identifiers")
    defaults = SEGMENT_ATTRIBUTES if from_segment else frozenset[str]()
    attributes, more = read(
        user.get("attributes", {}), ATTRIBUTES, f"{where}.attributes", options, defaults
    )
    for name in [name for name in given if name not in rules.priority]:
        # What does not identify is an attribute like any other.
        place = name if name in DEFAULT_IDENTIFIERS else f"custom.{name}"
        attributes.setdefault(place, given[name])
    usable = rules.usable(given)
    append = _appends(user, where, told)
    read_as = User(where, user.get("insider_id"), usable, attributes, append)
    # Beside an identifier that counts, one that the catalogue maps by itself loses nothing.
    unsought = SEGMENT_IDENTIFIERS if from_segment and usable else frozenset[str]()
    sought = {name: value for name, value in given.items() if name not in unsought}
    read_as.findings = [*told, *more, *_useless(sought, usable, rules, where), *_empty(user, where)]
    if not usable and read_as.insider_id is None:
        what = "no identifier of this user identifies anyone, so it makes a new anonymous profile"
        remedy = f"Send one that the account lists: {', '.join(rules.priority)}."
        read_as.findings.append(warning(f"{where}.identifiers", what, remedy))
    for at, event in enumerate(user.get("events", ())):
        place = f"{where}.events.{at}"
        kept, noticed = read_event(event, place, now, options, skip_hook=skip_hook)
        read_as.findings += noticed
        if kept:
            read_as.events.append((place, kept))
    return read_as


def apply(user: User, profile: Profile, at: str) -> None:
    """Write the user's attributes to *profile*, and tell what an upsert cannot change."""
    for place, value in user.attributes.items():
        owned = profile.identifiers.get(place)
        if owned and value not in owned:
            what = f"{place} identifies this profile already, and an upsert cannot change it"
            remedy = "Change an identifier with PATCH /api/user/v1/identity."
            user.findings.append(warning(f"{user.where}.attributes.{place}", what, remedy))
            continue
        stored = profile.attributes.get(place)
        if user.append and isinstance(value, list) and isinstance(stored, list):
            value = united(stored, value)
        profile.write(place, value, at)


def identifiers_of(given: JSONObject, where: str) -> tuple[dict[str, str], list[Finding]]:
    """Read the `identifiers` of a user: type -> value as text, from both levels, and warnings."""
    found = {_SHORT_FORMS.get(name, name): value for name, value in given.items()}
    custom = found.pop("custom", {})
    told = []
    for name, value in custom.items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            what = f"a custom identifier must be text: {quoted(value)}"
            told.append(warning(f"{where}.custom.{name}", what, "Send its value as text."))
        elif name in DEFAULT_IDENTIFIERS:
            what = f"{name} under custom is not the default identifier {name} and identifies nobody"
            remedy = f"Send identifiers.{name}."
            told.append(warning(f"{where}.custom.{name}", what, remedy))
        else:
            found[name] = quoted(value)
    return found, told


def _useless(
    given: Mapping[str, str], usable: Mapping[str, str], rules: Rules, where: str
) -> list[Finding]:
    told = []
    for name in [name for name in given if name not in usable]:
        if name in rules.priority:
            what = f"{name} is {given[name]!r}, a blocked value that identifies nobody"
            remedy = "Send a real value or leave the identifier out."
        else:
            what = f"{name} is not in the account's identity resolution, so it identifies nobody"
            remedy = (
                f"Have {name} added to Identity Resolution, or send {', '.join(rules.priority)}."
            )
        told.append(warning(f"{where}.identifiers.{name}", what, remedy))
    return told


def _appends(user: JSONObject, where: str, told: list[Finding]) -> bool:
    """Whether lists grow: so by default, and `append` outranks `not_append`."""
    for flag in ("append", "not_append"):
        if flag in user and not isinstance(user[flag], bool):
            what = f"{flag} is not a boolean and is ignored: {quoted(user[flag])}"
            told.append(warning(f"{where}.{flag}", what, "Send true or false without quotes."))
    if isinstance(user.get("append"), bool):
        return bool(user["append"])
    return user.get("not_append") is not True


def _empty(user: JSONObject, where: str) -> list[Finding]:
    if any(value != {} for value in user.get("attributes", {}).values()) or user.get("events"):
        return []
    # Assumed: the rule is published; what happens to Segment's empty identify calls is not.
    what = "the request has no attribute and no event, and Insider One needs one of them"
    return [warning(where, what, "Send at least one attribute or one event.")]
