"""Conditions on events and attributes: whether they hold, and how they read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from segment_insider_emulator.capture.profile import ProfileEvent
from segment_insider_emulator.insider.journeys.definition import (
    AttributeChangeCondition,
    AttributeCondition,
    ConditionComparison,
    EventCondition,
    JourneyTrigger,
)
from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class AttributeUpdate:
    """An attribute that got another value; None is absent."""

    attribute_path: str
    old_value: JSON
    new_value: JSON


Occurrence: TypeAlias = ProfileEvent | AttributeUpdate


def is_same_json(first: JSON, second: JSON) -> bool:
    """JSON equality: true is not 1, and "true" is not true."""
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def is_number(value: JSON) -> bool:
    """Whether *value* is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _contains_value(value: JSON, expected_value: JSON) -> bool:
    if isinstance(value, list):
        return any(is_same_json(member, expected_value) for member in value)
    return isinstance(value, str) and isinstance(expected_value, str) and expected_value in value


# Assumed: the panel's operators for parameters and attributes are published nowhere in full.
COMPARISON_OPERATORS: Mapping[str, Callable[[JSON, JSON], bool]] = {
    "is": is_same_json,
    "is_not": lambda value, wanted: not is_same_json(value, wanted),
    "more_than": lambda value, wanted: is_number(value) and value > wanted,
    "less_than": lambda value, wanted: is_number(value) and value < wanted,
    "contains": _contains_value,
    "exists": lambda value, wanted: (value is not None) == wanted,
}


def matches_comparison(comparison: ConditionComparison, value: JSON) -> bool:
    """Whether *value*, None where it is absent, passes *test*."""
    return COMPARISON_OPERATORS[comparison.operator](value, comparison.expected_value)


def matches_attribute_condition(
    condition: AttributeCondition, attributes: Mapping[str, JSON]
) -> bool:
    """Whether a person with these attributes, by place, meets *condition*."""
    return matches_comparison(condition.comparison, attributes.get(condition.attribute_path))


def matches_trigger(trigger: JourneyTrigger, occurrence: Occurrence) -> bool:
    """Whether *happening* is what *cause* asks for."""
    if isinstance(trigger, EventCondition):
        return isinstance(occurrence, ProfileEvent) and _matches_event_condition(
            trigger, occurrence
        )
    return isinstance(occurrence, AttributeUpdate) and _matches_attribute_change(
        trigger, occurrence
    )


def _matches_event_condition(condition: EventCondition, event: ProfileEvent) -> bool:
    return event.name in condition.event_names and all(
        matches_comparison(test, _get_parameter(event.params, place))
        for place, test in condition.parameter_tests.items()
    )


def _matches_attribute_change(change: AttributeChangeCondition, update: AttributeUpdate) -> bool:
    """Documented: strings, numbers and booleans; on first insert and update, not on delete."""
    if change.attribute_path != update.attribute_path or not isinstance(
        update.new_value, str | int | float
    ):
        return False
    if change.operator == "changes_to":
        return is_same_json(update.new_value, change.value)
    return change.operator == "changes" or is_same_json(update.old_value, change.value)


def _get_parameter(params: JSONObject, parameter_path: str) -> JSON:
    group, dot, name = parameter_path.partition(".")
    return params.get(group, {}).get(name) if dot else params.get(parameter_path)


def describe_condition(condition: JourneyTrigger | AttributeCondition) -> str:
    """A condition in words, e.g. "cart_page_view with unit_price more than 10"."""
    if isinstance(condition, AttributeCondition):
        return f"{condition.attribute_path} {_describe_comparison(condition.comparison)}"
    if isinstance(condition, AttributeChangeCondition):
        value = "" if condition.operator == "changes" else f" {format_json(condition.value)}"
        return f"{condition.attribute_path} {condition.operator.replace('_', ' ')}{value}"
    tests = [
        f"{place} {_describe_comparison(test)}" for place, test in condition.parameter_tests.items()
    ]
    return " or ".join(condition.event_names) + (f" with {' and '.join(tests)}" if tests else "")


def describe_occurrence(occurrence: Occurrence) -> str:
    """What happened in words, e.g. "item_added_to_cart at 2026-11-23T10:00:00.000Z"."""
    if isinstance(occurrence, ProfileEvent):
        return f"{occurrence.sent_as} at {occurrence.timestamp}"
    if occurrence.old_value is None:
        return f"{occurrence.attribute_path} set to {format_json(occurrence.new_value)}"
    return f"{occurrence.attribute_path} changed from {format_json(occurrence.old_value)} to {format_json(occurrence.new_value)}"


def serialize_occurrence(occurrence: Occurrence) -> JSONObject:
    """{"event": {...}} or {"attribute": {"name", "from", "to"}}."""
    if isinstance(occurrence, ProfileEvent):
        event_fields = {"event_name": occurrence.name, "timestamp": occurrence.timestamp}
        return {"event": {**event_fields, "event_params": occurrence.params}}
    return {
        "attribute": {
            "name": occurrence.attribute_path,
            "from": occurrence.old_value,
            "to": occurrence.new_value,
        }
    }


def _describe_comparison(comparison: ConditionComparison) -> str:
    if comparison.operator == "exists":
        return "exists" if comparison.expected_value else "does not exist"
    return f"{comparison.operator.replace('_', ' ')} {format_json(comparison.expected_value)}"


def format_json(value: JSON) -> str:
    """A value as its JSON."""
    return orjson.dumps(value).decode()
