"""Why an event made the requests it made: matched or not, each value's origin, what got lost.

Nothing here runs when events are delivered.
"""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

from segment_insider_emulator.mapping.destination import Destination
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.origins import Origin, origins_of, paths_read
from segment_insider_emulator.mapping.subscription import Failure, Subscription
from segment_insider_emulator.mapping.traced_value import TracedValue
from segment_insider_emulator.mapping.tracing import leaves
from segment_insider_emulator.mapping.triggers import (
    BrokenGroupError,
    Condition,
    Group,
    TriggerError,
    parse,
)
from segment_insider_emulator.types import JSON, JSONObject

# What an app says of its own; the rest of an event is Segment's envelope.
_SAID_BY_THE_APP = ("properties", "traits")


@dataclass(frozen=True, slots=True)
class ConditionCheck:
    """One condition of a trigger.

    Args:
        found: What the event has there; None also for nothing.
        read: The path of the event that the condition looks at; empty when it is not there.
    """

    condition: str
    holds: bool
    found: JSON
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
    """What all subscriptions made of the event.

    Args:
        dropped: Properties and traits that have no influence on any request.
        deciding: Those that decide something, such as a trigger, and are themselves not sent.
    """

    message_id: str | None
    accounts: list[Account]
    dropped: list[str]
    deciding: list[str]


class Unread(NamedTuple):
    """Whether any subscription takes the event, and the paths without influence on a request."""

    taken: bool
    paths: list[str]


def explain(destination: Destination, event: JSONObject) -> Explanation:
    """Account for every subscription and every property of *event*; nothing is sent."""
    present = {path for path, _ in leaves(event)}
    accounts = [_account(each, event, present) for each in destination.subscriptions]
    origins = [origin for account in accounts for origin in account.origins]
    read = {path for origin in origins for path in origin.read}
    valued = {path for origin in origins for path in {*origin.read}.difference(origin.decided_by)}
    conditions = [check for account in accounts for check in account.conditions]
    deciding = read.union(path for check in conditions for path in check.read) - valued
    return Explanation(
        event.get("messageId"),
        accounts,
        _said_by_app(event, lambda path: path not in read and path not in deciding),
        _said_by_app(event, lambda path: path in deciding),
    )


def unread(destination: Destination, event: JSONObject) -> Unread:
    """Return what `explain` says of the properties that got lost, and nothing else."""
    takers = [each for each in destination.subscriptions if each.deliver(event) is not None]
    read = set[str]()
    for subscription in destination.subscriptions:
        read.update(
            path for check in _conditions(subscription.trigger, event) for path in check.read
        )
    for subscription in takers:
        if _matches(subscription, event):
            read |= paths_read(subscription, event)
    return Unread(bool(takers), _said_by_app(event, lambda path: path not in read))


def _said_by_app(event: JSONObject, wanted: Callable[[str], bool]) -> list[str]:
    paths = (
        path
        for part in _SAID_BY_THE_APP
        if isinstance(event.get(part), dict)
        for path, _ in leaves(event[part], part)
        if path != part
    )
    return [path for path in paths if wanted(path)]


def _account(subscription: Subscription, event: JSONObject, present: Set[str]) -> Account:
    result = subscription.deliver(event)
    failure = result if isinstance(result, Failure) else None
    matched = result is not None and _matches(subscription, event)
    return Account(
        subscription.name,
        subscription.action_slug,
        matched,
        list(_conditions(subscription.trigger, event)),
        failure,
        origins_of(subscription, event, present) if matched else [],
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
    source = TracedValue.of_event(event)
    for condition in _flat(group):
        found = reduce(TracedValue.member, (condition.root, *condition.path), source)
        yield ConditionCheck(
            str(condition),
            condition.holds(event),
            None if found.value is MISSING else found.value,
            sorted(found.reads - {found.path} if found.value is MISSING else found.reads),
        )


def _flat(group: Group) -> Iterator[Condition]:
    for child in group.children:
        if isinstance(child, Condition):
            yield child
        elif child is not None:
            yield from _flat(child)
