"""What Insider One would receive if a line were changed: the core run before and after."""

from collections.abc import Iterator, Sequence
from itertools import islice

from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.subscription import (
    Failure,
    Request,
    Subscription,
    compile_subscription,
)
from segment_insider_emulator.mapping.tracing import leaves
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.drift.departure import Change, Found, Receipt
from segment_insider_emulator.workspace.drift.samples import filled, samples
from segment_insider_emulator.workspace.lint.subject import Placed, Subject, subject_of

# More than anybody reads; a change of a name shows in one.
_MOST = 6
# Events tried until one shows a change: the traffic first, then samples.
_TRIED = 60


class Preview:
    """Runs changes against the traffic where it shows them, else against samples."""

    def __init__(self, subject: Subject, traffic: Sequence[JSONObject]) -> None:
        self._subject = subject
        self._traffic = traffic

    def of(self, found: Found) -> tuple[Receipt, ...]:
        """The values that Insider One would receive otherwise, the first few of them."""
        if found.change is None:
            return ()
        own = self._subject.workspace.destination
        before = _only(own, found.change)
        after = _only(changed(own, found.change), found.change)
        for event in islice(self._events(found), _TRIED):
            receipts = tuple(islice(_differences(_sent(before, event), _sent(after, event)), _MOST))
            if receipts:
                return receipts
        return ()

    def _events(self, found: Found) -> Iterator[JSONObject]:
        """Events that may show the change, the likeliest first."""
        if found.example is not None:
            yield found.example if "messageId" in found.example else filled(found.example)
        placed = self._placed(found)
        if placed:
            yield from islice((each for each in self._traffic if placed.takes(each)), _TRIED // 2)
            yield from samples(self._subject, placed)

    def _placed(self, found: Found) -> Placed | None:
        """The subscription that the change is about; for a new one, what it would be."""
        own = self._subject
        if found.at or found.change is None:
            return next((each for each in own.subscriptions if each.where == found.at), None)
        destination = changed(own.workspace.destination, found.change)
        return subject_of(own.workspace.document | {"destination": destination}).subscriptions[-1]


def changed(destination: JSONObject, change: Change) -> JSONObject:
    """A copy of *destination* with the change made."""
    first, index, *below = change.keys
    subscriptions = list(destination["subscriptions"])
    if index == len(subscriptions):
        subscriptions.append(change.value)
    else:
        own = _written_out(subscriptions[int(index)])
        subscriptions[int(index)] = _with(own, below, change)
    return destination | {str(first): subscriptions}


def _written_out(subscription: JSONObject) -> JSONObject:
    action = ACTIONS[subscription["actionSlug"]]
    return {"settings": action.default_mapping, "trigger": action.trigger} | subscription


def _with(container: JSON, keys: list[str | int], change: Change) -> JSON:
    key, *below = keys
    value = change.value
    if isinstance(container, list):
        copy = list(container)
        copy[int(key)] = _with(copy[int(key)], below, change) if below else value
        return copy
    members = dict(container or {})
    members[str(key)] = _with(members.get(str(key)), below, change) if below else value
    if not below and change.drops:
        members.pop(change.drops, None)
    return members


def _only(destination: JSONObject, change: Change) -> Subscription | None:
    """The subscription that is changed, compiled; None where it is not there yet."""
    definitions = destination["subscriptions"][int(change.keys[1]) :][:1]
    compiled = [compile_subscription(each, destination["settings"]) for each in definitions]
    return next(iter(compiled), None)


def _sent(subscription: Subscription | None, event: JSONObject) -> tuple[str, JSON]:
    """The subscription's name and what it sends: a user, the message of a failure, or None."""
    if subscription is None:
        return "", None
    result = subscription.deliver(event)
    if isinstance(result, Request):
        return subscription.name, result.json["users"][0]
    return subscription.name, result.message if isinstance(result, Failure) else None


def _differences(before: tuple[str, JSON], after: tuple[str, JSON]) -> Iterator[Receipt]:
    (_, old), (name, new) = before, after
    if old == new:
        return
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield Receipt(f"the request of {name!r}", _headline(old), _headline(new))
        return
    have, will = dict(leaves(old)), dict(leaves(new))
    for at in {**have, **will}:
        # An empty object that is filled is told by what fills it.
        if have.get(at) != will.get(at) and have.get(at) != {}:
            yield Receipt(at, have.get(at), will.get(at))


def _headline(user: JSON) -> JSON:
    """What a request is about: the names of its events, or its attributes; or why there is none."""
    if not isinstance(user, dict):
        return f"fails: {user}" if user else None
    names = list(dict.fromkeys(each["event_name"] for each in user.get("events", [])))
    return ", ".join(names) if names else "attributes " + ", ".join(user["attributes"])
