"""What captured traffic contains: events by name, the paths they have, and who reads them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.analysis.drift.guide_comparison import (
    get_guide_definition,
    load_guide,
)
from segment_insider_emulator.analysis.drift.known_differences import get_difference_id
from segment_insider_emulator.analysis.drift.model import (
    SENT_TWICE_TEXT,
    Deviation,
    DeviationEffect,
    DeviationReference,
    WorkspaceEdit,
    build_trigger_exclusion,
)
from segment_insider_emulator.analysis.lint.payload_rules import suggest_normalised_key
from segment_insider_emulator.analysis.mapping_paths import (
    LITERAL_MARKER,
    list_mapped_values,
    list_read_paths,
    list_value_sources,
)
from segment_insider_emulator.insider.options import InsiderOptions
from segment_insider_emulator.insider.validation import UserError, validate_user
from segment_insider_emulator.mapping.destination import Destination, InsiderRequest, MappingFailure
from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.mapping.explanation import EventExplanation, explain_event
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.types import JSONObject

# Explaining is slow; events of one name have much the same properties.
MAX_EXPLAINED_EVENTS = 200
_LIST_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class EventTally:
    """How many events have something, and the first that has."""

    count: int = 0
    first_event: JSONObject = field(default_factory=dict)

    def add_event(self, event: JSONObject) -> None:
        if not self.count:
            self.first_event = event
        self.count += 1


@dataclass(slots=True)
class SubscriptionStats:
    """What one subscription took.

    Args:
        present: Paths that some event has a value at, e.g. "properties.products[].sku".
        empty: Paths that some event has null or an empty text at.
        unread: Paths that the app said and that no mapping read, with a value.
        failures: By Segment's message.
        users: Users that were made of events, each with its event.
    """

    event_count: int = 0
    present_paths: set[str] = field(default_factory=set)
    empty_paths: set[str] = field(default_factory=set)
    unread_paths: dict[str, EventTally] = field(default_factory=lambda: defaultdict(EventTally))
    failures: dict[str, EventTally] = field(default_factory=lambda: defaultdict(EventTally))
    sent_users: list[tuple[JSONObject, JSONObject]] = field(default_factory=list)


@dataclass(slots=True)
class TrafficStats:
    """The traffic as a whole.

    Args:
        taken: By the place of the subscription.
        together: Names of events by the places of two or more subscriptions that take them.
        not_taken: By what people call the event.
    """

    by_subscription: dict[str, SubscriptionStats]
    multiple_deliveries: dict[tuple[str, str, tuple[str, ...]], EventTally]
    unhandled_events: dict[str, EventTally]


def count_traffic(context: AnalysisContext, traffic: Sequence[JSONObject]) -> TrafficStats:
    """Count and explain the traffic."""
    destination = Destination(context.workspace.destination | {"enabled": True})
    counted = TrafficStats(
        {each.path: SubscriptionStats() for each in context.subscriptions},
        defaultdict(EventTally),
        defaultdict(EventTally),
    )
    seen: Counter[tuple[str, str]] = Counter()
    for event in traffic:
        name = label_event(event)
        takers = [each for each in context.subscriptions if each.matches(event)]
        if not takers:
            counted.unhandled_events[name].add_event(event)
        if len(takers) > 1:
            places = tuple(each.path for each in takers)
            counted.multiple_deliveries[(str(event.get("type")), name, places)].add_event(event)
        kind = (str(event.get("type")), name)
        seen[kind] += 1
        explanation = (
            explain_event(destination, event) if seen[kind] <= MAX_EXPLAINED_EVENTS else None
        )
        _add_event_to_stats(counted, takers, event, explanation)
    return counted


def label_event(event: JSONObject) -> str:
    """What people call an event: the name of a track call, else its type."""
    name = event.get("event")
    return (
        name if event.get("type") == "track" and isinstance(name, str) else str(event.get("type"))
    )


def _add_event_to_stats(
    stats: TrafficStats,
    subscriptions: list[LocatedSubscription],
    event: JSONObject,
    explanation: EventExplanation | None,
) -> None:
    present = set(list_filled_paths(event))
    values = dict(iter_leaves(event))
    empty = {remove_indexes(path) for path, value in values.items() if value is None or value == ""}
    for placed in subscriptions:
        taken = stats.by_subscription[placed.path]
        taken.event_count += 1
        taken.present_paths |= present
        taken.empty_paths |= empty
        result = placed.subscription.build_request(event)
        if isinstance(result, MappingFailure):
            taken.failures[result.message].add_event(event)
        elif isinstance(result, InsiderRequest) and explanation:
            taken.sent_users.append((result.json["users"][0], event))
    if subscriptions and explanation:
        # Told once, where it would be mapped: at the subscription made for the event.
        narrowest = next(
            (each for each in subscriptions if each.action_slug != "trackEvent"), subscriptions[0]
        )
        unread = stats.by_subscription[narrowest.path].unread_paths
        filled = [path for path in explanation.dropped if values[path] not in (None, "", [], {})]
        for path in dict.fromkeys(map(remove_indexes, filled)):
            unread[path].add_event(event)


def list_filled_paths(event: JSONObject) -> Iterator[str]:
    """Every path with a value; the items of a list share theirs."""
    for path, value in iter_leaves(event):
        if value is not None and value != "":
            yield remove_indexes(path)


def remove_indexes(path: str) -> str:
    """*path* in any entry of a list, e.g. "properties.products[].sku"."""
    return _LIST_INDEX.sub("[]", path)


_TRAFFIC_REFERENCE: tuple[DeviationReference, ...] = ("traffic",)
# Parts of Segment's messages and of Insider One's errors -> row.
_DIFFERENCE_BY_FAILURE = (
    ("Opt-in", "D5"), ("Taxonomy", "D19"), ("Product Category", "D19"), ("Quantity", "D21"),
    ("Variant", "D21"), ("event_name", "D26"), ("Timestamp", "D39"),
)  # fmt: skip
_DIFFERENCE_BY_REJECTION = (
    ("phone", "D7"), ("event name", "D30"), ("required on", "D41"), ("insider_id", "D11"),
    ("birthday", "D29"), ("country", "D29"),
)  # fmt: skip
# Where the catalogue puts a property of Segment's specs.
_PARAMETER_BY_PROPERTY = {
    "category": "taxonomy", "price": "unit_price", "image_url": "product_image_url",
    "order_id": "event_group_id",
}  # fmt: skip


def compare_with_traffic(
    context: AnalysisContext, traffic: Sequence[JSONObject]
) -> Iterator[Deviation]:
    """What the traffic shows; nothing without traffic."""
    if not traffic:
        return
    counted = count_traffic(context, traffic)
    yield from _find_unhandled_and_duplicate_events(context, counted)
    for placed in context.subscriptions:
        taken = counted.by_subscription[placed.path]
        renamed = dict(_find_respelled_paths(placed, taken))
        yield from (_respelled_path_deviation(placed, taken, *each) for each in renamed.items())
        yield from _find_unread_paths(placed, taken, set(renamed.values()))
        yield from _find_paths_never_sent(placed, taken, set(renamed))
        yield from _find_failed_events(placed, taken)
        yield from _find_rejected_users(placed, taken, context.workspace.insider_options)


def _find_unhandled_and_duplicate_events(
    context: AnalysisContext, stats: TrafficStats
) -> Iterator[Deviation]:
    for name, tally in stats.unhandled_events.items():
        what = f"no subscription takes {name!r}, which came {_format_times(tally.count)}"
        track = tally.first_event.get("type") == "track"
        id = "D12" if name == "Cart Reviewed" else "D25" if track else "D26"
        remedy = f"Add a subscription with a trigger for {name!r}."
        where = "destination.subscriptions"
        change = _guide_subscription_edit(context, tally.first_event)
        yield Deviation(
            id, "", _TRAFFIC_REFERENCE, "loses", where, what, remedy, change, tally.first_event
        )
    by_place = {each.path: each for each in context.subscriptions}
    for (kind, name, places), tally in stats.multiple_deliveries.items():
        takers = [by_place[each] for each in places]
        names = " and ".join(repr(each.name) for each in takers)
        what = f"{name!r} came {_format_times(tally.count)} and is sent by {names} each time"
        widest = next((each for each in takers if each.action_slug == "trackEvent"), takers[-1])
        change = build_trigger_exclusion(widest, name) if kind == "track" else None
        remedy = f"Narrow the trigger of {widest.name!r}."
        found = _traffic_deviation("D24", widest, "differs", "trigger", what, remedy, change, tally)
        yield replace(found, group_text=SENT_TWICE_TEXT)


def _guide_subscription_edit(context: AnalysisContext, event: JSONObject) -> WorkspaceEdit | None:
    """The guide's subscription for *event*, added; None when the guide has none."""
    own = next((each for each in load_guide().subscriptions if each.matches(event)), None)
    count = len(context.workspace.destination["subscriptions"])
    return WorkspaceEdit(("subscriptions", count), get_guide_definition(own)) if own else None


