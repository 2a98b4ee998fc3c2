"""Definitions of journeys and their conditions: a small model of Insider One's Architect.

docs/journeys.md describes what is modelled, docs/assumptions.md what is assumed.
Source: Insider One, "Anatomy of a Journey", "Journey Starter: On Event", "Check Reachability".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import orjson

from segment_insider_emulator.storage.records import ProfileEvent
from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class ConditionComparison:
    """Comparison of one value in a journey condition; *operator* is in COMPARISON_OPERATORS."""

    operator: str
    expected_value: JSON


@dataclass(frozen=True, slots=True)
class EventCondition:
    """Journey condition: an event has one of *event_names*, and its parameters pass all tests."""

    event_names: tuple[str, ...]
    parameter_tests: Mapping[str, ConditionComparison]


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """Journey condition on the current value of an attribute, e.g. "email" or "custom.plan"."""

    attribute_path: str
    comparison: ConditionComparison


@dataclass(frozen=True, slots=True)
class AttributeChangeCondition:
    """Journey condition: an attribute "changes", "changes_to" or "changes_from" *value*."""

    attribute_path: str
    operator: str
    value: JSON = None


@dataclass(frozen=True, slots=True)
class SinceEntryCondition:
    """Journey condition: an event happened, or did not happen, since the person entered."""

    event: EventCondition
    must_have_happened: bool


JourneyTrigger: TypeAlias = EventCondition | AttributeChangeCondition


@dataclass(frozen=True, slots=True)
class WaitElement:
    """Journey element that lets the person wait for *length*."""

    step_path: str
    length: timedelta
    next_step_path: str | None


@dataclass(frozen=True, slots=True)
class CheckElement:
    """Journey element that splits its path by a condition.

    Args:
        matching, not_matching: Path of the next step; None is an empty path.
    """

    step_path: str
    condition: SinceEntryCondition | AttributeCondition
    matching: str | None
    not_matching: str | None


@dataclass(frozen=True, slots=True)
class ReachabilityElement:
    """Journey element that splits its path by whether *channel* can reach the person.

    Args:
        reachable, not_reachable: Path of the next step; None is an empty path.
    """

    step_path: str
    channel: str
    reachable: str | None
    not_reachable: str | None


@dataclass(frozen=True, slots=True)
class ChannelElement:
    """Journey element that sends *message*, the name of a content, on *channel*."""

    step_path: str
    channel: str
    message: str
    next_step_path: str | None


JourneyElement: TypeAlias = WaitElement | CheckElement | ReachabilityElement | ChannelElement


@dataclass(frozen=True, slots=True)
class JourneyDefinition:
    """Definition of one journey of the workspace file, already validated.

    Args:
        ignored_date_parameters: Date parameters of the starter; Architect ignores them.
        segment_conditions: Conditions that the person must meet when the starter fires.
        reentry_period: Minimum time between two entries; None: each person enters only once.
        attribution_window: How long after its last message a run still counts goals.
        first_step_path: Path of the first element; None is an empty journey.
        elements: Path in the journey, such as "steps[1].matching[0]" -> element.
        document: The journey as in the workspace file.
    """

    id: int
    name: str
    starter: JourneyTrigger
    ignored_date_parameters: tuple[str, ...]
    segment_conditions: tuple[AttributeCondition, ...]
    exits: tuple[JourneyTrigger, ...]
    goals: Mapping[str, JourneyTrigger]
    reentry_period: timedelta | None
    attribution_window: timedelta
    first_step_path: str | None
    elements: Mapping[str, JourneyElement]
    document: JSONObject


@dataclass(frozen=True, slots=True)
class AttributeUpdate:
    """A profile attribute that got a new value; None means that there is no value."""

    attribute_path: str
    old_value: JSON
    new_value: JSON


Occurrence: TypeAlias = ProfileEvent | AttributeUpdate


def is_same_json(first: JSON, second: JSON) -> bool:
    """Return whether two JSON values are equal in type and value: true is not 1."""
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def is_json_number(value: JSON) -> bool:
    """Return whether a value in a journey condition is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list_or_text_contains(value: JSON, expected_value: JSON) -> bool:
    if isinstance(value, list):
        return any(is_same_json(member, expected_value) for member in value)
    return isinstance(value, str) and isinstance(expected_value, str) and expected_value in value


