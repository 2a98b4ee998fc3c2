"""Source schema and destination filters of Segment: reject, sample or shorten an event.

Source: Segment, "Source Schema": track calls by name, all pages, all screens, single traits;
"Destination Filters" and the Public API's filter resource. `@segment/tsub` 2.0.1,
`transformers.ts`: the path of a field list names an object, or a list of objects at its end, and
the names below it are keys, not paths. A number in the path selects one item of a list.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from segment_insider_emulator.filtering.fql_evaluator import (
    get_value_at_path,
    is_list_index,
    matches_event,
)
from segment_insider_emulator.filtering.fql_parser import (
    FqlNode,
    FqlSyntaxError,
    parse_field_path,
    parse_fql_statement,
)
from segment_insider_emulator.filtering.result import (
    DESTINATION_STEP,
    SOURCE_STEP,
    FilterResult,
    OmittedField,
    Rejection,
)
from segment_insider_emulator.types import JSON, JSONObject

log = logging.getLogger(__name__)
FieldsByPath: TypeAlias = dict[str, list[str]]  # dotted path of an object, "" for the event -> keys
EVENT_SETTING_CODE = "event_setting"
ACTION_ORDER = ("SAMPLE", "DROP", "DROP_PROPERTIES", "ALLOW_PROPERTIES")


@dataclass(frozen=True, slots=True)
class DestinationFilter:
    """One enabled destination filter of Segment, compiled.

    Args:
        name: For messages, e.g. "filter 'No staff'".
        statement: Its FQL; None if it cannot be parsed, see *error*.
        actions: In the shape of the Public API: "type", and "percent", "path" or "fields".
    """

    name: str
    statement: FqlNode | None
    error: str | None
    actions: tuple[JSONObject, ...]


def apply_source_schema(schema: JSONObject, event: JSONObject) -> FilterResult:
    """Apply the source's schema to *event*: accept it, reject it or remove disabled traits.

    Args:
        schema: {"track": {event: on}, "page": on, "screen": on, "identify": {trait: on},
            "group": {trait: on}}; what it does not name is enabled.
    """
    kind = event["type"]
    setting = schema.get(kind, True)
    if kind == "track" and setting is not True and setting.get(event["event"]) is False:
        return _build_rejected_result(event, f"the source's schema switches {event['event']!r} off")
    if kind in ("page", "screen") and setting is False:
        return _build_rejected_result(event, f"the source's schema switches {kind} calls off")
    if kind in ("identify", "group") and setting is not True:
        return _drop_disabled_traits(event, [trait for trait, on in setting.items() if on is False])
    return FilterResult(event)


def compile_destination_filters(documents: Iterable[JSONObject]) -> tuple[DestinationFilter, ...]:
    """Compile the enabled destination filters among *documents* of Segment's Public API."""
    return tuple(
        _compile_destination_filter(document, number)
        for number, document in enumerate(documents, 1)
        if document.get("enabled", True)
    )


def apply_destination_filters(
    filters: tuple[DestinationFilter, ...], event: JSONObject, seed: str = ""
) -> FilterResult:
    """Apply a destination's filters to *event*, in Segment's order.

    Every condition reads the unchanged event, also if another filter removed fields. (assumed)

    Args:
        seed: Decides with the event whether it is in a sample: the same seed, the same sample.
    """
    matching = []
    for destination_filter in filters:
        if destination_filter.statement is None:
            return FilterResult(event, _build_rejection_by_filter_error(destination_filter))
        if matches_event(destination_filter.statement, event):
            matching.append(destination_filter)
    result = FilterResult(event)
    for destination_filter, action in _order_filter_actions(matching):
        result = result.merge_with_later(
            _apply_filter_action(destination_filter, action, result.event, seed)
        )
        if result.rejection:
            break
    return result


def drop_event_fields(event: JSONObject, fields: FieldsByPath) -> tuple[JSONObject, list[str]]:
    """Return *event* without the fields that a filter drops, and the removed paths."""
    return _filter_event_fields(event, fields, lambda key, named: key not in named)


def keep_only_event_fields(event: JSONObject, fields: FieldsByPath) -> tuple[JSONObject, list[str]]:
    """Return *event* with only the fields that a filter keeps, and the removed paths.

    Objects that are not named do not change.
    """
    return _filter_event_fields(event, fields, lambda key, named: key in named)


def _build_rejected_result(event: JSONObject, detail: str) -> FilterResult:
    return FilterResult(event, Rejection(SOURCE_STEP, EVENT_SETTING_CODE, detail))


def _drop_disabled_traits(event: JSONObject, disabled_traits: list[str]) -> FilterResult:
    traits = event.get("traits") or {}
    blocked = [trait for trait in traits if trait in disabled_traits]
    if not blocked:
        return FilterResult(event)
    left = {trait: value for trait, value in traits.items() if trait not in disabled_traits}
    omitted = tuple(OmittedField(f"traits.{trait}", EVENT_SETTING_CODE) for trait in blocked)
    return FilterResult({**event, "traits": left}, omitted=omitted)


