"""Conditions of a workspace file, already of the right shape, to those of a journey."""

from collections.abc import Sequence

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.catalog import resolve_event_alias
from segment_insider_emulator.insider.journeys.conditions import COMPARISON_OPERATORS, is_number
from segment_insider_emulator.insider.journeys.definition import (
    AttributeChangeCondition,
    AttributeCondition,
    ConditionComparison,
    EventCondition,
    JourneyTrigger,
    SinceEntryCondition,
)
from segment_insider_emulator.insider.values import DEFAULT_ATTRIBUTES
from segment_insider_emulator.types import JSON, JSONObject

CHANGE_OPERATORS = ("changes", "changes_to", "changes_from")
_FIELD_GROUPS = ("custom", "unrecognised")


def parse_journey_trigger(document: JSONObject, where: str) -> JourneyTrigger:
    """{"events", "parameters"} or {"attribute", and one of CHANGES}. Raises: EmulatorError."""
    if require_single_key(("events", "attribute"), document, where) == "events":
        return parse_event_condition(document, where)
    operator = require_single_key(CHANGE_OPERATORS, document, where)
    value = document[operator]
    if not isinstance(value, str | int | float) or (operator == "changes" and value is not True):
        what = f"{operator} takes {'true' if operator == 'changes' else 'a single value'}"
        remedy = "Architect looks at changes of text, numbers and booleans."
        raise EmulatorError(what, f"{where}.{operator}", remedy)
    attribute_path = _resolve_attribute_path(document["attribute"], where)
    return AttributeChangeCondition(
        attribute_path, operator, None if operator == "changes" else value
    )


def parse_event_condition(document: JSONObject, where: str) -> EventCondition:
    """{"events": [name], "parameters": {place: value or {operator: value}}}."""
    parameters = {
        _validate_field_path(place, f"{where}.parameters"): _parse_parameter_test(
            test, f"{where}.parameters.{place}"
        )
        for place, test in document.get("parameters", {}).items()
    }
    return EventCondition(
        tuple(resolve_event_alias(name) for name in document["events"]), parameters
    )


def parse_check_condition(
    document: JSONObject, where: str
) -> SinceEntryCondition | AttributeCondition:
    """{"did": {...}}, {"did_not": {...}} or {"attribute", and one operator}."""
    kind = require_single_key(("did", "did_not", "attribute"), document, where)
    if kind == "attribute":
        return parse_attribute_condition(document, where)
    return SinceEntryCondition(
        parse_event_condition(document[kind], f"{where}.{kind}"), must_have_happened=kind == "did"
    )


def parse_attribute_condition(document: JSONObject, where: str) -> AttributeCondition:
    """{"attribute": place, and one operator}."""
    operator = require_single_key(tuple(COMPARISON_OPERATORS), document, where)
    return AttributeCondition(
        _resolve_attribute_path(document["attribute"], where),
        _build_comparison(operator, document[operator], f"{where}.{operator}"),
    )


def require_single_key(names: Sequence[str], document: JSONObject, where: str) -> str:
    """The one of *names* that is a key of *given*. Raises: EmulatorError, for none or several."""
    present_names = [name for name in names if name in document]
    if len(present_names) != 1:
        what = (
            f"{' and '.join(present_names)} stand together"
            if present_names
            else "something is missing"
        )
        raise EmulatorError(what, where, f"Write one of {', '.join(names)}.")
    return present_names[0]


def _parse_parameter_test(test_document: JSON, where: str) -> ConditionComparison:
    if not isinstance(test_document, dict):
        return _build_comparison("is", test_document, where)
    if (
        len(test_document) != 1
        or (operator := next(iter(test_document))) not in COMPARISON_OPERATORS
    ):
        remedy = f"Write a value, or one of {', '.join(COMPARISON_OPERATORS)} with its value."
        raise EmulatorError("this is no condition on a value", where, remedy)
    return _build_comparison(operator, test_document[operator], f"{where}.{operator}")


def _build_comparison(operator: str, expected_value: JSON, where: str) -> ConditionComparison:
    if operator in ("more_than", "less_than") and not is_number(expected_value):
        raise EmulatorError(f"{operator} takes a number", where, "Write it without quotes.")
    if operator == "exists" and not isinstance(expected_value, bool):
        raise EmulatorError("exists takes true or false", where, "Write it without quotes.")
    return ConditionComparison(operator, expected_value)


def _resolve_attribute_path(attribute_name: str, where: str) -> str:
    return _validate_field_path(
        DEFAULT_ATTRIBUTES.aliases.get(attribute_name, attribute_name), f"{where}.attribute"
    )


def _validate_field_path(field_path: str, where: str) -> str:
    group, dot, _ = field_path.partition(".")
    if dot and group not in _FIELD_GROUPS:
        what = f"{field_path!r} is no place on a profile"
        raise EmulatorError(what, where, "Write a default name, or custom. and a name.")
    return field_path
