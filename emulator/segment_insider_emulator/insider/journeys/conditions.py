"""Conditions on events and attributes: whether they hold, and how they read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from segment_insider_emulator.capture.profile import ProfileEvent
from segment_insider_emulator.insider.journeys.definition import (
    AttributeChange,
    AttributeCondition,
    Cause,
    Comparison,
    EventCondition,
)
from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class Written:
    """An attribute that got another value; None is absent."""

    place: str
    old: JSON
    new: JSON


Happening: TypeAlias = ProfileEvent | Written


def same(one: JSON, other: JSON) -> bool:
    """JSON equality: true is not 1, and "true" is not true."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def is_number(value: JSON) -> bool:
    """Whether *value* is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _contains(value: JSON, wanted: JSON) -> bool:
    if isinstance(value, list):
        return any(same(member, wanted) for member in value)
    return isinstance(value, str) and isinstance(wanted, str) and wanted in value


# Assumed: the panel's operators for parameters and attributes are published nowhere in full.
OPERATORS: Mapping[str, Callable[[JSON, JSON], bool]] = {
    "is": same,
    "is_not": lambda value, wanted: not same(value, wanted),
    "more_than": lambda value, wanted: is_number(value) and value > wanted,
    "less_than": lambda value, wanted: is_number(value) and value < wanted,
    "contains": _contains,
    "exists": lambda value, wanted: (value is not None) == wanted,
}


def holds(test: Comparison, value: JSON) -> bool:
    """Whether *value*, None where it is absent, passes *test*."""
    return OPERATORS[test.operator](value, test.wanted)


def attribute_holds(condition: AttributeCondition, attributes: Mapping[str, JSON]) -> bool:
    """Whether a person with these attributes, by place, meets *condition*."""
    return holds(condition.test, attributes.get(condition.place))


def matches(cause: Cause, happening: Happening) -> bool:
    """Whether *happening* is what *cause* asks for."""
    if isinstance(cause, EventCondition):
        return isinstance(happening, ProfileEvent) and _event_matches(cause, happening)
    return isinstance(happening, Written) and _change_matches(cause, happening)


def _event_matches(condition: EventCondition, event: ProfileEvent) -> bool:
    return event.name in condition.names and all(
        holds(test, _parameter(event.params, place)) for place, test in condition.parameters.items()
    )


def _change_matches(change: AttributeChange, written: Written) -> bool:
    """Documented: strings, numbers and booleans; on first insert and update, not on delete."""
    if change.place != written.place or not isinstance(written.new, str | int | float):
        return False
    if change.operator == "changes_to":
        return same(written.new, change.value)
    return change.operator == "changes" or same(written.old, change.value)


def _parameter(params: JSONObject, place: str) -> JSON:
    group, dot, name = place.partition(".")
    return params.get(group, {}).get(name) if dot else params.get(place)


def told(condition: Cause | AttributeCondition) -> str:
    """A condition in words, e.g. "cart_page_view with unit_price more than 10"."""
    if isinstance(condition, AttributeCondition):
        return f"{condition.place} {_test(condition.test)}"
    if isinstance(condition, AttributeChange):
        value = "" if condition.operator == "changes" else f" {text(condition.value)}"
        return f"{condition.place} {condition.operator.replace('_', ' ')}{value}"
    tests = [f"{place} {_test(test)}" for place, test in condition.parameters.items()]
    return " or ".join(condition.names) + (f" with {' and '.join(tests)}" if tests else "")


def happened(happening: Happening) -> str:
    """What happened in words, e.g. "item_added_to_cart at 2026-11-23T10:00:00.000Z"."""
    if isinstance(happening, ProfileEvent):
        return f"{happening.sent_as} at {happening.timestamp}"
    if happening.old is None:
        return f"{happening.place} set to {text(happening.new)}"
    return f"{happening.place} changed from {text(happening.old)} to {text(happening.new)}"


def happening_json(happening: Happening) -> JSONObject:
    """{"event": {...}} or {"attribute": {"name", "from", "to"}}."""
    if isinstance(happening, ProfileEvent):
        names = {"event_name": happening.name, "timestamp": happening.timestamp}
        return {"event": {**names, "event_params": happening.params}}
    return {"attribute": {"name": happening.place, "from": happening.old, "to": happening.new}}


def _test(test: Comparison) -> str:
    if test.operator == "exists":
        return "exists" if test.wanted else "does not exist"
    return f"{test.operator.replace('_', ' ')} {text(test.wanted)}"


def text(value: JSON) -> str:
    """A value as its JSON."""
    return orjson.dumps(value).decode()
