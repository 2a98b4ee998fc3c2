"""Comparison of a workspace's mappings with captured traffic."""

from collections.abc import Iterator, Set
from dataclasses import replace

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.analysis.drift.deviations import (
    SENT_TWICE_TEXT,
    Deviation,
    DeviationEffect,
    DeviationReference,
    build_trigger_edit_excluding_event,
    fold_path_spelling,
    suggest_mapping_edit,
)
from segment_insider_emulator.analysis.drift.guide_comparison import (
    build_edit_for_missing_mapping,
)
from segment_insider_emulator.analysis.drift.known_differences import (
    get_difference_id_of_unread_property,
    get_known_difference_id,
)
from segment_insider_emulator.analysis.drift.traffic_stats import (
    MAX_EXPLAINED_EVENTS,
    MatchingEventCount,
    SubscriptionStats,
    TrafficStats,
)
from segment_insider_emulator.analysis.mapping_paths import (
    LITERAL_MARKER,
    list_event_paths_of_value,
    list_mapped_values,
    list_read_paths,
)
from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.insider.validation import UserValidationError, validate_user
from segment_insider_emulator.workspace.edits import WorkspaceEdit

_TRAFFIC_REFERENCE: tuple[DeviationReference, ...] = ("traffic",)
# Part of a Segment message or of an Insider One error -> id of the known difference.
_DIFFERENCE_BY_FAILURE = (
    ("Opt-in", "D5"), ("Taxonomy", "D19"), ("Product Category", "D19"), ("Quantity", "D21"),
    ("Variant", "D21"), ("event_name", "D26"), ("Timestamp", "D39"),
)  # fmt: skip
_DIFFERENCE_BY_REJECTION = (
    ("phone", "D7"), ("event name", "D30"), ("required on", "D41"), ("insider_id", "D11"),
    ("birthday", "D29"), ("country", "D29"),
)  # fmt: skip


def compare_with_traffic(
    context: AnalysisContext, traffic_stats: TrafficStats
) -> Iterator[Deviation]:
    """Yield how the mappings deviate from captured events; nothing without events."""
    if not traffic_stats.event_count:
        return
    yield from _find_unhandled_and_duplicate_events(context, traffic_stats)
    for subscription in context.subscriptions:
        stats = traffic_stats.by_subscription[subscription.path]
        renamed = dict(_find_respelled_paths(subscription, stats))
        yield from (
            _build_respelled_path_deviation(subscription, stats, *paths)
            for paths in renamed.items()
        )
        yield from _find_unread_paths(subscription, stats, set(renamed.values()))
        yield from _find_paths_never_sent(subscription, stats, set(renamed))
        yield from _find_mapping_failures(subscription, stats)
        yield from _find_rejected_users(subscription, stats, context.workspace.insider_options)


def _find_unhandled_and_duplicate_events(
    context: AnalysisContext, stats: TrafficStats
) -> Iterator[Deviation]:
    for name, tally in stats.unhandled_events.items():
        what = f"no subscription accepts {name!r}, which was sent {_format_how_often(tally.count)}"
        is_track = tally.first_event.get("type") == "track"
        difference_id = "D12" if name == "Cart Reviewed" else "D25" if is_track else "D26"
        where = "destination.subscriptions"
        edit = build_edit_for_missing_mapping(context, tally.first_event)
        remedy = f"Add a subscription with a trigger for {name!r}."
        if edit and not edit.adds_subscription:
            off = context.workspace.destination["subscriptions"][int(edit.keys[1])]["name"]
            remedy = f"Switch on the subscription {off!r}."
        yield Deviation(
            difference_id,
            "",
            _TRAFFIC_REFERENCE,
            "loses",
            where,
            what,
            remedy,
            edit,
            tally.first_event,
            event_count=tally.count,
        )
    by_path = {subscription.path: subscription for subscription in context.subscriptions}
    for (kind, name, paths), tally in stats.multiple_deliveries.items():
        subscriptions = [by_path[path] for path in paths]
        names = " and ".join(repr(subscription.name) for subscription in subscriptions)
        what = f"{name!r} was sent {_format_how_often(tally.count)}; {names} each send it"
        widest = next(
            (
                subscription
                for subscription in subscriptions
                if subscription.action_slug == "trackEvent"
            ),
            subscriptions[-1],
        )
        edit = build_trigger_edit_excluding_event(widest, name) if kind == "track" else None
        remedy = f"Narrow the trigger of {widest.name!r}."
        deviation = _build_traffic_deviation(
            "D24", widest, "differs", "trigger", what, remedy, edit, tally
        )
        yield replace(deviation, group_text=SENT_TWICE_TEXT)


