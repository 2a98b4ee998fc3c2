"""Explanations of why properties of an event are not sent, and how to map them."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from segment_insider_emulator.analysis.context import AnalysisContext
from segment_insider_emulator.analysis.drift.deviations import Deviation
from segment_insider_emulator.analysis.drift.traffic import (
    compare_with_traffic,
    has_value_at_path,
)
from segment_insider_emulator.analysis.drift.traffic_stats import (
    collect_traffic_stats,
    is_empty_value,
    list_paths_with_value,
    remove_list_indexes,
)
from segment_insider_emulator.analysis.mapping_paths import (
    list_event_paths_of_value,
    list_mapped_values,
)
from segment_insider_emulator.filtering.transformations import list_field_prefixes
from segment_insider_emulator.mapping.explanation import EventExplanation, SubscriptionTrace
from segment_insider_emulator.mapping.javascript import to_json_text
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.mapping.value_origins import ValueOrigin
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.edits import WorkspaceEdit

_MAX_VALUE_CHARACTERS = 60  # of a value in a sentence
_MAX_LISTED_FIELDS = 3  # in one sentence
_EMPTY_EVENTS_PATH = "users[0].events"  # path in the request of an empty list of products


@dataclass(frozen=True, slots=True)
class UnmappedProperty:
    """A property of an event that no mapping reads.

    Args:
        path: Path in the event, e.g. "properties.gift_wrap".
        explanation: What was sent, and what to do, in full sentences.
        edit: The edit of the workspace file that maps it; None when there is none.
        replaces_default_mapping: Whether this line alone would replace the action's default
            mapping, see `LocatedSubscription.has_custom_mapping`.
    """

    path: str
    value: JSON
    explanation: str = ""
    edit: WorkspaceEdit | None = None
    replaces_default_mapping: bool = False

    @property
    def mapping_path(self) -> str:
        """Path in the workspace file where a mapping can be added; "" when none can."""
        return self.edit.path if self.edit else ""

    @property
    def suggested_mapping(self) -> JSON:
        """Return the mapping to write there; None when there is none."""
        return self.edit.value if self.edit else None

    @property
    def suggestion_text(self) -> str:
        """Return the suggested mapping as text for a terminal; "" when there is none."""
        return (
            f"write at {self.mapping_path}: {orjson.dumps(self.suggested_mapping).decode()}"
            if self.mapping_path
            else ""
        )


def explain_unmapped_properties(
    context: AnalysisContext, event: JSONObject, unread_paths: Sequence[str]
) -> Iterator[UnmappedProperty]:
    """Yield each path of an event that no mapping reads, explained and with a suggested edit."""
    values = dict(iter_leaves(event))
    remedies = {
        deviation.unread_path: deviation
        for deviation in compare_with_traffic(context, collect_traffic_stats(context, [event]))
        if deviation.unread_path
    }
    default_mapped = {
        subscription.path
        for subscription in context.subscriptions
        if not subscription.has_custom_mapping
    }
    for path in unread_paths:
        general_path = remove_list_indexes(path)
        yield _explain_unmapped_property(
            path, values.get(path), general_path, remedies.get(general_path), default_mapped
        )


def explain_moved_values(
    context: AnalysisContext,
    event: JSONObject,
    changes: Sequence[JSONObject],
    trigger_event: JSONObject | None = None,
) -> Iterator[tuple[str, str]]:
    """Explain which values the mappings miss because something moved or removed them before.

    Args:
        changes: Of the event, in the shape of a message's `changes`.
        trigger_event: The event that triggers saw; None for *event*.
    Yields: The name of a subscription that matches, and a sentence about one of its values.
    """
    gone = {change["was"] or change["field"]: change for change in changes
            if change["kind"] in ("moved", "removed")}  # fmt: skip
    if not gone:
        return
    present_paths = set(list_paths_with_value(event))
    for subscription in context.subscriptions:
        if not subscription.matches(trigger_event or event):
            continue
        for keys in list_mapped_values(subscription.mapping):
            read = list_event_paths_of_value(subscription.mapping, keys) - {""}
            if any(has_value_at_path(path, present_paths) for path in read):
                continue
            for path in sorted(read):
                change = next(
                    (gone[part] for part in list_field_prefixes(path) if part in gone), None
                )
                if change:
                    yield subscription.name, _explain_moved_value(".".join(keys), path, change)


def _explain_moved_value(field: str, path: str, change: JSONObject) -> str:
    where = f"moved it to {change['field']}" if change["kind"] == "moved" else "removed it"
    if change["kind"] == "moved" and path != change["was"]:
        where = f"moved {change['was']} to {change['field']}"
    return f"{field} reads {path} and finds nothing: {change['by']} {where}."


def keep_one_property_per_path(
    properties: Iterable[UnmappedProperty],
) -> dict[str, UnmappedProperty]:
    """Keep one unmapped property per path, ignoring list indexes."""
    by_path: dict[str, UnmappedProperty] = {}
    for unmapped in properties:
        by_path.setdefault(remove_list_indexes(unmapped.path), unmapped)
    return by_path


def explain_empty_properties(trace: SubscriptionTrace, event: JSONObject) -> Iterator[str]:
    """Explain which properties a subscription reads without getting a value from them."""
    if trace.failure:
        return
    values = dict(iter_leaves(event))
    fields: dict[tuple[str, ...], list[str]] = {}
    for origin in trace.origins:
        if _read_path_gave_no_value(origin):
            empty = tuple(path for path in origin.read if is_empty_value(values.get(path)))
            fields.setdefault(empty or tuple(origin.read), []).append(origin.field)
    for paths, unfilled in fields.items():
        nothing = "no events" if "products" in unfilled else f"no {_join_names(unfilled)}"
        yield f"{_describe_sent_values(paths, values)}, so {trace.subscription} sends {nothing}."


def find_unsent_values(trace: SubscriptionTrace) -> Iterator[ValueOrigin]:
    """Yield the values that a subscription's mapping computes but does not send."""
    sends_no_events = any(_EMPTY_EVENTS_PATH in origin.at for origin in trace.origins)
    sent_in_parts = set(
        _list_parent_field_paths(origin.field for origin in trace.origins if origin.at)
    )
    for origin in trace.origins:
        is_parameter = origin.field.startswith(("parameters", "timestamp", "event_name"))
        if origin.at or origin.value in (None, "") or _read_path_gave_no_value(origin):
            continue
        if origin.field in sent_in_parts:
            continue
        if not trace.failure and not (sends_no_events and is_parameter):
            yield origin


