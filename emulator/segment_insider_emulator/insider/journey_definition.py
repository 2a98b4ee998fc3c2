"""Journeys: a small model of Insider One's Architect, on the emulator's own clock.

docs/journeys.md says what of Architect is modelled, docs/assumptions.md what is assumed about it.
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
    """One test of a value; *operator* is one of conditions.OPERATORS."""

    operator: str
    expected_value: JSON


@dataclass(frozen=True, slots=True)
class EventCondition:
    """An event of one of *names*, stored ones, whose parameters, by place, pass their tests."""

    event_names: tuple[str, ...]
    parameter_tests: Mapping[str, ConditionComparison]


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """The value that an attribute has, by its place such as "email" or "custom.plan"."""

    attribute_path: str
    comparison: ConditionComparison


@dataclass(frozen=True, slots=True)
class AttributeChangeCondition:
    """An attribute "changes", "changes_to" or "changes_from" *value*."""

    attribute_path: str
    operator: str
    value: JSON = None


@dataclass(frozen=True, slots=True)
class SinceEntryCondition:
    """Whether an event happened since entry; *expected* False asks that it did not."""

    event: EventCondition
    must_have_happened: bool


JourneyTrigger: TypeAlias = EventCondition | AttributeChangeCondition


@dataclass(frozen=True, slots=True)
class WaitElement:
    """Stay here for *length*."""

    step_path: str
    length: timedelta
    next_step_path: str | None


@dataclass(frozen=True, slots=True)
class CheckElement:
    """Split by a condition. None is an empty path."""

    step_path: str
    condition: SinceEntryCondition | AttributeCondition
    matching: str | None
    not_matching: str | None


@dataclass(frozen=True, slots=True)
class ReachabilityElement:
    """Split by whether *channel* reaches the person. None is an empty path."""

    step_path: str
    channel: str
    reachable: str | None
    not_reachable: str | None


@dataclass(frozen=True, slots=True)
class ChannelElement:
    """Send *message*, the name of some content, on *channel*."""

    step_path: str
    channel: str
    message: str
    next_step_path: str | None


JourneyElement: TypeAlias = WaitElement | CheckElement | ReachabilityElement | ChannelElement


@dataclass(frozen=True, slots=True)
class JourneyDefinition:
    """One journey of the workspace file, checked.

    Args:
        ignored: Places of date parameters in the starter's conditions, which Architect ignores.
        segment: What must hold of the person besides, when the starter fires.
        period: From one entry to the next; None lets each person enter only once.
        attribution: How long after its last message a run still gets the credit for goals.
        first: Place of the first element; None is an empty journey.
        elements: Place in the journey, such as "steps[1].matching[0]" -> element.
        document: As it stands in the workspace file.
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