def _find_respelled_paths(
    subscription: LocatedSubscription, stats: SubscriptionStats
) -> Iterator[tuple[str, str]]:
    """Yield mapped paths that are never sent, each with its spelling in the sent events."""
    read_paths = {
        path
        for mapping in list_mapped_values(subscription.mapping).values()
        for path in list_read_paths(mapping)
    }
    sent_paths = {fold_path_spelling(path): path for path in stats.unread_paths}
    for path in sorted(read_paths - {LITERAL_MARKER, ""}):
        sent_path = sent_paths.get(fold_path_spelling(path))
        if sent_path and sent_path != path and path not in stats.present_paths:
            yield path, sent_path


def _build_respelled_path_deviation(
    subscription: LocatedSubscription, stats: SubscriptionStats, read_path: str, sent_path: str
) -> Deviation:
    keys, old_mapping = next(
        (keys, mapping)
        for keys, mapping in list_mapped_values(subscription.mapping).items()
        if read_path in list_read_paths(mapping)
    )
    tally = stats.unread_paths[sent_path]
    field = ".".join(keys)
    times, absence = _format_occurrence_count(tally.count), _describe_path_absence(read_path, stats)
    what = f"{sent_path} was sent {times}, but {field} reads {read_path}, {absence}"
    new = {"@path": f"$.{sent_path}"}
    mapping = {"@if": {"exists": new, "then": new, "else": old_mapping}}
    edit = (
        WorkspaceEdit(subscription.get_key_path_in_destination("settings", *keys), mapping)
        if "[]" not in sent_path
        else None
    )
    difference_id = get_known_difference_id(subscription.action_slug, *keys)
    where = ".".join(("settings", *keys))
    deviation = _build_traffic_deviation(
        difference_id,
        subscription,
        "loses",
        where,
        what,
        f"Read $.{sent_path} as well.",
        edit,
        tally,
    )
    return replace(deviation, unread_path=sent_path)


def _find_unread_paths(
    subscription: LocatedSubscription, stats: SubscriptionStats, reported_paths: set[str]
) -> Iterator[Deviation]:
    for path, tally in stats.unread_paths.items():
        if path in reported_paths:
            continue
        what = f"{path} was sent {_format_occurrence_count(tally.count)}, but no mapping reads it"
        edit, remedy = suggest_mapping_edit(subscription, path)
        difference_id = get_difference_id_of_unread_property(subscription, path)
        where = edit.path.removeprefix(f"{subscription.path}.") if edit else "settings"
        deviation = _build_traffic_deviation(
            difference_id, subscription, "loses", where, what, remedy, edit, tally
        )
        yield replace(
            deviation, unread_path=path, group_text="paths were sent, but no mapping reads them"
        )