def _list_parent_field_paths(fields: Iterable[str]) -> Iterator[str]:
    """Yield the parents of field paths: "parameters.a[0].b" has the parent "parameters.a"."""
    for field in fields:
        yield from (field[:index] for index, letter in enumerate(field) if letter in ".[")


def explain_condition_only_properties(
    explanation: EventExplanation, event: JSONObject
) -> Iterator[str]:
    """Explain which properties only decide a trigger or mapping, and are not sent themselves."""
    values = dict(iter_leaves(event))
    for path in explanation.deciding:
        triggers = [
            f"the trigger of {trace.subscription}"
            for trace in explanation.accounts
            if any(path in check.read for check in trace.conditions)
        ]
        fields = [
            f"{origin.field} of {trace.subscription}"
            for trace in explanation.accounts
            for origin in trace.origins
            if path in origin.decided_by and not _read_path_gave_no_value(origin)
        ]
        if not is_empty_value(values.get(path)) and (triggers or fields):
            decided = _join_names([*triggers, *fields], "and")
            yield f"{path} decides {decided}; it is not sent itself."


def _read_path_gave_no_value(origin: ValueOrigin) -> bool:
    """Return whether a mapping read a property of the event that gave no value."""
    is_unsent = not origin.at or origin.at == [_EMPTY_EVENTS_PATH]
    return is_unsent and bool(origin.read) and is_empty_value(origin.value)


def _describe_sent_values(paths: Sequence[str], values: Mapping[str, JSON]) -> str:
    """Describe in words what an event has at *paths*."""
    descriptions = [
        f"{path} was sent as {_describe_property_value(values.get(path))}"
        for path in paths[:_MAX_LISTED_FIELDS]
    ]
    hidden_count = len(paths) - len(descriptions)
    return " and ".join([*descriptions, *([f"{hidden_count} more"] if hidden_count > 0 else [])])


def _describe_property_value(value: JSON) -> str:
    if value is None:
        return "null"
    for kind, name in ((str, "text"), (list, "list"), (dict, "object")):
        if isinstance(value, kind) and not value:
            return f"an empty {name}"
    text = to_json_text(value)
    return text if len(text) <= _MAX_VALUE_CHARACTERS else f"{text[:_MAX_VALUE_CHARACTERS]}…"


def _join_names(names: Sequence[str], conjunction: str = "or") -> str:
    """Join some names as a sentence does, e.g. "a, b or c"; the others are only counted."""
    shown_names = list(dict.fromkeys(names))
    hidden_count = len(shown_names) - _MAX_LISTED_FIELDS
    if hidden_count > 0:
        shown_names = [*shown_names[:_MAX_LISTED_FIELDS], f"{hidden_count} more"]
    *first, last = shown_names
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def _explain_unmapped_property(
    path: str,
    value: JSON,
    path_without_indexes: str,
    deviation: Deviation | None,
    default_mapping_paths: Container[str],
) -> UnmappedProperty:
    if is_empty_value(value):
        return UnmappedProperty(
            path, value, f"was sent as {_describe_property_value(value)}. There is nothing to map."
        )
    if deviation is None:
        return UnmappedProperty(path, value)
    explanation = f"{deviation.what.removeprefix(path_without_indexes).strip()}. {deviation.remedy}"
    if deviation.edit is None:
        return UnmappedProperty(path, value, explanation)
    replaces = deviation.edit.edits_mapping and deviation.subscription_path in default_mapping_paths
    return UnmappedProperty(path, value, explanation, deviation.edit, replaces)
