"""Destination filters: which events a destination is spared, and which of their fields.

Source: Segment, "Destination Filters" and the Public API's filter resource.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from segment_insider_emulator.segment.filtering.fields import with_only, without
from segment_insider_emulator.segment.filtering.fql.evaluation import found, holds
from segment_insider_emulator.segment.filtering.fql.lexer import FqlError, keys
from segment_insider_emulator.segment.filtering.fql.syntax import Node, parse
from segment_insider_emulator.segment.filtering.passage import DESTINATION, Omission, Passage, Stop
from segment_insider_emulator.types import JSONObject

log = logging.getLogger(__name__)

ORDER = ("SAMPLE", "DROP", "DROP_PROPERTIES", "ALLOW_PROPERTIES")


@dataclass(frozen=True, slots=True)
class Filter:
    """One enabled filter.

    Args:
        name: What people know it by, e.g. "filter 'No staff'".
        statement: Its FQL; None when that cannot be read, *fault* says why.
        actions: In the shape of the Public API: "type", and "percent", "path" or "fields".
    """

    name: str
    statement: Node | None
    fault: str | None
    actions: tuple[JSONObject, ...]


def compile_filters(documents: Iterable[JSONObject]) -> tuple[Filter, ...]:
    """The enabled ones of the filters in *documents*, in the shape of the Public API."""
    return tuple(
        _compiled(document, number)
        for number, document in enumerate(documents, 1)
        if document.get("enabled", True)
    )


def apply(filters: tuple[Filter, ...], event: JSONObject, seed: str = "") -> Passage:
    """Let *filters* at *event*.

    Every condition looks at the event as it came, whatever another filter took out. (assumed)

    Args:
        seed: Decides, with the event, who is in a sample; the same seed, the same sample.
    """
    matching = []
    for own in filters:
        if own.statement is None:
            return Passage(event, _failed(own))
        if holds(own.statement, event):
            matching.append(own)
    passage = Passage(event)
    for own, action in _in_order(matching):
        passage = passage.then(_acted(own, action, passage.event, seed))
        if passage.stop:
            break
    return passage


def _compiled(document: JSONObject, number: int) -> Filter:
    title = document.get("title")
    name = f"filter {title!r}" if title else f"filter {number}"
    actions = tuple(document["actions"])
    try:
        return Filter(name, parse(document["if"]), None, actions)
    except FqlError as error:
        return Filter(name, None, str(error), actions)


def _in_order(filters: list[Filter]) -> Iterator[tuple[Filter, JSONObject]]:
    """Actions as Segment does them: by their kind first, then as listed."""
    for kind in ORDER:
        for each in filters:
            yield from ((each, action) for action in each.actions if action["type"] == kind)


def _acted(own: Filter, action: JSONObject, event: JSONObject, seed: str) -> Passage:
    match action["type"]:
        case "DROP":
            return Passage(event, _dropped(f"destination {own.name} drops it"))
        case "SAMPLE" if not _sampled(own, action, event, seed):
            share = f"{action.get('percent', 0) * 100:g}%"
            return Passage(event, _dropped(f"destination {own.name} lets {share} of events pass"))
        case "DROP_PROPERTIES":
            left, removed = without(event, action.get("fields", {}))
        case "ALLOW_PROPERTIES":
            left, removed = with_only(event, action.get("fields", {}))
        case _:
            return Passage(event)
    return Passage(left, omitted=tuple(Omission(place, own.name) for place in removed))


def _sampled(own: Filter, action: JSONObject, event: JSONObject, seed: str) -> bool:
    """Whether *event* is in the share: its message, or the value at `path`, decides for good.

    Segment documents neither its hash nor what a missing value means: here all events without
    one are in the sample, or none is. (assumed)
    """
    path = action.get("path")
    key = found(keys(path), event) if path else event.get("messageId")
    drawn = hashlib.sha256(orjson.dumps([seed, own.name, key], option=orjson.OPT_SORT_KEYS))
    share = int.from_bytes(drawn.digest()[:8]) / 2**64
    return bool(share < action.get("percent", 0))


def _dropped(detail: str) -> Stop:
    return Stop(DESTINATION, "FILTERED_BY_RULES", detail)


def _failed(own: Filter) -> Stop:
    # Segment drops it so that a filter for personal values cannot leak them, and shows nothing.
    log.warning("filter failed name=%r", own.name)
    return Stop(DESTINATION, "INTERNAL", f"destination {own.name} fails and drops it: {own.fault}")
