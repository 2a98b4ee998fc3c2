"""Why an event made the requests it made: matched or not, each value's origin, what got lost.

Nothing here runs when events are delivered. Where a value ends up in the body is not told twice:
the action builds a body of marks instead of values, and the marks are looked up in it.
"""

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import NamedTuple

from emulator.mapping.catalog_fields import IDENTIFIER_SWITCHES
from emulator.mapping.destination import Destination
from emulator.mapping.javascript import MISSING
from emulator.mapping.reads import Watched
from emulator.mapping.subscription import FAULTS, Failure, Subscription
from emulator.mapping.tracing import leaves
from emulator.mapping.triggers import BrokenGroupError, Condition, Group, TriggerError, parse
from emulator.types import JSON, JSONObject

# What an app says of its own; the rest of an event is Segment's envelope.
_SAID_BY_THE_APP = ("properties", "traits")
# They say how a body is built, and stand nowhere in it.
_SWITCHES = frozenset(field.key for field in IDENTIFIER_SWITCHES)
_MARK = re.compile("\x01(\\d+)\x01")


@dataclass(frozen=True, slots=True)
class ConditionCheck:
    """One condition of a trigger, and what the event has there (None also for nothing)."""

    condition: str
    holds: bool
    found: JSON


@dataclass(frozen=True, slots=True)
class Origin:
    """One mapped value.

    Args:
        at: Places in the body, e.g. "users[0].events[1].event_params.name"; empty when the value
            did not get into the body.
        field: The action's field, e.g. "parameters.currency" or "products[0].name".
        mapping: The part of the mapping that produced the value.
        read: Paths of the event that were read for it.
    """

    at: list[str]
    value: JSON
    field: str
    mapping: JSON
    read: list[str]


@dataclass(frozen=True, slots=True)
class Account:
    """What one subscription made of the event."""

    subscription: str
    action_slug: str
    matched: bool
    conditions: list[ConditionCheck]
    failure: Failure | None
    origins: list[Origin]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What all subscriptions made of the event, and the paths that no matching one read."""

    message_id: str | None
    accounts: list[Account]
    dropped: list[str]


class Unread(NamedTuple):
    """Whether any subscription takes the event, and the paths that none of these reads."""

    taken: bool
    paths: list[str]


def explain(destination: Destination, event: JSONObject) -> Explanation:
    """Account for every subscription and every property of *event*; nothing is sent."""
    watched = Watched.of(event)
    accounts = [_account(each, event, watched) for each in destination.subscriptions]
    read = {path for account in accounts for origin in account.origins for path in origin.read}
    return Explanation(event.get("messageId"), accounts, _dropped(event, read))


def unread(destination: Destination, event: JSONObject) -> Unread:
    """What `explain` tells of the properties that got lost, and nothing else."""
    takers = [each for each in destination.subscriptions if each.deliver(event) is not None]
    watched, read = Watched.of(event), set[str]()
    for each in takers:
        if _matches(each, event):
            read.update(_read(each, event, watched))
    return Unread(bool(takers), _dropped(event, read))


def _dropped(event: JSONObject, read: Set[str]) -> list[str]:
    said = (
        path
        for part in _SAID_BY_THE_APP
        if isinstance(event.get(part), dict)
        for path, _ in leaves(event[part], part)
        if path != part
    )
    return [path for path in said if path not in read]


def _account(subscription: Subscription, event: JSONObject, watched: Watched) -> Account:
    result = subscription.deliver(event)
    failure = result if isinstance(result, Failure) else None
    matched = result is not None and _matches(subscription, event)
    return Account(
        subscription.name,
        subscription.action_slug,
        matched,
        list(_conditions(subscription.trigger, event)),
        failure,
        _origins(subscription, event, watched) if matched else [],
    )


def _matches(subscription: Subscription, event: JSONObject) -> bool:
    try:
        return subscription.matches(event)
    except BrokenGroupError:
        return False


def _conditions(trigger: JSON, event: JSONObject) -> Iterator[ConditionCheck]:
    try:
        group = parse(trigger) if isinstance(trigger, str) else Group("and", ())
    except TriggerError:
        return
    for condition in _flat(group):
        found = condition.found(event)
        yield ConditionCheck(
            str(condition), condition.holds(event), None if found is MISSING else found
        )


def _flat(group: Group) -> Iterator[Condition]:
    for child in group.children:
        if isinstance(child, Condition):
            yield child
        elif child is not None:
            yield from _flat(child)


def _origins(subscription: Subscription, event: JSONObject, watched: Watched) -> list[Origin]:
    parts = dict(watched.parts(subscription.mapping))
    try:
        values = subscription.values(event)
    except FAULTS:
        # Nothing is sent, but what was read still tells what was meant.
        return [Origin([], None, field, *part) for field, part in parts.items()]
    marks, places = _places(subscription, values)
    return [
        Origin(places.get(field, []), value, field, *_part_of(field, parts))
        for field, value in marks.items()
    ]


def _read(subscription: Subscription, event: JSONObject, watched: Watched) -> Iterator[str]:
    """The paths that `_origins` would name."""
    parts = dict(watched.parts(subscription.mapping))
    try:
        fields: Iterable[str] = _marked(subscription.values(event))[0]
    except FAULTS:
        fields = parts
    for field in fields:
        yield from _part_of(field, parts)[1]


def _part_of(field: str, parts: dict[str, tuple[JSON, list[str]]]) -> tuple[JSON, list[str]]:
    """The part that produced *field*: its own, else that of the nearest field around it."""
    while field not in parts and "." in field:
        field = field.rpartition(".")[0]
    candidates = (field, field.partition("[")[0], "")
    return next((parts[each] for each in candidates if each in parts), (None, []))


def _places(
    subscription: Subscription, values: JSONObject
) -> tuple[dict[str, JSON], dict[str, list[str]]]:
    """The value of each field as it is sent, and where in the body it stands."""
    found, marked = _marked(values)
    fields = list(found)
    sent = dict(leaves({"users": [subscription.action.user(values)]}))
    places: dict[str, list[str]] = {}
    for path, value in leaves({"users": [subscription.action.user(marked)]}):
        marks = _MARK.search(value) if isinstance(value, str) else None
        if marks:
            field = fields[int(marks[1])]
            places.setdefault(field, []).append(path)
            found[field] = sent.get(path, found[field])
    return found, places


def _marked(values: JSONObject) -> tuple[dict[str, JSON], JSONObject]:
    """The value of each field, and *values* with a mark in place of each."""
    found: dict[str, JSON] = {}

    def mark(value: JSON, field: str) -> JSON:
        if field in _SWITCHES:
            return value
        if isinstance(value, dict):
            return {key: mark(each, f"{field}.{key}") for key, each in value.items()}
        if isinstance(value, list) and all(isinstance(each, dict) for each in value):
            return [mark(each, f"{field}[{at}]") for at, each in enumerate(value)]
        found[field] = value
        return f"\x01{len(found) - 1}\x01"

    return found, {key: mark(value, key) for key, value in values.items()}
