"""Lint rules for the destination: settings, filters, and which events are sent."""

import re
from collections.abc import Iterator

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.analysis.sample_events import (
    OTHER_TRACK_CALL,
    build_probe_events,
    build_track_call,
)
from segment_insider_emulator.filtering.fql_checks import find_constant_conditions
from segment_insider_emulator.filtering.fql_parser import FqlSyntaxError, parse_fql_statement
from segment_insider_emulator.mapping.segment_spec import CALL_TYPES
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.validation import (
    WorkspaceFinding,
    format_document_path,
    suggest_name,
)

# Some Segment plans allow fewer.
_MAX_SUBSCRIPTIONS = 50
_DESTINATION_SETTINGS = ["account_name", "ucd_key"]
_ILLEGAL_HEADER_CHARACTER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


def find_inactive_destination(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find a destination that sends nothing: disabled, or without subscriptions."""
    destination = context.workspace.destination
    if not destination.get("enabled", True):
        what = "the destination is disabled, so nothing is sent"
        yield WorkspaceFinding("warning", "destination.enabled", what, "Write true.")
    if not context.subscriptions:
        what = "no subscription is enabled, so nothing is sent"
        remedy = "Enable one, or start from the preset guide."
        yield WorkspaceFinding("warning", "destination.subscriptions", what, remedy)


def find_too_many_subscriptions(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find more subscriptions than Segment allows."""
    count = len(context.workspace.destination["subscriptions"])
    if count > _MAX_SUBSCRIPTIONS:
        what = f"{count} subscriptions; Segment allows {_MAX_SUBSCRIPTIONS}"
        yield WorkspaceFinding("error", "destination.subscriptions", what, "Join some of them.")


def find_wrong_credentials(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find credentials that Insider One would reject."""
    workspace = context.workspace
    settings = workspace.destination["settings"]
    pairs = (("account_name", workspace.account_name), ("ucd_key", workspace.account_key))
    for setting, expected in pairs:
        where = f"destination.settings.{setting}"
        if settings[setting] != expected:
            what = f"{setting} is not that of insider.account, so every request is refused"
            yield WorkspaceFinding("error", where, what, "Write the same in both places.")
        if _ILLEGAL_HEADER_CHARACTER.search(settings[setting]):
            what = f"{setting} has a character that no header may have, so nothing is sent"
            yield WorkspaceFinding("error", where, what, "Copy it again, without line breaks.")


def find_unknown_settings(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find destination settings that Segment does not have."""
    for setting in context.workspace.destination["settings"]:
        if setting not in _DESTINATION_SETTINGS:
            where = f"destination.settings.{setting}"
            what = f"the destination has no setting {setting!r}, so it does nothing"
            yield WorkspaceFinding(
                "warning", where, what, suggest_name(setting, _DESTINATION_SETTINGS)
            )


def find_duplicate_subscription_names(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find subscriptions with the same name, including disabled ones."""
    first: dict[str, int] = {}
    for index, subscription in enumerate(context.workspace.destination["subscriptions"]):
        name = subscription["name"]
        if name in first:
            where = format_document_path("destination", "subscriptions", index, "name")
            what = f"subscriptions[{first[name]}] also has the name {name!r}"
            yield WorkspaceFinding("warning", where, what, "Give each subscription its own name.")
        first.setdefault(name, index)


def find_unparsable_filters(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find filters that Segment cannot parse; they drop every event."""
    for where, filter_ in _iter_enabled_filters(context):
        try:
            parse_fql_statement(filter_["if"])
        except FqlSyntaxError as error:
            what = f"Segment cannot read this filter and drops every event: {error}"
            remedy = "Correct it, or switch the filter off with enabled: false."
            yield WorkspaceFinding("error", f"{where}.if", what, remedy)


def find_constant_filter_conditions(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find filter conditions that give the same result for every event."""
    for where, filter_ in _iter_enabled_filters(context):
        try:
            conditions = [*find_constant_conditions(parse_fql_statement(filter_["if"]))]
        except FqlSyntaxError:
            continue  # find_unparsable_filters reports it
        for condition in dict.fromkeys(conditions):
            remedy = "Correct this part or remove it."
            yield WorkspaceFinding("warning", f"{where}.if", str(condition), remedy)


def find_filters_without_fields(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find filter actions without fields, which do nothing."""
    for where, filter_ in _iter_enabled_filters(context):
        for index, action in enumerate(filter_["actions"]):
            if action["type"].endswith("_PROPERTIES") and not action.get("fields"):
                what = "this action names no fields and does nothing"
                remedy = "Name them, such as fields: {properties: [email]}."
                yield WorkspaceFinding("warning", f"{where}.actions[{index}]", what, remedy)


def find_unmapped_consent_categories(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find a destination without consent category where the workspace has some."""
    document = context.workspace.document
    known = document.get("consentSettings", {}).get("allCategories", [])
    if known and not list_consent_categories(document):
        what = "the destination belongs to no consent category, so it receives every event, "
        what += "whatever people refuse"
        remedy = f"Name those that it needs as {{categories: […]}}. Known: {', '.join(known)}."
        yield WorkspaceFinding("warning", "destination.consentSettings", what, remedy)


def find_unknown_consent_categories(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find consent categories that the workspace does not have, or that Segment does not take."""
    document = context.workspace.document
    known = document.get("consentSettings", {}).get("allCategories", [])
    for index, category in enumerate(list_consent_categories(document)):
        where = f"destination.consentSettings.categories[{index}]"
        if known and category not in known:
            what = f"consentSettings.allCategories has no category {category!r}"
            yield WorkspaceFinding("warning", where, what, suggest_name(category, known))
        if category[0].isdigit():
            what = f"Segment takes no category {category!r}, as its id begins with a digit"
            yield WorkspaceFinding("error", where, what, "Write the id that Segment shows.")


def list_consent_categories(document: JSONObject) -> list[str]:
    """Return the consent categories of a workspace document's destination."""
    categories: list[str] = document["destination"].get("consentSettings", {}).get("categories", [])
    return categories


def find_schema_settings_without_plan(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find schema settings without a tracking plan, which do nothing."""
    document = context.workspace.document
    if "trackingPlan" in document:
        return
    for kind in ("track", "identify", "group"):
        if document["source"].get("settings", {}).get(kind):
            what = "no tracking plan is connected, so these controls do nothing"
            remedy = "Name the plan's file as trackingPlan."
            yield WorkspaceFinding("warning", f"source.settings.{kind}", what, remedy)


def _iter_enabled_filters(context: AnalysisContext) -> Iterator[tuple[str, JSONObject]]:
    filters = context.workspace.destination.get("filters", [])
    for index, filter_ in enumerate(filters):
        if filter_.get("enabled", True):
            yield format_document_path("destination", "filters", index), filter_


def find_duplicate_deliveries(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find events that several subscriptions send."""
    return (finding for finding, _ in find_duplicate_deliveries_by_event(context))


def find_duplicate_deliveries_by_event(
    context: AnalysisContext,
) -> Iterator[tuple[WorkspaceFinding, str | None]]:
    """Yield findings of events sent by several subscriptions, each with its event name or None."""
    by_event = _map_events_to_subscriptions(context)
    all_senders = [subscription for senders in by_event.values() for subscription in senders]
    for label, senders in by_event.items():
        if len(senders) < 2:
            continue
        widest = max(senders, key=all_senders.count)
        names = " and ".join(repr(subscription.name) for subscription in senders)
        # Event names are quoted as in a trigger; call types are not.
        event = None if label in CALL_TYPES or label == OTHER_TRACK_CALL else label
        event_text = label if event is None else f'"{event}"'
        what = f"{event_text} is sent {len(senders)} times: by {names}"
        yield (
            WorkspaceFinding(
                "warning", widest.trigger_path, what, _format_narrow_trigger_remedy(event, widest)
            ),
            event,
        )


def find_unhandled_call_types(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find call types that no subscription accepts."""
    by_event = _map_events_to_subscriptions(context)
    handles_track = any(label not in CALL_TYPES for label in by_event)
    handled = {*by_event, "track"} if handles_track else set(by_event)
    missing = [call for call in CALL_TYPES if call not in handled]
    if missing:
        what = f"no subscription accepts {', '.join(missing)} calls"
        remedy = "If they matter, add a Track Event with a trigger and an event_name for them."
        yield WorkspaceFinding("note", "destination.subscriptions", what, remedy)


def find_missing_cart_reviewed(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find cart subscriptions without Cart Reviewed, the name in the guide's table."""
    carts = [
        subscription
        for subscription in context.subscriptions
        if subscription.action_slug == "cartViewedEvent"
    ]
    if carts and not any(
        subscription.matches(build_track_call("Cart Reviewed")) for subscription in carts
    ):
        what = '"Cart Reviewed", the name in the guide\'s table, creates no cart page view'
        remedy = 'Add `or event = "Cart Reviewed"`, in parentheses, if your shop sends it.'
        yield WorkspaceFinding("note", carts[0].trigger_path, what, remedy)


def _map_events_to_subscriptions(context: AnalysisContext) -> dict[str, list[LocatedSubscription]]:
    """Return, for each kind of accepted event, the subscriptions that accept it."""
    by_event: dict[str, list[LocatedSubscription]] = {}
    for label, event in build_probe_events(context):
        subscriptions = [
            subscription for subscription in context.subscriptions if subscription.matches(event)
        ]
        if len(subscriptions) > len(by_event.get(label, [])):
            by_event[label] = subscriptions
    return by_event


def _format_narrow_trigger_remedy(event_name: str | None, subscription: LocatedSubscription) -> str:
    if event_name is None:
        return f"Narrow the trigger of {subscription.name!r}."
    return f'Add `and event != "{event_name}"` to the trigger of {subscription.name!r}.'
