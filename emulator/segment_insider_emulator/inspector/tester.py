"""The tester: what each subscription would make of an event, and what an edit would change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from segment_insider_emulator.insider.options import Options
from segment_insider_emulator.insider.shape import Fault, faults
from segment_insider_emulator.mapping.destination import Destination
from segment_insider_emulator.mapping.explanation import Account, ConditionCheck, explain
from segment_insider_emulator.mapping.subscription import (
    Failure,
    Request,
    Subscription,
    compile_subscription,
)
from segment_insider_emulator.mapping.tracing import leaves
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.drift.dropped import Dropped, dropped_of, once
from segment_insider_emulator.workspace.lint.subject import subject_of

# Captured events that an edit is run against, besides the one at hand.
MOST_EVENTS = 300
# Requests that an edit changes and that are shown; more are counted.
MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Tried:
    """What one subscription makes of an event.

    Args:
        number: 1 for the first of the destination.
        unmet: Conditions of the trigger that do not hold.
        body: Of the request; None when none is made.
        refusals: Why Insider One would answer 200 and take nothing.
    """

    number: int
    name: str
    action_slug: str
    enabled: bool
    matched: bool
    unmet: tuple[ConditionCheck, ...]
    failure: Failure | None
    body: JSON
    refusals: tuple[Fault, ...]
    account: Account


@dataclass(frozen=True, slots=True)
class Trial:
    """What the whole destination makes of an event.

    Args:
        unread: What no enabled subscription reads, by its path without numbers.
    """

    event: JSONObject
    tried: tuple[Tried, ...]
    unread: Mapping[str, Dropped]


@dataclass(frozen=True, slots=True)
class Change:
    """One value of a request; None is absent."""

    at: str
    before: JSON
    after: JSON


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one event's request was and would be; a text says why there is none."""

    event: JSONObject
    before: JSON
    after: JSON
    changes: tuple[Change, ...]


def try_out(document: JSONObject, event: JSONObject, options: Options) -> Trial:
    """Run *event* through every subscription, the disabled ones too; nothing is sent.

    Args:
        document: The workspace.
        event: As destinations are handed it.
    """
    destination = document["destination"]
    subscriptions = destination["subscriptions"]
    every = [{**each, "enabled": True} for each in subscriptions]
    explanation = explain(Destination({**destination, "subscriptions": every}), event)
    tried = tuple(
        _tried(number, given, account, destination["settings"], event, options)
        for number, (given, account) in enumerate(
            zip(subscriptions, explanation.accounts, strict=True), 1
        )
    )
    read = {
        path
        for each in tried
        if each.enabled and each.matched
        for origin in each.account.origins
        for path in origin.read
    }
    read |= {
        path
        for each in tried
        if each.enabled
        for check in each.account.conditions
        for path in check.read
    }
    said = [path for part in ("properties", "traits") for path in _paths(event, part)]
    unread = dropped_of(subject_of(document), event, [path for path in said if path not in read])
    return Trial(event, tried, once(unread))


def compare(
    before: JSONObject, after: JSONObject, settings: JSONObject, events: Sequence[JSONObject]
) -> Iterator[Comparison]:
    """Those of *events* whose request an edited subscription changes.

    Args:
        before, after: The subscription as it is, and as edited.
    Raises: EmulatorError, when it cannot be compiled.
    """
    old, new = compile_subscription(before, settings), compile_subscription(after, settings)
    for event in events:
        sent, would_be = _sent(old, event), _sent(new, event)
        if sent != would_be:
            yield Comparison(event, sent, would_be, tuple(_changes(sent, would_be)))


def _tried(
    number: int,
    given: JSONObject,
    account: Account,
    settings: JSONObject,
    event: JSONObject,
    options: Options,
) -> Tried:
    result = compile_subscription(given, settings).deliver(event)
    body = result.json if isinstance(result, Request) else None
    refusals = (
        tuple(fault for user in body["users"] for fault in faults(user, options)) if body else ()
    )
    return Tried(
        number,
        account.subscription,
        account.action_slug,
        given.get("enabled", True),
        account.matched,
        tuple(each for each in account.conditions if not each.holds),
        account.failure,
        body,
        refusals,
        account,
    )


def _paths(event: JSONObject, part: str) -> Iterator[str]:
    if isinstance(event.get(part), dict):
        yield from (path for path, _ in leaves(event[part], part) if path != part)


def _sent(subscription: Subscription, event: JSONObject) -> JSON:
    result = subscription.deliver(event)
    if isinstance(result, Request):
        return result.json
    return f"fails: {result.message}" if result else "does not match"


def _changes(before: JSON, after: JSON) -> Iterator[Change]:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    old, new = dict(leaves(before)), dict(leaves(after))
    for at in {**old, **new}:
        if old.get(at) != new.get(at):
            yield Change(at, old.get(at), new.get(at))