# Assumed: the panel's operators for parameters and attributes are not published in full.
COMPARISON_OPERATORS: Mapping[str, Callable[[JSON, JSON], bool]] = {
    "is": is_same_json,
    "is_not": lambda value, expected: not is_same_json(value, expected),
    "more_than": lambda value, expected: is_json_number(value) and value > expected,
    "less_than": lambda value, expected: is_json_number(value) and value < expected,
    "contains": _list_or_text_contains,
    "exists": lambda value, expected: (value is not None) == expected,
}


def matches_comparison(comparison: ConditionComparison, value: JSON) -> bool:
    """Return whether *value* (None: absent) passes the comparison of a journey condition."""
    return COMPARISON_OPERATORS[comparison.operator](value, comparison.expected_value)


def matches_attribute_condition(
    condition: AttributeCondition, attributes: Mapping[str, JSON]
) -> bool:
    """Return whether a profile's *attributes* (path -> value) meet a journey's *condition*."""
    return matches_comparison(condition.comparison, attributes.get(condition.attribute_path))


def matches_journey_trigger(trigger: JourneyTrigger, occurrence: Occurrence) -> bool:
    """Return whether an event or attribute update meets a trigger of a journey."""
    if isinstance(occurrence, ProfileEvent):
        return isinstance(trigger, EventCondition) and _matches_event(trigger, occurrence)
    if isinstance(trigger, EventCondition):
        return False
    return _matches_attribute_change(trigger, occurrence)


def _matches_event(condition: EventCondition, event: ProfileEvent) -> bool:
    return event.name in condition.event_names and all(
        matches_comparison(test, _get_event_parameter(event.params, path))
        for path, test in condition.parameter_tests.items()
    )


def _matches_attribute_change(change: AttributeChangeCondition, update: AttributeUpdate) -> bool:
    """Return whether an attribute update meets an attribute change condition of a journey.

    Documented: strings, numbers and booleans only; on first insert and update, not on delete.
    """
    if change.attribute_path != update.attribute_path:
        return False
    if not isinstance(update.new_value, str | int | float):
        return False
    if change.operator == "changes_to":
        return is_same_json(update.new_value, change.value)
    return change.operator == "changes" or is_same_json(update.old_value, change.value)


def _get_event_parameter(params: JSONObject, parameter_path: str) -> JSON:
    group, dot, name = parameter_path.partition(".")
    return params.get(group, {}).get(name) if dot else params.get(parameter_path)


def describe_condition(condition: JourneyTrigger | AttributeCondition) -> str:
    """Describe a journey's condition, e.g. "cart_page_view with unit_price more than 10"."""
    if isinstance(condition, AttributeCondition):
        return f"{condition.attribute_path} {_describe_comparison(condition.comparison)}"
    if isinstance(condition, AttributeChangeCondition):
        value = "" if condition.operator == "changes" else f" {format_as_json(condition.value)}"
        return f"{condition.attribute_path} {condition.operator.replace('_', ' ')}{value}"
    tests = [
        f"{path} {_describe_comparison(test)}" for path, test in condition.parameter_tests.items()
    ]
    return " or ".join(condition.event_names) + (f" with {' and '.join(tests)}" if tests else "")


def describe_occurrence(occurrence: Occurrence) -> str:
    """Describe an event or attribute update, e.g. "item_added_to_cart at 2026-11-23T10:00Z"."""
    if isinstance(occurrence, ProfileEvent):
        return f"{occurrence.sent_as} at {occurrence.timestamp}"
    path, new_value = occurrence.attribute_path, format_as_json(occurrence.new_value)
    if occurrence.old_value is None:
        return f"{path} set to {new_value}"
    return f"{path} changed from {format_as_json(occurrence.old_value)} to {new_value}"


def serialize_occurrence(occurrence: Occurrence) -> JSONObject:
    """Serialize an event or attribute update for a journey's trail, e.g. {"event": {...}}."""
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
    return f"{comparison.operator.replace('_', ' ')} {format_as_json(comparison.expected_value)}"


def format_as_json(value: JSON) -> str:
    """Format a value as JSON text, for descriptions of journey conditions."""
    return orjson.dumps(value).decode()
