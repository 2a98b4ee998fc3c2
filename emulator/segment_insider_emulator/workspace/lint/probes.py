"""Events to try the triggers with: the spec's, and one for each way a trigger can be met."""

from collections.abc import Iterator
from itertools import chain, islice, product

from segment_insider_emulator.mapping.javascript import number_of, text_of
from segment_insider_emulator.mapping.triggers import Condition, Node
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.lint.conditions import calls_taken, conditions
from segment_insider_emulator.workspace.lint.spec import CALLS, EVENTS
from segment_insider_emulator.workspace.lint.subject import Placed, Subject

OTHER = "every other track call"
# An "and" of many "or" groups can be met in more ways than are worth trying.
_WAYS = 64


def probes(subject: Subject) -> list[tuple[str, JSONObject]]:
    """Events, each with what people call it: the name of a track call, else its type."""
    events = [{"type": call} for call in CALLS if call != "track"]
    events += [track(name) for name in (*EVENTS, *sorted(_named(subject)), OTHER)]
    events += [event for placed in subject.subscriptions for event in _examples(placed)]
    return [(str(event.get("event", event["type"])), event) for event in events]


def track(name: str) -> JSONObject:
    """A track call that has nothing but its name."""
    return {"type": "track", "event": name, "properties": {}}


def _named(subject: Subject) -> set[str]:
    found = (each for placed in subject.subscriptions for each in conditions(placed.conditions))
    return {str(each.value) for each in found if each.root == "event" and each.operator == "="}


def _examples(placed: Placed) -> Iterator[JSONObject]:
    for call in calls_taken(placed):
        for together in _ways(placed.conditions):
            event: JSONObject = {"event": OTHER} if call == "track" else {}
            for condition in together:
                _meet(condition, event)
            yield event | {"type": call}


def _ways(node: Node) -> list[list[Condition]]:
    """Lists of conditions, any of which is enough to meet *node*."""
    if node is None:
        return []
    if isinstance(node, Condition):
        return [[node]]
    ways = [_ways(child) for child in node.children]
    if node.operator == "or":
        return [way for each in ways for way in each]
    return [list(chain(*choice)) for choice in islice(product(*ways), _WAYS)]


def _meet(condition: Condition, event: JSONObject) -> None:
    value = _value(condition)
    if value is None:
        return
    holder = event
    *above, last = (condition.root, *condition.path)
    for key in above:
        child = holder.setdefault(key, {})
        if not isinstance(child, dict):
            return
        holder = child
    holder[last] = value


def _value(condition: Condition) -> JSON:
    """A value that meets *condition*; None where a missing one does."""
    value = condition.value
    match condition.operator:
        case "=" | "number_equals" | "contains" | "starts_with" | "ends_with":
            return value
        case ">=" | "<=":
            return number_of(text_of(value))
        case ">" | "number_not_equals":
            return number_of(text_of(value)) + 1
        case "<":
            return number_of(text_of(value)) - 1
        case "is_true" | "is_false":
            return condition.operator == "is_true"
        case "exists":
            return "something"
        case "not_contains" | "not_starts_with" | "not_ends_with":
            return f"not {value}"[:3]
        case _:
            return None