def _compile_destination_filter(document: JSONObject, number: int) -> DestinationFilter:
    title = document.get("title")
    name = f"filter {title!r}" if title else f"filter {number}"
    actions = tuple(document["actions"])
    try:
        return DestinationFilter(name, parse_fql_statement(document["if"]), None, actions)
    except FqlSyntaxError as error:
        return DestinationFilter(name, None, str(error), actions)


def _order_filter_actions(
    filters: list[DestinationFilter],
) -> Iterator[tuple[DestinationFilter, JSONObject]]:
    """Yield the actions of destination filters in Segment's order: by type, then as listed."""
    for kind in ACTION_ORDER:
        for destination_filter in filters:
            yield from (
                (destination_filter, action)
                for action in destination_filter.actions
                if action["type"] == kind
            )


def _apply_filter_action(
    destination_filter: DestinationFilter, action: JSONObject, event: JSONObject, seed: str
) -> FilterResult:
    match action["type"]:
        case "DROP":
            return FilterResult(
                event, _build_rejection_by_filter(f"destination {destination_filter.name} drops it")
            )
        case "SAMPLE" if not _is_event_in_sample(destination_filter, action, event, seed):
            share = f"{action.get('percent', 0) * 100:g}%"
            return FilterResult(
                event,
                _build_rejection_by_filter(
                    f"destination {destination_filter.name} lets {share} of events pass"
                ),
            )
        case "DROP_PROPERTIES":
            left, removed = drop_event_fields(event, action.get("fields", {}))
        case "ALLOW_PROPERTIES":
            left, removed = keep_only_event_fields(event, action.get("fields", {}))
        case _:
            return FilterResult(event)
    return FilterResult(
        left, omitted=tuple(OmittedField(path, destination_filter.name) for path in removed)
    )


def _is_event_in_sample(
    destination_filter: DestinationFilter, action: JSONObject, event: JSONObject, seed: str
) -> bool:
    """Return whether *event* is in a filter's sample; its messageId or a value at `path` decides.

    Segment documents neither its hash nor the effect of a missing value: here either all events
    without one are in the sample, or none is. (assumed)
    """
    path = action.get("path")
    key = get_value_at_path(parse_field_path(path), event) if path else event.get("messageId")
    digest = hashlib.sha256(
        orjson.dumps([seed, destination_filter.name, key], option=orjson.OPT_SORT_KEYS)
    )
    share = int.from_bytes(digest.digest()[:8]) / 2**64
    return bool(share < action.get("percent", 0))


def _build_rejection_by_filter(detail: str) -> Rejection:
    return Rejection(DESTINATION_STEP, "FILTERED_BY_RULES", detail)


def _build_rejection_by_filter_error(destination_filter: DestinationFilter) -> Rejection:
    # Segment drops it without a message, so that a filter for personal values cannot leak them.
    log.warning("filter failed name=%r", destination_filter.name)
    return Rejection(
        DESTINATION_STEP,
        "INTERNAL",
        f"destination {destination_filter.name} fails and drops it: {destination_filter.error}",
    )


def _filter_event_fields(
    event: JSONObject, fields: FieldsByPath, should_keep: Callable[[str, list[str]], bool]
) -> tuple[JSONObject, list[str]]:
    removed: dict[str, None] = {}
    for path, named in fields.items():

        def filter_keys(container: JSON, path: str = path, named: list[str] = named) -> JSON:
            remaining = {
                key: value
                for key, value in _list_keys_and_values(container)
                if should_keep(key, named)
            }
            removed_keys = [
                key for key, _ in _list_keys_and_values(container) if key not in remaining
            ]
            removed.update(dict.fromkeys(f"{path}.{key}".lstrip(".") for key in removed_keys))
            if isinstance(container, list):
                return [remaining.get(str(index)) for index in range(len(container))]
            return remaining if isinstance(container, dict) else container

        event = _transform_at_path(event, path.split(".") if path else [], filter_keys)
    return event, sorted(removed)


def _list_keys_and_values(container: JSON) -> Iterable[tuple[str, JSON]]:
    """Return the keys and values of an object, or the indexes and items of a list."""
    if isinstance(container, list):
        return ((str(index), item) for index, item in enumerate(container))
    return container.items() if isinstance(container, dict) else ()


def _transform_at_path(value: JSON, keys: list[str], transform: Callable[[JSON], JSON]) -> JSON:
    """Copy a JSON value with *transform* applied to the object or list items at *keys*."""
    if not keys:
        return [transform(item) for item in value] if isinstance(value, list) else transform(value)
    first, *others = keys
    if isinstance(value, dict) and first in value:
        return {**value, first: _transform_at_path(value[first], others, transform)}
    if isinstance(value, list) and is_list_index(first, value):
        index = int(first)
        return [
            *value[:index],
            _transform_at_path(value[index], others, transform),
            *value[index + 1 :],
        ]
    return value