def _find_respelled_paths(
    subscription: LocatedSubscription, stats: SubscriptionStats
) -> Iterator[tuple[str, str]]:
    """Paths that are read and never came -> the same in another spelling, which came unread."""
    read = {
        path
        for mapping in list_mapped_values(subscription.mapping).values()
        for path in list_read_paths(mapping)
    }
    spelt = {_fold_spelling(path): path for path in stats.unread_paths}
    for path in sorted(read - {LITERAL_MARKER, ""}):
        other = spelt.get(_fold_spelling(path))
        if other and other != path and path not in stats.present_paths:
            yield path, other


def _fold_spelling(path: str) -> str:
    return re.sub(r"[_\-\s]", "", path).casefold()


def _respelled_path_deviation(
    subscription: LocatedSubscription, stats: SubscriptionStats, read_path: str, sent_path: str
) -> Deviation:
    keys, own = next(
        (keys, mapping)
        for keys, mapping in list_mapped_values(subscription.mapping).items()
        if read_path in list_read_paths(mapping)
    )
    tally = stats.unread_paths[sent_path]
    field = ".".join(keys)
    what = f"{sent_path} came {_format_sample_count(tally.count)}, but {field} reads {read_path}, {_describe_absence(read_path, stats)}"
    new = {"@path": f"$.{sent_path}"}
    mapping = {"@if": {"exists": new, "then": new, "else": own}}
    change = (
        WorkspaceEdit(subscription.destination_keys("settings", *keys), mapping)
        if "[]" not in sent_path
        else None
    )
    row = get_difference_id(subscription.action_slug, *keys)
    where = ".".join(("settings", *keys))
    found = _traffic_deviation(
        row, subscription, "loses", where, what, f"Read $.{sent_path} as well.", change, tally
    )
    return replace(found, path=sent_path)


