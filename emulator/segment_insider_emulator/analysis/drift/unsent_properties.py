"""What is to be said of the properties of one event that are not sent."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from segment_insider_emulator.analysis.context import AnalysisContext
from segment_insider_emulator.analysis.drift.model import Deviation
from segment_insider_emulator.analysis.drift.traffic import compare_with_traffic, remove_indexes
from segment_insider_emulator.mapping.explanation import EventExplanation, SubscriptionTrace
from segment_insider_emulator.mapping.javascript import to_json_text
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.mapping.value_origins import ValueOrigin
from segment_insider_emulator.types import JSON, JSONObject

_MAX_VALUE_CHARACTERS = 60  # characters shown of a value
_MAX_LISTED_FIELDS = 3  # fields that one sentence names
_EMPTY_EVENTS_PATH = "users[0].events"  # the place in a body of a list of products that is empty


@dataclass(frozen=True, slots=True)
class UnmappedProperty:
    """A property that no mapping reads.

    Args:
        path: In the event, e.g. "properties.gift_wrap".
        why: What was seen, and what to do, in full sentences.
        where: Place of the line in the workspace file that would map it; "" when there is none.
        line: What to write there.
        replaces: Whether the line alone would replace a whole mapping, see `Placed.mapped`.
    """

    path: str
    value: JSON
    explanation: str = ""
    mapping_path: str = ""
    suggested_mapping: JSON = None
    replaces_mapping: bool = False

    @property
    def suggestion_text(self) -> str:
        """The line that would map it, as commands tell it; "" when there is none."""
        return (
            f"write at {self.mapping_path}: {orjson.dumps(self.suggested_mapping).decode()}"
            if self.mapping_path
            else ""
        )


def explain_unmapped_properties(
    context: AnalysisContext, event: JSONObject, unread_paths: Sequence[str]
) -> Iterator[UnmappedProperty]:
    """Each of the paths *unread* of *event*, with what to do about it where something can be."""
    values = dict(iter_leaves(event))
    remedies = {
        each.unread_path: each
        for each in compare_with_traffic(context, [event])
        if each.unread_path
    }
    unmapped = {each.path for each in context.subscriptions if not each.has_custom_mapping}
    for path in unread_paths:
        everywhere = remove_indexes(path)
        yield _explain_unmapped_property(
            path, values.get(path), everywhere, remedies.get(everywhere), unmapped
        )


def group_list_entries(properties: Iterable[UnmappedProperty]) -> dict[str, UnmappedProperty]:
    """Unnumbered path -> the first of all entries of a list."""
    told: dict[str, UnmappedProperty] = {}
    for each in properties:
        told.setdefault(remove_indexes(each.path), each)
    return told


def explain_empty_values(trace: SubscriptionTrace, event: JSONObject) -> Iterator[str]:
    """Yield a sentence for each part of *event* that *account* reads and that has no value."""
    if trace.failure:
        return
    values = dict(iter_leaves(event))
    fields: dict[tuple[str, ...], list[str]] = {}
    for origin in trace.origins:
        if _has_no_result(origin):
            empty = tuple(path for path in origin.read if _is_empty(values.get(path)))
            fields.setdefault(empty or tuple(origin.read), []).append(origin.field)
    for paths, unfilled in fields.items():
        nothing = "no events" if "products" in unfilled else f"no {_join_names(unfilled)}"
        yield f"{_describe_sent_values(paths, values)}, so {trace.subscription} sends {nothing}."


def find_unsent_values(trace: SubscriptionTrace) -> Iterator[ValueOrigin]:
    """Yield the values that *account* makes and that get nowhere, each for a reason of its own."""
    sends_no_events = any(_EMPTY_EVENTS_PATH in origin.at for origin in trace.origins)
    sent_in_parts = set(_parent_fields(origin.field for origin in trace.origins if origin.at))
    for origin in trace.origins:
        is_parameter = origin.field.startswith(("parameters", "timestamp", "event_name"))
        if origin.at or origin.value in (None, "") or _has_no_result(origin):
            continue
        if origin.field in sent_in_parts:
            continue
        if not trace.failure and not (sends_no_events and is_parameter):
            yield origin


def _parent_fields(fields: Iterable[str]) -> Iterator[str]:
    """Yield the fields that hold *fields*: "parameters.a[0].b" is in "parameters.a", for one."""
    for each in fields:
        yield from (each[:at] for at, letter in enumerate(each) if letter in ".[")


def explain_deciding_properties(explanation: EventExplanation, event: JSONObject) -> Iterator[str]:
    """Yield one sentence for each property that decides something and is not sent itself."""
    values = dict(iter_leaves(event))
    for path in explanation.deciding:
        triggers = [
            f"the trigger of {account.subscription}"
            for account in explanation.accounts
            if any(path in check.read for check in account.conditions)
        ]
        fields = [
            f"{origin.field} of {account.subscription}"
            for account in explanation.accounts
            for origin in account.origins
            if path in origin.decided_by and not _has_no_result(origin)
        ]
        if not _is_empty(values.get(path)) and (triggers or fields):
            yield f"{path} decides {_join_names([*triggers, *fields], 'and')}; it is not sent itself."


def _has_no_result(origin: ValueOrigin) -> bool:
    """Whether the event had something to read, and no value came of it."""
    nowhere = not origin.at or origin.at == [_EMPTY_EVENTS_PATH]
    return nowhere and bool(origin.read) and _is_empty(origin.value)


def _is_empty(value: JSON) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def _describe_sent_values(paths: Sequence[str], values: Mapping[str, JSON]) -> str:
    """How the app sent what stands at *paths*, in words."""
    how = [
        f"{path} was sent as {_describe_value(values.get(path))}"
        for path in paths[:_MAX_LISTED_FIELDS]
    ]
    more = len(paths) - len(how)
    return " and ".join([*how, *([f"{more} more"] if more > 0 else [])])


def _describe_value(value: JSON) -> str:
    if value is None:
        return "null"
    for kind, name in ((str, "text"), (list, "list"), (dict, "object")):
        if isinstance(value, kind) and not value:
            return f"an empty {name}"
    text = to_json_text(value)
    return text if len(text) <= _MAX_VALUE_CHARACTERS else f"{text[:_MAX_VALUE_CHARACTERS]}…"


def _join_names(names: Sequence[str], conjunction: str = "or") -> str:
    """Some of *names* as people list them, e.g. "a, b or c"."""
    named = list(dict.fromkeys(names))
    more = len(named) - _MAX_LISTED_FIELDS
    if more > 0:
        named = [*named[:_MAX_LISTED_FIELDS], f"{more} more"]
    *first, last = named
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def _explain_unmapped_property(
    path: str,
    value: JSON,
    path_without_indexes: str,
    deviation: Deviation | None,
    default_mapping_paths: Container[str],
) -> UnmappedProperty:
    if _is_empty(value):
        return UnmappedProperty(
            path, value, f"was sent as {_describe_value(value)}. There is nothing to map."
        )
    if deviation is None:
        return UnmappedProperty(path, value)
    why = f"{deviation.what.removeprefix(path_without_indexes).strip()}. {deviation.remedy}"
    if deviation.edit is None:
        return UnmappedProperty(path, value, why)
    replaces = deviation.edit.edits_mapping and deviation.subscription_path in default_mapping_paths
    return UnmappedProperty(path, value, why, deviation.edit.path, deviation.edit.value, replaces)
