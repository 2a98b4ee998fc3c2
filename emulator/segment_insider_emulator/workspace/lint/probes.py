"""Events to try the triggers with: the spec's, and one for each way a trigger can be met."""

from collections.abc import Iterator
from itertools import chain, islice, product

from segment_insider_emulator.mapping.javascript import to_js_number, to_js_string
from segment_insider_emulator.mapping.triggers import TriggerCondition, TriggerNode
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.lint.conditions import (
    iterate_conditions,
    list_accepted_call_types,
)
from segment_insider_emulator.workspace.lint.spec import CALL_TYPES, SPEC_EVENT_NAMES
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, LocatedSubscription

OTHER_TRACK_CALL = "every other track call"
# An "and" of many "or" groups can be met in more ways than are worth trying.
_MAX_CONDITION_COMBINATIONS = 64


def build_probe_events(context: AnalysisContext) -> list[tuple[str, JSONObject]]:
    """Events, each with what people call it: the name of a track call, else its type."""
    events = [{"type": call} for call in CALL_TYPES if call != "track"]
    events += [
        build_track_call(name)
        for name in (
            *SPEC_EVENT_NAMES,
            *sorted(_event_names_in_triggers(context)),
            OTHER_TRACK_CALL,
        )
    ]
    events += [event for placed in context.subscriptions for event in _events_that_match(placed)]
    return [(str(event.get("event", event["type"])), event) for event in events]


def build_track_call(event_name: str) -> JSONObject:
    """A track call that has nothing but its name."""
    return {"type": "track", "event": event_name, "properties": {}}


def _event_names_in_triggers(context: AnalysisContext) -> set[str]:
    found = (
        each
        for placed in context.subscriptions
        for each in iterate_conditions(placed.parsed_trigger)
    )
    return {str(each.value) for each in found if each.root == "event" and each.operator == "="}


def _events_that_match(subscription: LocatedSubscription) -> Iterator[JSONObject]:
    for call in list_accepted_call_types(subscription):
        for together in _condition_combinations(subscription.parsed_trigger):
            event: JSONObject = {"event": OTHER_TRACK_CALL} if call == "track" else {}
            for condition in together:
                _satisfy_condition(condition, event)
            yield event | {"type": call}


def _condition_combinations(node: TriggerNode) -> list[list[TriggerCondition]]:
    """Lists of conditions, any of which is enough to meet *node*."""
    if node is None:
        return []
    if isinstance(node, TriggerCondition):
        return [[node]]
    ways = [_condition_combinations(child) for child in node.children]
    if node.operator == "or":
        return [way for each in ways for way in each]
    return [list(chain(*choice)) for choice in islice(product(*ways), _MAX_CONDITION_COMBINATIONS)]


def _satisfy_condition(condition: TriggerCondition, event: JSONObject) -> None:
    value = _satisfying_value(condition)
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


def _satisfying_value(condition: TriggerCondition) -> JSON:
    """A value that meets *condition*; None where a missing one does."""
    value = condition.value
    match condition.operator:
        case "=" | "number_equals" | "contains" | "starts_with" | "ends_with":
            return value
        case ">=" | "<=":
            return to_js_number(to_js_string(value))
        case ">" | "number_not_equals":
            return to_js_number(to_js_string(value)) + 1
        case "<":
            return to_js_number(to_js_string(value)) - 1
        case "is_true" | "is_false":
            return condition.operator == "is_true"
        case "exists":
            return "something"
        case "not_contains" | "not_starts_with" | "not_ends_with":
            return f"not {value}"[:3]
        case _:
            return None