def _find_paths_never_sent(
    subscription: LocatedSubscription, stats: SubscriptionStats, reported_paths: set[str]
) -> Iterator[Deviation]:
    if not stats.event_count:
        return
    for keys in list_mapped_values(subscription.mapping):
        read_paths = list_event_paths_of_value(subscription.mapping, keys) - {""}
        if (
            not read_paths
            or LITERAL_MARKER in read_paths
            or read_paths & reported_paths
            or any(has_value_at_path(path, stats.present_paths) for path in read_paths)
        ):
            continue
        paths = ", ".join(sorted(read_paths))
        absence = _describe_path_absence(
            "" if read_paths.isdisjoint(stats.empty_paths) else min(read_paths & stats.empty_paths),
            stats,
        )
        what = (
            f"{'.'.join(keys)} reads {paths}, {absence} in {_format_event_count(stats.event_count)}"
        )
        needed = subscription.action_slug == "cartViewedEvent" and keys[-1] in (
            "event_group_id",
            "currency",
        )
        difference_id = get_known_difference_id(subscription.action_slug, *keys)
        remedy = "Send it, or read what is sent." if needed else "Nothing to do if it is optional."
        where = ".".join(("settings", *keys))
        effect: DeviationEffect = "loses" if needed else "note"
        yield _build_traffic_deviation(
            difference_id, subscription, effect, where, what, remedy, None, MatchingEventCount()
        )


def _describe_path_absence(path: str, stats: SubscriptionStats) -> str:
    """Describe whether an event path was never sent, or only sent as null or empty."""
    return (
        "which was only sent as null or empty"
        if path in stats.empty_paths
        else "which was never sent"
    )


def has_value_at_path(path: str, present_paths: Set[str]) -> bool:
    """Return whether an event had a value at *path* or below it."""
    return any(
        present == path or present.startswith((f"{path}.", f"{path}[")) for present in present_paths
    )


def _find_mapping_failures(
    subscription: LocatedSubscription, stats: SubscriptionStats
) -> Iterator[Deviation]:
    for message, tally in stats.failures.items():
        reason = " ".join(message.split())
        what = f"Segment refuses {tally.count} of {stats.event_count} events: {reason.rstrip('.')}"
        difference_id = next(
            (difference_id for part, difference_id in _DIFFERENCE_BY_FAILURE if part in message), ""
        )
        remedy = "Send what the field takes, or map something else."
        deviation = _build_traffic_deviation(
            difference_id, subscription, "loses", "settings", what, remedy, None, tally
        )
        yield replace(deviation, refusal=reason.rstrip("."))


def _find_rejected_users(
    subscription: LocatedSubscription, stats: SubscriptionStats, options: InsiderAccountOptions
) -> Iterator[Deviation]:
    """Find users in sent traffic that Insider One rejects although it answers 200."""
    tallies: dict[tuple[str, str], MatchingEventCount] = {}
    for user, event in stats.sent_users:
        for fault in dict.fromkeys(map(_get_error_text_and_remedy, validate_user(user, options))):
            tallies.setdefault(fault, MatchingEventCount()).add_event(event)
    for (text, remedy), tally in tallies.items():
        what = (
            f"Insider One refuses {tally.count} of {len(stats.sent_users)} users it is sent: {text}"
        )
        difference_id = next(
            (difference_id for part, difference_id in _DIFFERENCE_BY_REJECTION if part in text),
            "D32",
        )
        deviation = _build_traffic_deviation(
            difference_id, subscription, "loses", "settings", what, remedy, None, tally
        )
        yield replace(deviation, refusal=text)


def _get_error_text_and_remedy(fault: UserValidationError) -> tuple[str, str]:
    return fault.text.rstrip("."), fault.remedy


def _build_traffic_deviation(
    difference_id: str,
    subscription: LocatedSubscription,
    effect: DeviationEffect,
    relative_path: str,
    what: str,
    remedy: str,
    edit: WorkspaceEdit | None,
    tally: MatchingEventCount,
) -> Deviation:
    where = f"{subscription.path}.{relative_path}"
    example = tally.first_event or None
    return Deviation(
        difference_id,
        subscription.path,
        _TRAFFIC_REFERENCE,
        effect,
        where,
        what,
        remedy,
        edit,
        example,
        event_count=tally.count,
    )


def _format_occurrence_count(count: int) -> str:
    """Format how often something occurred: "once", "3 times", or "N times or more" at the limit."""
    return f"{count} times or more" if count >= MAX_EXPLAINED_EVENTS else _format_how_often(count)


def _format_event_count(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _format_how_often(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
