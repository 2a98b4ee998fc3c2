"""The road of one message, station by station, as the Event page tells it."""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import replace
from itertools import islice
from typing import TypeAlias

import orjson

from segment_insider_emulator.capture.records import Captured, Delivery
from segment_insider_emulator.inspector.json_view import Mark
from segment_insider_emulator.inspector.stations import Absent, EventRoad, Passed, Taken
from segment_insider_emulator.inspector.unmapped import STOPPED
from segment_insider_emulator.mapping import Destination, Request
from segment_insider_emulator.mapping.explanation import Account, Explanation, explain
from segment_insider_emulator.mapping.origins import Origin
from segment_insider_emulator.mapping.tracing import leaves
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.drift.census import paths, unnumbered
from segment_insider_emulator.workspace.drift.dropped import Dropped, deciding, dropped_of, unsent
from segment_insider_emulator.workspace.drift.leaves import leaves_of, read_by
from segment_insider_emulator.workspace.drift.traffic import came
from segment_insider_emulator.workspace.lint.subject import subject_of
from segment_insider_emulator.workspace.lint.values import LITERAL

_FINDING_STEP = re.compile(r"\.(\d+)(?=\.|$)")
MOST = 200  # added or changed values told of


def road(message: Captured, destination: JSONObject, document: JSONObject) -> EventRoad:
    """Retell the road of *message* by the mappings of *destination* as they are now.

    Args:
        document: The workspace file, for lines that would map what is dropped.
    """
    event, compiled = message.normalised, Destination(destination)
    made, sent = dict(leaves(event)) if event else {}, dict(leaves(message.sent))
    explanation = explain(compiled, event) if event else Explanation(None, [], [], [])
    numbers = _numbers(destination)
    taken = tuple(
        replace(
            each,
            number=numbers.get((each.account.subscription, each.account.action_slug)),
            unsent=tuple(unsent(each.account, event)) if event else (),
        )
        for each in _taken(explanation.accounts, message.deliveries, _absent(compiled, event))
    )
    dropped: tuple[Dropped, ...] = ()
    if taken and message.verdict not in STOPPED and explanation.dropped:
        subject = subject_of({**document, "destination": destination})
        dropped = tuple(dropped_of(subject, event, explanation.dropped))
    read = {path for each in taken for origin in each.account.origins for path in origin.read}
    marks = {path: Mark("read") for path in read}
    return EventRoad(
        message=message,
        added=dict(_first(made, lambda path: path not in sent)),
        changed={
            path: (sent[path], value)
            for path, value in _first(made, lambda path: sent.get(path, made[path]) != made[path])
        },
        removed=tuple(
            path for path, _ in _first(sent, lambda path: bool(event) and path not in made)
        ),
        taken=taken,
        passed=(*_passed(explanation.accounts), *_switched_off(destination)),
        dropped=dropped,
        marks=marks | {each.path: Mark("dropped", "dropped") for each in dropped},
        is_current=all(_is_current(each, compiled, event) for each in taken),
        deciding=tuple(deciding(explanation, event)) if taken else (),
    )


def _first(values: Mapping[str, JSON], chosen: Callable[[str], bool]) -> Iterator[tuple[str, JSON]]:
    yield from islice((pair for pair in values.items() if chosen(pair[0])), MOST)


Name: TypeAlias = tuple[str, str]  # of a subscription, and of its action


def _numbers(destination: JSONObject) -> dict[Name, int]:
    """The place of each subscription; the first of those that share a name and an action."""
    numbered = enumerate(destination["subscriptions"], start=1)
    numbers: dict[Name, int] = {}
    for number, each in numbered:
        numbers.setdefault((each.get("name", each["actionSlug"]), each["actionSlug"]), number)
    return numbers


def _absent(destination: Destination, event: JSONObject) -> dict[Name, tuple[Absent, ...]]:
    present = set(paths(event))
    every = {unnumbered(path) for path, _ in leaves(event)}
    return {
        (each.name, each.action_slug): tuple(_unfilled(each.mapping, present, every))
        for each in destination.candidates(event)
    }


def _unfilled(mapping: JSONObject, present: Set[str], every: Set[str]) -> Iterator[Absent]:
    for keys in leaves_of(mapping):
        read = read_by(mapping, keys) - {""}
        if read and LITERAL not in read and not any(came(path, present) for path in read):
            yield Absent(".".join(keys), tuple(sorted(read)), not read.isdisjoint(every))


def _taken(
    accounts: list[Account],
    deliveries: tuple[Delivery, ...],
    absent: Mapping[Name, tuple[Absent, ...]],
) -> Iterator[Taken]:
    left = list(deliveries)
    for account in accounts:
        if not account.matched and not account.failure:
            continue
        name = (account.subscription, account.action_slug)
        own = next((each for each in left if (each.subscription, each.action_slug) == name), None)
        if own:
            left.remove(own)
        yield replace(_of(account, own), absent=absent.get(name, ()))
    for each in left:  # of a mapping that is gone, or takes such events no longer
        yield _of(Account(each.subscription, each.action_slug, True, [], None, []), each)


def _of(account: Account, delivery: Delivery | None) -> Taken:
    body = parsed(delivery.request.body) if delivery and delivery.request else None
    answer = parsed(delivery.response.body) if delivery and delivery.response else None
    marks = {place: _origin(origin) for origin in account.origins for place in origin.at}
    for finding in delivery.findings if delivery else ():
        place = _FINDING_STEP.sub(r"[\1]", str(finding["where"]))
        known = marks.get(place)
        reads, by = (known.reads, known.field) if known else ((), "")
        marks[place] = Mark(str(finding["verdict"]), str(finding["verdict"]), "", reads, by)
    return Taken(account, delivery, marks, body, answer)


def _origin(origin: Origin) -> Mark:
    source = ", ".join(origin.read) or "the mapping itself"
    return Mark("made", "", f"{source} → {origin.field}", tuple(origin.read), origin.field)


def _passed(accounts: list[Account]) -> Iterator[Passed]:
    for account in accounts:
        if not account.matched and not account.failure:
            yield Passed(account.subscription, account.action_slug, why_not(account), True)


def why_not(account: Account) -> str:
    """The conditions of a trigger that do not hold, and what the event has there."""
    failed = [each for each in account.conditions if not each.holds]
    return "; ".join(
        f"wants {each.condition}, found {'nothing' if each.found is None else _short(each.found)}"
        for each in failed
    )


def _switched_off(destination: JSONObject) -> Iterator[Passed]:
    for each in destination["subscriptions"]:
        if not each.get("enabled", True):
            slug = each["actionSlug"]
            yield Passed(each.get("name", slug), slug, "is disabled", False)


def _is_current(taken: Taken, destination: Destination, event: JSONObject) -> bool:
    """Whether the mappings as they are now make the request that was made."""
    if taken.delivery is None or not isinstance(taken.body, dict):
        return taken.delivery is not None
    for each in destination.subscriptions:
        if (each.name, each.action_slug) == (
            taken.delivery.subscription,
            taken.delivery.action_slug,
        ):
            result = each.deliver(event)
            if isinstance(result, Request) and result.json["users"] == taken.body["users"]:
                return True
    return False


def parsed(body: str) -> JSON:
    """The JSON value of a body; a text that is none, such as a proxy's page, as it stands."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body


def _short(value: JSON) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:60]}…"