def _find_unread_paths(
    subscription: LocatedSubscription, stats: SubscriptionStats, reported_paths: set[str]
) -> Iterator[Deviation]:
    for path, tally in stats.unread_paths.items():
        if path in reported_paths:
            continue
        what = f"{path} came {_format_sample_count(tally.count)} and no mapping reads it"
        change, remedy = _suggest_mapping_edit(subscription, path)
        id = _difference_of_unread_path(subscription, path)
        where = change.path.removeprefix(f"{subscription.path}.") if change else "settings"
        found = _traffic_deviation(id, subscription, "loses", where, what, remedy, change, tally)
        yield replace(found, path=path, group_text="paths came and no mapping reads them")


def _difference_of_unread_path(subscription: LocatedSubscription, path: str) -> str:
    name = re.split(r"[.\[]", path.removeprefix("properties.").removeprefix("traits."))[0]
    if path.startswith("traits."):
        optin = "optin" in _fold_spelling(name)
        return "D3" if optin else get_difference_id(subscription.action_slug, name) or "D38"
    row = get_difference_id(
        subscription.action_slug, "parameters", _PARAMETER_BY_PROPERTY.get(name, name)
    )
    # Only carts are refused for the want of it.
    return "D17" if row == "D41" and subscription.action_slug != "cartViewedEvent" else row


def _suggest_mapping_edit(
    subscription: LocatedSubscription, path: str
) -> tuple[WorkspaceEdit | None, str]:
    """The line that would read *path*; None where the action has no place for it."""
    fields = {field.key for field in subscription.subscription.action.fields}
    root, _, rest = path.partition(".")
    products, _, item = rest.partition("products[].")
    key = suggest_normalised_key((item or rest).replace(".", "_")).replace("[]", "")
    field = {_fold_spelling(each): each for each in fields}.get(_fold_spelling(rest))
    if root == "traits" and field in fields - subscription.mapping.keys():
        keys = subscription.destination_keys("settings", field)
        return WorkspaceEdit(keys, {"@path": f"$.{path}"}), f"Map it to {field}."
    if root == "traits" and "custom" in fields:
        return _suggest_container_edit(subscription, "custom", key, path)
    if item and not products and "products" in fields:
        shape = ("products", "@arrayPath", 1)
        match subscription.mapping.get("products"):
            case {"@arrayPath": [_, dict() as items, *_]} if not is_directive(items):
                keys = subscription.destination_keys("settings", *shape, key)
                return WorkspaceEdit(keys, {"@path": item}), "Map it for each product."
        return None, "Map it in the shape of products."
    if root == "properties" and "parameters" in fields:
        return _suggest_container_edit(subscription, "parameters", key, path)
    return (
        None,
        f"{subscription.action_slug} has no field for it; send it with another event, or as a trait.",
    )


