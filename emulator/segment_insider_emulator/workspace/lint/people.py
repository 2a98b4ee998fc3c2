"""Rules on who an event is about: identifiers, names, opt-ins, phone numbers."""

from collections.abc import Iterator

from segment_insider_emulator.workspace.finding import Finding, did_you_mean
from segment_insider_emulator.workspace.lint.subject import Placed, Subject
from segment_insider_emulator.workspace.lint.values import covers, members, sources

_PROFILE = "updateUserProfile"
_OPT_INS = {
    "gdprOptin": "gdpr_optin",
    "emailOptin": "email_optin",
    "smsOptin": "sms_optin",
    "whatsappOptin": "whatsapp_optin",
}
_NAMES = {"firstName": ("firstName", "first_name"), "lastName": ("lastName", "last_name")}


def anonymous_subscriptions(subject: Subject) -> Iterator[Finding]:
    """Subscriptions whose users Insider One cannot tell apart."""
    for placed in subject.subscriptions:
        sent = _identifiers(placed)
        if not sent:
            what = f"{placed.name!r} sends no identifier, so that Insider One knows nobody by it"
            remedy = "Map uuid, segment_anonymous_id or custom_identifiers."
            yield Finding("error", placed.field_place(), what, remedy)
        elif not set(sent) & set(subject.workspace.identifiers):
            what = f"{placed.name!r} sends {', '.join(sent)}, none of which the account lists"
            remedy = "List one of them under insider.identifiers."
            yield Finding("error", placed.field_place(), what, remedy)


def unlisted_identifiers(subject: Subject) -> Iterator[Finding]:
    """Identifiers that are sent and that the account does not resolve profiles by."""
    listed = list(subject.workspace.identifiers)
    sent = dict.fromkeys(name for each in subject.subscriptions for name in _identifiers(each))
    for name in sent:
        if name not in listed:
            near = next((each for each in listed if each.casefold() == name.casefold()), None)
            what = f"{name} is sent as an identifier and not listed, so that it identifies nobody"
            remedy = f"Write {name} for {near}." if near else f"Add {name}, if the account has it."
            yield Finding("warning", "insider.identifiers", what, remedy)


def unsent_identifiers(subject: Subject) -> Iterator[Finding]:
    """Identifiers that are listed and never sent."""
    sent = list(
        dict.fromkeys(name for each in subject.subscriptions for name in _identifiers(each))
    )
    for index, name in enumerate(subject.workspace.identifiers):
        if sent and name not in sent:
            where = f"insider.identifiers[{index}]"
            what = f"no subscription sends the identifier {name!r}"
            yield Finding("note", where, what, did_you_mean(name, sent))


def unread_names(subject: Subject) -> Iterator[Finding]:
    """Names that arrive in one of the two spellings only."""
    for placed in _profiles(subject):
        for field, traits in _NAMES.items():
            read = sources(placed.mapping.get(field))
            unread = [trait for trait in traits if not covers(read, f"traits.{trait}")]
            if unread:
                what = f"the trait {unread[0]} is not read, and what it says is lost"
                if len(unread) > 1:
                    names = " and ".join(unread)
                    what = f"the traits {names} are not read, and what they say is lost"
                remedy = f"Read $.traits.{traits[0]}, else $.traits.{traits[1]}, with @if."
                yield Finding("warning", placed.field_place(field), what, remedy)


def unmapped_opt_ins(subject: Subject) -> Iterator[Finding]:
    """Opt-ins have no mapping until somebody writes one."""
    for placed in _profiles(subject):
        missing = [field for field in _OPT_INS if field not in placed.mapping]
        if missing:
            what = f"nothing is mapped to {', '.join(missing)}, so that people stay unreachable"
            example = _OPT_INS[missing[0]]
            remedy = f'Map them, such as {missing[0]}: {{"@path": "$.traits.{example}"}}.'
            yield Finding("warning", placed.field_place(), what, remedy)


def custom_twins(subject: Subject) -> Iterator[Finding]:
    """Attributes of the profile that an event action can only write as custom ones."""
    for placed in subject.subscriptions:
        for key in members(placed.mapping.get("attributes")):
            if key in (*_OPT_INS.values(), "phone_number", "language"):
                what = f"on an event action, {key!r} becomes a custom attribute"
                remedy = f"Map it on {_PROFILE}" + (", or write phone." if "phone" in key else ".")
                yield Finding("warning", placed.field_place("attributes", key), what, remedy)


def phone_numbers(subject: Subject) -> Iterator[Finding]:
    """Phone numbers go out as they come."""
    if any("phone_number" in _identifiers(each) for each in subject.subscriptions):
        what = "phone numbers are sent as they come, and one that is not E.164 fails its whole user"
        remedy = "Send them like +6598765432, or set phone_number_as_identifier to false."
        yield Finding("note", "destination.subscriptions", what, remedy)


def truthful_opt_ins(subject: Subject) -> Iterator[Finding]:
    """Opt-ins that are no booleans."""
    for placed in _profiles(subject):
        mapped = [field for field in _OPT_INS if field in placed.mapping]
        if mapped:
            what = f'only true and false fit {", ".join(mapped)}: a "yes" loses the identify call'
            remedy = "Send booleans."
            yield Finding("note", placed.field_place(), what, remedy)


def _profiles(subject: Subject) -> Iterator[Placed]:
    return (each for each in subject.subscriptions if each.slug == _PROFILE)


def _identifiers(placed: Placed) -> list[str]:
    """The names of the identifiers that a subscription may send."""
    mapping = placed.mapping
    person = mapping if placed.slug == _PROFILE else members(mapping.get("attributes"))
    may_send = {
        "uuid": "uuid" in mapping,
        "segment_anonymous_id": "segment_anonymous_id" in mapping,
        "email": bool(mapping.get("email_as_identifier")) and "email" in person,
        "phone_number": bool(mapping.get("phone_number_as_identifier")) and "phone" in person,
    }
    custom = members(mapping.get("custom_identifiers"))
    return [name for name, sent in may_send.items() if sent] + list(custom)
