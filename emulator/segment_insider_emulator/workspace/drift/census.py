"""What captured traffic contains: events by name, the paths they have, and who reads them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from segment_insider_emulator.mapping.destination import Destination
from segment_insider_emulator.mapping.explanation import Explanation, explain
from segment_insider_emulator.mapping.subscription import Failure, Request
from segment_insider_emulator.mapping.tracing import leaves
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.lint.subject import Placed, Subject

# Explaining is slow; events of one name have much the same properties.
EXPLAINED = 200
_NUMBER = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class Tally:
    """How many events have something, and the first that has."""

    count: int = 0
    example: JSONObject = field(default_factory=dict)

    def add(self, event: JSONObject) -> None:
        if not self.count:
            self.example = event
        self.count += 1


@dataclass(slots=True)
class Taken:
    """What one subscription took.

    Args:
        present: Paths that some event has a value at, e.g. "properties.products[].sku".
        empty: Paths that some event has null or an empty text at.
        unread: Paths that the app said and that no mapping read, with a value.
        failures: By Segment's message.
        users: Users that were made of events, each with its event.
    """

    events: int = 0
    present: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    unread: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    failures: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    users: list[tuple[JSONObject, JSONObject]] = field(default_factory=list)


@dataclass(slots=True)
class Census:
    """The traffic as a whole.

    Args:
        taken: By the place of the subscription.
        together: Names of events by the places of two or more subscriptions that take them.
        not_taken: By what people call the event.
    """

    taken: dict[str, Taken]
    together: dict[tuple[str, str, tuple[str, ...]], Tally]
    not_taken: dict[str, Tally]


def census(subject: Subject, traffic: Sequence[JSONObject]) -> Census:
    """Count and explain the traffic."""
    destination = Destination(subject.workspace.destination | {"enabled": True})
    counted = Census(
        {each.where: Taken() for each in subject.subscriptions},
        defaultdict(Tally),
        defaultdict(Tally),
    )
    seen: Counter[tuple[str, str]] = Counter()
    for event in traffic:
        name = called(event)
        takers = [each for each in subject.subscriptions if each.takes(event)]
        if not takers:
            counted.not_taken[name].add(event)
        if len(takers) > 1:
            places = tuple(each.where for each in takers)
            counted.together[(str(event.get("type")), name, places)].add(event)
        kind = (str(event.get("type")), name)
        seen[kind] += 1
        explanation = explain(destination, event) if seen[kind] <= EXPLAINED else None
        _take(counted, takers, event, explanation)
    return counted


def called(event: JSONObject) -> str:
    """What people call an event: the name of a track call, else its type."""
    name = event.get("event")
    return (
        name if event.get("type") == "track" and isinstance(name, str) else str(event.get("type"))
    )


def _take(
    counted: Census, takers: list[Placed], event: JSONObject, explanation: Explanation | None
) -> None:
    present = set(paths(event))
    values = dict(leaves(event))
    empty = {unnumbered(path) for path, value in values.items() if value is None or value == ""}
    for placed in takers:
        taken = counted.taken[placed.where]
        taken.events += 1
        taken.present |= present
        taken.empty |= empty
        result = placed.subscription.deliver(event)
        if isinstance(result, Failure):
            taken.failures[result.message].add(event)
        elif isinstance(result, Request) and explanation:
            taken.users.append((result.json["users"][0], event))
    if takers and explanation:
        # Told once, where it would be mapped: at the subscription made for the event.
        narrowest = next((each for each in takers if each.slug != "trackEvent"), takers[0])
        unread = counted.taken[narrowest.where].unread
        filled = [path for path in explanation.dropped if values[path] not in (None, "", [], {})]
        for path in dict.fromkeys(map(unnumbered, filled)):
            unread[path].add(event)


def paths(event: JSONObject) -> Iterator[str]:
    """Every path with a value; the items of a list share theirs."""
    for path, value in leaves(event):
        if value is not None and value != "":
            yield unnumbered(path)


def unnumbered(path: str) -> str:
    """*path* in any entry of a list, e.g. "properties.products[].sku"."""
    return _NUMBER.sub("[]", path)