def _suggest_container_edit(
    subscription: LocatedSubscription, field: str, key: str, path: str
) -> tuple[WorkspaceEdit | None, str]:
    own = subscription.mapping.get(field)
    if "[]" in path:
        return None, f"Map it under {field}, as text or as a list of texts."
    if is_directive(own):
        return None, f"Map it under {field}."
    mapping = {"@path": f"$.{path}"}
    if isinstance(own, dict):
        return WorkspaceEdit(
            subscription.destination_keys("settings", field, key), mapping
        ), f"Map it under {field}."
    return WorkspaceEdit(
        subscription.destination_keys("settings", field), {key: mapping}
    ), f"Map it under {field}."


def _find_paths_never_sent(
    subscription: LocatedSubscription, stats: SubscriptionStats, reported_paths: set[str]
) -> Iterator[Deviation]:
    if not stats.event_count:
        return
    for keys in list_mapped_values(subscription.mapping):
        read = list_value_sources(subscription.mapping, keys) - {""}
        if (
            not read
            or LITERAL_MARKER in read
            or read & reported_paths
            or any(has_value_at(path, stats.present_paths) for path in read)
        ):
            continue
        paths = ", ".join(sorted(read))
        absence = _describe_absence(
            "" if read.isdisjoint(stats.empty_paths) else min(read & stats.empty_paths), stats
        )
        what = (
            f"{'.'.join(keys)} reads {paths}, {absence} in {_format_event_count(stats.event_count)}"
        )
        needed = subscription.action_slug == "cartViewedEvent" and keys[-1] in (
            "event_group_id",
            "currency",
        )
        row = get_difference_id(subscription.action_slug, *keys)
        remedy = "Send it, or read what is sent." if needed else "Nothing to do if it is optional."
        where = ".".join(("settings", *keys))
        effect: DeviationEffect = "loses" if needed else "note"
        yield _traffic_deviation(row, subscription, effect, where, what, remedy, None, EventTally())


def _describe_absence(path: str, stats: SubscriptionStats) -> str:
    """In which way *path* is not there."""
    return "which came only as null or empty" if path in stats.empty_paths else "which never came"


def has_value_at(path: str, present_paths: Set[str]) -> bool:
    """Whether an event had anything at *path*, or below it."""
    return any(each == path or each.startswith((f"{path}.", f"{path}[")) for each in present_paths)


def _find_failed_events(
    subscription: LocatedSubscription, stats: SubscriptionStats
) -> Iterator[Deviation]:
    for message, tally in stats.failures.items():
        said = " ".join(message.split())
        what = f"Segment refuses {tally.count} of {stats.event_count} events: {said.rstrip('.')}"
        id = next((row for part, row in _DIFFERENCE_BY_FAILURE if part in message), "")
        remedy = "Send what the field takes, or map something else."
        yield _traffic_deviation(id, subscription, "loses", "settings", what, remedy, None, tally)


def _find_rejected_users(
    subscription: LocatedSubscription, stats: SubscriptionStats, options: InsiderOptions
) -> Iterator[Deviation]:
    """What Insider One answers 200 to and does not take."""
    tallies: dict[tuple[str, str], EventTally] = {}
    for user, event in stats.sent_users:
        for fault in dict.fromkeys(map(_error_without_value, validate_user(user, options))):
            tallies.setdefault(fault, EventTally()).add_event(event)
    for (text, remedy), tally in tallies.items():
        what = (
            f"Insider One refuses {tally.count} of {len(stats.sent_users)} users it is sent: {text}"
        )
        id = next((row for part, row in _DIFFERENCE_BY_REJECTION if part in text), "D32")
        yield _traffic_deviation(id, subscription, "loses", "settings", what, remedy, None, tally)


def _error_without_value(fault: UserError) -> tuple[str, str]:
    return fault.text.rstrip("."), fault.remedy


def _traffic_deviation(
    difference_id: str,
    subscription: LocatedSubscription,
    effect: DeviationEffect,
    relative_path: str,
    what: str,
    remedy: str,
    edit: WorkspaceEdit | None,
    tally: EventTally,
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
    )


def _format_sample_count(count: int) -> str:
    """How often something came among the events that were looked at."""
    return f"{count} times or more" if count >= MAX_EXPLAINED_EVENTS else _format_times(count)


def _format_event_count(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _format_times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
