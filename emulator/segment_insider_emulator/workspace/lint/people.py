"""Rules on who an event is about: identifiers, names, opt-ins, phone numbers."""

from collections.abc import Iterator

from segment_insider_emulator.workspace.finding import WorkspaceFinding, suggest_name
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, LocatedSubscription
from segment_insider_emulator.workspace.lint.values import (
    is_path_read,
    list_read_paths,
    list_written_keys,
)

_PROFILE_ACTION = "updateUserProfile"
_OPT_IN_ATTRIBUTES = {
    "gdprOptin": "gdpr_optin",
    "emailOptin": "email_optin",
    "smsOptin": "sms_optin",
    "whatsappOptin": "whatsapp_optin",
}
_NAME_TRAITS = {"firstName": ("firstName", "first_name"), "lastName": ("lastName", "last_name")}


def find_subscriptions_without_identifier(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Subscriptions whose users Insider One cannot tell apart."""
    for placed in context.subscriptions:
        sent = _sent_identifiers(placed)
        if not sent:
            what = f"{placed.name!r} sends no identifier, so that Insider One knows nobody by it"
            remedy = "Map uuid, segment_anonymous_id or custom_identifiers."
            yield WorkspaceFinding("error", placed.field_path(), what, remedy)
        elif not set(sent) & set(context.workspace.identifiers):
            what = f"{placed.name!r} sends {', '.join(sent)}, none of which the account lists"
            remedy = "List one of them under insider.identifiers."
            yield WorkspaceFinding("error", placed.field_path(), what, remedy)


def find_unlisted_identifiers(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Identifiers that are sent and that the account does not resolve profiles by."""
    listed = list(context.workspace.identifiers)
    sent = dict.fromkeys(name for each in context.subscriptions for name in _sent_identifiers(each))
    for name in sent:
        if name not in listed:
            near = next((each for each in listed if each.casefold() == name.casefold()), None)
            what = f"{name} is sent as an identifier and not listed, so that it identifies nobody"
            remedy = f"Write {name} for {near}." if near else f"Add {name}, if the account has it."
            yield WorkspaceFinding("warning", "insider.identifiers", what, remedy)


def find_unsent_identifiers(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Identifiers that are listed and never sent."""
    sent = list(
        dict.fromkeys(name for each in context.subscriptions for name in _sent_identifiers(each))
    )
    for index, name in enumerate(context.workspace.identifiers):
        if sent and name not in sent:
            where = f"insider.identifiers[{index}]"
            what = f"no subscription sends the identifier {name!r}"
            yield WorkspaceFinding("note", where, what, suggest_name(name, sent))


def find_unread_name_traits(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Names that arrive in one of the two spellings only."""
    for placed in _profile_subscriptions(context):
        for field, traits in _NAME_TRAITS.items():
            read = list_read_paths(placed.mapping.get(field))
            unread = [trait for trait in traits if not is_path_read(read, f"traits.{trait}")]
            if unread:
                what = f"the trait {unread[0]} is not read, and what it says is lost"
                if len(unread) > 1:
                    names = " and ".join(unread)
                    what = f"the traits {names} are not read, and what they say is lost"
                remedy = f"Read $.traits.{traits[0]}, else $.traits.{traits[1]}, with @if."
                yield WorkspaceFinding("warning", placed.field_path(field), what, remedy)


def find_unmapped_opt_ins(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Opt-ins have no mapping until somebody writes one."""
    for placed in _profile_subscriptions(context):
        missing = [field for field in _OPT_IN_ATTRIBUTES if field not in placed.mapping]
        if missing:
            what = f"nothing is mapped to {', '.join(missing)}, so that people stay unreachable"
            example = _OPT_IN_ATTRIBUTES[missing[0]]
            remedy = f'Map them, such as {missing[0]}: {{"@path": "$.traits.{example}"}}.'
            yield WorkspaceFinding("warning", placed.field_path(), what, remedy)


def find_default_attributes_sent_as_custom(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Attributes of the profile that an event action can only write as custom ones."""
    for placed in context.subscriptions:
        for key in list_written_keys(placed.mapping.get("attributes")):
            if key in (*_OPT_IN_ATTRIBUTES.values(), "phone_number", "language"):
                what = f"on an event action, {key!r} becomes a custom attribute"
                remedy = f"Map it on {_PROFILE_ACTION}" + (
                    ", or write phone." if "phone" in key else "."
                )
                yield WorkspaceFinding(
                    "warning", placed.field_path("attributes", key), what, remedy
                )


def find_phone_number_identifiers(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Phone numbers go out as they come."""
    if any("phone_number" in _sent_identifiers(each) for each in context.subscriptions):
        what = "phone numbers are sent as they come, and one that is not E.164 fails its whole user"
        remedy = "Send them like +6598765432, or set phone_number_as_identifier to false."
        yield WorkspaceFinding("note", "destination.subscriptions", what, remedy)


def find_opt_ins_that_need_booleans(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Opt-ins that are no booleans."""
    for placed in _profile_subscriptions(context):
        mapped = [field for field in _OPT_IN_ATTRIBUTES if field in placed.mapping]
        if mapped:
            what = f'only true and false fit {", ".join(mapped)}: a "yes" loses the identify call'
            remedy = "Send booleans."
            yield WorkspaceFinding("note", placed.field_path(), what, remedy)


def _profile_subscriptions(context: AnalysisContext) -> Iterator[LocatedSubscription]:
    return (each for each in context.subscriptions if each.action_slug == _PROFILE_ACTION)


def _sent_identifiers(subscription: LocatedSubscription) -> list[str]:
    """The names of the identifiers that a subscription may send."""
    mapping = subscription.mapping
    person = (
        mapping
        if subscription.action_slug == _PROFILE_ACTION
        else list_written_keys(mapping.get("attributes"))
    )
    may_send = {
        "uuid": "uuid" in mapping,
        "segment_anonymous_id": "segment_anonymous_id" in mapping,
        "email": bool(mapping.get("email_as_identifier")) and "email" in person,
        "phone_number": bool(mapping.get("phone_number_as_identifier")) and "phone" in person,
    }
    custom = list_written_keys(mapping.get("custom_identifiers"))
    return [name for name, sent in may_send.items() if sent] + list(custom)
